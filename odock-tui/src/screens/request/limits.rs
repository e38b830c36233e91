//! What the gates, budgets and quotas said about a request.

use entity::usage::{LimitMark, ReservationMark, UsageRecord};
use ratatui::text::{Line, Span};

use super::draw::{LABEL, field, heading};
use crate::format;
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::text::{clean, cut};

/// Glyph, word and colour of a verdict.
fn verdict(word: &str) -> (&'static str, &str, Role) {
    match word {
        "pass" => ("●", "pass", Role::Ok),
        "shadow" => ("▲", "shadow", Role::Warn),
        "deny" => ("✖", "deny", Role::Bad),
        other => ("◌", other, Role::Muted),
    }
}

fn judged(model: &Model, label: &str, word: &str, text: &str, room: usize) -> Line<'static> {
    let theme = model.theme;
    let (glyph, word, role) = verdict(word);
    let word = format!("{:<9}", format!("{glyph} {}", clean(word)));
    let room = room.saturating_sub(LABEL + 9);
    Line::from(vec![
        Span::styled(format!("{:<LABEL$}", cut(label, LABEL - 1)), theme.style(Role::Muted)),
        Span::styled(word, theme.style(role)),
        Span::styled(cut(text, room).into_owned(), theme.style(Role::Text)),
    ])
}

fn gate(model: &Model, mark: &LimitMark, room: usize) -> Line<'static> {
    let what = format!("{} {}", mark.scope.replace('_', " "), mark.limit.replace('_', " "));
    let numbers = if mark.of == 0 && mark.limit == "ip" {
        String::new()
    } else {
        format!("  {} left of {}", format::exact_count(mark.remaining), format::exact_count(mark.of))
    };
    judged(model, &mark.gate.replace('_', " "), &mark.verdict, &format!("{what}{numbers}"), room)
}

/// What each gate found, in the order in which they were passed.
pub(super) fn gates(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let marks = &record.metadata.limits;
    if marks.is_empty() {
        return Vec::new();
    }
    let mut lines = Vec::from(heading(model, format!("limits · {}", marks.len())));
    lines.extend(marks.iter().map(|mark| gate(model, mark, room)));
    lines
}

fn reservation(model: &Model, mark: &ReservationMark, room: usize) -> [Line<'static>; 2] {
    let amount = |value: i64| numbers::amount(model, mark.metric, value);
    let (word, verb) = if mark.refused { ("deny", "needed") } else { ("pass", "set aside") };
    let text = format!("{}  {verb} {}", mark.name, amount(mark.estimate));
    let before = format!("{} of {} left, until {}", amount(mark.left), amount(mark.limit), model.env.day(mark.ends_at));
    [judged(model, mark.kind.as_str(), word, &text, room), field(model, "", &before, room)]
}

/// What was set aside of budgets and quotas, or could not be.
pub(super) fn reservations(model: &Model, record: &UsageRecord, room: usize) -> Vec<Line<'static>> {
    let metadata = &record.metadata;
    if metadata.reservations.is_empty() && metadata.clamped_to.is_none() {
        return Vec::new();
    }
    let mut lines = Vec::from(heading(model, "budgets and quotas"));
    lines.extend(metadata.reservations.iter().flat_map(|mark| reservation(model, mark, room)));
    if let Some(tokens) = metadata.clamped_to {
        let text = format!("to {} by a hard budget", format::things(tokens, "token"));
        lines.push(field(model, "answer cut", &text, room));
    }
    lines
}
