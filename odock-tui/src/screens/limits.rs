//! `:budgets` and `:quotas`: what is used, what is left, and when it runs out. One screen, two filters.

mod draw;
pub mod health;
mod poll;
mod sort;

use entity::ledger::LimitStatus;
use entity::live::Threshold;
use entity::resource::Owner;
use entity::vocab::{LimitKind, OwnerType};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::order::{self, By as _, Order};
use super::{Screen, limit, states};
use crate::action::Action;
use crate::effects::{Effect, Load, ScopeRef};
use crate::filter::{Fields, Filter};
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::model::{Model, Scope, Subject};
use crate::msg::Level;
use crate::overlay::{Overlay, menu::Menu};
use crate::view;
use crate::widgets::cursor;
use crate::widgets::text::clean;
pub(super) use draw::{aged, bar, line, percent, runs_out};
pub use poll::{due, poll, refresh};
use sort::By;

/// That a budget or quota has reached a threshold, in words.
#[must_use]
pub fn reached(threshold: &Threshold) -> String {
    format!("{} {} has reached {} %", threshold.kind.as_str(), clean(&threshold.name), threshold.threshold)
}

/// The budgets.
pub static BUDGETS: Limits = Limits { kind: LimitKind::Budget };
/// The quotas.
pub static QUOTAS: Limits = Limits { kind: LimitKind::Quota };
/// What is declared changes seldom: it is fetched again when it is older than this.
const DECLARED_MS: u64 = 30_000;
/// How old it may be while what is shown is not in it.
const UNDECLARED_MS: u64 = 1_000;

/// The screen of one kind.
pub struct Limits {
    kind: LimitKind,
}

/// Its state. The selection is a name, so that sorting and refreshing do not move it to another row.
#[derive(Debug)]
pub struct State {
    filter: Filter,
    order: Order<By>,
    /// Positions in the loaded statuses, filtered and sorted.
    rows: Vec<usize>,
    selected: Option<String>,
    offset: usize,
    details: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            order: Order::new(By::Spent),
            rows: Vec::new(),
            selected: None,
            offset: 0,
            details: true,
        }
    }
}

/// The fields that a filter can name.
const FIELDS: &[&str] = &["name", "owner", "metric", "state", "enforcement"];

impl Fields for LimitStatus {
    fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        see("name", &self.name)
            || see("owner", &owner(&self.owner))
            || see("metric", self.metric.as_str())
            || see("state", health::of(self).word())
            || see("enforcement", self.enforcement.as_str())
    }
}

/// An owner as `odockctl` spells it: `team/search`, `org`.
#[must_use]
pub fn owner(owner: &Owner) -> String {
    let kind = match owner.r#type {
        OwnerType::Org => return "org".to_owned(),
        OwnerType::Team => "team",
        OwnerType::User => "user",
        OwnerType::ApiKey => "key",
    };
    format!("{kind}/{}", owner.name.as_deref().unwrap_or("?"))
}

/// The windows have come, or will not.
pub fn arrived(model: &mut Model) {
    if let Some(statuses) = model.statuses.value_mut() {
        // The sorting relies on it.
        statuses.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| a.name.cmp(&b.name)));
    }
    BUDGETS.reproject(model);
    QUOTAS.reproject(model);
    super::pulse::limited(model);
}

/// The budgets and quotas that are kept now, the most urgent first, as positions in the loaded statuses.
pub(super) fn by_risk(model: &Model) -> Vec<usize> {
    let statuses = all(model);
    let mut rows: Vec<usize> =
        (0..statuses.len()).filter(|at| statuses[*at].active && statuses[*at].window.is_some()).collect();
    rows.sort_by(|a, b| sort::risk(&statuses[*a], &statuses[*b]));
    rows
}

pub(super) fn all(model: &Model) -> &[LimitStatus] {
    model.statuses.value().map_or(&[][..], Vec::as_slice)
}

/// What there is to know of a budget or quota, for the acts that work everywhere.
pub(super) fn subject_of(model: &Model, status: &LimitStatus) -> Subject {
    let declared = limit::declared(model, status);
    Subject {
        what: format!("{} {}", status.kind, status.name),
        id: declared.map(|declared| declared.id.to_string()).unwrap_or_else(|| status.name.clone()),
        json: declared
            .map_or_else(|| serde_json::to_string_pretty(status).unwrap_or_default(), |declared| declared.json.clone()),
        key: None,
        scope: ScopeRef::owner(model.organisation(), &status.owner),
        record: None,
    }
}

/// Fetches what is declared, if it is not here or old.
pub(super) fn declare(model: &mut Model, out: &mut Vec<Effect>) {
    // One that was made after the last look is looked up soon.
    let most = if limit::undeclared(model) { UNDECLARED_MS } else { DECLARED_MS };
    let old = model.declared.answered().is_none_or(|at| model.env.mono.saturating_sub(at) > most);
    if old && !model.declared.awaited() {
        declare_again(model, out);
    }
}

