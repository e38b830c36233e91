//! The frame around a dialog.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::theme::{Role, Theme};
use crate::widgets::edit::LineEdit;
use crate::widgets::layout::middle;
use crate::widgets::text::{width, wrap};

/// Columns inside the frame of a dialog in `area`.
pub(super) fn columns(area: Rect, wanted: u16) -> usize {
    usize::from(wanted.min(area.width).saturating_sub(4))
}

/// Draws `lines` in a frame in the middle of `area`.
pub(super) fn draw(
    frame: &mut Frame,
    area: Rect,
    theme: Theme,
    title: &str,
    lines: Vec<Line<'_>>,
    wanted: u16,
    role: Role,
) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let outer = middle(area, wanted, height);
    let style = theme.style(role);
    let block = Block::bordered()
        .border_style(style)
        .title(Span::styled(format!(" {title} "), style))
        .style(theme.style(Role::Text));
    let inner = block.inner(outer);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Clear, outer);
    frame.render_widget(block, outer);
    frame.render_widget(Paragraph::new(lines), inner);
}

/// `text` as wrapped lines of one style.
pub(super) fn wrapped(text: &str, columns: usize, theme: Theme, role: Role) -> Vec<Line<'static>> {
    wrap(text, columns).into_iter().map(|line| Line::styled(line, theme.style(role))).collect()
}

/// A prompt with the cursor shown as a reversed letter: the terminal's own cursor stays hidden. A text that is too long
/// shows its end.
pub(super) fn prompt(label: &str, edit: &LineEdit, theme: Theme, columns: usize) -> Line<'static> {
    let (before, after) = edit.halves();
    let room = columns.saturating_sub(width(label) + 2).max(1);
    let mut before = before;
    while width(before) > room {
        before = before.get(before.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    let mut rest = after.chars();
    let under = rest.next().map_or_else(|| " ".to_owned(), |letter| letter.to_string());
    Line::from(vec![
        Span::styled(label.to_owned(), theme.style(Role::Key)),
        Span::styled(before.to_owned(), theme.style(Role::Text)),
        Span::styled(under, theme.style(Role::Selected)),
        Span::styled(rest.as_str().to_owned(), theme.style(Role::Text)),
    ])
}

/// `key does, key does`, in the style of footers.
pub(super) fn keys(pairs: &[(&str, &str)], theme: Theme) -> Line<'static> {
    let mut spans = Vec::new();
    for (key, does) in pairs {
        spans.push(Span::styled((*key).to_owned(), theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {does}   "), theme.style(Role::Muted)));
    }
    Line::from(spans)
}
