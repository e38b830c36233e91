//! `:pulse`: whether something is wrong, and for whom.

mod draw;
mod risk;
mod tiles;

use std::collections::VecDeque;
use std::sync::Arc;

use entity::ledger::LimitStatus;
use entity::live::Top;
use entity::usage::UsageRecord;
use entity::vocab::{Outcome, ScopeType};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Screen, key, limit, limits, request, tail};
use crate::action::Action;
use crate::effects::{Effect, KeyRef, Load, ScopeRef};
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::live::{Dimension, Metric};
use crate::model::{Model, Scope, Subject};
use crate::msg::Level;
use crate::widgets::cursor;

/// Refusals that are kept.
const KEPT: usize = 200;

/// The screen.
pub struct Pulse;

/// Its state. Rows of the busiest are selected by name, refusals by request id, for both change places every second.
#[derive(Debug, Default)]
pub struct State {
    metric: Metric,
    pane: Pane,
    zoom: bool,
    ranked: [Vec<Top>; 3],
    refusals: VecDeque<Arc<UsageRecord>>,
    /// Positions in the loaded statuses, the most urgent first.
    at_risk: Vec<usize>,
    selected: Option<String>,
}

/// The panes that can be focused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Keys,
    Models,
    Teams,
    Limits,
    Refusals,
}

impl Pane {
    const ALL: [Self; 5] = [Self::Keys, Self::Models, Self::Teams, Self::Limits, Self::Refusals];

    fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Keys => Some(Dimension::Keys),
            Self::Models => Some(Dimension::Models),
            Self::Teams => Some(Dimension::Teams),
            Self::Limits | Self::Refusals => None,
        }
    }

    fn step(self, by: usize) -> Self {
        let at = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        Self::ALL[(at + by) % Self::ALL.len()]
    }
}

/// Ranks the busiest anew.
pub fn ranked(model: &mut Model) {
    let metric = model.pulse.metric;
    model.pulse.ranked = Dimension::ALL.map(|dimension| model.live.ticks.busiest(dimension, metric));
}

/// Finds what is at risk anew, after the windows have come.
pub fn limited(model: &mut Model) {
    model.pulse.at_risk = limits::by_risk(model);
}

/// Whether a request belongs among the refusals: the caller did not get what was asked for.
fn is_refusal(record: &UsageRecord) -> bool {
    matches!(record.outcome, Outcome::Denied | Outcome::Failed)
}

/// Notes a request.
pub fn arrived(model: &mut Model, record: &Arc<UsageRecord>) {
    if is_refusal(record) {
        let refusals = &mut model.pulse.refusals;
        if refusals.len() == KEPT {
            refusals.pop_back();
        }
        refusals.push_front(Arc::clone(record));
    }
}

/// Finds the refusals among all requests, after missed ones were put in.
pub fn refused(model: &mut Model) {
    let requests = model.live.requests.iter().rev();
    model.pulse.refusals =
        requests.map(|(_, record)| record).filter(|record| is_refusal(record)).take(KEPT).map(Arc::clone).collect();
}

fn len(model: &Model) -> usize {
    match model.pulse.pane {
        Pane::Limits => model.pulse.at_risk.len(),
        Pane::Refusals => model.pulse.refusals.len(),
        pane => pane.dimension().map_or(0, |dimension| model.pulse.ranked[dimension as usize].len()),
    }
}

fn name(model: &Model, row: usize) -> Option<&str> {
    match model.pulse.pane {
        Pane::Limits => limited_row(model, row).map(|status| status.name.as_str()),
        Pane::Refusals => model.pulse.refusals.get(row).map(|record| record.request_id.as_str()),
        pane => model.pulse.ranked[pane.dimension()? as usize].get(row).map(|top| top.name.as_str()),
    }
}

/// The budget or quota in a row of its pane.
fn limited_row(model: &Model, row: usize) -> Option<&LimitStatus> {
    limits::all(model).get(*model.pulse.at_risk.get(row)?)
}

/// The selected row of the focused pane; the first one if none was chosen or it is gone.
fn row(model: &Model) -> usize {
    let Some(wanted) = model.pulse.selected.as_deref() else { return 0 };
    (0..len(model)).find(|row| name(model, *row) == Some(wanted)).unwrap_or(0)
}

