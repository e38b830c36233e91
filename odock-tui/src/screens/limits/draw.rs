//! The picture of `:budgets` and `:quotas`.

use entity::Timestamp;
use entity::ledger::{LimitStatus, WindowState};
use entity::vocab::LimitKind;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::super::{limit, states};
use super::health::{self, Health, NEAR};
use super::{Limits, all, owner};
use crate::format;
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::gauge::{Part, gauge};
use crate::widgets::layout::{split_left, split_top};
use crate::widgets::table::{Cell, Column, Table, fit};
use crate::widgets::text::{cut, width};

/// From so many columns on, the details of the selected one stand beside the table.
const WIDE: u16 = 160;
const DETAILS: u16 = 60;
const GAUGE: &str = "window";

const fn column(title: &'static str, width: u16, grow: u16, right: bool, keep: u8) -> Column {
    Column { title, width, grow, right, keep }
}

const BUDGETS: &[Column] = &[
    column("name", 15, 3, false, 12),
    column("owner", 14, 2, false, 3),
    column("state", 8, 0, false, 11),
    column(GAUGE, 12, 3, false, 9),
    column("spent", 7, 0, true, 8),
    column("used", 9, 0, true, 5),
    column("reserved", 9, 0, true, 2),
    column("left", 9, 0, true, 10),
    column("limit", 9, 0, true, 6),
    column("an hour", 9, 0, true, 4),
    column("runs out", 11, 0, false, 7),
    column("enforced", 8, 0, false, 1),
];
const QUOTAS: &[Column] = &[
    column("name", 15, 3, false, 12),
    column("owner", 14, 2, false, 2),
    column("metric", 10, 0, false, 5),
    column("state", 8, 0, false, 11),
    column(GAUGE, 12, 3, false, 9),
    column("spent", 7, 0, true, 8),
    column("used", 9, 0, true, 4),
    column("reserved", 9, 0, true, 1),
    column("left", 9, 0, true, 10),
    column("limit", 9, 0, true, 6),
    column("an hour", 9, 0, true, 3),
    column("runs out", 11, 0, false, 7),
];

/// Draws the screen.
pub(super) fn table(screen: &Limits, model: &Model, frame: &mut Frame, area: Rect) {
    let (head, rest) = split_top(area, 1);
    frame.render_widget(Paragraph::new(counts(screen, model)), head);
    let state = screen.state(model);
    if state.rows.is_empty() {
        nothing(screen, model, frame, rest);
        return;
    }
    let beside = state.details && rest.width >= WIDE;
    let (left, right) = if beside { split_left(rest, rest.width - DETAILS - 3, 3) } else { (rest, Rect::default()) };
    let columns = if screen.kind == LimitKind::Budget { BUDGETS } else { QUOTAS };
    let of_gauge = fit(columns, left.width).into_iter().find(|(at, _)| columns[*at].title == GAUGE);
    let of_gauge = of_gauge.map_or(0, |(_, width)| usize::from(width));
    let theme = model.theme;
    let table = Table {
        columns,
        rows: state.rows.len(),
        offset: state.offset,
        selected: Some(screen.row(model)),
        mark: &|at| state.order.mark(columns[at].title),
        cell: &|row, at| match screen.at(model, row) {
            Some(status) => cell(model, status, columns[at].title, of_gauge),
            None => Cell { text: String::new(), style: theme.style(Role::Text) },
        },
        header: theme.style(Role::Header),
        selection: theme.style(Role::Selected),
    };
    table.draw(left, frame.buffer_mut());
    if beside && let Some(selected) = screen.selected(model) {
        frame.render_widget(Paragraph::new(limit::lines(model, selected, usize::from(right.width))), right);
    }
}

