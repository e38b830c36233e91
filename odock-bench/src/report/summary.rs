//! Medians over the rounds.

use serde::Serialize;

use crate::measure::{Cell, Reading, median};

/// The medians of one cell on one target. What is "added" is the difference to the direct call of the same round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) target: &'static str,
    pub(crate) cell: Cell,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) first_byte_p50_us: f64,
    pub(crate) added_p50_us: f64,
    pub(crate) added_p90_us: f64,
    pub(crate) added_p99_us: f64,
    pub(crate) added_first_byte_p50_us: f64,
    pub(crate) cpu_us: f64,
}

/// The medians of every cell on every target.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Summary(Vec<Row>);

impl Summary {
    /// Works the medians out. The first target is the direct call.
    pub(crate) fn of(targets: &[&'static str], readings: &[Reading]) -> Self {
        let mut cells: Vec<Cell> = Vec::new();
        for reading in readings {
            if !cells.contains(&reading.cell) {
                cells.push(reading.cell);
            }
        }
        let direct = targets.first().copied().unwrap_or_default();
        let rows = cells.iter().flat_map(|cell| targets.iter().map(|target| row(target, *cell, direct, readings)));
        Self(rows.collect())
    }

    /// The medians of one cell on one target.
    pub(crate) fn get(&self, target: &str, cell: Cell) -> Option<&Row> {
        self.0.iter().find(|row| row.target == target && row.cell == cell)
    }

    /// The cells, in the order in which they were measured.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        let mut cells: Vec<Cell> = self.0.iter().map(|row| row.cell).collect();
        cells.dedup();
        cells
    }
}

fn row(target: &'static str, cell: Cell, direct: &str, readings: &[Reading]) -> Row {
    let of = |name: &str| readings.iter().filter(|reading| reading.target == name && reading.cell == cell).collect();
    let (own, base): (Vec<&Reading>, Vec<&Reading>) = (of(target), of(direct));
    let middle = |figure: fn(&Reading) -> f64| median(own.iter().map(|reading| figure(reading)));
    let added = |figure: fn(&Reading) -> f64| {
        let pairs = own.iter().filter_map(|own| Some((own, base.iter().find(|base| base.round == own.round)?)));
        median(pairs.map(|(own, base)| figure(own) - figure(base)))
    };
    Row {
        target,
        cell,
        per_second: middle(|reading| reading.per_second),
        p50_us: middle(|reading| reading.p50_us),
        p90_us: middle(|reading| reading.p90_us),
        p99_us: middle(|reading| reading.p99_us),
        first_byte_p50_us: middle(|reading| reading.first_byte_p50_us),
        added_p50_us: added(|reading| reading.p50_us),
        added_p90_us: added(|reading| reading.p90_us),
        added_p99_us: added(|reading| reading.p99_us),
        added_first_byte_p50_us: added(|reading| reading.first_byte_p50_us),
        cpu_us: middle(|reading| reading.cpu_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(round: u32, target: &'static str, p50_us: f64) -> Reading {
        let cell = Cell::unary(1);
        let (p90_us, p99_us, first_byte_p50_us) = (p50_us, p50_us, p50_us);
        Reading {
            round,
            target,
            cell,
            answers: 1,
            per_second: 1.0,
            p50_us,
            p90_us,
            p99_us,
            first_byte_p50_us,
            cpu_us: 1.0,
        }
    }

    #[test]
    fn what_is_added_is_taken_within_a_round() {
        // The machine is slower in the second round, and the difference is not.
        let readings = [(1, 10.0, 15.0), (2, 100.0, 107.0), (3, 10.0, 16.0)];
        let readings: Vec<_> = readings
            .iter()
            .flat_map(|(round, direct, through)| {
                [reading(*round, "direct", *direct), reading(*round, "proxy", *through)]
            })
            .collect();
        let summary = Summary::of(&["direct", "proxy"], &readings);
        let row = summary.get("proxy", Cell::unary(1)).unwrap();
        assert_eq!((row.p50_us, row.added_p50_us), (16.0, 6.0));
        assert_eq!(summary.get("direct", Cell::unary(1)).unwrap().added_p50_us, 0.0);
        assert_eq!(summary.cells(), [Cell::unary(1)]);
    }
}
