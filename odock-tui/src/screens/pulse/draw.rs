//! The picture of `:pulse`.

use entity::health::BreakerStatus;
use entity::live::{Percentiles, Top};
use entity::usage::UsageRecord;
use entity::vocab::BreakerState;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{states, tail};
use super::{Pane, risk, tiles};
use crate::live::ticks::measure;
use crate::live::{Dimension, Metric};
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::cursor;
use crate::widgets::layout::{columns, split_top};
use crate::widgets::text::{clean, cut, width};

/// Draws the screen.
pub(super) fn pulse(model: &Model, frame: &mut Frame, area: Rect) {
    if model.live.ticks.is_empty() {
        if !states::silent(model, frame, area) {
            let head = "◌ connected; the first second has not passed yet";
            states::empty(model, frame, area, head, &[]);
        }
        return;
    }
    if model.pulse.zoom {
        pane(model, model.pulse.pane, frame, area);
        return;
    }
    let roomy = area.height >= 20;
    let (rows, lines_only) = tiles::height(area);
    let (charts, rest) = split_top(area, rows);
    tiles::draw(model, frame, charts, area, lines_only);
    let (_, rest) = split_top(rest, u16::from(roomy));
    let lines = latency(model, area.width);
    let (head, rest) = split_top(rest, u16::try_from(lines.len()).unwrap_or(1));
    frame.render_widget(Paragraph::new(lines), head);
    let (_, rest) = split_top(rest, u16::from(roomy));
    // The busiest get two fifths of what is left, budgets at risk a quarter at the most, refusals the rest.
    let busiest = (rest.height * 2 / 5).max(3);
    let of_risk = risk::height(model, rest.height);
    let (top, bottom) = split_top(rest, busiest);
    if area.width >= 76 {
        for (which, area) in [Pane::Keys, Pane::Models, Pane::Teams].into_iter().zip(columns(top, 3, 3)) {
            pane(model, which, frame, area);
        }
    } else {
        let which = if model.pulse.pane.dimension().is_some() { model.pulse.pane } else { Pane::Keys };
        pane(model, which, frame, top);
    }
    let (at_risk, bottom) = split_top(bottom, of_risk);
    if of_risk == 1 {
        risk::alone(model, frame, at_risk);
    } else {
        pane(model, Pane::Limits, frame, at_risk);
    }
    pane(model, Pane::Refusals, frame, bottom);
}

fn latency(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let theme = model.theme;
    let busy = model.live.ticks.busy();
    let mut groups: Vec<Vec<Span<'static>>> = Vec::new();
    let mut group = |title: &'static str, percentiles: Option<Percentiles>| {
        let mut spans = vec![Span::styled(format!("{title} "), theme.style(Role::Muted))];
        match percentiles {
            None => spans.push(Span::styled("- ", theme.style(Role::Muted))),
            Some(of) => {
                for (name, us) in [("p50", of.p50), ("p95", of.p95), ("p99", of.p99)] {
                    spans.push(Span::styled(format!(" {name} "), theme.style(Role::Muted)));
                    spans.push(Span::styled(numbers::duration(model, us), theme.style(Role::Strong)));
                }
            }
        }
        groups.push(spans);
    };
    group("latency", busy.map(|second| second.latency));
    group("gateway overhead", busy.map(|second| second.overhead));
    let in_flight = model.live.ticks.latest().map_or(0, |second| second.in_flight);
    let minute = model.live.ticks.minute();
    let mut rest = vec![
        Span::styled("in flight ", theme.style(Role::Muted)),
        Span::styled(numbers::count(model, in_flight), theme.style(Role::Strong)),
        Span::styled("  refused ", theme.style(Role::Muted)),
        Span::styled(
            format!("{}/min", numbers::count(model, minute.denied)),
            theme.style(if minute.denied > 0 { Role::Warn } else { Role::Strong }),
        ),
    ];
    if minute.unpriced > 0 {
        rest.push(Span::styled("  without a price ", theme.style(Role::Muted)));
        rest.push(Span::styled(format!("{}/min", numbers::count(model, minute.unpriced)), theme.style(Role::Warn)));
    }
    groups.push(rest);
    groups.extend(model.live.ticks.breakers().iter().map(|breaker| upstream(model, breaker, columns)));
    pack(groups, usize::from(columns))
}

