//! The picture of `:providers`.

use entity::resource::Provider;
use entity::vocab::ProbeOutcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::states;
use super::health::{self, Minute};
use super::{all, at, row, selected};
use crate::format;
use crate::model::Model;
use crate::remote::Shown;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::layout::{split_bottom, split_top};
use crate::widgets::table::{Cell, Column, Table};
use crate::widgets::text::{clean, wrap};

const COLUMNS: &[Column] = &[
    Column { title: "name", width: 12, grow: 3, right: false, keep: 12 },
    Column { title: "type", width: 12, grow: 1, right: false, keep: 5 },
    Column { title: "state", width: 14, grow: 0, right: false, keep: 11 },
    Column { title: "models", width: 6, grow: 0, right: true, keep: 3 },
    Column { title: "keys", width: 12, grow: 2, right: false, keep: 4 },
    Column { title: "req/min", width: 8, grow: 0, right: true, keep: 8 },
    Column { title: "failed", width: 7, grow: 0, right: true, keep: 10 },
    Column { title: "p50", width: 9, grow: 0, right: true, keep: 7 },
    Column { title: "last error", width: 18, grow: 3, right: false, keep: 6 },
];

/// Rows below the table that tell of the selected one; none where there is no room.
pub(super) const fn details(height: u16) -> u16 {
    match height {
        0..14 => 0,
        14..24 => 7,
        _ => 12,
    }
}

/// Draws the screen.
pub(super) fn draw(model: &Model, frame: &mut Frame, area: Rect) {
    let (head, rest) = split_top(area, 1);
    frame.render_widget(Paragraph::new(counts(model)), head);
    if model.providers.rows.is_empty() {
        return nothing(model, frame, rest);
    }
    let (upper, lower) = split_bottom(rest, details(area.height));
    let minutes: Vec<Minute> = (0..model.providers.rows.len())
        .map(|row| at(model, row).map_or_else(Minute::default, |it| health::minute(model, &it.name)))
        .collect();
    let theme = model.theme;
    let none = || Cell { text: String::new(), style: theme.style(Role::Text) };
    let table = Table {
        columns: COLUMNS,
        rows: model.providers.rows.len(),
        offset: model.providers.offset,
        selected: Some(row(model)),
        mark: &|_| "",
        cell: &|row, column| match (at(model, row), minutes.get(row)) {
            (Some(provider), Some(minute)) => cell(model, provider, minute, COLUMNS[column].title),
            _ => none(),
        },
        header: theme.style(Role::Header),
        selection: theme.style(Role::Selected),
    };
    table.draw(upper, frame.buffer_mut());
    if let Some(provider) = selected(model)
        && lower.height > 0
    {
        let lines = lines(model, provider, usize::from(lower.width));
        frame.render_widget(Paragraph::new(lines), split_top(lower, 1).1);
    }
}

fn nothing(model: &Model, frame: &mut Frame, area: Rect) {
    if model.providers.filter.is_empty() {
        let advice = ["`odockctl apply -f FILE` makes the one that a file declares.".to_owned()];
        states::empty(model, frame, area, "There are no providers yet.", &advice);
    } else {
        let head = format!("None of {} passes the filter.", format::things(all(model).len() as u64, "provider"));
        states::empty(model, frame, area, &head, &["/ changes it, esc removes it".to_owned()]);
    }
}

fn counts(model: &Model) -> Line<'static> {
    let theme = model.theme;
    let number = all(model).len() as u64;
    let mut spans = vec![Span::styled(format::things(number, "provider"), theme.style(Role::Muted))];
    let bad = all(model).iter().filter(|provider| health::of(model, provider).role == Role::Bad).count();
    if bad > 0 {
        spans.push(Span::styled(format!(" · ✖ {bad} cannot serve"), theme.style(Role::Bad)));
    }
    if let Some(failure) = model.upstreams.failure() {
        let at = model.upstreams.at().unwrap_or(model.env.mono);
        let text = format!(" · ▲ {} old: {}", format::age(model.env.mono.saturating_sub(at)), failure.message);
        spans.push(Span::styled(text, theme.style(Role::Warn)));
    }
    Line::from(spans)
}

