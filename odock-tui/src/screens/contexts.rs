//! `:ctx`: the contexts of the configuration file. Switching works whether or not a gateway answers.

use entity::vocab::Scope;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Screen, states};
use crate::action::Action;
use crate::effects::{Effect, Load};
use crate::keys::{Binding, Key as K, Press, hinted};
use crate::model::{Model, Subject};
use crate::msg::{ContextRow, Level};
use crate::remote::Remote;
use crate::theme::Role;
use crate::view;
use crate::widgets::cursor;
use crate::widgets::layout::split_top;
use crate::widgets::table::{Cell, Column, Table};

/// The screen.
pub struct Contexts;

/// Its state.
#[derive(Debug, Default)]
pub struct State {
    /// The contexts.
    pub(crate) rows: Remote<Vec<ContextRow>>,
    selected: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column { title: "context", width: 16, grow: 2, right: false, keep: 9 },
    Column { title: "gateway", width: 24, grow: 3, right: false, keep: 8 },
    Column { title: "organisation", width: 14, grow: 1, right: false, keep: 5 },
    Column { title: "guards", width: 20, grow: 0, right: false, keep: 6 },
    Column { title: "credential", width: 16, grow: 2, right: false, keep: 3 },
];

fn rows(model: &Model) -> &[ContextRow] {
    model.contexts.rows.value().map_or(&[], Vec::as_slice)
}

fn row(model: &Model) -> usize {
    let wanted = model.contexts.selected.as_ref().or(model.session.context.as_ref());
    wanted.and_then(|name| rows(model).iter().position(|row| row.name == *name)).unwrap_or(0)
}

fn page(model: &Model) -> usize {
    // A line about who we are and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2))
}

/// Who we are here, until when, and what answers.
fn identity(model: &Model) -> Line<'static> {
    let theme = model.theme;
    let mut text = match model.whoami.value() {
        Some(who) => {
            let may = if who.token.scopes.contains(&Scope::Write) { "" } else { ", read-only" };
            format!("{} ({}{may}) until {}", who.name(), who.role, model.env.day(who.token.expires_at))
        }
        None => "not signed in yet".to_owned(),
    };
    if let Some(version) = model.version.value() {
        text.push_str(&format!(" · gateway {}, {}, {}", version.version, version.database, version.hot_store));
    }
    Line::styled(text, theme.style(Role::Muted))
}

impl Screen for Contexts {
    fn name(&self) -> &'static str {
        "ctx"
    }

    fn title(&self) -> &'static str {
        "Contexts: other gateways and organisations"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] =
            &[hinted(Action::Open, &[Press::plain(K::Enter)]), hinted(Action::CopyId, &[Press::char('C')])];
        BINDINGS
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        model.contexts.selected = None;
        self.refresh(model, out);
    }

    fn act(&self, model: &mut Model, action: Action, out: &mut Vec<Effect>) -> bool {
        if action == Action::Open {
            match rows(model).get(row(model)).map(|row| row.name.clone()) {
                Some(name) => {
                    model.say(Level::Info, format!("switching to {name}"));
                    out.push(Effect::Switch(name));
                }
                None => model.say(Level::Info, "there is no context to switch to"),
            }
            return true;
        }
        match cursor::moved(action, row(model), rows(model).len(), page(model)) {
            Some(to) => model.contexts.selected = rows(model).get(to).map(|row| row.name.clone()),
            None => return false,
        }
        true
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        model.load(Load::Contexts, out);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        let row = rows(model).get(row(model))?;
        Some(Subject {
            what: format!("context {}", row.name),
            id: row.name.clone(),
            json: String::new(),
            key: None,
            scope: None,
            record: None,
        })
    }

    fn offline(&self) -> bool {
        true
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        let (head, area) = split_top(area, 1);
        frame.render_widget(Paragraph::new(identity(model)), head);
        let Some(contexts) = states::value(model, frame, area, "contexts", &model.contexts.rows) else { return };
        if contexts.is_empty() {
            let advice = [
                format!("This is {}, named by flags or the environment.", model.session.url),
                "`odockctl context add NAME --url URL` makes a context".to_owned(),
            ];
            states::empty(model, frame, area, "The configuration file has no context.", &advice);
            return;
        }
        let theme = model.theme;
        let page = page(model);
        let table = Table {
            columns: COLUMNS,
            rows: contexts.len(),
            offset: cursor::scrolled(0, row(model), contexts.len(), page),
            selected: Some(row(model)),
            mark: &|_| "",
            cell: &|row, column| match contexts.get(row) {
                Some(context) => cell(model, context, column),
                None => Cell { text: String::new(), style: theme.style(Role::Text) },
            },
            header: theme.style(Role::Header),
            selection: theme.style(Role::Selected),
        };
        table.draw(area, frame.buffer_mut());
    }
}

fn cell(model: &Model, row: &ContextRow, column: usize) -> Cell {
    let theme = model.theme;
    let current = model.session.context.as_deref() == Some(row.name.as_str());
    match COLUMNS[column].title {
        "context" => {
            let mark = if current { "● " } else { "  " };
            Cell { text: format!("{mark}{}", row.name), style: theme.style(Role::Strong) }
        }
        "gateway" => Cell { text: row.url.clone(), style: theme.style(Role::Text) },
        "organisation" => {
            let text = row.organisation.clone().unwrap_or_else(|| "-".to_owned());
            Cell { text, style: theme.style(Role::Text) }
        }
        "guards" => {
            let guards: Vec<&str> = [(row.protected, "protected"), (row.read_only, "read-only")]
                .into_iter()
                .filter_map(|(set, word)| set.then_some(word))
                .collect();
            let text = if guards.is_empty() { "-".to_owned() } else { guards.join(", ") };
            Cell { text, style: theme.style(if guards.is_empty() { Role::Muted } else { Role::Warn }) }
        }
        _ => {
            let text = row.credential.clone().unwrap_or_else(|| "-".to_owned());
            Cell { text, style: theme.style(Role::Muted) }
        }
    }
}
