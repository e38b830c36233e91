//! `:tail`: requests as they end, newest on top.

mod draw;

use std::collections::VecDeque;
use std::sync::Arc;

use entity::UsageRecordId;
use entity::usage::UsageRecord;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Screen, ScreenId, request};
use crate::action::Action;
use crate::effects::{Effect, KeyRef, Load, ScopeRef};
use crate::filter::Filter;
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::live::requests::FIELDS;
use crate::model::{Model, Scope, Subject};
use crate::remote::Remote;
use crate::view;
use crate::widgets::cursor;

/// The screen.
pub struct Tail;

/// Its state. Rows are numbers of requests, so that arrivals move neither selection nor view.
#[derive(Debug, Default)]
pub struct State {
    /// Whether the requests from before we began to look are here.
    pub(crate) recent: Remote<()>,
    filter: Filter,
    /// Numbers of the requests that pass the filter, oldest first.
    matches: VecDeque<u64>,
    selected: Option<Selected>,
    /// The request on the first visible row; `None` follows the newest.
    top: Option<u64>,
    paused: Option<Paused>,
}

#[derive(Clone, Copy, Debug)]
struct Selected {
    number: u64,
    id: UsageRecordId,
}

#[derive(Clone, Copy, Debug)]
struct Paused {
    /// Requests from this number on wait behind the pause.
    from: u64,
    since: u64,
}

impl State {
    /// How many of the matches are on display: all, or those from before the pause.
    fn visible(&self) -> usize {
        self.paused.map_or(self.matches.len(), |paused| self.matches.partition_point(|number| *number < paused.from))
    }

    /// The request on a row, the newest being row 0.
    fn number(&self, row: usize) -> Option<u64> {
        let visible = self.visible();
        self.matches.get(visible.checked_sub(row + 1)?).copied()
    }

    /// The row of a request, or of the next older one that is shown.
    fn row(&self, number: u64) -> usize {
        let visible = self.visible();
        let older = self.matches.partition_point(|candidate| *candidate <= number).min(visible);
        visible.saturating_sub(older.max(1))
    }

    /// The selected row: the newest if none was chosen.
    fn selected_row(&self) -> usize {
        self.selected.map_or(0, |selected| self.row(selected.number))
    }

    /// The first visible row of a page.
    fn offset(&self, page: usize) -> usize {
        let hint = self.top.map_or(0, |top| self.row(top));
        cursor::scrolled(hint, self.selected_row(), self.visible(), page)
    }
}

/// Takes a request into the projection. Called after it got its number.
pub fn arrived(model: &mut Model, number: u64) {
    let first = model.live.requests.first();
    let state = &mut model.tail;
    while state.matches.front().is_some_and(|front| *front < first) {
        state.matches.pop_front();
    }
    if model.live.requests.get(number).is_some_and(|record| state.filter.matches(record.as_ref())) {
        state.matches.push_back(number);
    }
}

/// Computes the projection anew, after the filter or every number has changed.
fn reproject(model: &mut Model) {
    let filter = &model.tail.filter;
    let requests = &model.live.requests;
    model.tail.matches =
        requests.iter().filter(|(_, record)| filter.matches(record.as_ref())).map(|(number, _)| number).collect();
}

/// Puts missed requests in. Selection, first row and pause find their requests again by identity.
pub fn merge(model: &mut Model, missed: Vec<UsageRecord>) {
    let id = |model: &Model, number: u64| model.live.requests.get(number).map(|record| record.id);
    let top = model.tail.top.and_then(|number| id(model, number));
    let last_shown = model.tail.paused.and_then(|paused| id(model, paused.from.checked_sub(1)?));
    model.live.requests.merge(missed);
    let number = |model: &Model, id: UsageRecordId| model.live.requests.number(id);
    model.tail.top = top.and_then(|id| number(model, id));
    model.tail.selected =
        model.tail.selected.and_then(|Selected { id, .. }| Some(Selected { number: number(model, id)?, id }));
    if let Some(paused) = model.tail.paused {
        let from = last_shown.and_then(|id| number(model, id)).map_or(model.live.requests.first(), |number| number + 1);
        model.tail.paused = Some(Paused { from, ..paused });
    }
    reproject(model);
}

fn selected(model: &Model) -> Option<&Arc<UsageRecord>> {
    model.live.requests.get(model.tail.number(model.tail.selected_row())?)
}

fn select(model: &mut Model, row: usize, page: usize) {
    let offset = cursor::scrolled(model.tail.offset(page), row, model.tail.visible(), page);
    let chosen = model.tail.number(row).and_then(|number| Some((number, model.live.requests.get(number)?.id)));
    // The first row follows the newest request; any other stays with its own.
    model.tail.selected = chosen.filter(|_| row > 0).map(|(number, id)| Selected { number, id });
    model.tail.top = if offset == 0 && row == 0 { None } else { model.tail.number(offset) };
}

fn page(model: &Model) -> usize {
    // A line of counts and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2))
}

fn pause(model: &mut Model) {
    model.tail.paused = match model.tail.paused {
        Some(_) => {
            model.tail.selected = None;
            model.tail.top = None;
            None
        }
        None => Some(Paused { from: model.live.requests.end(), since: model.env.mono }),
    };
}

pub(super) use draw::status as status_of;

/// What there is to know of a request, for the acts that work everywhere.
pub(super) fn subject_of(record: &Arc<UsageRecord>) -> Subject {
    let key = KeyRef { organisation: record.organisation.clone(), name: record.api_key.clone() };
    Subject {
        what: format!("request {}", record.request_id),
        id: record.request_id.clone(),
        json: serde_json::to_string_pretty(record.as_ref()).unwrap_or_default(),
        scope: Some(ScopeRef::key(&key)),
        key: Some(key),
        record: Some(Arc::clone(record)),
    }
}

impl Screen for Tail {
    fn name(&self) -> &'static str {
        "tail"
    }

    fn title(&self) -> &'static str {
        "Requests as they end, newest on top"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Open, &[Press::plain(K::Enter)]),
            hinted(Action::Pause, &[Press::char(' ')]),
            hinted(Action::Filter, &[Press::char('/')]),
            hinted(Action::Danger, &[Press::char('x')]),
            quiet(Action::OpenKey, &[Press::char('K')]),
            quiet(Action::Traffic, &[Press::char('t')]),
            quiet(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        let page = page(model);
        match action {
            Action::Pause => pause(model),
            Action::Open => match selected(model).map(Arc::clone) {
                Some(record) => request::open(model, record, out),
                None => model.say(crate::msg::Level::Info, "there is no request yet"),
            },
            _ => match cursor::moved(action, model.tail.selected_row(), model.tail.visible(), page) {
                Some(row) => select(model, row, page),
                None => return false,
            },
        }
        true
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        if matches!(model.scope, Some(Scope::Organisation(_))) {
            model.load(Load::Recent(None), out);
        }
    }

    fn filter<'a>(&self, model: &'a Model) -> Option<&'a Filter> {
        Some(&model.tail.filter)
    }

    fn set_filter(&self, model: &mut Model, text: &str) {
        model.tail.filter = Filter::parse(text, FIELDS);
        reproject(model);
        model.tail.top = None;
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        selected(model).map(subject_of)
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        draw::tail(model, frame, area);
    }
}

/// Shows only the requests that pass `filter`.
pub(super) fn open_filtered(model: &mut Model, filter: &str, out: &mut Vec<Effect>) {
    model.go(ScreenId::Tail, out);
    Tail.set_filter(model, filter);
}
