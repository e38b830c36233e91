//! What the acts that work everywhere act on.

use crate::effects::KeyRef;
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

/// The `odockctl` line to copy: the selected one, or the latest.
pub(super) fn command(model: &Model) -> Option<String> {
    let row = if model.screen() == ScreenId::Acts { model.acts_screen.row } else { 0 };
    model.acts.row(row).map(|entry| entry.line.clone())
}
