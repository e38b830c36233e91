//! Many streams that stay open.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use http_body_util::BodyExt as _;
use serde::Serialize;
use tokio::task::JoinSet;

use super::cell::Cell;
use super::procfs;
use super::requests;
use super::{Connection, Request};
use crate::parties::Target;

/// How long opening all streams may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Streams that are opened at the same time.
const AT_ONCE: usize = 50;

/// The memory of a target while it holds streams open.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Held {
    pub(crate) target: &'static str,
    pub(crate) streams: usize,
    /// Resident bytes when all were open, and at the end.
    pub(crate) opened: u64,
    pub(crate) ended: u64,
}

/// Opens the streams, reads them for so long, and looks at the memory.
pub(crate) async fn hold(target: &Target, streams: usize, seconds: u64) -> anyhow::Result<Held> {
    let request = Request::new(target, Cell::STREAM.path(true), requests::held())?;
    let mut open = JoinSet::new();
    let begun = Instant::now();
    for first in (0..streams).step_by(AT_ONCE) {
        let mut opening = JoinSet::new();
        for _ in first..streams.min(first + AT_ONCE) {
            opening.spawn(open_one(target.clone(), request.clone()));
        }
        while let Some(opened) = opening.join_next().await {
            let (connection, body) = opened?.with_context(|| format!("{} of {streams} were open", open.len()))?;
            open.spawn(read_on(connection, body));
        }
        ensure!(begun.elapsed() < PATIENCE, "opening {streams} streams took longer than {PATIENCE:?}");
    }
    let opened = procfs::resident(target.pid)?.now;
    let hold = Duration::from_secs(seconds);
    let ended = tokio::time::timeout(hold, open.join_next()).await;
    ensure!(ended.is_err(), "{} ended a stream that was to go on", target.name);
    let ended = procfs::resident(target.pid)?.now;
    Ok(Held { target: target.name, streams, opened, ended })
}

async fn open_one(target: Target, request: Request) -> anyhow::Result<(Connection, hyper::body::Incoming)> {
    let opening = async {
        let mut connection = Connection::open(target.address).await?;
        let mut body = connection.begin(&request).await?;
        body.frame().await.context("the stream ended at once")??;
        anyhow::Ok((connection, body))
    };
    tokio::time::timeout(PATIENCE, opening).await.context("no stream in time")?
}

/// Reads until the stream ends or breaks off.
async fn read_on(connection: Connection, mut body: hyper::body::Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
    drop(connection);
}
