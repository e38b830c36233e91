//! The four charts of `:pulse`: last value and peak as text, the seconds as bars.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::format;
use crate::live::Ticks;
use crate::live::ticks::{Second, Sums};
use crate::model::Model;
use crate::theme::Role;
use crate::view::numbers;
use crate::widgets::layout::{columns, split_left, split_top};
use crate::widgets::spark::{Paint, spark};

/// A chart: what it is called, what it reads of a second, and how its numbers are written.
struct Tile {
    title: &'static str,
    of: fn(&Second) -> u64,
    value: fn(&Model, &Ticks) -> String,
    peak: fn(&Model, u64) -> String,
    role: fn(&Sums) -> Role,
}

const TILES: [Tile; 4] = [
    Tile {
        title: "requests/s",
        of: |second| second.requests,
        value: |_, ticks| format::rate(now(ticks, |sums| sums.requests)),
        peak: |model, value| numbers::count(model, value),
        role: |_| Role::Chart,
    },
    Tile {
        title: "errors/min",
        of: |second| second.errors,
        value: |model, ticks| {
            let minute = ticks.minute();
            format!("{} ({})", numbers::count(model, minute.errors), percent(minute.errors, minute.requests))
        },
        peak: |model, value| numbers::count(model, value),
        role: |minute| if minute.errors > 0 { Role::Bad } else { Role::Ok },
    },
    Tile {
        title: "tokens/s",
        of: |second| second.tokens,
        value: |_, ticks| format::rate(now(ticks, |sums| sums.tokens)),
        peak: |model, value| numbers::count(model, value),
        role: |_| Role::Chart,
    },
    Tile {
        title: "$/h",
        of: |second| u64::try_from(second.cost).unwrap_or(0),
        value: |model, ticks| numbers::money(model, ticks.minute().cost_per_hour()),
        peak: |model, value| format!("{}/s", numbers::money(model, i64::try_from(value).unwrap_or(i64::MAX))),
        role: |_| Role::Chart,
    },
];

/// The mean of the last few seconds: steady enough to be read, quick enough to be true.
fn now(ticks: &Ticks, of: fn(&Sums) -> u64) -> f64 {
    let sums = ticks.last(5);
    sums.per_second(of(&sums))
}

/// A share: `0 %`, `<1 %`, `12 %`.
fn percent(part: u64, whole: u64) -> String {
    match (part.saturating_mul(100)).checked_div(whole) {
        Some(0) if part > 0 => "<1 %".to_owned(),
        Some(share) => format!("{share} %"),
        None => "0 %".to_owned(),
    }
}

/// Rows that the tiles take at a size, and whether each is only a line.
pub(super) fn height(area: Rect) -> (u16, bool) {
    if area.height < 18 || area.width < 70 {
        return (4, true);
    }
    let (columns, rows) = grid(area);
    (4 / columns * (1 + rows), false)
}

/// Tiles beside one another, and rows of each chart. Much room goes into longer charts, two above two.
fn grid(area: Rect) -> (u16, u16) {
    match (area.width, area.height) {
        (160.., 45..) => (2, 5),
        (100.., 0..27) => (4, 2),
        (100.., 27..38) => (4, 4),
        (100.., _) => (4, 7),
        (_, 0..34) => (2, 2),
        _ => (2, 4),
    }
}

/// Draws the four tiles into `area`, the first rows of `whole`.
pub(super) fn draw(model: &Model, frame: &mut Frame, area: Rect, whole: Rect, lines_only: bool) {
    let minute = model.live.ticks.minute();
    if lines_only {
        for (tile, row) in TILES.iter().zip(area.rows()) {
            line(model, frame, row, tile, &minute);
        }
        return;
    }
    let (count, _) = grid(whole);
    let bands = 4 / count;
    let height = area.height / bands;
    let cells = (0..bands).flat_map(|band| columns(Rect { y: area.y + band * height, height, ..area }, count, 3));
    for (tile, cell) in TILES.iter().zip(cells) {
        boxed(model, frame, cell, tile, &minute);
    }
}

/// A tile of several rows: its numbers on top, its chart below.
fn boxed(model: &Model, frame: &mut Frame, area: Rect, tile: &Tile, minute: &Sums) {
    let (head, chart) = split_top(area, 1);
    frame.render_widget(Paragraph::new(title(model, tile, head.width, chart.width)), head);
    bars(model, frame, chart, tile, minute);
}

/// A tile of one row: its numbers, then its chart.
fn line(model: &Model, frame: &mut Frame, area: Rect, tile: &Tile, minute: &Sums) {
    let theme = model.theme;
    let (left, chart) = split_left(area, 26, 1);
    let text = Line::from(vec![
        Span::styled(format!("{:<11}", tile.title), theme.style(Role::Muted)),
        Span::styled((tile.value)(model, &model.live.ticks), theme.style(Role::Strong)),
    ]);
    frame.render_widget(Paragraph::new(text), left);
    bars(model, frame, chart, tile, minute);
}

fn title(model: &Model, tile: &Tile, width: u16, bars: u16) -> Line<'static> {
    let theme = model.theme;
    let value = (tile.value)(model, &model.live.ticks);
    let visible = model.live.ticks.seconds().rev().take(usize::from(bars));
    let seen = visible.len();
    let peak = visible.flatten().map(tile.of).max().unwrap_or(0);
    let note = format!("peak {} · {seen} s", (tile.peak)(model, peak));
    let used = tile.title.len() + 2 + value.chars().count();
    let mut spans = vec![
        Span::styled(format!("{}  ", tile.title), theme.style(Role::Muted)),
        Span::styled(value, theme.style(Role::Strong)),
    ];
    let room = usize::from(width).saturating_sub(used + 2);
    if note.chars().count() <= room {
        spans.push(Span::styled(format!("{note:>width$}", width = room + 2), theme.style(Role::Muted)));
    }
    Line::from(spans)
}

fn bars(model: &Model, frame: &mut Frame, area: Rect, tile: &Tile, minute: &Sums) {
    let theme = model.theme;
    let paint =
        Paint { bar: theme.style((tile.role)(minute)), base: theme.style(Role::Muted), gap: theme.style(Role::Muted) };
    let values = model.live.ticks.seconds().map(|second| second.map(tile.of));
    spark(values, area, frame.buffer_mut(), paint);
}
