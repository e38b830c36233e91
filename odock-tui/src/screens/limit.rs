//! One budget or quota: its window, its pace, and what it is declared to be.

mod declared;
mod draw;

use entity::ledger::LimitStatus;
use entity::vocab::LimitKind;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::{Screen, ScreenId, limits, states, tail};
use crate::action::Action;
use crate::effects::Effect;
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::model::{Model, Subject};
use crate::msg::Level;
use crate::view;
use crate::widgets::cursor;
pub use declared::Declared;
pub(super) use draw::lines;
use entity::vocab::OwnerType;

/// The screen.
pub struct Limit;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    /// The kind and name of what is looked at.
    subject: Option<(LimitKind, String)>,
    offset: usize,
}

/// Opens a budget or quota by its name.
pub fn open(model: &mut Model, kind: LimitKind, name: String, out: &mut Vec<Effect>) {
    model.limit = State { subject: Some((kind, name)), ..State::default() };
    model.go(ScreenId::Limit, out);
}

/// What a budget or quota is declared to be, if that is here.
pub(super) fn declared<'a>(model: &'a Model, status: &LimitStatus) -> Option<&'a Declared> {
    model.declared.value()?.iter().find(|declared| declared.kind == status.kind && declared.name == status.name)
}

/// Whether the one that is looked at is not among what is declared.
pub(super) fn undeclared(model: &Model) -> bool {
    let missing = |status: &LimitStatus| model.declared.value().is_some() && declared(model, status).is_none();
    model.screen() == ScreenId::Limit && known(model).is_some_and(missing)
}

fn known(model: &Model) -> Option<&LimitStatus> {
    let (kind, name) = model.limit.subject.as_ref()?;
    limits::all(model).iter().find(|status| status.kind == *kind && status.name == *name)
}

/// The filter that shows the requests of an owner.
fn traffic(status: &LimitStatus) -> String {
    let name = status.owner.name.as_deref().unwrap_or_default();
    match status.owner.r#type {
        OwnerType::Org => String::new(),
        OwnerType::Team => format!("team:={name}"),
        OwnerType::User => format!("user:={name}"),
        OwnerType::ApiKey => format!("key:={name}"),
    }
}

impl Screen for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn title(&self) -> &'static str {
        "One budget or quota: its window, its pace, what it is declared to be"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Traffic, &[Press::char('t'), Press::plain(K::Enter)]),
            hinted(Action::Danger, &[Press::char('x')]),
            hinted(Action::CopyId, &[Press::char('C')]),
            hinted(Action::CopyYaml, &[Press::char('y')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        if action == Action::Traffic {
            match known(model).map(traffic) {
                Some(filter) => tail::open_filtered(model, &filter, out),
                None => model.say(Level::Info, "there is nothing here"),
            }
            return true;
        }
        let body = view::body(model);
        let len = known(model).map_or(0, |status| draw::all(model, status, usize::from(body.width)).len());
        let page = usize::from(body.height);
        let to = match action {
            Action::Up => model.limit.offset.saturating_sub(1),
            Action::Down => model.limit.offset + 1,
            _ => match cursor::moved(action, model.limit.offset, len, page) {
                Some(to) => to,
                None => return false,
            },
        };
        model.limit.offset = to.min(len.saturating_sub(page));
        true
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        limits::declare(model, out);
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        limits::refresh(model, out);
        limits::declare_again(model, out);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        known(model).map(|status| limits::subject_of(model, status))
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let what = model.limit.subject.as_ref().map_or_else(String::new, |(kind, name)| format!("{kind} {name}"));
        if states::value(model, frame, area, &what, &model.statuses).is_none() {
            return;
        }
        match known(model) {
            Some(status) => {
                let offset = u16::try_from(model.limit.offset).unwrap_or(u16::MAX);
                let lines = draw::all(model, status, usize::from(area.width));
                frame.render_widget(Paragraph::new(lines).scroll((offset, 0)), area);
            }
            None => states::empty(model, frame, area, &format!("There is no {what} any more."), &[]),
        }
    }
}
