//! One call of one upstream, until it is written down what came of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use entity::usage::Attempt;
use entity::vocab::AttemptOutcome;
use http::StatusCode;

use crate::models::Target;
use crate::pipeline::case::{Case, Stage};

/// An attempt under way. Dropped before its end, it was given up: the caller went away, or another attempt was faster.
pub(super) struct Attempting {
    case: Arc<Case>,
    target: Arc<Target>,
    began_us: u32,
    open: bool,
    apart: Option<Box<Apart>>,
}

/// What an attempt that has a rival keeps to itself, until it is the one that counts.
#[derive(Default)]
struct Apart {
    /// Microseconds after receipt of the request; 0 while it has not come.
    first_byte: AtomicU32,
    last_byte: AtomicU32,
    provider_request_id: OnceLock<String>,
    left_out: OnceLock<Vec<String>>,
}

/// Whether an attempt may have a rival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// It is the only one at its time.
    Alone,
    /// Another one may be under way at the same time.
    Rivals,
}

impl Attempting {
    /// Begins an attempt. What an earlier one reached is forgotten, but for when the first one was sent.
    pub(super) fn begin(case: &Arc<Case>, target: &Arc<Target>, company: Company) -> Self {
        if case.reached(Stage::Dispatch).is_none() {
            case.mark(Stage::Dispatch);
        }
        let apart = match company {
            Company::Alone => {
                case.forget(Stage::FirstByte);
                case.forget(Stage::LastByte);
                None
            }
            Company::Rivals => Some(Box::default()),
        };
        let began_us = case.elapsed_us();
        Self { case: Arc::clone(case), target: Arc::clone(target), began_us, open: true, apart }
    }

    /// Notes that a stage is reached: the first byte, or the last. The first time counts.
    pub(super) fn mark(&self, stage: Stage) {
        match &self.apart {
            None => self.case.mark(stage),
            Some(apart) => apart.of(stage).store(self.case.elapsed_us().max(1), Ordering::Relaxed),
        }
    }

    /// Microseconds from receipt of the request to a stage of this attempt, if it was reached.
    pub(super) fn reached(&self, stage: Stage) -> Option<u32> {
        match &self.apart {
            None => self.case.reached(stage),
            Some(apart) => Some(apart.of(stage).load(Ordering::Relaxed)).filter(|at| *at > 0),
        }
    }

    /// Notes the upstream's own id of the call.
    pub(super) fn is_called(&self, id: String) {
        match &self.apart {
            None => self.case.provider_request_id.set(id),
            Some(apart) => drop(apart.provider_request_id.set(id)),
        }
    }

    /// Notes what is left out of what goes to the upstream.
    pub(super) fn leave_out(&self, fields: Vec<String>) {
        match &self.apart {
            None => self.case.leave_out(fields),
            Some(apart) => drop(apart.left_out.set(fields)),
        }
    }

    /// Has it count: what it kept to itself is the request's from now on.
    pub(super) fn counts(&mut self) {
        let Some(apart) = self.apart.take() else { return };
        for stage in [Stage::FirstByte, Stage::LastByte] {
            match apart.of(stage).load(Ordering::Relaxed) {
                0 => self.case.forget(stage),
                at => self.case.mark_at(stage, at),
            }
        }
        let Apart { provider_request_id, left_out, .. } = *apart;
        if let Some(id) = provider_request_id.into_inner() {
            self.case.provider_request_id.set(id);
        }
        self.case.leave_out(left_out.into_inner().unwrap_or_default());
    }

    /// Time since it began.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.case.elapsed_us().saturating_sub(self.began_us).into())
    }

    /// Time from its beginning to a stage.
    pub(super) fn until(&self, stage: Stage) -> Duration {
        let reached = self.reached(stage).unwrap_or(self.began_us);
        Duration::from_micros(reached.saturating_sub(self.began_us).into())
    }

    /// The upstream answered with success.
    pub(super) fn succeeded(mut self, status: StatusCode) {
        self.counts();
        self.write_down(AttemptOutcome::Ok, Some(status), None);
    }

    /// The upstream refused or failed.
    pub(super) fn failed(mut self, status: Option<StatusCode>, error: &'static str) {
        self.counts();
        self.write_down(AttemptOutcome::Failed, status, Some(error));
    }

    /// It was given up after the upstream had begun to answer.
    pub(super) fn given_up(mut self, status: StatusCode) {
        self.write_down(AttemptOutcome::Cancelled, Some(status), None);
    }

    fn write_down(&mut self, outcome: AttemptOutcome, status: Option<StatusCode>, error: Option<&'static str>) {
        self.open = false;
        self.case.attempted(Attempt {
            model: self.target.model.clone(),
            provider: self.target.provider.clone(),
            outcome,
            status: status.map(|status| status.as_u16()),
            error: error.map(Into::into),
            at_us: self.began_us.into(),
            duration_us: u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
    }
}

impl Apart {
    fn of(&self, stage: Stage) -> &AtomicU32 {
        if stage == Stage::FirstByte { &self.first_byte } else { &self.last_byte }
    }
}

impl Drop for Attempting {
    fn drop(&mut self) {
        if self.open {
            self.write_down(AttemptOutcome::Cancelled, None, None);
        }
    }
}
