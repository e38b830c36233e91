//! What was received, and how each exchange ended.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, request::Parts};
use serde_json::Value;
use tokio::sync::watch;

/// Requests that are kept; older ones make room, so that a long run does not grow.
const KEPT: usize = 10_000;

/// Longest wait of the `wait_…` methods. Reaching it means that the test has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended.
    Open,
    /// The scripted answer was played to its end (whatever that end is).
    Played,
    /// The client hung up before.
    Cancelled,
}

/// One request as it was received.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The header lines as they were written: in order, in their own case, with those that came twice.
    pub header_lines: Vec<(String, Bytes)>,
    /// The body, byte for byte.
    pub body: Bytes,
    outcome: watch::Receiver<Outcome>,
}

impl Recorded {
    /// The body as JSON, or `null` when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text, with replacement characters where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How the exchange stands now.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        *self.outcome.borrow()
    }

    /// Whether the client hung up before the answer's end.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.outcome() == Outcome::Cancelled
    }

    /// Waits until the exchange has ended, and says how.
    ///
    /// # Panics
    /// When it is still open after ten seconds.
    pub async fn wait_ended(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        let ended = tokio::time::timeout(PATIENCE, outcome.wait_for(|now| *now != Outcome::Open)).await;
        match ended {
            Ok(Ok(end)) => *end,
            Ok(Err(_)) => Outcome::Cancelled, // the exchange was dropped with the server
            Err(_) => panic!("{} {} was still open after {PATIENCE:?}", self.method, self.path),
        }
    }
}

/// Keeps what was received, in order of arrival.
#[derive(Debug)]
pub(crate) struct Recorder {
    kept: Mutex<VecDeque<Recorded>>,
    seen: watch::Sender<usize>,
    on: bool,
}

impl Recorder {
    pub(crate) fn new(on: bool) -> Self {
        Self { kept: Mutex::default(), seen: watch::Sender::new(0), on }
    }

    /// Whether requests are kept.
    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Notes a request and returns the witness of its answer. The body is shared, not copied.
    pub(crate) fn note(&self, parts: &Parts, header_lines: Vec<(String, Bytes)>, body: &Bytes) -> Witness {
        if !self.on {
            return Witness(None);
        }
        let (sender, outcome) = watch::channel(Outcome::Open);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let (method, headers, body) = (parts.method.clone(), parts.headers.clone(), body.clone());
        let mut kept = self.kept();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Recorded { method, path, headers, header_lines, body, outcome });
        drop(kept);
        self.seen.send_modify(|seen| *seen += 1);
        Witness(Some(sender))
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.kept().iter().cloned().collect()
    }

    pub(crate) fn take(&self) -> Vec<Recorded> {
        self.kept().drain(..).collect()
    }

    /// Waits until that many requests are kept, and returns them.
    pub(crate) async fn wait_for(&self, wanted: usize) -> Vec<Recorded> {
        let mut seen = self.seen.subscribe();
        let enough = seen.wait_for(|_| self.kept().len() >= wanted);
        if tokio::time::timeout(PATIENCE, enough).await.is_err() {
            let kept = self.kept().len();
            panic!("the simulated upstream received {kept} of {wanted} requests in {PATIENCE:?}");
        }
        self.all()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Recorded>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees how one exchange ends: dropped before `played`, the client hung up.
#[derive(Debug)]
pub(crate) struct Witness(Option<watch::Sender<Outcome>>);

impl Witness {
    /// The scripted answer was played to its end.
    pub(crate) fn played(&mut self) {
        if let Some(outcome) = self.0.take() {
            outcome.send_replace(Outcome::Played);
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(outcome) = self.0.take() {
            outcome.send_replace(Outcome::Cancelled);
        }
    }
}
