//! The picture of one budget or quota.

use entity::Timestamp;
use entity::ledger::{LimitStatus, WindowState};
use entity::vocab::{Enforcement, Metric};
use ratatui::text::{Line, Span};

use super::super::limits::health::{self, NEAR};
use super::super::limits::{aged, bar, owner, percent, runs_out};
use super::{Declared, declared};
use crate::format;
use crate::model::Model;
use crate::remote::Shown;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::text::{cut, wrap};

const LABEL: usize = 14;
const GAUGE: usize = 60;

/// Lines with a label before each.
struct Fields<'a> {
    model: &'a Model,
    room: usize,
    lines: Vec<Line<'static>>,
}

impl Fields<'_> {
    fn add(&mut self, label: &str, value: &str) {
        let theme = self.model.theme;
        for (at, line) in wrap(value, self.room.saturating_sub(LABEL)).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            self.lines.push(Line::from(vec![
                Span::styled(format!("{label:<LABEL$}"), theme.style(Role::Muted)),
                Span::styled(line, theme.style(Role::Text)),
            ]));
        }
    }

    fn head(&mut self, text: &str) {
        self.lines.push(Line::default());
        self.lines.push(Line::styled(text.to_owned(), self.model.theme.style(Role::Accent)));
    }
}

/// A budget or quota in lines of at most `room` columns.
pub(in crate::screens) fn lines(model: &Model, status: &LimitStatus, room: usize) -> Vec<Line<'static>> {
    let theme = model.theme;
    let health = health::of(status);
    let mut fields = Fields { model, room, lines: Vec::new() };
    fields.lines.push(Line::from(vec![
        Span::styled(cut(&status.name, room.saturating_sub(12)).into_owned(), theme.style(Role::Strong)),
        Span::styled(format!("  {} {}", health.glyph(), health.word()), theme.style(health.role())),
    ]));
    let meaning = wrap(health.meaning(), room);
    fields.lines.extend(meaning.into_iter().map(|line| Line::styled(line, theme.style(Role::Muted))));
    fields.lines.push(Line::default());
    let known = declared(model, status);
    match &status.window {
        Some(window) => of_window(&mut fields, status, window, known),
        None => fields.add("window", "none now"),
    }
    fields.lines.push(Line::default());
    fields.add("for", &owner(&status.owner));
    fields.add("counts", counts(status.metric));
    fields.add(
        "enforcement",
        match status.enforcement {
            Enforcement::Standard => "standard: a request is refused when its estimate does not fit",
            Enforcement::Hard => "hard: answers are also cut to what is left",
        },
    );
    fields.lines
}

fn counts(metric: Metric) -> &'static str {
    match metric {
        Metric::Requests => "requests that were sent to an upstream",
        Metric::Tokens => "tokens in and out",
        Metric::TokensIn => "tokens in",
        Metric::TokensOut => "tokens out",
        Metric::Errors => "requests that an upstream failed",
        Metric::Cost => "cost in USD",
        Metric::LatencyMs => "latency, summed",
    }
}

