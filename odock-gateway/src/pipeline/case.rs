//! The case file of a request: what its record needs, each fact written once by the stage that learns it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use entity::pricing::Bill;
use entity::usage::{Attempt, ReservationMark, StageMark};
use entity::vocab::AttemptOutcome;
use entity::{ModelId, Timestamp, UsageRecordId};

use crate::auth::{KeyHash, Principal};
use crate::http::dialect::Dialect;
use crate::idempotency::Claim;
use crate::ledger::{Demand, Hold};
use crate::limits::Notes;
use crate::models::Target;
use crate::pipeline::latest::Latest;
use crate::providers::operation::Operation;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// A stage of the pipeline, for the timeline of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Stage { $($(#[$doc])* $name,)* }

        impl Stage {
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stage's name in records.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

stages! {
    /// The key is known.
    Authenticate = "authenticate",
    /// The body is read and understood.
    Decode = "decode",
    /// The upstream is chosen.
    Route = "route",
    /// What the call may cost is set aside.
    Reserve = "reserve",
    /// The upstream is called.
    Dispatch = "dispatch",
    /// The upstream's first byte is here.
    FirstByte = "first_byte",
    /// The upstream's last byte is here.
    LastByte = "last_byte",
}

/// Not reached yet.
const NEVER: u32 = u32::MAX;

/// What is known of a request. Shared by the stages and by whatever ends the request.
#[derive(Debug)]
pub struct Case {
    /// When it arrived.
    pub received_at: Timestamp,
    /// When it arrived, by the clock that only goes forward.
    pub started: Instant,
    /// The route.
    pub endpoint: &'static str,
    /// What its callers speak.
    pub dialect: Dialect,
    /// What kind of call it is.
    pub operation: OnceLock<&'static dyn Operation>,
    /// The method and path for the access log, without the query.
    pub client: IpAddr,
    /// The trace that the caller belongs to (W3C Trace Context).
    pub trace_id: Option<String>,
    /// The id that the caller proposed, if it is sane.
    pub proposed_id: Option<String>,
    /// The id of the record that it leaves.
    pub record_id: UsageRecordId,
    fresh_id: String,
    proposal_taken: AtomicBool,
    /// Whether the caller wants a stream.
    pub stream: AtomicBool,
    /// The hash of the key that was presented.
    pub key_hash: OnceLock<KeyHash>,
    /// Who is calling.
    pub principal: OnceLock<Arc<Principal>>,
    /// The model that was asked for, in the caller's words.
    pub model: OnceLock<String>,
    /// What serves it at present.
    pub target: Latest<Arc<Target>>,
    /// The model that was asked for, if the call is routed.
    pub asked_for: OnceLock<ModelId>,
    /// What the upstream's family cannot express and was left out, on the caller's word.
    left_out: Mutex<Vec<String>>,
    /// The upstream's own id of the call.
    pub provider_request_id: Latest<String>,
    /// What came of calling upstreams, in order.
    attempts: Mutex<Vec<Attempt>>,
    /// Whether nobody knows of some attempt what its upstream did.
    uncertain: AtomicBool,
    /// What it may consume at what serves it at present, if anything is capped.
    pub demand: Latest<Demand>,
    /// What it set aside of budgets and quotas, or could not.
    pub reservations: OnceLock<Vec<ReservationMark>>,
    /// The cap that a hard budget put on each answer; 0 if none did.
    pub clamped_to: AtomicU64,
    /// Whether the journal knows that it was sent.
    pub journaled: AtomicBool,
    /// What is set aside for it, until its record is left.
    hold: Mutex<Option<Hold>>,
    /// Its claim on its idempotency key, until it is known what came of it.
    claim: Mutex<Option<Claim>>,
    /// The request whose answer it got, if it is the repeat of one.
    pub replay_of: OnceLock<String>,
    /// What the attempt cost that another one overtook, if one was.
    pub overtaken: OnceLock<Bill>,
    /// What the gates found.
    pub limits: Notes,
    /// Tokens of the prompt as the gateway estimates them.
    pub estimated_prompt: AtomicU32,
    marks: [AtomicU32; Stage::ALL.len()],
}

impl Case {
    pub(super) fn new(
        endpoint: &'static str,
        dialect: Dialect,
        received_at: Timestamp,
        client: IpAddr,
        proposed_id: Option<String>,
        trace_id: Option<String>,
    ) -> Self {
        let fresh_id = uuid::Uuid::now_v7();
        Self {
            received_at,
            started: Instant::now(),
            endpoint,
            dialect,
            operation: OnceLock::new(),
            client,
            trace_id,
            proposed_id,
            record_id: UsageRecordId(fresh_id),
            fresh_id: fresh_id.simple().to_string(),
            proposal_taken: AtomicBool::new(false),
            stream: AtomicBool::new(false),
            key_hash: OnceLock::new(),
            principal: OnceLock::new(),
            model: OnceLock::new(),
            target: Latest::default(),
            asked_for: OnceLock::new(),
            left_out: Mutex::default(),
            provider_request_id: Latest::default(),
            attempts: Mutex::default(),
            uncertain: AtomicBool::new(false),
            demand: Latest::default(),
            reservations: OnceLock::new(),
            clamped_to: AtomicU64::new(0),
            journaled: AtomicBool::new(false),
            hold: Mutex::new(None),
            claim: Mutex::new(None),
            replay_of: OnceLock::new(),
            overtaken: OnceLock::new(),
            limits: Notes::default(),
            estimated_prompt: AtomicU32::new(0),
            marks: std::array::from_fn(|_| AtomicU32::new(NEVER)),
        }
    }

    /// The request's handle in headers, logs and the record.
    pub fn request_id(&self) -> &str {
        match &self.proposed_id {
            Some(proposed) if !self.proposal_taken.load(Ordering::Relaxed) => proposed,
            _ => &self.fresh_id,
        }
    }

    /// Another request has the proposed id: this one gets a fresh one.
    pub(super) fn refuse_proposed_id(&self) {
        self.proposal_taken.store(true, Ordering::Relaxed);
    }

    /// The proposed id, if it was refused.
    pub fn refused_id(&self) -> Option<&str> {
        self.proposed_id.as_deref().filter(|_| self.proposal_taken.load(Ordering::Relaxed))
    }

    /// Keeps what was set aside until the record is left.
    pub(super) fn hold(&self, hold: Hold) {
        *self.holding() = Some(hold);
    }

    /// What was set aside.
    pub(super) fn holding(&self) -> MutexGuard<'_, Option<Hold>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the claim until it is known what came of the request.
    pub(super) fn hold_claim(&self, claim: Claim) {
        *self.claim() = Some(claim);
    }

    /// The claim.
    pub(super) fn claim(&self) -> MutexGuard<'_, Option<Claim>> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is left out of what goes to an upstream. What went to an earlier one no longer matters.
    pub(super) fn leave_out(&self, fields: Vec<String>) {
        *self.left_out() = fields;
    }

    /// What was left out.
    pub(super) fn left_out(&self) -> MutexGuard<'_, Vec<String>> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what came of an attempt.
    pub(super) fn attempted(&self, attempt: Attempt) {
        self.attempts_so_far().push(attempt);
    }

    /// Notes once that a candidate was not called, and why.
    pub(super) fn skipped(&self, model: &str, provider: &str, error: &'static str) {
        let mut attempts = self.attempts_so_far();
        let is_same = |it: &Attempt| it.outcome == AttemptOutcome::Skipped && it.model == model;
        if attempts.iter().any(is_same) {
            return;
        }
        attempts.push(Attempt {
            model: model.to_owned(),
            provider: provider.to_owned(),
            outcome: AttemptOutcome::Skipped,
            status: None,
            error: Some(error.to_owned()),
            at_us: self.elapsed_us().into(),
            duration_us: 0,
        });
    }

    /// What came of calling upstreams, in the order in which they were called.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        let mut attempts = self.attempts_so_far().clone();
        // Of two that were called at once, the one that was first to end was written down first.
        attempts.sort_by_key(|attempt| attempt.at_us);
        attempts
    }

    /// As [`Self::attempts`], for the record that a request leaves at its end: nothing is kept.
    pub(super) fn take_attempts(&self) -> Vec<Attempt> {
        let mut attempts = std::mem::take(&mut *self.attempts_so_far());
        attempts.sort_by_key(|attempt| attempt.at_us);
        attempts
    }

    fn attempts_so_far(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another model serves than the one that was asked for.
    pub(super) fn is_rerouted(&self) -> bool {
        let asked_for = self.asked_for.get();
        asked_for.is_some_and(|asked| self.target.get().is_some_and(|target| target.model_id != *asked))
    }

    /// Notes that nobody knows what an upstream did, whatever comes of later attempts.
    pub(super) fn is_uncertain(&self) {
        self.uncertain.store(true, Ordering::Relaxed);
    }

    /// Notes that no upstream did what was asked, so that a repeat does no harm.
    pub(super) fn came_to_nothing(&self) {
        if self.uncertain.load(Ordering::Relaxed) {
            return;
        }
        if let Some(claim) = self.claim().as_mut() {
            claim.came_to_nothing();
        }
    }

    /// Marks the end of a stage.
    pub(super) fn mark(&self, stage: Stage) {
        self.mark_at(stage, self.elapsed_us());
    }

    /// Marks the end of a stage, so many microseconds after receipt.
    pub(super) fn mark_at(&self, stage: Stage, us: u32) {
        self.marks[stage as usize].store(us.min(NEVER - 1), Ordering::Relaxed);
    }

    /// Forgets what an attempt reached that another one follows.
    pub(super) fn forget(&self, stage: Stage) {
        self.marks[stage as usize].store(NEVER, Ordering::Relaxed);
    }

    /// Microseconds from receipt to the end of a stage, if it was reached.
    pub fn reached(&self, stage: Stage) -> Option<u32> {
        Some(self.marks[stage as usize].load(Ordering::Relaxed)).filter(|at| *at != NEVER)
    }

    /// The kind of call, as metrics name it.
    pub fn call_name(&self) -> &'static str {
        self.operation.get().map_or("", |operation| operation.name())
    }

    /// Microseconds since receipt.
    pub fn elapsed_us(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_micros()).unwrap_or(NEVER - 1)
    }

    /// The timeline so far.
    pub fn stages(&self) -> Vec<StageMark> {
        let reached =
            |stage: &Stage| self.reached(*stage).map(|at| StageMark { stage: stage.as_str().into(), at_us: at.into() });
        Stage::ALL.iter().filter_map(reached).collect()
    }

    /// Microseconds of `total` that the upstream took: from dispatch to its last byte, or to now if that has not come.
    pub fn upstream_us(&self, total: u32) -> u32 {
        let Some(dispatched) = self.reached(Stage::Dispatch) else { return 0 };
        self.reached(Stage::LastByte).unwrap_or(total).saturating_sub(dispatched)
    }
}
