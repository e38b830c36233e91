//! The picture of `:tail`.

use entity::usage::UsageRecord;
use entity::vocab::Outcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::states;
use crate::format;
use crate::model::{Model, Scope};
use crate::theme::{Role, Theme};
use crate::view::numbers;
use crate::widgets::layout::split_top;
use crate::widgets::table::{Cell, Column, Table, page};
use crate::widgets::text::cut;

const COLUMNS: &[Column] = &[
    Column { title: "time", width: 8, grow: 0, right: false, keep: 8 },
    Column { title: "status", width: 13, grow: 0, right: false, keep: 9 },
    Column { title: "key", width: 12, grow: 3, right: false, keep: 10 },
    Column { title: "model", width: 12, grow: 3, right: false, keep: 7 },
    Column { title: "provider", width: 10, grow: 2, right: false, keep: 3 },
    Column { title: "team", width: 10, grow: 2, right: false, keep: 1 },
    Column { title: "latency", width: 9, grow: 0, right: true, keep: 6 },
    Column { title: "first", width: 9, grow: 0, right: true, keep: 4 },
    Column { title: "tokens", width: 8, grow: 0, right: true, keep: 5 },
    Column { title: "cost", width: 10, grow: 0, right: true, keep: 5 },
    Column { title: "id", width: 12, grow: 3, right: false, keep: 0 },
];

/// Draws the screen.
pub(super) fn tail(model: &Model, frame: &mut Frame, area: Rect) {
    let (head, rest) = split_top(area, 1);
    frame.render_widget(Paragraph::new(counts(model)), head);
    let visible = model.tail.visible();
    if visible == 0 {
        nothing(model, frame, rest);
        return;
    }
    let theme = model.theme;
    let table = Table {
        columns: COLUMNS,
        rows: visible,
        offset: model.tail.offset(page(rest.height)),
        selected: Some(model.tail.selected_row()),
        mark: &|_| "",
        cell: &|row, column| {
            let record = model.tail.number(row).and_then(|number| model.live.requests.get(number));
            record.map_or_else(
                || Cell { text: String::new(), style: theme.style(Role::Text) },
                |record| cell(model, record, column),
            )
        },
        header: theme.style(Role::Header),
        selection: theme.style(Role::Selected),
    };
    table.draw(rest, frame.buffer_mut());
}

fn nothing(model: &Model, frame: &mut Frame, area: Rect) {
    if model.tail.paused.is_some() && !model.tail.matches.is_empty() {
        let head = "What was shown at the pause has made room for newer requests.";
        states::empty(model, frame, area, head, &["space shows those".to_owned()]);
    } else if !model.tail.filter.is_empty() && !model.live.requests.is_empty() {
        let head =
            format!("No request of {} passes the filter.", format::exact_count(model.live.requests.len() as u64));
        states::empty(model, frame, area, &head, &["/ changes it, esc removes it".to_owned()]);
    } else if states::silent(model, frame, area) {
        // It has been said why.
    } else if matches!(model.scope, Some(Scope::Everything)) {
        states::empty(model, frame, area, "No request has ended since we began to look.", &[]);
    } else if states::value(model, frame, area, "recent requests", &model.tail.recent).is_some() {
        let advice = ["They appear here the moment they end: `odockctl chat` sends one.".to_owned()];
        states::empty(model, frame, area, "No request has ended yet.", &advice);
    }
}

/// The line on top: how many, which of them, and what is held back.
fn counts(model: &Model) -> Line<'static> {
    let theme = model.theme;
    let all = model.live.requests.len() as u64;
    let mut spans = vec![Span::styled(format::things(all, "request"), theme.style(Role::Muted))];
    if !model.tail.filter.is_empty() {
        let text = format!(" · {} match ", format::count(model.tail.matches.len() as u64));
        spans.push(Span::styled(text, theme.style(Role::Muted)));
        spans.push(Span::styled(format!("/{}", cut(model.tail.filter.text(), 30)), theme.style(Role::Accent)));
    }
    if model.live.missed > 0 {
        let text = format!(" · ▲ {} skipped", format::count(model.live.missed));
        spans.push(Span::styled(text, theme.style(Role::Warn)));
    }
    if let Some(paused) = model.tail.paused {
        let waiting = (model.tail.matches.len() - model.tail.visible()) as u64;
        let age = format::age(model.env.mono.saturating_sub(paused.since));
        let text = format!(" · ◌ PAUSED {age}, {} new, space resumes", format::count(waiting));
        spans.push(Span::styled(text, theme.style(Role::Warn)));
    }
    Line::from(spans)
}

fn cell(model: &Model, record: &UsageRecord, column: usize) -> Cell {
    let theme = model.theme;
    let text = |text: &str| Cell { text: text.to_owned(), style: theme.style(Role::Text) };
    let maybe = |value: &Option<String>| match value {
        Some(value) => text(value),
        None => Cell { text: "-".to_owned(), style: theme.style(Role::Muted) },
    };
    match COLUMNS[column].title {
        "time" => Cell { text: model.env.clock(record.at), style: theme.style(Role::Muted) },
        "status" => status(theme, record),
        "key" => text(&record.api_key),
        "model" => maybe(&record.model),
        "provider" => maybe(&record.provider),
        "team" => maybe(&record.team),
        "latency" => text(&numbers::duration(model, record.latency_us)),
        "first" => maybe(&record.first_byte_us.map(|us| numbers::duration(model, us))),
        "tokens" => text(&numbers::count(model, record.tokens.input().saturating_add(record.tokens.output()))),
        "cost" => maybe(&record.cost_nanos.map(|nanos| numbers::money(model, nanos))),
        _ => Cell { text: record.request_id.clone(), style: theme.style(Role::Muted) },
    }
}

/// Glyph, status and word, and a colour that only repeats them.
pub(in crate::screens) fn status(theme: Theme, record: &UsageRecord) -> Cell {
    let (glyph, role) = match record.outcome {
        Outcome::Ok if record.status < 400 => ("●", Role::Ok),
        Outcome::Cancelled => ("◌", Role::Warn),
        Outcome::Ok | Outcome::Denied => ("▲", Role::Warn),
        Outcome::Failed => ("✖", Role::Bad),
    };
    Cell { text: format!("{glyph} {} {}", record.status, record.outcome), style: theme.style(role) }
}
