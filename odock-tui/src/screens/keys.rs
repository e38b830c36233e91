//! `:keys`: the virtual keys, with what each of them does right now.

mod draw;
mod sort;
pub mod status;

use entity::resource::ApiKey;
use ratatui::Frame;
use ratatui::layout::Rect;
use uuid::Uuid;

use super::order::{self, By as _, Order};
use super::{Screen, key, states};
use crate::action::Action;
use crate::effects::{Effect, Load, ScopeRef};
use crate::filter::{Fields, Filter};
use crate::keys::{Binding, Key as K, Press, hinted, quiet};
use crate::model::{Model, Subject};
use crate::msg::Level;
use crate::overlay::{Overlay, menu::Menu};
use crate::view;
use crate::widgets::cursor;
pub(super) use draw::expires;
use sort::By;

/// The screen.
pub struct Keys;

/// Its state. The selection is a key's id, so that sorting and refreshing do not move it to another key.
#[derive(Debug)]
pub struct State {
    filter: Filter,
    order: Order<By>,
    /// Positions in the loaded keys, filtered and sorted.
    rows: Vec<usize>,
    selected: Option<Uuid>,
    offset: usize,
    pub(super) details: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            order: Order::new(By::Name),
            rows: Vec::new(),
            selected: None,
            offset: 0,
            details: true,
        }
    }
}

/// The fields that a filter of keys can name.
const FIELDS: &[&str] = &["name", "type", "team", "user", "model", "organisation", "status", "id"];

struct Row<'a> {
    key: &'a ApiKey,
    status: &'static str,
}

impl Fields for Row<'_> {
    fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let Self { key, status } = self;
        see("name", &key.name)
            || see("type", key.spec.r#type.as_str())
            || key.spec.team.as_deref().is_some_and(|team| see("team", team))
            || key.spec.user.as_deref().is_some_and(|user| see("user", user))
            || key.spec.models.iter().any(|model| see("model", model))
            || key.organisation.as_deref().is_some_and(|slug| see("organisation", slug))
            || see("status", status)
            || see("id", &key.id.to_string())
    }
}

/// Filters and sorts anew. Called when keys, filter or order change, and with each tick if the order depends on traffic.
pub fn reproject(model: &mut Model) {
    let keys = model.virtual_keys.value().map_or(&[][..], Vec::as_slice);
    let State { filter, order, .. } = &model.keys;
    let now = model.env.now;
    let passes = |key: &ApiKey| filter.is_empty() || filter.matches(&Row { key, status: status::of(key, now).word() });
    let mut rows: Vec<usize> = (0..keys.len()).filter(|at| passes(&keys[*at])).collect();
    sort::sort(order, &mut rows, keys, &model.live.activity, now);
    model.keys.rows = rows;
    let row = row(model);
    model.keys.offset = cursor::scrolled(model.keys.offset, row, model.keys.rows.len(), page(model));
}

/// A second has passed: where traffic decides the order, it may be another one.
pub fn paced(model: &mut Model) {
    if sort::by_traffic(&model.keys.order) {
        reproject(model);
    }
}

/// Puts keys in the order of their names, which the sorting relies on.
pub fn by_name(keys: &mut [ApiKey]) {
    keys.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
}

/// Puts a key in the place of its former self.
pub fn replace(model: &mut Model, key: ApiKey) {
    if let Some(keys) = model.virtual_keys.value_mut() {
        match keys.iter_mut().find(|candidate| candidate.id == key.id) {
            Some(place) => *place = key,
            None => keys.push(key),
        }
        by_name(keys);
    }
    reproject(model);
}

/// The row of the selected key; the first one if none was chosen or it is gone.
fn row(model: &Model) -> usize {
    let keys = model.virtual_keys.value().map_or(&[][..], Vec::as_slice);
    model
        .keys
        .selected
        .and_then(|id| model.keys.rows.iter().position(|at| keys.get(*at).is_some_and(|key| key.id == id)))
        .unwrap_or(0)
}

/// The selected key.
pub(super) fn selected(model: &Model) -> Option<&ApiKey> {
    model.virtual_keys.value()?.get(*model.keys.rows.get(row(model))?)
}

fn page(model: &Model) -> usize {
    // A line of counts and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2))
}

/// What there is to know of a key, for the acts that work everywhere.
pub(super) fn subject_of(model: &Model, key: &ApiKey) -> Subject {
    let reference = model.key_ref(key);
    Subject {
        what: format!("key {}", key.name),
        id: key.id.to_string(),
        json: serde_json::to_string_pretty(key).unwrap_or_default(),
        scope: Some(ScopeRef::key(&reference)),
        key: Some(reference),
        record: None,
    }
}

impl Screen for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }

    fn title(&self) -> &'static str {
        "Virtual keys: whose, until when, for which models, and what each does right now"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Open, &[Press::plain(K::Enter)]),
            hinted(Action::Filter, &[Press::char('/')]),
            hinted(Action::Sort, &[Press::char('s')]),
            hinted(Action::Danger, &[Press::char('x')]),
            quiet(Action::Reverse, &[Press::char('S')]),
            quiet(Action::Details, &[Press::char('d')]),
            quiet(Action::Traffic, &[Press::char('t')]),
            quiet(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        match action {
            Action::Open => match selected(model).map(|key| model.key_ref(key)) {
                Some(wanted) => key::open(model, wanted, out),
                None => model.say(Level::Info, "there is no key here"),
            },
            Action::Details => model.keys.details = !model.keys.details,
            Action::Sort => model.overlay = Some(Overlay::Menu(Menu::new("Sort keys by", order::items::<By>()))),
            Action::Reverse => {
                model.keys.order.reverse();
                reproject(model);
            }
            _ => {
                let (len, page) = (model.keys.rows.len(), page(model));
                let Some(to) = cursor::moved(action, row(model), len, page) else { return false };
                let id = model.keys.rows.get(to).and_then(|at| model.virtual_keys.value()?.get(*at)).map(|key| key.id);
                model.keys.selected = id;
                model.keys.offset = cursor::scrolled(model.keys.offset, to, len, page);
            }
        }
        true
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        let stale = model.virtual_keys.at().is_none_or(|at| model.env.mono.saturating_sub(at) > 10_000);
        if stale && model.link.is_open() && !model.virtual_keys.awaited() {
            model.load(Load::Keys, out);
        }
    }

    fn sort_by(&self, model: &mut Model, column: usize) {
        if let Some(by) = By::ALL.get(column) {
            model.keys.order.by(*by);
            reproject(model);
        }
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        model.load(Load::Keys, out);
    }

    fn filter<'a>(&self, model: &'a Model) -> Option<&'a Filter> {
        Some(&model.keys.filter)
    }

    fn set_filter(&self, model: &mut Model, text: &str) {
        model.keys.filter = Filter::parse(text, FIELDS);
        reproject(model);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        selected(model).map(|key| subject_of(model, key))
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        if let Some(keys) = states::value(model, frame, area, "keys", &model.virtual_keys) {
            draw::keys(model, keys, frame, area);
        }
    }
}
