//! When the windows are fetched: every other second while a screen shows them, and never while none does.

use crate::effects::{Effect, Load};
use crate::model::{Model, Scope};
use crate::msg::FailureKind;
use crate::screens::ScreenId;

/// How old a window may become while it is shown.
const EVERY_MS: u64 = 2_000;
/// How long to wait after a failure.
const AFTER_FAILURE_MS: u64 = 10_000;
/// How long to wait after being told that this token may not see it.
const AFTER_REFUSAL_MS: u64 = 60_000;

/// Whether the current screen shows windows.
fn shown(model: &Model) -> bool {
    matches!(model.screen(), ScreenId::Pulse | ScreenId::Budgets | ScreenId::Quotas | ScreenId::Limit)
}

/// When the windows are to be fetched next; `None` while nobody looks at them or nobody could answer.
#[must_use]
pub fn due(model: &Model) -> Option<u64> {
    // Across organisations there is nothing to ask.
    let in_organisation = matches!(model.scope, Some(Scope::Organisation(_)));
    if !shown(model) || !in_organisation || !model.link.is_open() || model.statuses.awaited() {
        return None;
    }
    let wait = match model.statuses.failure().map(|failure| failure.kind) {
        None => EVERY_MS,
        Some(FailureKind::Forbidden) => AFTER_REFUSAL_MS,
        Some(_) => AFTER_FAILURE_MS,
    };
    Some(model.statuses.answered().map_or(0, |at| at.saturating_add(wait)))
}

/// Fetches the windows if it is time.
pub fn poll(model: &mut Model, out: &mut Vec<Effect>) {
    if due(model).is_some_and(|due| due <= model.env.mono) {
        model.load(Load::Limits, out);
    }
    if matches!(model.screen(), ScreenId::Budgets | ScreenId::Quotas | ScreenId::Limit) {
        super::declare(model, out);
    }
}

/// Fetches the windows now, if anybody can answer.
pub fn refresh(model: &mut Model, out: &mut Vec<Effect>) {
    if matches!(model.scope, Some(Scope::Organisation(_))) && model.link.is_open() {
        model.load(Load::Limits, out);
    }
}
