//! The streams under way on this node, and how they are told that they must end.
//!
//! A stream looks once a chunk whether it has been told: one atomic load. Everything else is the watch's business, which
//! wakes a stream that waits for its upstream in silence.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use dashmap::DashMap;
use entity::UsageRecordId;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::auth::Principal;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::hot::Stamp;
use crate::pipeline::case::Case;
use crate::usage::estimate;

/// The streams under way on this node.
#[derive(Default)]
pub struct Streams {
    live: DashMap<UsageRecordId, Arc<Live>>,
    /// Told when something has changed that a stream may depend on.
    pub(super) changed: Notify,
    /// Told when a stream has delivered what was set aside for it.
    pub(super) overrun: Notify,
}

impl Streams {
    /// Has the streams' callers looked at again: something has changed.
    pub fn look_again(&self) {
        if !self.live.is_empty() {
            self.changed.notify_one();
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        self.live.iter().map(|live| Arc::clone(&live)).collect()
    }
}

/// What was found out about a stream's caller, and what that depends on.
pub(super) struct Facts {
    pub(super) stamp: Stamp,
    pub(super) principal: Arc<Principal>,
}

/// A stream under way, as the watch sees it.
pub(super) struct Live {
    pub(super) case: Arc<Case>,
    /// Bytes of content so far.
    delivered: AtomicU64,
    /// Tokens of output that are set aside.
    paid: AtomicU64,
    /// Bytes of content at which the watch looks whether more must be set aside.
    alarm: AtomicU64,
    facts: Mutex<Option<Facts>>,
    end: OnceLock<GatewayError>,
    waker: AtomicWaker,
}

/// Bytes that tokens come to, by the estimate that streams are charged by where no usage is reported.
const fn bytes(tokens: u64) -> u64 {
    tokens.saturating_mul(4)
}

impl Live {
    /// Tokens of output so far, as they are charged where no usage is reported.
    pub(super) fn output(&self) -> u64 {
        estimate::tokens(usize::try_from(self.delivered.load(Ordering::Relaxed)).unwrap_or(usize::MAX))
    }

    /// Whether more was delivered than is set aside, as far as can be estimated.
    pub(super) fn is_over(&self) -> bool {
        self.output() > self.paid.load(Ordering::Relaxed)
    }

    /// Whether more was delivered than is set aside, whatever the language. Text has four bytes a token in the mean, so an
    /// answer that is cut at its cap often seems a little longer than the cap: that is no reason to end it.
    pub(super) fn is_over_for_sure(&self) -> bool {
        self.output() / 2 > self.paid.load(Ordering::Relaxed)
    }

    /// Notes how many tokens of output are set aside from now on.
    pub(super) fn paid_for(&self, output: u64) {
        self.paid.store(output, Ordering::Relaxed);
        self.alarm.store(bytes(output), Ordering::Relaxed);
    }

    /// Has the watch look again after `more` tokens.
    pub(super) fn look_after(&self, more: u64) {
        self.alarm.store(self.delivered.load(Ordering::Relaxed) + bytes(more), Ordering::Relaxed);
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, Option<Facts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the stream; the first reason counts.
    pub(super) fn end(&self, error: GatewayError) {
        if self.end.set(error).is_ok() {
            self.waker.wake();
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.get().is_some()
    }
}

/// A stream's own end of it. Dropped, the stream is no longer under way.
pub(super) struct LiveStream {
    gw: Gateway,
    live: Arc<Live>,
}

impl LiveStream {
    pub(super) fn new(gw: &Gateway, case: &Arc<Case>) -> Self {
        // Without anything set aside there is nothing to run over.
        let paid = case.demand.get().map_or(u64::MAX, |demand| demand.output);
        let live = Arc::new(Live {
            case: Arc::clone(case),
            delivered: AtomicU64::new(0),
            paid: AtomicU64::new(paid),
            alarm: AtomicU64::new(bytes(paid)),
            facts: Mutex::default(),
            end: OnceLock::new(),
            waker: AtomicWaker::new(),
        });
        gw.streams.live.insert(case.record_id, Arc::clone(&live));
        // What changed since the caller was looked up is seen at the watch's next round.
        Self { gw: gw.clone(), live }
    }

    /// Notes how many bytes of content were delivered so far.
    pub(super) fn delivered(&self, content_bytes: usize) {
        let live = &self.live;
        live.delivered.store(content_bytes as u64, Ordering::Relaxed);
        if content_bytes as u64 > live.alarm.load(Ordering::Relaxed) {
            live.alarm.store(u64::MAX, Ordering::Relaxed);
            self.gw.streams.overrun.notify_one();
        }
    }

    /// Why the stream must end, if it must.
    pub(super) fn verdict(&self) -> Option<&GatewayError> {
        self.live.end.get()
    }

    /// Has `waker` woken when the stream must end.
    pub(super) fn register(&self, waker: &Waker) {
        self.live.waker.register(waker);
    }

    /// The same stream, to look at its verdict after it has ended.
    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }
}

impl Live {
    /// Why it must end, if it must.
    pub(super) fn verdict(&self) -> Option<&GatewayError> {
        self.end.get()
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        self.gw.streams.live.remove(&self.live.case.record_id);
    }
}
