//! `:providers`: the upstreams, how they are doing at this moment, and whether they answer when they are asked.

mod draw;
mod health;

use std::collections::BTreeMap;

use entity::probe::ProviderTest;
use entity::resource::Provider;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Screen, ScreenId, states};
use crate::action::Action;
use crate::effects::{Effect, Load};
use crate::filter::{Fields, Filter};
use crate::keys::{Binding, Key, Press, hinted, quiet};
use crate::model::{Model, Scope, Subject};
use crate::msg::{Failure, Level};
use crate::remote::Remote;
use crate::view;
use crate::widgets::cursor;

/// How old the providers may become while they are shown: their breakers come with the stream.
const EVERY_MS: u64 = 30_000;

/// The screen.
pub struct Providers;

/// Its state. The selection is a name.
#[derive(Debug, Default)]
pub struct State {
    filter: Filter,
    /// Positions in the loaded providers, filtered.
    rows: Vec<usize>,
    selected: Option<String>,
    offset: usize,
    /// What came of trying each that was tried.
    tests: BTreeMap<String, Remote<ProviderTest>>,
}

/// The fields that a filter can name.
const FIELDS: &[&str] = &["name", "type", "url", "key"];

impl Fields for Provider {
    fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        see("name", &self.name)
            || see("type", self.spec.r#type.as_str())
            || self.spec.base_url.as_deref().is_some_and(|url| see("url", url))
            || self.spec.keys.iter().any(|key| see("key", &key.name))
    }
}

fn all(model: &Model) -> &[Provider] {
    model.upstreams.value().map_or(&[][..], Vec::as_slice)
}

fn at(model: &Model, row: usize) -> Option<&Provider> {
    all(model).get(*model.providers.rows.get(row)?)
}

/// The row of the selected one; the first if none was chosen or it is gone.
fn row(model: &Model) -> usize {
    let Some(wanted) = model.providers.selected.as_deref() else { return 0 };
    let is_it = |row: &usize| at(model, *row).is_some_and(|provider| provider.name == wanted);
    (0..model.providers.rows.len()).find(is_it).unwrap_or(0)
}

fn selected(model: &Model) -> Option<&Provider> {
    at(model, row(model))
}

/// The providers have come, or will not.
pub(crate) fn arrived(model: &mut Model) {
    if let Some(providers) = model.upstreams.value_mut() {
        providers.sort_by(|a, b| a.name.cmp(&b.name));
    }
    reproject(model);
}

/// A provider was tried, or could not be.
pub(crate) fn tried(model: &mut Model, name: &str, result: Result<ProviderTest, Failure>) {
    let mono = model.env.mono;
    let Some(test) = model.providers.tests.get_mut(name) else { return };
    test.settle(result, mono);
}

/// Notes that a provider is being tried.
pub(crate) fn ask(model: &mut Model, name: &str) {
    let mono = model.env.mono;
    model.providers.tests.entry(name.to_owned()).or_default().ask(mono);
}

fn reproject(model: &mut Model) {
    let filter = &model.providers.filter;
    let passes = |provider: &&Provider| filter.is_empty() || filter.matches(*provider);
    let rows = all(model).iter().enumerate().filter(|(_, provider)| passes(provider)).map(|(at, _)| at).collect();
    model.providers.rows = rows;
    scroll(model);
}

fn scroll(model: &mut Model) {
    let (row, page) = (row(model), page(model));
    let state = &mut model.providers;
    state.offset = cursor::scrolled(state.offset, row, state.rows.len(), page);
}

fn page(model: &Model) -> usize {
    let details = draw::details(view::body(model).height);
    // A line of counts and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2 + details))
}

/// Fetches the providers, if anybody can answer.
fn fetch(model: &mut Model, out: &mut Vec<Effect>) {
    if matches!(model.scope, Some(Scope::Organisation(_))) && model.link.is_open() {
        model.load(Load::Providers, out);
    }
}

/// When they are to be fetched next; `None` while nobody looks at them or nobody could answer.
#[must_use]
pub fn due(model: &Model) -> Option<u64> {
    let in_organisation = matches!(model.scope, Some(Scope::Organisation(_)));
    let shown = model.screen() == ScreenId::Providers && in_organisation && model.link.is_open();
    if !shown || model.upstreams.awaited() {
        return None;
    }
    Some(model.upstreams.answered().map_or(0, |at| at.saturating_add(EVERY_MS)))
}

/// Fetches them if it is time.
pub fn poll(model: &mut Model, out: &mut Vec<Effect>) {
    if due(model).is_some_and(|due| due <= model.env.mono) {
        fetch(model, out);
    }
}

impl Screen for Providers {
    fn name(&self) -> &'static str {
        "providers"
    }

    fn title(&self) -> &'static str {
        "Providers: the upstreams, their keys, how they are doing, and whether they answer"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Test, &[Press::char('t')]),
            hinted(Action::Open, &[Press::plain(Key::Enter)]),
            hinted(Action::Filter, &[Press::char('/')]),
            quiet(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
            quiet(Action::CopyYaml, &[Press::char('y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        let name = selected(model).map(|provider| provider.name.clone());
        match (action, name) {
            (Action::Test, Some(name)) => {
                if !model.link.is_open() {
                    model.refuse("the gateway is not connected, so it cannot try a provider");
                } else if !model.providers.tests.get(&name).is_some_and(Remote::awaited) {
                    model.say(Level::Info, format!("asking {name} for its models, which costs nothing"));
                    model.load(Load::Test(name), out);
                }
            }
            (Action::Open, Some(name)) => {
                model.go(ScreenId::Tail, out);
                ScreenId::Tail.screen().set_filter(model, &format!("provider:={name}"));
            }
            (Action::Test | Action::Open, None) => model.say(Level::Info, "there are no providers here"),
            _ => {
                let len = model.providers.rows.len();
                let Some(to) = cursor::moved(action, row(model), len, page(model)) else { return false };
                model.providers.selected = at(model, to).map(|provider| provider.name.clone());
                scroll(model);
            }
        }
        true
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        fetch(model, out);
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        fetch(model, out);
    }

    fn filter<'a>(&self, model: &'a Model) -> Option<&'a Filter> {
        Some(&model.providers.filter)
    }

    fn set_filter(&self, model: &mut Model, text: &str) {
        model.providers.filter = Filter::parse(text, FIELDS);
        reproject(model);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        let provider = selected(model)?;
        Some(Subject {
            what: format!("provider {}", provider.name),
            id: provider.id.to_string(),
            json: serde_json::to_string_pretty(provider).unwrap_or_default(),
            key: None,
            scope: None,
            record: None,
        })
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        if states::in_organisation(model, frame, area, "providers")
            && states::value(model, frame, area, "providers", &model.upstreams).is_some()
        {
            draw::draw(model, frame, area);
        }
    }
}
