//! `:overlays`: which limits are scaled, by how much, until when and why.

use entity::resource::Overlay as LimitOverlay;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Screen, ScreenId, keys, states};
use crate::action::Action;
use crate::effects::{Effect, Load, Mutation, scope_word};
use crate::format;
use crate::keys::{Binding, Press, hinted, quiet};
use crate::model::{Model, Scope, Subject};
use crate::msg::Level;
use crate::theme::Role;
use crate::view;
use crate::widgets::cursor;
use crate::widgets::layout::split_top;
use crate::widgets::table::{Cell, Column, Table};

/// The screen.
pub struct Overlays;

/// Its state. The selection is a name.
#[derive(Debug, Default)]
pub struct State {
    selected: Option<String>,
    offset: usize,
}

const COLUMNS: &[Column] = &[
    Column { title: "name", width: 16, grow: 2, right: false, keep: 10 },
    Column { title: "scope", width: 16, grow: 2, right: false, keep: 8 },
    Column { title: "factor", width: 7, grow: 0, right: true, keep: 9 },
    Column { title: "state", width: 10, grow: 0, right: false, keep: 7 },
    Column { title: "ends", width: 12, grow: 0, right: false, keep: 6 },
    Column { title: "reason", width: 14, grow: 4, right: false, keep: 5 },
];

fn all(model: &Model) -> &[LimitOverlay] {
    model.limit_overlays.value().map_or(&[][..], Vec::as_slice)
}

fn row(model: &Model) -> usize {
    let wanted = model.overlays.selected.as_deref();
    wanted.and_then(|name| all(model).iter().position(|overlay| overlay.name == name)).unwrap_or(0)
}

fn selected(model: &Model) -> Option<&LimitOverlay> {
    all(model).get(row(model))
}

/// Whether an overlay is what is selected on the current screen.
#[must_use]
pub fn selected_here(model: &Model) -> bool {
    model.screen() == ScreenId::Overlays && selected(model).is_some()
}

/// The end of the selected overlay; says so if there is none.
pub fn need_end(model: &mut Model) -> Option<Mutation> {
    let name = selected(model).filter(|_| selected_here(model)).map(|overlay| overlay.name.clone());
    match name {
        Some(name) => Some(Mutation::EndOverlay { organisation: model.organisation().to_owned(), name }),
        None => {
            model.say(Level::Info, "select an overlay on :overlays first");
            None
        }
    }
}

/// Whether an overlay scales anything now, by our own clock: what the gateway said is a moment old.
fn state(model: &Model, overlay: &LimitOverlay) -> (&'static str, Role) {
    let now = model.env.now;
    if overlay.spec.ends <= now {
        ("◌ over", Role::Muted)
    } else if overlay.spec.starts.is_some_and(|starts| starts > now) {
        ("◌ ahead", Role::Muted)
    } else if overlay.spec.factor.thousandths() < 1_000 {
        ("▲ brake", Role::Warn)
    } else {
        ("● boost", Role::Ok)
    }
}

fn cell(model: &Model, overlay: &LimitOverlay, title: &str) -> Cell {
    let theme = model.theme;
    let text = |text: String| Cell { text, style: theme.style(Role::Text) };
    match title {
        "name" => text(overlay.name.clone()),
        "scope" => text(scope_word(&overlay.spec.scope)),
        "factor" => text(format!("× {}", overlay.spec.factor)),
        "state" => {
            let (word, role) = state(model, overlay);
            Cell { text: word.to_owned(), style: theme.style(role) }
        }
        "ends" => text(keys::expires(model, overlay.spec.ends)),
        _ => Cell { text: overlay.spec.reason.clone().unwrap_or_default(), style: theme.style(Role::Muted) },
    }
}

fn page(model: &Model) -> usize {
    // A line of counts and the header of the table.
    usize::from(view::body(model).height.saturating_sub(2))
}

fn counts(model: &Model) -> Line<'static> {
    let theme = model.theme;
    let number = all(model).len() as u64;
    let mut spans = vec![Span::styled(format::things(number, "overlay"), theme.style(Role::Muted))];
    if let Some(failure) = model.limit_overlays.failure() {
        let at = model.limit_overlays.at().unwrap_or(model.env.mono);
        let text = format!(" · ▲ {} old: {}", format::age(model.env.mono.saturating_sub(at)), failure.message);
        spans.push(Span::styled(text, theme.style(Role::Warn)));
    }
    Line::from(spans)
}

/// Fetches the overlays, if anybody can answer.
pub(crate) fn fetch(model: &mut Model, out: &mut Vec<Effect>) {
    if matches!(model.scope, Some(Scope::Organisation(_))) && model.link.is_open() {
        model.load(Load::Overlays, out);
    }
}

impl Screen for Overlays {
    fn name(&self) -> &'static str {
        "overlays"
    }

    fn title(&self) -> &'static str {
        "Overlays: which limits are scaled, by how much, until when and why"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            hinted(Action::Danger, &[Press::char('x')]),
            hinted(Action::CopyId, &[Press::char('C')]),
            quiet(Action::CopyJson, &[Press::char('Y')]),
            quiet(Action::CopyYaml, &[Press::char('y')]),
        ];
        BINDINGS
    }

    fn act(&self, model: &mut Model, action: Action, _: &mut Vec<Effect>) -> bool {
        let (len, page) = (all(model).len(), page(model));
        let Some(to) = cursor::moved(action, row(model), len, page) else { return false };
        let name = all(model).get(to).map(|overlay| overlay.name.clone());
        model.overlays.selected = name;
        model.overlays.offset = cursor::scrolled(model.overlays.offset, to, len, page);
        true
    }

    fn enter(&self, model: &mut Model, out: &mut Vec<Effect>) {
        fetch(model, out);
    }

    fn refresh(&self, model: &mut Model, out: &mut Vec<Effect>) {
        fetch(model, out);
    }

    fn subject(&self, model: &Model) -> Option<Subject> {
        let overlay = selected(model)?;
        Some(Subject {
            what: format!("overlay {}", overlay.name),
            id: overlay.id.to_string(),
            json: serde_json::to_string_pretty(overlay).unwrap_or_default(),
            key: None,
            scope: None,
            record: None,
        })
    }

    fn view(&self, model: &Model, frame: &mut Frame, area: Rect) {
        if !states::in_organisation(model, frame, area, "overlays")
            || states::value(model, frame, area, "overlays", &model.limit_overlays).is_none()
        {
            return;
        }
        let overlays = all(model);
        if overlays.is_empty() {
            let advice = ["x on a key, a team, a model or a budget sets one: a brake in a bad hour".to_owned()];
            states::empty(model, frame, area, "No limit is scaled.", &advice);
            return;
        }
        let (head, rest) = split_top(area, 1);
        frame.render_widget(Paragraph::new(counts(model)), head);
        let theme = model.theme;
        let table = Table {
            columns: COLUMNS,
            rows: overlays.len(),
            offset: model.overlays.offset,
            selected: Some(row(model)),
            mark: &|_| "",
            cell: &|row, column| match overlays.get(row) {
                Some(overlay) => cell(model, overlay, COLUMNS[column].title),
                None => Cell { text: String::new(), style: theme.style(Role::Text) },
            },
            header: theme.style(Role::Header),
            selection: theme.style(Role::Selected),
        };
        table.draw(rest, frame.buffer_mut());
    }
}
