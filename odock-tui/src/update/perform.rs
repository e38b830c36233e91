//! What each action does: the screen first, then what is the same everywhere.

use secrecy::SecretString;

use super::subject::{self, need_key, need_scope};
use crate::action::Action;
use crate::effects::{self, Change, Copied, Effect, Mutation};
use crate::link::Phase;
use crate::model::Model;
use crate::msg::Level;
use crate::overlay::{
    Overlay, brake::Brake, confirm::Confirm, help::Help, line::FilterLine, line::OverlapLine, menu::Menu,
    palette::Palette,
};
use crate::screens::{ScreenId, key, overlays};

/// Does what an action means on the current screen.
pub fn perform(model: &mut Model, action: Action, out: &mut Vec<Effect>) {
    if !model.screen().screen().act(model, action, out) {
        everywhere(model, action, out);
    }
}

fn everywhere(model: &mut Model, action: Action, out: &mut Vec<Effect>) {
    match action {
        Action::Palette => model.overlay = Some(Overlay::Palette(Palette::open(model))),
        Action::Filter => filter(model),
        Action::Help => model.overlay = Some(Overlay::Help(Help::default())),
        Action::Back => back(model),
        Action::Close => {
            if !model.back() {
                model.overlay = Some(Overlay::Confirm(Confirm::quit()));
            }
        }
        Action::Quit => out.push(Effect::Quit),
        Action::Suspend => out.push(Effect::Suspend),
        Action::Redraw => out.push(Effect::Redraw),
        Action::Reconnect => {
            let env = model.env.clone();
            if model.link.phase(env.mono) == Phase::Live {
                // What is being said, such as what happened while away, is worth more.
                if model.notice.is_none() {
                    model.say(Level::Info, "the gateway is connected");
                }
            } else {
                out.push(model.link.connect(&env));
            }
        }
        Action::Refresh => model.screen().screen().refresh(model, out),
        Action::Exact => {
            model.exact = !model.exact;
            model.say(Level::Info, if model.exact { "exact numbers" } else { "human numbers" });
        }
        Action::Theme => {
            model.theme = model.theme.next();
            model.say(Level::Info, format!("theme {}", model.theme.word()));
        }

        Action::Pulse => model.go(ScreenId::Pulse, out),
        Action::Tail => model.go(ScreenId::Tail, out),
        Action::Keys => model.go(ScreenId::Keys, out),
        Action::Budgets => model.go(ScreenId::Budgets, out),
        Action::Quotas => model.go(ScreenId::Quotas, out),
        Action::Overlays => model.go(ScreenId::Overlays, out),
        Action::Providers => model.go(ScreenId::Providers, out),
        Action::Contexts => model.go(ScreenId::Contexts, out),
        Action::Acts => model.go(ScreenId::Acts, out),
        Action::Log => model.go(ScreenId::Log, out),

        Action::OpenKey => {
            if let Some(wanted) = need_key(model) {
                key::open(model, wanted, out);
            }
        }
        Action::Traffic => {
            if let Some(wanted) = need_key(model) {
                model.go(ScreenId::Tail, out);
                ScreenId::Tail.screen().set_filter(model, &format!("key:={}", wanted.name));
            }
        }
        Action::CopyId => copy(model, out, |subject| (format!("the id of {}", subject.what), subject.id)),
        Action::CopyJson => copy(model, out, |subject| (format!("{} as JSON", subject.what), subject.json)),
        Action::CopyYaml => copy(model, out, |subject| (format!("{} as YAML", subject.what), yaml(&subject.json))),
        Action::CopyCommand => match subject::command(model) {
            Some(line) => out.push(clipboard("the odockctl line".to_owned(), line)),
            None => model.refuse("nothing has been done yet, so there is no odockctl line to copy"),
        },

        Action::Danger => danger(model),
        Action::Rotate => {
            if let Some(wanted) = may_change(model, need_key) {
                model.overlay = Some(Overlay::Overlap(OverlapLine::new(wanted)));
            }
        }
        Action::Revoke => confirm(model, Change::Revoke),
        Action::Unrevoke => confirm(model, Change::Unrevoke),
        Action::Brake => {
            if let Some(scope) = may_change(model, need_scope) {
                // The question that follows says what is replaced.
                overlays::fetch(model, out);
                model.overlay = Some(Overlay::Brake(Brake::new(scope)));
            }
        }
        Action::EndOverlay => {
            if let Some(mutation) = may_change(model, overlays::need_end) {
                model.overlay = Some(Overlay::Confirm(Confirm::mutation(model, mutation)));
            }
        }

        // Without rows, panes or charts here there is nothing that these could do.
        Action::Zoom
        | Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::Top
        | Action::Bottom
        | Action::NextPane
        | Action::PreviousPane
        | Action::Open
        | Action::Pause
        | Action::Metric
        | Action::Sort
        | Action::Reverse
        | Action::Test
        | Action::Details => model.say(Level::Info, format!("`{}` means nothing here", action.word())),
    }
}

