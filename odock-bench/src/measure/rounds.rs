//! Rounds: every cell on every target in turns, so that what disturbs the machine disturbs all of them.

use serde::Serialize;

use super::cell::Cell;
use super::connection::Request;
use super::load::drive;
use super::procfs;
use crate::parties::Target;
use crate::run::{DIRECT, PASS_THROUGH};

/// The figures of one cell on one target in one round.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reading {
    pub(crate) round: u32,
    pub(crate) target: &'static str,
    pub(crate) cell: Cell,
    pub(crate) answers: u64,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p90_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) first_byte_p50_us: f64,
    /// CPU time of the target's process a request, what it does after answering included.
    pub(crate) cpu_us: f64,
}

/// Takes the figures of all rounds.
pub(crate) async fn rounds(
    targets: &[Target],
    cells: &[Cell],
    rounds: u32,
    seconds: f64,
) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for round in 1..=rounds {
        eprint!("round {round} of {rounds}:");
        for cell in cells {
            eprint!(" {cell}");
            // Each round begins with another target, so that none is always the first after a pause.
            for at in 0..targets.len() {
                let target = &targets[(at + round as usize) % targets.len()];
                readings.push(read(target, *cell, round, seconds).await?);
            }
        }
        eprintln!();
    }
    Ok(readings)
}

async fn read(target: &Target, cell: Cell, round: u32, seconds: f64) -> anyhow::Result<Reading> {
    let is_gateway = ![DIRECT, PASS_THROUGH].contains(&target.name);
    let request = Request::new(target, cell.path(is_gateway), cell.body())?;
    let before = procfs::cpu(target.pid)?;
    let mut drive = drive(target, &request, cell.connections, seconds).await?;
    let cpu = procfs::quiet(target.pid).await?.saturating_sub(before);
    let [p50_us, p90_us, p99_us] = drive.total_us([0.5, 0.9, 0.99]);
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let cpu_us = cpu.as_secs_f64() * 1e6 / drive.answers.max(1) as f64;
    Ok(Reading {
        round,
        target: target.name,
        cell,
        answers: drive.answers,
        per_second: drive.per_second,
        p50_us,
        p90_us,
        p99_us,
        first_byte_p50_us: drive.first_byte_us(),
        cpu_us,
    })
}
