//! One request: where its time went, which upstreams were tried, what it consumed, what it cost, its ids.

mod draw;
mod limits;

use std::sync::Arc;

use entity::usage::UsageRecord;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Screen, ScreenId, states, tail};
use crate::action::Action;
use crate::effects::{Effect, Load};
use crate::keys::{Binding, Press, hinted, quiet};
use crate::model::{Model, Subject};
use crate::remote::Remote;
use crate::view;
use crate::widgets::cursor;

/// The screen.
pub struct Request;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    /// The request id that is looked at.
    pub(crate) id: String,
    /// The record.
    pub(crate) record: Remote<Arc<UsageRecord>>,
    offset: usize,
}

/// Opens a request that is here already.
pub fn open(model: &mut Model, record: Arc<UsageRecord>, out: &mut Vec<Effect>) {
    let mono = model.env.mono;
    model.request = State { id: record.request_id.clone(), ..State::default() };
    model.request.record.settle(Ok(record), mono);
    model.go(ScreenId::Request, out);
}

/// Opens a request by its id, fetching it if it is not here.
pub fn open_id(model: &mut Model, id: String, out: &mut Vec<Effect>) {
    if let Some(record) = model.live.requests.find(&id).map(Arc::clone) {
        open(model, record, out);
        return;
    }
    model.request = State { id, ..State::default() };
    model.go(ScreenId::Request, out);
    Request.refresh(model, out);
}

impl Screen for Request {
    fn name(&self) -> &'static str {
        "request"
    }

    fn title(&self) -> &'static str {
        "One request: stages, attempts, limits, budgets, tokens, bill, ids"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::OpenKey, &[Press::char('K')]),
            hinted(Action::Traffic, &[Press::char('t')]),
            hinted(Action::CopyId, &[Press::char('C')]),
            hinted(Action::Danger, &[Press::char('x')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, _: &mut Vec<Effect>) -> bool {
        let page = usize::from(view::body(model).height);
        let len = model.request.record.value().map_or(0, |record| draw::height(model, record, view::body(model).width));
        let last = len.saturating_sub(page);
        let to = match action {
            Action::Up => model.request.offset.saturating_sub(1),
            Action::Down => model.request.offset + 1,
            _ => match cursor::moved(action, model.request.offset, len, page) {
                Some(to) => to,
                None => return false,
            },
        };
        model.request.offset = to.min(last);
        true
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        if !model.request.id.is_empty() && model.request.record.value().is_none() {
            let id = model.request.id.clone();
            model.load(Load::Record(id), out);
        }
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        model.request.record.value().map(tail::subject_of)
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let what = format!("request {}", model.request.id);
        if let Some(record) = states::value(model, frame, area, &what, &model.request.record) {
            draw::request(model, record, model.request.offset, frame, area);
        }
    }
}