fn of_window(fields: &mut Fields<'_>, status: &LimitStatus, window: &WindowState, known: Option<&Declared>) {
    let model = fields.model;
    let health = health::of(status);
    let marks: Vec<u16> = match known {
        Some(declared) if !declared.thresholds.is_empty() => declared.thresholds.clone(),
        _ => vec![NEAR],
    };
    fields.lines.push(Line::from(bar(model, window, health.role(), &marks, fields.room.min(GAUGE))));
    let marks: Vec<String> = marks.iter().filter(|mark| **mark < 100).map(|mark| format!("{mark} %")).collect();
    let at = if marks.is_empty() { String::new() } else { format!("  ╎ {}", marks.join(", ")) };
    let legend = format!("█ used  ▒ reserved  · left{at}");
    fields.lines.push(Line::styled(cut(&legend, fields.room).into_owned(), model.theme.style(Role::Muted)));
    let amount = |value: i64| numbers::amount(model, status.metric, value);
    fields.add("used", &format!("{} ({})", amount(window.used), percent(window)));
    fields.add("reserved", &amount(window.reserved));
    fields.add("left", &amount(window.left));
    let rolled =
        known.filter(|declared| declared.rollover).map(|declared| window.limit.saturating_sub(declared.amount));
    let rolled = rolled.filter(|rolled| *rolled > 0).map(|rolled| format!(", of which {} rolled over", amount(rolled)));
    fields.add("limit", &format!("{}{}", amount(window.limit), rolled.unwrap_or_default()));
    fields.add("last hour", &amount(status.used_last_hour));
    let when = match (runs_out(model, status), status.runs_out_at) {
        (Some(when), Some(at)) if health != health::Health::Spent => format!("{when}, at {}", model.env.day(at)),
        (Some(when), _) => when,
        (None, _) => "not before its window ends".to_owned(),
    };
    fields.add("runs out", &when);
    let here = format!("{} – {}", model.env.day(window.start), model.env.day(window.end));
    fields.add("window", &format!("{here}{}", ends(model, window.end)));
    if let Some(declared) = known {
        fields.add("", &theirs(window, declared));
    }
}

/// How long a window is still open.
fn ends(model: &Model, end: Timestamp) -> String {
    let left = u64::try_from(end.since(model.env.now).as_millis()).unwrap_or(u64::MAX);
    if left == 0 { ", over".to_owned() } else { format!(", ends in {}", format::age(left)) }
}

/// The window where its owner is.
fn theirs(window: &WindowState, declared: &Declared) -> String {
    let Some(zone) = &declared.zone else { return format!("the zone {} is not known here", declared.timezone) };
    let write = |at: Timestamp| match jiff::Timestamp::from_microsecond(at.0) {
        Ok(instant) => instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => "?".to_owned(),
    };
    format!("{} – {} in {}", write(window.start), write(window.end), declared.timezone)
}

/// All that is known, in lines of at most `room` columns.
pub(super) fn all(model: &Model, status: &LimitStatus, room: usize) -> Vec<Line<'static>> {
    let mut fields = Fields { model, room, lines: lines(model, status, room) };
    if let Some(old) = aged(model) {
        fields.lines.insert(0, Line::styled(cut(&old, room).into_owned(), model.theme.style(Role::Warn)));
    }
    fields.head("declared");
    match (declared(model, status), model.declared.shown()) {
        (Some(declared), _) => of_declared(&mut fields, declared, status),
        (None, Shown::Forbidden(failure)) => fields.add("", &format!("✖ forbidden: {}", failure.message)),
        (None, Shown::Failed(failure)) => fields.add("", &format!("▲ not loaded: {}", failure.message)),
        (None, Shown::Here(_)) => fields.add("", "◌ not known yet; r asks again"),
        (None, Shown::Loading(_) | Shown::Nothing) => fields.add("", "◌ loading…"),
    }
    fields.lines
}

fn of_declared(fields: &mut Fields<'_>, declared: &Declared, status: &LimitStatus) {
    let model = fields.model;
    fields.add("amount", &numbers::amount(model, status.metric, declared.amount));
    let rolls = if declared.rollover { ", what is left rolls over" } else { "" };
    fields.add("period", &format!("{}{rolls}", declared.period.as_str().to_lowercase()));
    fields.add("midnight in", &declared.timezone);
    let percents: Vec<String> = declared.thresholds.iter().map(|percent| format!("{percent} %")).collect();
    fields.add("events at", if percents.is_empty() { "none".to_owned() } else { percents.join(", ") }.as_str());
    if let Some(start) = declared.start {
        fields.add("from", &model.env.day(start));
    }
    if let Some(end) = declared.end {
        fields.add("until", &model.env.day(end));
    }
    fields.add("changed", &format!("{}, revision {}", model.env.day(declared.updated_at), declared.revision));
    fields.add("id", &declared.id.to_string());
}
