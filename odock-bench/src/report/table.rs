//! The figures as Markdown.

use super::{Bar, Report, Row};
use crate::measure::procfs::Resident;
use crate::measure::{Cell, Kind};
use crate::parties::sim::CHUNKS;

/// Prints the report.
pub(crate) fn print(report: &Report) {
    println!("{}", text(report));
}

fn text(report: &Report) -> String {
    let machine = &report.machine;
    let mut lines = vec![
        "## Through the gateway and past it".to_owned(),
        String::new(),
        format!(
            "{} cores ({}), Linux {}, load average {}. Medians over {} rounds of {} s for each figure.",
            machine.cores, machine.processor, machine.kernel, machine.load_average, report.rounds, report.seconds
        ),
        "All parties share the machine. Times in µs; \"added\" is the difference to the direct call of the same round."
            .to_owned(),
        String::new(),
        row("", report.targets.iter().map(ToString::to_string)),
        row("---", report.targets.iter().map(|_| "---:".to_owned())),
    ];
    for cell in report.summary.cells() {
        lines.extend(cell_rows(report, cell));
    }
    lines.extend(footprint_rows(report));
    lines.extend(ledger_rows(report));
    if !report.bars.is_empty() {
        lines.extend(bar_rows(&report.bars));
    }
    lines.join("\n")
}

#[allow(clippy::cast_precision_loss, reason = "a few chunks")]
fn cell_rows(report: &Report, cell: Cell) -> Vec<String> {
    let line = |what: &str, figure: &dyn Fn(&Row) -> String| {
        let figures =
            report.targets.iter().map(|target| report.summary.get(target, cell).map_or("–".to_owned(), figure));
        row(what, figures)
    };
    let added =
        |figure: f64, row: &Row| if report.targets.first() == Some(&row.target) { "–".into() } else { whole(figure) };
    let cpu = |row: &Row| format!("{:.1}", row.cpu_us);
    match cell.kind {
        Kind::Unary => {
            let of = format!("{} conn.", cell.connections);
            vec![
                line(&format!("{of}: p50 / p90 / p99"), &|row| triple([row.p50_us, row.p90_us, row.p99_us])),
                line(&format!("{of}: added p50"), &|row| added(row.added_p50_us, row)),
                line(&format!("{of}: added p90"), &|row| added(row.added_p90_us, row)),
                line(&format!("{of}: added p99"), &|row| added(row.added_p99_us, row)),
                line(&format!("{of}: requests/s"), &|row| whole(row.per_second)),
                line(&format!("{of}: CPU a request"), &cpu),
            ]
        }
        Kind::Stream => vec![
            line("stream: first byte p50", &|row| whole(row.first_byte_p50_us)),
            line("stream: added first byte", &|row| added(row.added_first_byte_p50_us, row)),
            line("stream: total p50 / p90 / p99", &|row| triple([row.p50_us, row.p90_us, row.p99_us])),
            line("stream: chunks/s", &|row| whole(row.per_second * CHUNKS as f64)),
            line("stream: CPU a stream", &cpu),
        ],
        Kind::Messages => vec![
            line("Anthropic stream: first byte p50", &|row| whole(row.first_byte_p50_us)),
            line("Anthropic stream: added first byte", &|row| added(row.added_first_byte_p50_us, row)),
            line("Anthropic stream: total p50 / p90 / p99", &|row| triple([row.p50_us, row.p90_us, row.p99_us])),
            line("Anthropic stream: chunks/s", &|row| whole(row.per_second * CHUNKS as f64)),
            line("Anthropic stream: CPU a stream", &cpu),
        ],
        Kind::Unified => vec![
            line("unified: p50 / p90 / p99", &|row| triple([row.p50_us, row.p90_us, row.p99_us])),
            line("unified: CPU a request", &cpu),
        ],
        Kind::Large => vec![
            line("200 KB prompt: p50 / p90 / p99", &|row| triple([row.p50_us, row.p90_us, row.p99_us])),
            line("200 KB prompt: CPU a request", &cpu),
        ],
    }
}

fn footprint_rows(report: &Report) -> Vec<String> {
    let line = |what: &str, figure: &dyn Fn(&super::Footprint) -> String| {
        let found = |target: &&str| report.footprints.iter().find(|footprint| footprint.target == *target);
        row(what, report.targets.iter().map(|target| found(target).map_or("–".to_owned(), figure)))
    };
    let mut lines = vec![
        line("resident idle / after / peak, MB (own)", &|own| {
            let (idle, after) = (own.idle, own.after);
            let own = |memory: Resident| format!("{} ({})", megabytes(memory.now), megabytes(memory.anonymous));
            format!("{} / {} / {}", own(idle), own(after), megabytes(after.peak))
        }),
        line("start to first answer, ms", &|own| format!("{:.0}", own.start_ms)),
    ];
    if let Some(held) = report.held.first() {
        let what = format!("{} open streams: resident opened / held, MB", held.streams);
        let found = |target: &&str| report.held.iter().find(|held| held.target == *target);
        lines.push(row(
            &what,
            report.targets.iter().map(|target| {
                found(target)
                    .map_or("–".to_owned(), |held| format!("{} / {}", megabytes(held.opened), megabytes(held.ended)))
            }),
        ));
    }
    lines
}

/// Two hard budgets and a quota, spent over 64 connections.
fn ledger_rows(report: &Report) -> Vec<String> {
    if report.ledgers.is_empty() {
        return Vec::new();
    }
    let line = |what: &str, figure: fn(&crate::measure::ledger::Ledger) -> f64| {
        let found = |target: &&str| report.ledgers.iter().find(|ledger| ledger.target == *target);
        row(what, report.targets.iter().map(|target| found(target).map_or("–".to_owned(), |it| whole(figure(it)))))
    };
    vec![
        line("reservations/s, 64 conn.", |ledger| ledger.reservations_per_second),
        line("database transactions/s, 64 conn.", |ledger| ledger.transactions_per_second),
    ]
}

fn bar_rows(bars: &[Bar]) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "## Bars (ratios to the pass-through of this run)".to_owned(),
        String::new(),
        "| what | of | measured | bar | |".to_owned(),
        "| --- | --- | ---: | ---: | --- |".to_owned(),
    ];
    lines.extend(bars.iter().map(|bar| {
        let (sign, verdict) = (if bar.at_most { "≤" } else { "≥" }, if bar.reached { "reached" } else { "MISSED" });
        let (measured, limit) = (figure(bar.measured, bar.unit), figure(bar.limit, bar.unit));
        format!("| {} | {} | {measured} | {sign} {limit} | {verdict} |", bar.what, bar.target)
    }));
    lines
}

fn figure(value: f64, unit: &str) -> String {
    if unit == "×" { format!("{value:.2} ×") } else { format!("{value:.0} {unit}") }
}

fn row(what: &str, figures: impl Iterator<Item = String>) -> String {
    format!("| {what} | {} |", figures.collect::<Vec<_>>().join(" | "))
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn triple(values: [f64; 3]) -> String {
    values.map(whole).join(" / ")
}

#[allow(clippy::cast_precision_loss)] // sizes far below 2^52
fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
