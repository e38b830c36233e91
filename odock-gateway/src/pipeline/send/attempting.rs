//! One call of one upstream, until it is written down what came of it.

use std::sync::Arc;
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
}

impl Attempting {
    /// Begins an attempt. What an earlier one reached is forgotten, but for when the first one was sent.
    pub(super) fn begin(case: &Arc<Case>, target: &Arc<Target>) -> Self {
        if case.reached(Stage::Dispatch).is_none() {
            case.mark(Stage::Dispatch);
        }
        case.forget(Stage::FirstByte);
        case.forget(Stage::LastByte);
        let began_us = case.elapsed_us();
        Self { case: Arc::clone(case), target: Arc::clone(target), began_us, open: true }
    }

    /// Time since it began.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.case.elapsed_us().saturating_sub(self.began_us).into())
    }

    /// Time from its beginning to a stage.
    pub(super) fn until(&self, stage: Stage) -> Duration {
        let reached = self.case.reached(stage).unwrap_or(self.began_us);
        Duration::from_micros(reached.saturating_sub(self.began_us).into())
    }

    /// The upstream answered with success.
    pub(super) fn succeeded(mut self, status: StatusCode) {
        self.write_down(AttemptOutcome::Ok, Some(status), None);
    }

    /// The upstream refused or failed.
    pub(super) fn failed(mut self, status: Option<StatusCode>, error: &'static str) {
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

impl Drop for Attempting {
    fn drop(&mut self) {
        if self.open {
            self.write_down(AttemptOutcome::Cancelled, None, None);
        }
    }
}
