//! From the start of a process to its first answer.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{Cell, Connection, Request, median, procfs};
use crate::parties::{Launch, Party};

/// Starts that the figure is the median of.
const STARTS: usize = 5;

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that has answered its first request.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) party: Party,
    /// From start to first answer.
    pub(crate) start_ms: f64,
    /// Resident memory, a second after it.
    pub(crate) idle: procfs::Resident,
}

/// Starts a process a few times, and leaves the last one running.
pub(crate) async fn start(launch: &Launch, scratch: &Path, key: &str) -> anyhow::Result<Started> {
    let mut taken = Vec::new();
    for _ in 1..STARTS {
        let mut party = launch.start(scratch)?;
        taken.push(first_answer(&mut party, key).await?);
        party.stop()?;
    }
    let mut party = launch.start(scratch)?;
    taken.push(first_answer(&mut party, key).await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = procfs::resident(party.target(key).pid)?;
    Ok(Started { party, start_ms: median(taken), idle })
}

/// Asks until there is an answer, and says how many milliseconds after its start that was.
async fn first_answer(party: &mut Party, key: &str) -> anyhow::Result<f64> {
    let request = Request::new(&party.target(key), Cell::unary(1).path(true), Cell::unary(1).body())?;
    listening(party).await?;
    let address = party.address();
    let asked = async { Connection::open(address).await?.ask(&request).await };
    let answer = tokio::time::timeout(PATIENCE, asked).await.context("no answer in time").flatten();
    answer.with_context(|| format!("at the first request; it wrote:\n{}", party.last_words()))?;
    Ok(party.started().elapsed().as_secs_f64() * 1e3)
}

/// Waits until the process accepts connections.
pub(crate) async fn listening(party: &mut Party) -> anyhow::Result<()> {
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(party.address()).await.is_err() {
        party.check()?;
        if begun.elapsed() > PATIENCE {
            bail!("it did not listen within {PATIENCE:?}; it wrote:\n{}", party.last_words());
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    Ok(())
}