/// How an upstream that has failed lately is doing.
fn upstream(model: &Model, breaker: &BreakerStatus, columns: u16) -> Vec<Span<'static>> {
    let theme = model.theme;
    let (glyph, word, role) = match (breaker.state, breaker.resting_until) {
        (BreakerState::Closed, _) => ("▲", format!("{} failed in a row", breaker.failures), Role::Warn),
        (BreakerState::HalfOpen, _) | (BreakerState::Open, None) => ("◌", "is being probed".to_owned(), Role::Warn),
        (BreakerState::Open, Some(until)) => ("✖", format!("rests until {}", model.env.clock(until)), Role::Bad),
    };
    let error = breaker.last_error.as_ref().map(|error| format!(" ({})", clean(error))).unwrap_or_default();
    let name = format!("{} at {} ", clean(&breaker.model), clean(&breaker.provider));
    let state = format!("{word}{error}");
    let room = usize::from(columns).saturating_sub(width(&state) + 2);
    vec![
        Span::styled(format!("{glyph} "), theme.style(role)),
        Span::styled(cut(&name, room).into_owned(), theme.style(Role::Strong)),
        Span::styled(state, theme.style(role)),
    ]
}

/// As many groups on a line as fit.
fn pack(groups: Vec<Vec<Span<'static>>>, columns: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut used = 0;
    for group in groups {
        let needed: usize = group.iter().map(Span::width).sum();
        match lines.last_mut() {
            Some(line) if used + 4 + needed <= columns => {
                line.push_span(Span::raw("    "));
                line.spans.extend(group);
                used += 4 + needed;
            }
            _ => {
                lines.push(Line::from(group));
                used = needed;
            }
        }
    }
    lines
}

fn pane(model: &Model, which: Pane, frame: &mut Frame, area: Rect) {
    if area.is_empty() {
        return;
    }
    let (head, body) = split_top(area, 1);
    let theme = model.theme;
    let focused = model.pulse.pane == which;
    let title = match (which, which.dimension()) {
        (_, Some(dimension)) => format!("{} by {}/min", dimension.word(), model.pulse.metric.word()),
        (Pane::Limits, _) => risk::title(model),
        _ => "refused and failed".to_owned(),
    };
    let (mark, role) = if focused { ("▸ ", Role::Accent) } else { ("  ", Role::Header) };
    let title = format!("{mark}{}", cut(&title, usize::from(head.width).saturating_sub(2)));
    frame.render_widget(Paragraph::new(Line::styled(title, theme.style(role))), head);
    let selected = focused.then(|| super::row(model));
    match (which, which.dimension()) {
        (_, Some(dimension)) => ranking(model, dimension, selected, frame, body),
        (Pane::Limits, _) => risk::draw(model, selected, frame, body),
        _ => refusals(model, selected, frame, body),
    }
}

fn ranking(model: &Model, dimension: Dimension, selected: Option<usize>, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    let ranked = &model.pulse.ranked[dimension as usize];
    if ranked.is_empty() {
        let text = match model.pulse.metric {
            Metric::Requests => "  no requests",
            Metric::Cost => "  no cost",
            Metric::Tokens => "  no tokens",
            Metric::Errors => "  no errors",
        };
        frame.render_widget(Paragraph::new(Line::styled(text, theme.style(Role::Muted))), area);
        return;
    }
    let page = usize::from(area.height);
    let offset = cursor::scrolled(0, selected.unwrap_or(0), ranked.len(), page);
    let visible = &ranked[offset..ranked.len().min(offset + page)];
    let written: Vec<Vec<String>> = visible.iter().map(|top| figures(model, top)).collect();
    let (shown, widths) = fitting(&written, usize::from(area.width));
    for ((top, figures), (row, area)) in visible.iter().zip(&written).zip((offset..).zip(area.rows())) {
        let name_room = usize::from(area.width).saturating_sub(2 + widths.iter().take(shown).sum::<usize>());
        let name = cut(&top.name, name_room);
        let pad = name_room.saturating_sub(width(&name));
        let mut spans = vec![Span::styled(format!("  {name}{}", " ".repeat(pad)), theme.style(Role::Text))];
        for (at, (figure, columns)) in figures.iter().zip(&widths).take(shown).enumerate() {
            let role = if at == 0 { Role::Strong } else { Role::Muted };
            spans.push(Span::styled(format!("{figure:>columns$}"), theme.style(role)));
        }
        frame.render_widget(Paragraph::new(Line::from(spans)), area);
        let style = if selected == Some(row) { theme.style(Role::Selected) } else { Style::new() };
        frame.buffer_mut().set_style(area, style);
    }
}

