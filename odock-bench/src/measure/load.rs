//! A closed loop: every connection sends its next request when the last one is answered.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::connection::{Connection, Request, Timing};
use super::stats::percentile_us;
use crate::parties::Target;

/// How long requests that are under way at the end may take.
const TAIL: Duration = Duration::from_secs(30);

/// What a load showed.
#[derive(Debug)]
pub(crate) struct Drive {
    /// Answers, those of the warm-up too.
    pub(crate) answers: u64,
    /// Answers a second, after the warm-up.
    pub(crate) per_second: f64,
    totals: Vec<Duration>,
    first_bytes: Vec<Duration>,
}

impl Drive {
    /// Percentiles of the time to the end of the answer, in microseconds.
    pub(crate) fn total_us<const N: usize>(&mut self, shares: [f64; N]) -> [f64; N] {
        shares.map(|share| percentile_us(&mut self.totals, share))
    }

    /// The median time to the first byte of the body, in microseconds.
    pub(crate) fn first_byte_us(&mut self) -> f64 {
        percentile_us(&mut self.first_bytes, 0.5)
    }
}

#[derive(Debug, Default)]
struct Tally {
    answers: u64,
    timings: Vec<Timing>,
}

/// Loads the target: a fifth of the time to warm up, then the time itself.
pub(crate) async fn drive(
    target: &Target,
    request: &Request,
    connections: usize,
    seconds: f64,
) -> anyhow::Result<Drive> {
    let measured = Duration::from_secs_f64(seconds);
    let from = Instant::now() + measured / 5;
    let until = from + measured;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(client(target.clone(), request.clone(), from, until));
    }
    let mut all = Tally::default();
    let collect = async {
        while let Some(ended) = clients.join_next().await {
            let tally = ended??;
            all.answers += tally.answers;
            all.timings.extend(tally.timings);
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(until - Instant::now() + TAIL, collect).await;
    ended.context("requests did not end").flatten().with_context(|| format!("while loading {}", target.name))?;
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let per_second = all.timings.len() as f64 / seconds;
    Ok(Drive {
        answers: all.answers,
        per_second,
        totals: all.timings.iter().map(|timing| timing.total).collect(),
        first_bytes: all.timings.iter().map(|timing| timing.first_byte).collect(),
    })
}

async fn client(target: Target, request: Request, from: Instant, until: Instant) -> anyhow::Result<Tally> {
    let mut connection = Connection::open(target.address).await?;
    let mut tally = Tally::default();
    while Instant::now() < until {
        let timing = connection.ask(&request).await?;
        tally.answers += 1;
        if (from..until).contains(&Instant::now()) {
            tally.timings.push(timing);
        }
    }
    Ok(tally)
}