fn nothing(screen: &Limits, model: &Model, frame: &mut Frame, area: Rect) {
    let (noun, kind) = (screen.noun(), screen.kind);
    if screen.state(model).filter.is_empty() {
        let advice = [
            "`odockctl apply -f FILE` makes the one that a file declares.".to_owned(),
            match kind {
                LimitKind::Budget => "A budget caps what an organisation, team, user or key spends.".to_owned(),
                LimitKind::Quota => "A quota caps how much an organisation, team, user or key uses.".to_owned(),
            },
        ];
        states::empty(model, frame, area, &format!("There are no {noun} yet."), &advice);
    } else {
        let number = of_kind(screen, model).count() as u64;
        let head = format!("None of {} passes the filter.", format::things(number, &kind.to_string()));
        states::empty(model, frame, area, &head, &["/ changes it, esc removes it".to_owned()]);
    }
}

fn of_kind<'a>(screen: &Limits, model: &'a Model) -> impl Iterator<Item = &'a LimitStatus> {
    let kind = screen.kind;
    all(model).iter().filter(move |status| status.kind == kind)
}

fn counts(screen: &Limits, model: &Model) -> Line<'static> {
    let theme = model.theme;
    let number = of_kind(screen, model).count() as u64;
    let mut spans = vec![Span::styled(format::things(number, &screen.kind.to_string()), theme.style(Role::Muted))];
    let bad = |health: Health| of_kind(screen, model).filter(|status| health::of(status) == health).count();
    for health in [Health::Spent, Health::Near, Health::Fast] {
        let number = bad(health);
        if number > 0 {
            let text = format!(" · {} {number} {}", health.glyph(), health.word());
            spans.push(Span::styled(text, theme.style(health.role())));
        }
    }
    let state = screen.state(model);
    if !state.filter.is_empty() {
        let text = format!(" · {} match ", format::count(state.rows.len() as u64));
        spans.push(Span::styled(text, theme.style(Role::Muted)));
        spans.push(Span::styled(format!("/{}", cut(state.filter.text(), 30)), theme.style(Role::Accent)));
    }
    if let Some(old) = aged(model) {
        spans.push(Span::styled(format!(" · {old}"), theme.style(Role::Warn)));
    }
    Line::from(spans)
}

/// How old the windows are and why, if they could not be fetched again.
pub(in crate::screens) fn aged(model: &Model) -> Option<String> {
    let failure = model.statuses.failure()?;
    let at = model.statuses.at().unwrap_or(model.env.mono);
    let age = format::age(model.env.mono.saturating_sub(at));
    Some(format!("▲ {age} old: {}", cut(&failure.message, 60)))
}

fn cell(model: &Model, status: &LimitStatus, title: &str, of_gauge: usize) -> Cell {
    let theme = model.theme;
    let health = health::of(status);
    let text = |text: String| Cell { text, style: theme.style(Role::Text) };
    let muted = |text: &str| Cell { text: text.to_owned(), style: theme.style(Role::Muted) };
    let toned = |text: String| Cell { text, style: theme.style(health.role()) };
    let amount = |value: i64| numbers::amount(model, status.metric, value);
    let window = |value: fn(&WindowState) -> i64| match &status.window {
        Some(window) => text(amount(value(window))),
        None => muted("-"),
    };
    match title {
        "name" => text(status.name.clone()),
        "owner" => text(owner(&status.owner)),
        "metric" => muted(&status.metric.as_str().to_lowercase().replace('_', " ")),
        "state" => toned(format!("{} {}", health.glyph(), health.word())),
        GAUGE => match &status.window {
            Some(window) => toned(parts(window, &[NEAR], of_gauge).into_iter().map(Part::glyph).collect()),
            None => muted("no window now"),
        },
        "spent" => match &status.window {
            Some(window) => toned(percent(window)),
            None => muted("-"),
        },
        "used" => window(|window| window.used),
        "reserved" => window(|window| window.reserved),
        "left" => window(|window| window.left),
        "limit" => window(|window| window.limit),
        "an hour" => match status.used_last_hour {
            0 => muted("·"),
            used => text(amount(used)),
        },
        "enforced" => muted(status.enforcement.as_str()),
        _ => match runs_out(model, status) {
            Some(when) => toned(when),
            None => muted(if health == Health::Ok { "lasts" } else { "-" }),
        },
    }
}

