//! The figures against the bars: ratios to the bare pass-through of the same run.

use serde::Serialize;

use super::{Report, Row};
use crate::measure::Cell;
use crate::run::{EMBEDDED, GOVERNED_EMBEDDED, GOVERNED_SERVERS, PASS_THROUGH, SERVERS};

/// One bar, and what was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) target: &'static str,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    /// Whether the limit is the most that may be; else it is the least.
    pub(crate) at_most: bool,
    pub(crate) unit: &'static str,
    pub(crate) reached: bool,
}

const MB: f64 = 1e6;

/// Judges every bar whose figures there are.
pub(crate) fn judge(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    for target in [EMBEDDED, GOVERNED_EMBEDDED] {
        ratios(report, target, true, &mut bars);
    }
    for target in [SERVERS, GOVERNED_SERVERS] {
        ratios(report, target, false, &mut bars);
    }
    for target in [GOVERNED_EMBEDDED, GOVERNED_SERVERS] {
        hard_budget(report, target, &mut bars);
    }
    sizes(report, &mut bars);
    bars
}

/// Many who spend from the same budgets do not wait for each other.
fn hard_budget(report: &Report, target: &'static str, bars: &mut Vec<Bar>) {
    let per_second = |connections| Some(report.summary.get(target, Cell::unary(connections))?.per_second);
    if let (Some(many), Some(usual)) = (per_second(64), per_second(32)) {
        let what = "hard budget: requests/s of 64 connections to those of 32";
        bars.push(bar(what, target, many / usual, 0.9, false, "×"));
    }
}

fn ratios(report: &Report, target: &'static str, embedded: bool, bars: &mut Vec<Bar>) {
    let mut ratio = |what: &str, cell: Cell, figure: fn(&Row) -> f64, limit: f64, at_most: bool| {
        let rows = (report.summary.get(target, cell), report.summary.get(PASS_THROUGH, cell));
        if let (Some(own), Some(reference)) = rows {
            bars.push(bar(what, target, figure(own) / figure(reference), limit, at_most, "×"));
        }
    };
    let (one, many) = (Cell::unary(1), Cell::unary(32));
    let of = |embedded_limit, servers_limit| if embedded { embedded_limit } else { servers_limit };
    ratio("CPU a request, 32 connections", many, |row| row.cpu_us, of(1.9, 3.5), true);
    ratio("requests/s, 32 connections", many, |row| row.per_second, of(0.60, 0.30), false);
    ratio("added p50, 1 connection", one, |row| row.added_p50_us, of(1.35, 4.0), true);
    if embedded {
        ratio("added p99, 1 connection", one, |row| row.added_p99_us, 2.0, true);
    }
    ratio("stream: added first byte", Cell::STREAM, |row| row.added_first_byte_p50_us, 1.5, true);
    ratio("stream: total", Cell::STREAM, |row| row.p50_us, 1.1, true);
    ratio("Anthropic stream: added first byte", Cell::MESSAGES, |row| row.added_first_byte_p50_us, 1.5, true);
    ratio("Anthropic stream: total", Cell::MESSAGES, |row| row.p50_us, 1.1, true);
    ratio("200 KB prompt: CPU a request", Cell::LARGE, |row| row.cpu_us, 1.5, true);
}

#[allow(clippy::cast_precision_loss)] // sizes far below 2^52
fn sizes(report: &Report, bars: &mut Vec<Bar>) {
    for own in report.footprints.iter().filter(|it| [EMBEDDED, GOVERNED_EMBEDDED].contains(&it.target)) {
        bars.push(bar("resident, idle", own.target, own.idle.now as f64 / MB, 25.0, true, "MB"));
        bars.push(bar("resident, after the load", own.target, own.after.now as f64 / MB, 45.0, true, "MB"));
        bars.push(bar("start to first answer", own.target, own.start_ms, 150.0, true, "ms"));
    }
    for held in report.held.iter().filter(|held| held.target != PASS_THROUGH) {
        let what = format!("resident with {} open streams", held.streams);
        bars.push(bar(&what, held.target, held.opened.max(held.ended) as f64 / MB, 100.0, true, "MB"));
    }
    if let Some(bytes) = report.binary_bytes {
        bars.push(bar("the gateway's program", EMBEDDED, bytes as f64 / MB, 40.0, true, "MB"));
    }
}

fn bar(what: &str, target: &'static str, measured: f64, limit: f64, at_most: bool, unit: &'static str) -> Bar {
    // A figure that is missing (NaN) reaches nothing.
    let reached = if at_most { measured <= limit } else { measured >= limit };
    Bar { what: what.to_owned(), target, measured, limit, at_most, unit, reached }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_is_reached_on_its_own_side_only() {
        let reached = |measured, at_most| bar("", "", measured, 1.0, at_most, "×").reached;
        assert_eq!((reached(0.9, true), reached(1.1, true)), (true, false));
        assert_eq!((reached(0.9, false), reached(1.1, false)), (false, true));
        assert!(!reached(f64::NAN, true) && !reached(f64::NAN, false));
    }
}
