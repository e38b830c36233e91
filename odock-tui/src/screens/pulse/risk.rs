//! The pane of budgets and quotas at risk.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::super::limits;
use super::{Pane, limited_row};
use crate::format;
use crate::model::{Model, Scope};
use crate::remote::Shown;
use crate::theme::Role;
use crate::widgets::cursor;
use crate::widgets::text::cut;

/// What the pane is called: how many of how many somebody should look at.
pub(super) fn title(model: &Model) -> String {
    let kept = model.pulse.at_risk.len();
    if kept == 0 {
        return "budgets at risk".to_owned();
    }
    let at_risk = (0..kept)
        .filter_map(|row| limited_row(model, row))
        .filter(|status| limits::health::of(status).at_risk())
        .count();
    let old = limits::aged(model).map(|old| format!(" · {old}")).unwrap_or_default();
    let reached = model.live.threshold.as_ref();
    let reached =
        reached.map(|it| format!(" · {} at {}", limits::reached(it), model.env.clock(it.at))).unwrap_or_default();
    format!("budgets at risk · {} of {}{old}{reached}", format::count(at_risk as u64), format::count(kept as u64))
}

/// Rows that the pane takes of `room`, which it shares with the busiest and the refusals. One row is a line without a
/// title.
pub(super) fn height(model: &Model, room: u16) -> u16 {
    if room < 9 {
        return 1;
    }
    let wanted = u16::try_from(model.pulse.at_risk.len()).unwrap_or(u16::MAX).max(1);
    1 + wanted.min(room / 4)
}

/// Draws only the most urgent, or the selected one, where there is no room for more.
pub(super) fn alone(model: &Model, frame: &mut Frame, area: Rect) {
    let focused = model.pulse.pane == Pane::Limits;
    draw(model, focused.then(|| super::row(model)), frame, area);
    if focused && !area.is_empty() {
        let mark = Line::styled("▸", model.theme.style(Role::Accent));
        frame.render_widget(Paragraph::new(mark), Rect { width: 1, height: 1, ..area });
    }
}

/// Draws the gauges, the most urgent first, or why there are none.
pub(super) fn draw(model: &Model, selected: Option<usize>, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    let kept = model.pulse.at_risk.len();
    if kept == 0 {
        let (text, role) = why_none(model);
        let text = cut(&text, usize::from(area.width)).into_owned();
        frame.render_widget(Paragraph::new(Line::styled(text, theme.style(role))), area);
        return;
    }
    let page = usize::from(area.height);
    let offset = cursor::scrolled(0, selected.unwrap_or(0), kept, page);
    for (row, area) in (offset..kept).zip(area.rows()) {
        let Some(status) = limited_row(model, row) else { break };
        frame.render_widget(Paragraph::new(limits::line(model, status, usize::from(area.width))), area);
        let style = if selected == Some(row) { theme.style(Role::Selected) } else { Style::new() };
        frame.buffer_mut().set_style(area, style);
    }
}

fn why_none(model: &Model) -> (String, Role) {
    if model.scope == Some(Scope::Everything) {
        return ("  ◌ shown for one organisation: --organisation NAME".to_owned(), Role::Muted);
    }
    match model.statuses.shown() {
        Shown::Here(_) => ("  ● no budget or quota is kept".to_owned(), Role::Muted),
        Shown::Forbidden(_) => ("  ✖ forbidden: this token may not see budgets".to_owned(), Role::Muted),
        Shown::Failed(failure) => (format!("  ▲ not loaded: {}", failure.message), Role::Warn),
        Shown::Loading(_) | Shown::Nothing => ("  ◌ loading…".to_owned(), Role::Muted),
    }
}
