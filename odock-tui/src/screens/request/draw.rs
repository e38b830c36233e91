//! The picture of one request.

use entity::usage::{TokenUsage, UsageRecord};
use entity::vocab::AttemptOutcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::tail::status_of;
use super::limits;
use crate::format;
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::layout::split_left;
use crate::widgets::text::{clean, cut, wrap};

/// From so many columns on, the picture has two columns.
const WIDE: u16 = 120;
pub(super) const LABEL: usize = 16;

/// Draws the request from line `offset` on.
pub(super) fn request(model: &Model, record: &UsageRecord, offset: usize, frame: &mut Frame, area: Rect) {
    let offset = u16::try_from(offset).unwrap_or(u16::MAX);
    let show = |lines: Vec<Line<'static>>, area: Rect, frame: &mut Frame| {
        frame.render_widget(Paragraph::new(lines).scroll((offset, 0)), area);
    };
    if area.width >= WIDE {
        let (left, right) = split_left(area, area.width / 2, 3);
        let (first, second) = halves(model, record, left.width, right.width);
        show(first, left, frame);
        show(second, right, frame);
    } else {
        let (mut lines, second) = halves(model, record, area.width, area.width);
        lines.push(Line::default());
        lines.extend(second);
        show(lines, area, frame);
    }
}

/// The lines of the picture at a width, to know how far it scrolls.
pub(super) fn height(model: &Model, record: &UsageRecord, width: u16) -> usize {
    let (first, second) = halves(model, record, width, width);
    if width >= WIDE { first.len().max(second.len()) } else { first.len() + 1 + second.len() }
}

fn halves(model: &Model, record: &UsageRecord, left: u16, right: u16) -> (Vec<Line<'static>>, Vec<Line<'static>>) {
    let (left, right) = (usize::from(left), usize::from(right));
    let mut first = summary(model, record, left);
    first.extend(stages(model, record, left));
    first.extend(attempts(model, record, left));
    first.extend(limits::gates(model, record, left));
    first.extend(limits::reservations(model, record, left));
    let mut second = tokens(model, record);
    second.extend(bill(model, record));
    second.extend(ids(model, record, right));
    (first, second)
}

pub(super) fn heading(model: &Model, text: impl Into<String>) -> [Line<'static>; 2] {
    [Line::default(), Line::styled(text.into(), model.theme.style(Role::Accent))]
}

pub(super) fn field(model: &Model, label: &str, value: &str, room: usize) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!("{label:<LABEL$}"), model.theme.style(Role::Muted)),
        Span::styled(cut(value, room.saturating_sub(LABEL)).into_owned(), model.theme.style(Role::Text)),
    ])
}

fn summary(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let status = status_of(theme, record);
    let kind = if record.stream { "stream" } else { "whole answer" };
    let mut lines = vec![
        Line::from(vec![
            Span::styled(status.text, status.style),
            Span::styled(format!("  {}  ", clean(&record.endpoint)), theme.style(Role::Strong)),
            Span::styled(format!("{kind} · {}", model.env.day(record.at)), theme.style(Role::Muted)),
        ]),
        field(model, "key", &record.api_key, room),
    ];
    if let Some(team) = &record.team {
        lines.push(field(model, "team", team, room));
    }
    if let Some(user) = &record.user {
        lines.push(field(model, "user", user, room));
    }
    let model_name = record.model.as_deref().unwrap_or("-");
    let provider = record.provider.as_ref().map(|provider| format!(" at {provider}")).unwrap_or_default();
    lines.push(field(model, "model", &format!("{model_name}{provider}"), room));
    if let Some(first) = &record.metadata.replay_of {
        lines.push(field(
            model,
            "replay of",
            &format!("{first}: its stored answer was given again, at no charge"),
            room,
        ));
    }
    if let Some(code) = &record.error_code {
        lines.push(Line::from(vec![
            Span::styled(format!("{:<LABEL$}", "error"), theme.style(Role::Muted)),
            Span::styled(clean(code).into_owned(), theme.style(Role::Bad)),
        ]));
    }
    if let Some(message) = &record.metadata.error_message {
        let lines_of_message = wrap(message, room.saturating_sub(LABEL));
        lines.extend(lines_of_message.into_iter().map(|line| field(model, "", &line, room)));
    }
    lines
}

