//! Reservations beside database transactions: how many requests one commit settles.

use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::cell::Cell;
use super::connection::Request;
use super::load::drive;
use crate::parties::Target;

/// Connections that spend from the same budgets.
const CONNECTIONS: usize = 64;
/// How long the metrics may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a governed gateway did while many spent from the same budgets.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ledger {
    pub(crate) target: &'static str,
    pub(crate) reservations_per_second: f64,
    pub(crate) transactions_per_second: f64,
}

/// Drives the target for so many seconds and counts.
pub(crate) async fn count(target: &Target, seconds: f64) -> anyhow::Result<Ledger> {
    let request = Request::new(target, Cell::unary(CONNECTIONS).path(true), Cell::unary(CONNECTIONS).body())?;
    let (before, started) = (counters(target).await?, Instant::now());
    drive(target, &request, CONNECTIONS, seconds).await?;
    let (after, took) = (counters(target).await?, started.elapsed().as_secs_f64());
    Ok(Ledger {
        target: target.name,
        reservations_per_second: (after.0 - before.0) / took,
        transactions_per_second: (after.1 - before.1) / took,
    })
}

/// Reservations made and batches committed since the gateway began.
async fn counters(target: &Target) -> anyhow::Result<(f64, f64)> {
    let text = timeout(PATIENCE, metrics(target)).await.context("the metrics took too long")??;
    let sum = |name: &str, label: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let reserved = sum("gateway_budget_decisions_total", "decision=\"reserved\"");
    Ok((reserved, sum("gateway_usage_flush_duration_seconds_count", "")))
}

async fn metrics(target: &Target) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(target.address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", target.address);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
