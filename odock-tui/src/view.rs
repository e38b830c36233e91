//! The one way in which anything is shown. Reads the model, changes nothing.

mod bars;
pub mod numbers;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::format;
use crate::link::Phase;
use crate::model::Model;
use crate::theme::{Role, Theme};
use crate::widgets::ascii;
use crate::widgets::layout::{SMALLEST, split_bottom, split_top};

/// Draws the dashboard.
pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    if model.theme == Theme::HighContrast {
        frame.buffer_mut().set_style(area, model.theme.style(Role::Text));
    }
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(model, frame, area);
    } else {
        full(model, frame, area);
    }
    if model.ascii {
        ascii::fold(frame.buffer_mut(), area);
    }
}

fn full(model: &Model, frame: &mut Frame, area: Rect) {
    let (top, rest) = split_top(area, 1);
    bars::top(model, frame, top);
    let (middle, bottom) = split_bottom(rest, 1);
    bars::bottom(model, frame, bottom);
    let (banner, body) = split_top(middle, u16::from(banner(model)));
    bars::banner(model, frame, banner);
    let screen = model.screen().screen();
    screen.view(model, frame, body);
    // What the gateway does not confirm any more is dimmed as a whole: no single number looks current by mistake.
    if !model.link.is_open() && !screen.offline() && model.link.last_heard().is_some() {
        frame.buffer_mut().set_style(body, model.theme.style(Role::Stale));
    }
    if let Some(overlay) = &model.overlay {
        overlay.view(model, frame, Rect { height: rest.height, ..rest });
    }
}

/// Whether a line below the bar says that something is wrong with the connection.
fn banner(model: &Model) -> bool {
    matches!(model.link.phase(model.env.mono), Phase::Lost { .. } | Phase::Lagging(_))
}

/// The area of the screen proper at the model's size.
#[must_use]
pub fn body(model: &Model) -> Rect {
    let (width, height) = model.size;
    let (_, rest) = split_top(Rect::new(0, 0, width, height), 1);
    let (middle, _) = split_bottom(rest, 1);
    split_top(middle, u16::from(banner(model))).1
}

/// A terminal that is too small still hears the essential.
fn too_small(model: &Model, frame: &mut Frame, area: Rect) {
    let theme = model.theme;
    let minute = model.live.ticks.minute();
    let (glyph, word, role) = bars::phase(model);
    let lines = vec![
        Line::styled(format!("{glyph} {word}"), theme.style(role)),
        Line::styled(
            format!("{} req/s, {} errors/min", format::rate(minute.per_second(minute.requests)), minute.errors),
            theme.style(Role::Strong),
        ),
        Line::styled(
            format!("{}×{} needed, this is {}×{}", SMALLEST.0, SMALLEST.1, area.width, area.height),
            theme.style(Role::Muted),
        ),
        Line::styled("ctrl-c ctrl-c quits", theme.style(Role::Muted)),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}