fn back(model: &mut Model) {
    let screen = model.screen().screen();
    if model.notice.take().is_some() {
        return;
    }
    if screen.filter(model).is_some_and(|filter| !filter.is_empty()) {
        screen.set_filter(model, "");
    } else {
        model.back();
    }
}

fn filter(model: &mut Model) {
    match model.screen().screen().filter(model) {
        Some(filter) => model.overlay = Some(Overlay::Filter(FilterLine::new(filter.text()))),
        None => model.say(Level::Info, "there is nothing to filter here"),
    }
}

fn copy(model: &mut Model, out: &mut Vec<Effect>, pick: impl FnOnce(crate::model::Subject) -> (String, String)) {
    match model.screen().screen().subject(model) {
        Some(subject) => {
            let (what, text) = pick(subject);
            if text.is_empty() {
                model.say(Level::Info, format!("there is no {what}"));
            } else {
                out.push(clipboard(what, text));
            }
        }
        None => model.say(Level::Info, "nothing is selected"),
    }
}

fn clipboard(what: String, text: String) -> Effect {
    Effect::Copy(Copied { what, text: SecretString::from(text) })
}

/// JSON as YAML; nothing of nothing.
fn yaml(json: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(json).ok();
    value.and_then(|value| serde_saphyr::to_string(&value).ok()).unwrap_or_default()
}

/// What to change, if changes are possible; says why not otherwise.
fn may_change<T>(model: &mut Model, need: fn(&mut Model) -> Option<T>) -> Option<T> {
    if let Err(reason) = effects::writable(model) {
        model.refuse(reason);
        return None;
    }
    need(model)
}

fn danger(model: &mut Model) {
    if let Err(reason) = effects::writable(model) {
        model.refuse(reason);
        return;
    }
    let Some(subject) = model.screen().screen().subject(model) else {
        model.say(Level::Info, "nothing is selected");
        return;
    };
    let mut acts = Vec::new();
    let mut title = subject.what.clone();
    if let Some(key) = &subject.key {
        // Only what the state allows is offered, where the state is known.
        let revoked = model.find_key(key).map(|key| key.status.revoked_at.is_some());
        if revoked != Some(true) {
            acts.extend([('r', Action::Rotate), ('v', Action::Revoke)]);
        }
        if revoked != Some(false) {
            acts.push(('u', Action::Unrevoke));
        }
        title = format!("Key {} of {}", key.name, key.organisation);
    }
    if let Some(scope) = &subject.scope {
        acts.push(('b', Action::Brake));
        if subject.key.is_none() {
            title = format!("Limits of {}", scope.what());
        }
    }
    if overlays::selected_here(model) {
        acts.push(('n', Action::EndOverlay));
    }
    if acts.is_empty() {
        model.say(Level::Info, format!("there is nothing to do to {}", subject.what));
    } else {
        model.overlay = Some(Overlay::Menu(Menu::of_actions(title, acts)));
    }
}

fn confirm(model: &mut Model, change: Change) {
    if let Some(key) = may_change(model, need_key) {
        model.overlay = Some(Overlay::Confirm(Confirm::mutation(model, Mutation::Key { key, change })));
    }
}