/// The key with this name in the rankings. Across organisations a name is only enough if the keys are loaded and it is unique.
fn key_named(model: &Model, name: &str) -> Option<KeyRef> {
    if let Some(Scope::Organisation(slug)) = &model.scope {
        return Some(KeyRef { organisation: slug.clone(), name: name.to_owned() });
    }
    let mut candidates = model.virtual_keys.value()?.iter().filter(|key| key.name == name);
    let only = candidates.next()?;
    candidates.next().is_none().then(|| model.key_ref(only))
}

fn selected_key(model: &Model) -> Option<KeyRef> {
    (model.pulse.pane == Pane::Keys).then(|| key_named(model, name(model, row(model))?)).flatten()
}

/// The model or team that is selected. Across organisations its name does not say whose it is.
fn ranked_subject(model: &Model) -> Option<Subject> {
    let name = name(model, row(model))?;
    let (what, r#type) = match model.pulse.pane {
        Pane::Models => ("model", ScopeType::Model),
        _ => ("team", ScopeType::Team),
    };
    let scope = match &model.scope {
        Some(Scope::Organisation(slug)) => Some(ScopeRef::named(slug, r#type, name)),
        _ => None,
    };
    Some(Subject {
        what: format!("{what} {name}"),
        id: name.to_owned(),
        json: String::new(),
        key: None,
        scope,
        record: None,
    })
}

fn open(model: &mut Model, out: &mut Vec<Effect>) {
    let row = row(model);
    let Some(name) = name(model, row).map(str::to_owned) else {
        model.say(Level::Info, "there is nothing to open in this pane");
        return;
    };
    match model.pulse.pane {
        Pane::Keys => match key_named(model, &name) {
            Some(wanted) => key::open(model, wanted, out),
            None => tail::open_filtered(model, &format!("key:={name}"), out),
        },
        Pane::Models => tail::open_filtered(model, &format!("model:={name}"), out),
        Pane::Teams => tail::open_filtered(model, &format!("team:={name}"), out),
        Pane::Limits => {
            if let Some(status) = limited_row(model, row) {
                let (kind, name) = (status.kind, status.name.clone());
                limit::open(model, kind, name, out);
            }
        }
        Pane::Refusals => {
            if let Some(record) = model.pulse.refusals.get(row).map(Arc::clone) {
                request::open(model, record, out);
            }
        }
    }
}

impl Screen for Pulse {
    fn name(&self) -> &'static str {
        "pulse"
    }

    fn title(&self) -> &'static str {
        "The overview: traffic, latency, the busiest, refusals"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::NextPane, &[Press::plain(K::Tab)]),
            quiet(Action::PreviousPane, &[Press::plain(K::BackTab)]),
            hinted(Action::Open, &[Press::plain(K::Enter)]),
            hinted(Action::Metric, &[Press::char('m')]),
            hinted(Action::Zoom, &[Press::char('z')]),
            hinted(Action::Danger, &[Press::char('x')]),
            quiet(Action::Traffic, &[Press::char('t')]),
            quiet(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        match action {
            Action::NextPane | Action::PreviousPane => {
                model.pulse.pane =
                    model.pulse.pane.step(if action == Action::NextPane { 1 } else { Pane::ALL.len() - 1 });
                model.pulse.selected = None;
            }
            Action::Metric => {
                model.pulse.metric = model.pulse.metric.next();
                ranked(model);
            }
            Action::Zoom => model.pulse.zoom = !model.pulse.zoom,
            Action::Open => open(model, out),
            Action::Back if model.pulse.zoom && model.notice.is_none() => model.pulse.zoom = false,
            _ => match cursor::moved(action, row(model), len(model), 10) {
                Some(to) => model.pulse.selected = name(model, to).map(str::to_owned),
                None => return false,
            },
        }
        true
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        if matches!(model.scope, Some(Scope::Organisation(_))) && model.live.requests.is_empty() {
            model.load(Load::Recent(None), out);
        }
        limits::refresh(model, out);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        if model.pulse.pane == Pane::Refusals {
            return model.pulse.refusals.get(row(model)).map(tail::subject_of);
        }
        if model.pulse.pane == Pane::Limits {
            return limited_row(model, row(model)).map(|status| limits::subject_of(model, status));
        }
        if matches!(model.pulse.pane, Pane::Models | Pane::Teams) {
            return ranked_subject(model);
        }
        let key = selected_key(model)?;
        Some(match model.find_key(&key) {
            Some(found) => super::keys::subject_of(model, found),
            None => Subject {
                what: format!("key {}", key.name),
                id: key.name.clone(),
                json: String::new(),
                scope: Some(ScopeRef::key(&key)),
                key: Some(key),
                record: None,
            },
        })
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        draw::pulse(model, frame, area);
    }
}
