//! The picture of `:keys`.

use entity::ApiKeyId;
use entity::resource::ApiKey;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{key, states};
use super::{sort, status};
use crate::format;
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::layout::{split_left, split_top};
use crate::widgets::table::{Cell, Column, Table};
use crate::widgets::text::cut;

/// From so many columns on, the details of the selected key stand beside the table.
const WIDE: u16 = 130;
const DETAILS: u16 = 56;

const COLUMNS: &[Column] = &[
    Column { title: "name", width: 16, grow: 3, right: false, keep: 10 },
    Column { title: "status", width: 10, grow: 0, right: false, keep: 9 },
    Column { title: "type", width: 12, grow: 0, right: false, keep: 2 },
    Column { title: "owner", width: 12, grow: 2, right: false, keep: 5 },
    Column { title: "preview", width: 18, grow: 0, right: false, keep: 1 },
    Column { title: "expires", width: 11, grow: 0, right: false, keep: 4 },
    Column { title: "models", width: 6, grow: 0, right: true, keep: 3 },
    Column { title: "req/min", width: 9, grow: 0, right: true, keep: 7 },
    Column { title: "$/min", width: 9, grow: 0, right: true, keep: 6 },
];

/// Draws the screen.
pub(super) fn keys(model: &Model, keys: &[ApiKey], frame: &mut Frame, area: Rect) {
    let (head, rest) = split_top(area, 1);
    frame.render_widget(Paragraph::new(counts(model, keys)), head);
    if model.keys.rows.is_empty() {
        nothing(model, keys, frame, rest);
        return;
    }
    let beside = model.keys.details && rest.width >= WIDE;
    let (left, right) = if beside { split_left(rest, rest.width - DETAILS - 3, 3) } else { (rest, Rect::default()) };
    let theme = model.theme;
    let table = Table {
        columns: COLUMNS,
        rows: model.keys.rows.len(),
        offset: model.keys.offset,
        selected: Some(super::row(model)),
        mark: &|column| model.keys.order.mark(COLUMNS[column].title),
        cell: &|row, column| match model.keys.rows.get(row).and_then(|at| keys.get(*at)) {
            Some(key) => cell(model, key, column),
            None => Cell { text: String::new(), style: theme.style(Role::Text) },
        },
        header: theme.style(Role::Header),
        selection: theme.style(Role::Selected),
    };
    table.draw(left, frame.buffer_mut());
    if beside && let Some(selected) = super::selected(model) {
        let lines = key::lines(model, selected, usize::from(right.width));
        frame.render_widget(Paragraph::new(lines), right);
    }
}

fn nothing(model: &Model, keys: &[ApiKey], frame: &mut Frame, area: Rect) {
    if keys.is_empty() {
        let head = "There is no virtual key yet.";
        states::empty(model, frame, area, head, &["`odockctl key create NAME` makes one".to_owned()]);
    } else {
        let head = format!("None of {} passes the filter.", format::things(keys.len() as u64, "key"));
        states::empty(model, frame, area, &head, &["/ changes it, esc removes it".to_owned()]);
    }
}

fn counts(model: &Model, keys: &[ApiKey]) -> Line<'static> {
    let theme = model.theme;
    let mut spans = vec![Span::styled(format::things(keys.len() as u64, "key"), theme.style(Role::Muted))];
    if !model.keys.filter.is_empty() {
        let text = format!(" · {} match ", format::count(model.keys.rows.len() as u64));
        spans.push(Span::styled(text, theme.style(Role::Muted)));
        spans.push(Span::styled(format!("/{}", cut(model.keys.filter.text(), 30)), theme.style(Role::Accent)));
    }
    if let Some(failure) = model.virtual_keys.failure() {
        let at = model.virtual_keys.at().unwrap_or(model.env.mono);
        let age = format::age(model.env.mono.saturating_sub(at));
        let text = format!(" · ▲ {age} old: {}", cut(&failure.message, 60));
        spans.push(Span::styled(text, theme.style(Role::Warn)));
    } else if model.virtual_keys.awaited() {
        spans.push(Span::styled(" · ◌ fetching", theme.style(Role::Muted)));
    }
    Line::from(spans)
}

fn cell(model: &Model, key: &ApiKey, column: usize) -> Cell {
    let theme = model.theme;
    let text = |text: String| Cell { text, style: theme.style(Role::Text) };
    let muted = |text: String| Cell { text, style: theme.style(Role::Muted) };
    let rate = || model.live.activity.of(ApiKeyId(key.id));
    // Requests are missing here: what was counted is a lower bound.
    let least = if model.live.activity.is_incomplete() { "≥" } else { "" };
    match COLUMNS[column].title {
        "name" => text(key.name.clone()),
        "status" => {
            let status = status::of(key, model.env.now);
            Cell { text: format!("{} {}", status.glyph(), status.word()), style: theme.style(status.role()) }
        }
        "type" => muted(key.spec.r#type.as_str().to_lowercase()),
        "owner" => sort::owner(key).map_or_else(|| muted("-".to_owned()), |owner| text(owner.to_owned())),
        "preview" => muted(key.status.preview.clone()),
        "expires" => match key.spec.expiry {
            Some(expiry) => text(expires(model, expiry)),
            None => muted("never".to_owned()),
        },
        "models" => text(key.spec.models.len().to_string()),
        "req/min" => match rate().requests {
            0 => muted("·".to_owned()),
            requests => text(format!("{least}{}", numbers::count(model, requests))),
        },
        _ => match rate().cost {
            0 => muted("·".to_owned()),
            cost => text(format!("{least}{}", numbers::money(model, cost))),
        },
    }
}

/// How long a key still works, or the day on which it stops.
pub(in crate::screens) fn expires(model: &Model, expiry: entity::Timestamp) -> String {
    let now = model.env.now;
    let left = u64::try_from(expiry.since(now).as_millis()).unwrap_or(u64::MAX);
    match left {
        0 => {
            let ago = u64::try_from(now.since(expiry).as_millis()).unwrap_or(u64::MAX);
            format!("{} ago", format::age(ago))
        }
        left if left < 90 * 86_400_000 && !model.exact => format!("in {}", format::age(left)),
        _ => model.env.day(expiry).chars().take(10).collect(),
    }
}