fn cell(model: &Model, provider: &Provider, minute: &Minute, title: &str) -> Cell {
    let theme = model.theme;
    let text = |text: String| Cell { text, style: theme.style(Role::Text) };
    match title {
        "name" => text(clean(&provider.name).into_owned()),
        "type" => text(provider.spec.r#type.to_string()),
        "state" => {
            let state = health::of(model, provider);
            Cell { text: state.text, style: theme.style(state.role) }
        }
        "models" => text(numbers::count(model, provider.status.models)),
        "keys" => text(keys(provider)),
        "req/min" => text(numbers::count(model, minute.requests)),
        "failed" => match minute.requests {
            0 => Cell { text: "–".to_owned(), style: theme.style(Role::Muted) },
            all => {
                let role = if minute.failed > 0 { Role::Warn } else { Role::Text };
                Cell { text: format!("{} %", (minute.failed * 100).div_ceil(all)), style: theme.style(role) }
            }
        },
        "p50" if minute.requests == 0 => Cell { text: "–".to_owned(), style: theme.style(Role::Muted) },
        "p50" => text(numbers::duration(model, minute.median_us)),
        _ => Cell { text: last_error(model, provider, minute), style: theme.style(Role::Muted) },
    }
}

/// Its credentials by name; those that are revoked say so.
fn keys(provider: &Provider) -> String {
    if provider.spec.keys.is_empty() {
        return "the gateway's".to_owned();
    }
    let word = |key: &entity::resource::ProviderKeySpec| {
        let name = clean(&key.name).into_owned();
        if key.revoked { format!("✖ {name}") } else { name }
    };
    provider.spec.keys.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn last_error(model: &Model, provider: &Provider, minute: &Minute) -> String {
    let of_breakers = || health::breakers(model, provider).find_map(|breaker| breaker.last_error.clone());
    minute.last_error.clone().or_else(of_breakers).map_or_else(String::new, |error| clean(&error).into_owned())
}

/// What there is to know of the selected one.
fn lines(model: &Model, provider: &Provider, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let spec = &provider.spec;
    let address = spec.base_url.as_deref().unwrap_or("the usual address of its type");
    let timeout =
        spec.timeout_ms.map_or_else(String::new, |ms| format!(" · gives up after {}", format::age(ms.into())));
    let mut lines = vec![
        Line::from(vec![
            Span::styled(clean(&provider.name).into_owned(), theme.style(Role::Strong)),
            Span::styled(format!("  {}{timeout}", clean(address)), theme.style(Role::Muted)),
        ]),
        Line::styled(format!("keys  {}", keys(provider)), theme.style(Role::Text)),
    ];
    lines.extend(tested(model, provider, columns));
    for breaker in health::breakers(model, provider) {
        let until = breaker.resting_until.map(|until| format!(", rests until {}", model.env.clock(until)));
        let error = breaker.last_error.as_deref().map(|error| format!(" ({})", clean(error)));
        let text = format!(
            "▲ {}: {}, {} failed in a row{}{}",
            clean(&breaker.model),
            breaker.state.as_str().replace('_', " "),
            breaker.failures,
            error.unwrap_or_default(),
            until.unwrap_or_default()
        );
        lines.push(Line::styled(text, theme.style(Role::Warn)));
    }
    lines
}

/// What came of trying it.
fn tested(model: &Model, provider: &Provider, columns: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let line = |text: String, role: Role| -> Vec<Line<'static>> {
        wrap(&text, columns).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
    };
    let Some(test) = model.providers.tests.get(&provider.name) else {
        return line("t asks it for its models with its key; that costs nothing".to_owned(), Role::Muted);
    };
    match test.shown() {
        Shown::Here(found) => {
            let (glyph, role) = if found.outcome == ProbeOutcome::Ok { ("●", Role::Ok) } else { ("✖", Role::Bad) };
            let age = test.at().map_or(0, |at| model.env.mono.saturating_sub(at));
            let took = found.latency_us.map_or_else(String::new, |us| format!(" in {}", format::duration(us)));
            let said = found.message.as_deref().map(|said| format!(" It said: {}", clean(said))).unwrap_or_default();
            let detail = clean(&found.detail);
            line(format!("{glyph} tested {} ago{took}: {detail}{said}", format::age(age)), role)
        }
        Shown::Loading(_) => line("◌ testing…".to_owned(), Role::Muted),
        Shown::Nothing => Vec::new(),
        Shown::Forbidden(failure) | Shown::Failed(failure) => {
            line(format!("▲ could not be tested: {}", failure.message), Role::Warn)
        }
    }
}
