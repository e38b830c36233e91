//! The figures, for people and for programs.

mod bars;
mod summary;
mod table;

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

pub(crate) use bars::Bar;
pub(crate) use summary::{Row, Summary};
pub(crate) use table::print;

use crate::Plan;
use crate::measure::procfs::Resident;
use crate::measure::{Reading, held::Held, ledger::Ledger};

/// What one process used, apart from the load's figures.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Footprint {
    pub(crate) target: &'static str,
    /// From start to first answer.
    pub(crate) start_ms: f64,
    /// Resident memory before the load, and after it.
    pub(crate) idle: Resident,
    pub(crate) after: Resident,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    pub(crate) targets: Vec<&'static str>,
    pub(crate) summary: Summary,
    pub(crate) footprints: Vec<Footprint>,
    pub(crate) held: Vec<Held>,
    pub(crate) ledgers: Vec<Ledger>,
    /// Bytes of the gateway's program, when it was built beside this one.
    pub(crate) binary_bytes: Option<u64>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) readings: Vec<Reading>,
}

/// Where it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    /// Load averages at the end. Other work on the machine makes all figures worse, but not equally.
    pub(crate) load_average: String,
}

impl Machine {
    fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            processor: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
        }
    }
}

impl Report {
    /// Works the readings out.
    pub(crate) fn new(
        plan: &Plan,
        targets: Vec<&'static str>,
        readings: Vec<Reading>,
        footprints: Vec<Footprint>,
        held: Vec<Held>,
        ledgers: Vec<Ledger>,
    ) -> Self {
        let mut report = Self {
            machine: Machine::here(),
            rounds: plan.rounds,
            seconds: plan.seconds,
            summary: Summary::of(&targets, &readings),
            targets,
            footprints,
            held,
            ledgers,
            binary_bytes: binary_bytes(),
            bars: Vec::new(),
            readings,
        };
        report.bars = bars::judge(&report);
        report
    }

    /// Writes the figures as JSON.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = || -> anyhow::Result<()> {
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let mut json = serde_json::to_string_pretty(self)?;
            json.push('\n');
            Ok(std::fs::write(path, json)?)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The size of `odock-gateway`, if it lies beside this program.
fn binary_bytes() -> Option<u64> {
    let gateway = std::env::current_exe().ok()?.with_file_name("odock-gateway");
    Some(std::fs::metadata(gateway).ok()?.len())
}
