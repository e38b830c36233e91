//! Rectangles.

use ratatui::layout::Rect;

/// The smallest terminal in which the dashboard says something useful.
pub const SMALLEST: (u16, u16) = (60, 15);

/// The first `rows` rows of `area`, and the rest.
#[must_use]
pub fn split_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    (Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area })
}

/// The rest, and the last `rows` rows of `area`.
#[must_use]
pub fn split_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    split_top(area, area.height - rows)
}

/// The first `columns` columns of `area`, and the rest after a gap of `gap` columns.
#[must_use]
pub fn split_left(area: Rect, columns: u16, gap: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    let from = columns.saturating_add(gap).min(area.width);
    (Rect { width: columns, ..area }, Rect { x: area.x + from, width: area.width - from, ..area })
}

/// `count` columns of the same width, `gap` apart.
#[must_use]
pub fn columns(area: Rect, count: u16, gap: u16) -> Vec<Rect> {
    let count = count.max(1);
    let width = area.width.saturating_sub(gap * (count - 1)) / count;
    (0..count)
        .map(|index| {
            let x = area.x + index * (width + gap);
            let width = if index + 1 == count { area.right().saturating_sub(x) } else { width };
            Rect { x: x.min(area.right()), width, ..area }
        })
        .collect()
}

/// A rectangle of `width` by `height` in the middle of `area`, or all of `area` where it does not fit.
#[must_use]
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}