/// The chosen metric of one of the busiest, then the others with their units.
fn figures(model: &Model, top: &Top) -> Vec<String> {
    let write = |metric: Metric| match metric {
        Metric::Cost => numbers::money(model, top.cost_nanos),
        metric => numbers::count(model, measure(top, metric)),
    };
    let main = model.pulse.metric;
    let others = Metric::ALL.into_iter().filter(|metric| *metric != main).map(|metric| match metric {
        Metric::Requests => format!("{} req", write(metric)),
        Metric::Cost => write(metric),
        Metric::Tokens => format!("{} tok", write(metric)),
        Metric::Errors => format!("{} err", write(metric)),
    });
    std::iter::once(write(main)).chain(others).collect()
}

/// How many figures fit beside a name of some length, and how wide each is.
fn fitting(written: &[Vec<String>], room: usize) -> (usize, Vec<usize>) {
    const NAME: usize = 20;
    let figures = written.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..figures)
        .map(|at| written.iter().filter_map(|row| row.get(at)).map(|figure| width(figure)).max().unwrap_or(0) + 2)
        .collect();
    let mut used = 2 + NAME;
    let shown = widths.iter().take_while(|columns| {
        used += **columns;
        used <= room
    });
    (shown.count().max(1), widths)
}

fn refusals(model: &Model, selected: Option<usize>, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    let refusals = &model.pulse.refusals;
    if refusals.is_empty() {
        frame.render_widget(Paragraph::new(Line::styled("  ● none", theme.style(Role::Ok))), area);
        return;
    }
    let page = usize::from(area.height);
    let offset = cursor::scrolled(0, selected.unwrap_or(0), refusals.len(), page);
    for (record, (row, area)) in refusals.iter().skip(offset).zip((offset..).zip(area.rows())) {
        let style = if selected == Some(row) { theme.style(Role::Selected) } else { Style::new() };
        frame.render_widget(Paragraph::new(refusal(model, record, usize::from(area.width))), area);
        frame.buffer_mut().set_style(area, style);
    }
}

/// One refusal: when, what, for whom, why.
fn refusal(model: &Model, record: &UsageRecord, room: usize) -> Line<'static> {
    let theme = model.theme;
    let status = tail::status_of(theme, record);
    let code = record.error_code.as_deref().unwrap_or("-");
    let whose = cut(&record.api_key, 20);
    let reason = record.metadata.error_message.as_deref().unwrap_or("");
    // Where there is room, the parts stand below one another.
    let (key_columns, code_columns) = if room >= 100 { (20, 24) } else { (0, 0) };
    let whom = format!("{whose:<key_columns$}  ");
    let code = format!("{:<code_columns$}  ", clean(code));
    let used = 2 + 10 + 14 + width(&whom) + width(&code);
    Line::from(vec![
        Span::styled(format!("  {}  ", model.env.clock(record.at)), theme.style(Role::Muted)),
        Span::styled(format!("{:<14}", status.text), status.style),
        Span::styled(whom, theme.style(Role::Strong)),
        Span::styled(code, theme.style(Role::Text)),
        Span::styled(cut(reason, room.saturating_sub(used)).into_owned(), theme.style(Role::Muted)),
    ])
}