/// What is used in percent, for people.
pub(in crate::screens) fn percent(window: &WindowState) -> String {
    match health::spent(window) {
        0 if window.used > 0 => "<1 %".to_owned(),
        percent @ 0..1_000 => format!("{percent} %"),
        _ => ">999 %".to_owned(),
    }
}

fn parts(window: &WindowState, marks: &[u16], columns: usize) -> Vec<Part> {
    gauge(columns, window.used, window.reserved, window.limit, marks)
}

/// Milliseconds from now until an instant; 0 if it is past.
fn until(model: &Model, at: Timestamp) -> u64 {
    u64::try_from(at.since(model.env.now).as_millis()).unwrap_or(u64::MAX)
}

/// When it runs out, for people or to the minute; nothing if it lasts.
pub(in crate::screens) fn runs_out(model: &Model, status: &LimitStatus) -> Option<String> {
    let health = health::of(status);
    if matches!(health, Health::Off | Health::Closed) {
        return None;
    }
    if health == Health::Spent {
        return Some("spent".to_owned());
    }
    let at = status.runs_out_at?;
    Some(match until(model, at) {
        _ if model.exact => model.env.day(at).chars().skip(5).collect(),
        0..1_000 => "now".to_owned(),
        left => format!("in {}", format::age(left)),
    })
}

/// A gauge whose parts have colours of their own, and what it says in figures.
pub(in crate::screens) fn bar(
    model: &Model,
    window: &WindowState,
    role: Role,
    marks: &[u16],
    columns: usize,
) -> Vec<Span<'static>> {
    let theme = model.theme;
    let style = |part: Part| match part {
        Part::Used => theme.style(role),
        Part::Over => theme.style(Role::Bad),
        Part::Reserved => theme.style(Role::Accent),
        Part::Left => theme.style(Role::Muted),
        Part::Ahead | Part::Passed => theme.style(Role::Strong),
    };
    let glyph = |part: Part| Span::styled(part.glyph().to_string(), style(part));
    parts(window, marks, columns).into_iter().map(glyph).collect()
}

/// One budget or quota in a line of `room` columns: state, name, gauge, what is left, when it runs out.
pub(in crate::screens) fn line(model: &Model, status: &LimitStatus, room: usize) -> Line<'static> {
    let theme = model.theme;
    let health = health::of(status);
    let state = format!("  {:<8} ", format!("{} {}", health.glyph(), health.word()));
    let name_room = (room / 4).clamp(12, 28);
    let name = cut(&status.name, name_room).into_owned();
    let pad = " ".repeat(name_room.saturating_sub(width(&name)) + 1);
    let mut spans = vec![
        Span::styled(state, theme.style(health.role())),
        Span::styled(format!("{name}{pad}"), theme.style(Role::Text)),
    ];
    let Some(window) = &status.window else {
        spans.push(Span::styled(
            cut(health.meaning(), room.saturating_sub(12 + name_room)).into_owned(),
            theme.style(Role::Muted),
        ));
        return Line::from(spans);
    };
    let share = format!(" {:>6}", percent(window));
    let left = format!("  {} left", numbers::amount(model, status.metric, window.left));
    let when = match runs_out(model, status) {
        Some(_) if health == Health::Spent => format!("  ends in {}", format::age(until(model, window.end))),
        Some(when) => format!("  out {when}"),
        None => "  lasts".to_owned(),
    };
    // Of the same width in every line, so that gauges can be compared by eye.
    let (of_left, of_when) = (if model.exact { 26 } else { 17 }, if model.exact { 18 } else { 14 });
    let spare = room.saturating_sub(12 + name_room + 7 + of_when);
    let with_left = spare >= of_left + 10;
    let columns = if with_left { spare - of_left } else { spare }.min(40);
    spans.extend(bar(model, window, health.role(), &[NEAR], columns));
    spans.push(Span::styled(share, theme.style(health.role())));
    if with_left {
        spans.push(Span::styled(format!("{left:<of_left$}"), theme.style(Role::Text)));
    }
    let role = if health.at_risk() { Role::Strong } else { Role::Muted };
    spans.push(Span::styled(when, theme.style(role)));
    Line::from(spans)
}