/// The waterfall: one bar a stage, on one scale.
fn stages(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let mut lines = Vec::from(heading(
        model,
        format!(
            "stages · {} in all, {} of it the gateway's own",
            numbers::duration(model, record.latency_us),
            numbers::duration(model, record.overhead_us)
        ),
    ));
    let bars = room.saturating_sub(LABEL + 12).max(8);
    let marks = &record.metadata.stages;
    let total = marks.iter().map(|mark| mark.at_us).max().unwrap_or(0).max(record.latency_us).max(1);
    let mut bar = |name: &str, from: u64, to: u64, role: Role| {
        let (start, length) = span(from, to, total, bars);
        let blank = bars - start - length;
        lines.push(Line::from(vec![
            Span::styled(format!("{:<LABEL$}", cut(name, LABEL - 1)), theme.style(Role::Text)),
            Span::styled("·".repeat(start), theme.style(Role::Muted)),
            Span::styled("█".repeat(length), theme.style(role)),
            Span::styled("·".repeat(blank), theme.style(Role::Muted)),
            Span::styled(
                format!(" {:>11}", numbers::duration(model, to.saturating_sub(from))),
                theme.style(Role::Text),
            ),
        ]));
    };
    let mut from = 0;
    for mark in marks {
        bar(&mark.stage, from, mark.at_us.max(from), Role::Chart);
        from = mark.at_us.max(from);
    }
    // What is left after the last mark, unless it is too little to be seen.
    if record.latency_us.saturating_sub(from) > total / 100 {
        bar(if marks.is_empty() { "request" } else { "answer" }, from, record.latency_us, Role::Ok);
    }
    if let Some(first) = record.first_byte_us {
        lines.push(field(model, "first byte", &format!("after {}", numbers::duration(model, first)), room));
    }
    lines
}

/// Where a bar begins and how long it is, in columns: at least one, and never beyond the end.
fn span(from: u64, to: u64, total: u64, columns: usize) -> (usize, usize) {
    let scale = |us: u64| {
        usize::try_from(u128::from(us.min(total)) * columns as u128 / u128::from(total.max(1))).unwrap_or(columns)
    };
    let start = scale(from).min(columns.saturating_sub(1));
    let length = scale(to).saturating_sub(start).max(1);
    (start, length.min(columns - start))
}

fn attempts(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let attempts = &record.routing.attempts;
    let title = match attempts.len() {
        0 => "attempts · none, no upstream was called".to_owned(),
        number => match &record.routing.requested {
            Some(asked) => format!("attempts · {number} · rerouted from {}", clean(asked)),
            None => format!("attempts · {number}"),
        },
    };
    let mut lines = Vec::from(heading(model, title));
    for (index, attempt) in attempts.iter().enumerate() {
        let (glyph, role) = match attempt.outcome {
            AttemptOutcome::Ok if attempt.error.is_none() => ("●", Role::Ok),
            AttemptOutcome::Ok | AttemptOutcome::Failed => ("✖", Role::Bad),
            AttemptOutcome::Skipped | AttemptOutcome::Cancelled => ("○", Role::Muted),
        };
        let none = if attempt.outcome == AttemptOutcome::Skipped { "skipped" } else { "no answer" };
        let status = attempt.status.map_or_else(|| none.to_owned(), |status| status.to_string());
        let error = attempt.error.as_ref().map(|error| format!(" {error}")).unwrap_or_default();
        let tail = format!(" {} at {}", attempt.model, attempt.provider);
        let used = 4 + status.len() + error.len() + 13;
        lines.push(Line::from(vec![
            Span::styled(format!("{} ", index + 1), theme.style(Role::Muted)),
            Span::styled(format!("{glyph} {status}{}", clean(&error)), theme.style(role)),
            Span::styled(format!(" {:>11} ", numbers::duration(model, attempt.duration_us)), theme.style(Role::Text)),
            Span::styled(cut(&tail, room.saturating_sub(used)).into_owned(), theme.style(Role::Text)),
        ]));
    }
    lines
}

