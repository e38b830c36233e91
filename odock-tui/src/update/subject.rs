//! What the acts that work everywhere act on.

use crate::effects::{KeyRef, ScopeRef};
use crate::model::Model;
use crate::msg::Level;
use crate::screens::ScreenId;

/// The virtual key that is selected, or that the selected request belongs to; says so if there is none.
pub(super) fn need_key(model: &mut Model) -> Option<KeyRef> {
    let key = model.screen().screen().subject(model).and_then(|subject| subject.key);
    if key.is_none() {
        model.say(Level::Info, "select a key, or a request of one, first");
    }
    key
}

/// Whose limits can be scaled on account of what is selected; says so if there are none.
pub(super) fn need_scope(model: &mut Model) -> Option<ScopeRef> {
    let subject = model.screen().screen().subject(model);
    let scope = subject.as_ref().and_then(|subject| subject.scope.clone());
    if scope.is_none() {
        let why = match subject {
            Some(subject) => format!("{} has no limits that could be scaled", subject.what),
            None => "select a key, a team, a model or a budget first".to_owned(),
        };
        model.say(Level::Info, why);
    }
    scope
}

/// The `odockctl` line to copy: the selected one, or the latest.
pub(super) fn command(model: &Model) -> Option<String> {
    let row = if model.screen() == ScreenId::Acts { model.acts_screen.row } else { 0 };
    model.acts.row(row).map(|entry| entry.line.clone())
}