/// Fetches what is declared, if anybody can answer.
pub(super) fn declare_again(model: &mut Model, out: &mut Vec<Effect>) {
    if matches!(model.scope, Some(Scope::Organisation(_))) && model.link.is_open() {
        model.load(Load::Declared, out);
    }
}

impl Limits {
    fn state<'a>(&self, model: &'a Model) -> &'a State {
        match self.kind {
            LimitKind::Budget => &model.budgets,
            LimitKind::Quota => &model.quotas,
        }
    }

    fn state_mut<'a>(&self, model: &'a mut Model) -> &'a mut State {
        match self.kind {
            LimitKind::Budget => &mut model.budgets,
            LimitKind::Quota => &mut model.quotas,
        }
    }

    /// Filters and sorts anew.
    fn reproject(&self, model: &mut Model) {
        let statuses = all(model);
        let State { filter, order, .. } = self.state(model);
        let passes = |status: &LimitStatus| status.kind == self.kind && (filter.is_empty() || filter.matches(status));
        let mut rows: Vec<usize> = (0..statuses.len()).filter(|at| passes(&statuses[*at])).collect();
        order.sort(&mut rows, |by, a, b| sort::compare(by, &statuses[a], &statuses[b]));
        self.state_mut(model).rows = rows;
        self.scroll(model);
    }

    fn scroll(&self, model: &mut Model) {
        let (row, page) = (self.row(model), page(model));
        let state = self.state_mut(model);
        state.offset = cursor::scrolled(state.offset, row, state.rows.len(), page);
    }

    fn at<'a>(&self, model: &'a Model, row: usize) -> Option<&'a LimitStatus> {
        all(model).get(*self.state(model).rows.get(row)?)
    }

    /// The row of the selected one; the first if none was chosen or it is gone.
    fn row(&self, model: &Model) -> usize {
        let state = self.state(model);
        let Some(wanted) = state.selected.as_deref() else { return 0 };
        (0..state.rows.len()).find(|row| self.at(model, *row).is_some_and(|status| status.name == wanted)).unwrap_or(0)
    }

    fn selected<'a>(&self, model: &'a Model) -> Option<&'a LimitStatus> {
        self.at(model, self.row(model))
    }

    /// The plural, for sentences.
    const fn noun(&self) -> &'static str {
        match self.kind {
            LimitKind::Budget => "budgets",
            LimitKind::Quota => "quotas",
        }
    }
}

fn page(model: &Model) -> usize {
    // A line of counts and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2))
}

impl Screen for Limits {
    fn name(&self) -> &'static str {
        self.noun()
    }

    fn title(&self) -> &'static str {
        match self.kind {
            LimitKind::Budget => "Budgets: what is spent and set aside, what is left, when it runs out",
            LimitKind::Quota => "Quotas: what is used and set aside, what is left, when it runs out",
        }
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Open, &[Press::plain(K::Enter)]),
            hinted(Action::Filter, &[Press::char('/')]),
            hinted(Action::Sort, &[Press::char('s')]),
            hinted(Action::Danger, &[Press::char('x')]),
            quiet(Action::Reverse, &[Press::char('S')]),
            quiet(Action::Details, &[Press::char('d')]),
            quiet(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
            quiet(Action::CopyYaml, &[Press::char('y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        match action {
            Action::Open => match self.selected(model).map(|status| (status.kind, status.name.clone())) {
                Some((kind, name)) => limit::open(model, kind, name, out),
                None => model.say(Level::Info, format!("there are no {} here", self.noun())),
            },
            Action::Details => {
                let state = self.state_mut(model);
                state.details = !state.details;
            }
            Action::Sort => {
                let title = format!("Sort {} by", self.noun());
                model.overlay = Some(Overlay::Menu(Menu::new(title, order::items::<By>())));
            }
            Action::Reverse => {
                self.state_mut(model).order.reverse();
                self.reproject(model);
            }
            _ => {
                let len = self.state(model).rows.len();
                let Some(to) = cursor::moved(action, self.row(model), len, page(model)) else { return false };
                let name = self.at(model, to).map(|status| status.name.clone());
                self.state_mut(model).selected = name;
                self.scroll(model);
            }
        }
        true
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        declare(model, out);
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        refresh(model, out);
        declare_again(model, out);
    }

    fn sort_by(&self, model: &mut Model, column: usize) {
        if let Some(by) = By::ALL.get(column) {
            self.state_mut(model).order.by(*by);
            self.reproject(model);
        }
    }

    fn filter<'a>(&self, model: &'a Model) -> Option<&'a Filter> {
        Some(&self.state(model).filter)
    }

    fn set_filter(&self, model: &mut Model, text: &str) {
        self.state_mut(model).filter = Filter::parse(text, FIELDS);
        self.reproject(model);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        self.selected(model).map(|status| subject_of(model, status))
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        if states::in_organisation(model, frame, area, self.noun())
            && states::value(model, frame, area, self.noun(), &model.statuses).is_some()
        {
            draw::table(self, model, frame, area);
        }
    }
}