fn classes(tokens: &TokenUsage) -> [(&'static str, u64); 9] {
    [
        ("input text", tokens.input_text),
        ("input image", tokens.input_image),
        ("input audio", tokens.input_audio),
        ("input cached", tokens.input_cached),
        ("cache write", tokens.input_cache_write),
        ("output text", tokens.output_text),
        ("output audio", tokens.output_audio),
        ("reasoning", tokens.output_reasoning),
        ("rejected", tokens.output_rejected),
    ]
}

fn tokens(model: &Model, record: &UsageRecord) -> Vec<Line<'static>> {
    let theme = model.theme;
    let tokens = &record.tokens;
    let head = format!("tokens · {} in, {} out · {}", tokens.input(), tokens.output(), record.usage_source);
    let mut lines = vec![Line::styled(head, theme.style(Role::Accent))];
    for (class, number) in classes(tokens).into_iter().filter(|(_, number)| *number > 0) {
        lines.push(Line::from(vec![
            Span::styled(format!("{class:<LABEL$}"), theme.style(Role::Muted)),
            Span::styled(format!("{:>12}", format::exact_count(number)), theme.style(Role::Text)),
        ]));
    }
    if record.metadata.usage_mismatch {
        let text =
            format!("▲ the classes do not add up to the provider's total of {}", format::exact_count(tokens.total));
        lines.push(Line::styled(text, theme.style(Role::Warn)));
    }
    lines
}

fn bill(model: &Model, record: &UsageRecord) -> Vec<Line<'static>> {
    let theme = model.theme;
    let Some(bill) = &record.bill else {
        let nothing = record.tokens.input() == 0 && record.tokens.output() == 0;
        let why = if nothing { "bill · none, nothing was consumed" } else { "bill · none, the model has no price" };
        return Vec::from(heading(model, why));
    };
    let mut lines = Vec::from(heading(
        model,
        format!("bill · {} at price version {}", format::exact_money(bill.total_nanos), bill.price_version),
    ));
    for line in &bill.lines {
        let discount =
            if line.discount_percent > 0 { format!(" − {} %", line.discount_percent) } else { String::new() };
        lines.push(Line::from(vec![
            Span::styled(format!("{:<LABEL$}", clean(&line.class).replace('_', " ")), theme.style(Role::Muted)),
            Span::styled(format!("{:>12}", format::exact_money(line.nanos)), theme.style(Role::Text)),
            Span::styled(
                format!(
                    "  {} × {} per 1k{discount}",
                    format::exact_count(line.quantity),
                    format::exact_money(line.rate_nanos_per_1k)
                ),
                theme.style(Role::Muted),
            ),
        ]));
    }
    lines
}

fn ids(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::from(heading(model, "ids"));
    let id = |value: &dyn ToString| Some(value.to_string());
    let fields = [
        ("request", id(&record.request_id)),
        ("record", id(&record.id)),
        ("trace", record.trace_id.clone()),
        ("caller's id", record.metadata.inbound_request_id.clone()),
        ("provider's id", record.provider_request_id.clone()),
        ("organisation", id(&record.organisation)),
        ("key", id(&record.api_key_id)),
        ("model", record.model_id.map(|id| id.to_string())),
        ("provider", record.provider_id.map(|id| id.to_string())),
        ("caller", record.metadata.client_address.clone()),
    ];
    for (label, value) in fields {
        if let Some(value) = value {
            lines.push(field(model, label, &value, room));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn every_stage_is_visible_and_none_leaves_the_scale() {
        assert_eq!(span(0, 100, 100, 20), (0, 20));
        assert_eq!(span(0, 1, 1_000_000, 20), (0, 1));
        assert_eq!(span(999_999, 1_000_000, 1_000_000, 20), (19, 1));
        assert_eq!(span(1_000_000, 1_000_000, 1_000_000, 20), (19, 1));
        assert_eq!(span(5, 1, 0, 8), (0, 1));
    }
}
