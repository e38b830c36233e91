//! A chart of seconds: one column each, newest on the right, as tall as there is room. A break is not a zero.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// How a chart is painted.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Bars.
    pub bar: Style,
    /// The line at zero.
    pub base: Style,
    /// Seconds that were not heard.
    pub gap: Style,
}

/// Paints `values` (oldest first, `None` is a break) into `area`, scaled to the largest that is visible.
pub fn spark(values: impl DoubleEndedIterator<Item = Option<u64>>, area: Rect, buffer: &mut Buffer, paint: Paint) {
    let visible: Vec<Option<u64>> = values.rev().take(usize::from(area.width)).collect();
    let max = visible.iter().flatten().copied().max().unwrap_or(0);
    for (value, x) in visible.into_iter().zip((area.left()..area.right()).rev()) {
        match value {
            None => column(area, buffer, x, paint.gap, |_| "╎"),
            Some(0) => column(area, buffer, x, paint.base, |row| if row == 0 { EIGHTHS[1] } else { EIGHTHS[0] }),
            Some(value) => {
                let level = level(value, max, area.height);
                column(area, buffer, x, paint.bar, |row| EIGHTHS[usize::from(level.saturating_sub(row * 8).min(8))]);
            }
        }
    }
}

/// The height of a bar in eighths of a row: at least two, so that it stands out from zero.
fn level(value: u64, max: u64, rows: u16) -> u16 {
    let full = u64::from(rows) * 8;
    let level = u128::from(value) * u128::from(full) / u128::from(max.max(1));
    u16::try_from(level).unwrap_or(u16::MAX).clamp(2, u16::try_from(full).unwrap_or(u16::MAX).max(2))
}

fn column(area: Rect, buffer: &mut Buffer, x: u16, style: Style, glyph: impl Fn(u16) -> &'static str) {
    for row in 0..area.height {
        buffer[(x, area.bottom() - 1 - row)].set_symbol(glyph(row)).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(values: &[Option<u64>], width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let paint = Paint { bar: Style::new(), base: Style::new(), gap: Style::new() };
        spark(values.iter().copied(), area, &mut buffer, paint);
        (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect()).collect()
    }

    #[test]
    fn zero_break_and_little_look_different() {
        assert_eq!(draw(&[Some(0), None, Some(1), Some(1_000)], 5, 1), [" ▁╎▂█"]);
    }

    #[test]
    fn tall_charts_use_their_rows() {
        assert_eq!(draw(&[Some(16), Some(12), Some(8), Some(4)], 4, 2), ["█▄  ", "███▄"]);
    }

    #[test]
    fn the_newest_are_shown_and_scaled_among_themselves() {
        assert_eq!(draw(&[Some(u64::MAX), Some(1), Some(2)], 2, 1), ["▄█"]);
        assert_eq!(draw(&[Some(1)], 0, 0), Vec::<String>::new());
    }
}
