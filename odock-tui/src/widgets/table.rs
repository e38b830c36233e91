//! A table of which only the visible rows exist: ten thousand rows cost what forty cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::{cut, width};

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    /// The columns of the terminal that it needs.
    pub width: u16,
    /// Its share of what is left over; 0 keeps it at its width.
    pub grow: u16,
    /// Whether its cells end where the column ends.
    pub right: bool,
    /// How dear it is: where room is short, the lowest go first.
    pub keep: u8,
}

/// What is written into a cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The text; cut if it does not fit.
    pub text: String,
    /// Its style.
    pub style: Style,
}

/// A table about to be drawn.
pub struct Table<'a> {
    /// Every column, in the order in which they stand.
    pub columns: &'a [Column],
    /// How many rows there are in all.
    pub rows: usize,
    /// The first row to show.
    pub offset: usize,
    /// The selected row.
    pub selected: Option<usize>,
    /// What to write behind the header of a column, such as an arrow.
    pub mark: &'a dyn Fn(usize) -> &'static str,
    /// The cells.
    pub cell: &'a dyn Fn(usize, usize) -> Cell,
    /// How the header looks.
    pub header: Style,
    /// How the selected row looks.
    pub selection: Style,
}

/// The columns that fit into `room`, with their widths, in order.
#[must_use]
pub fn fit(columns: &[Column], room: u16) -> Vec<(usize, u16)> {
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    let needed = |chosen: &[usize]| -> u16 {
        let gaps = u16::try_from(chosen.len().saturating_sub(1)).unwrap_or(u16::MAX);
        chosen.iter().fold(gaps, |sum, index| sum.saturating_add(columns[*index].width))
    };
    while chosen.len() > 1 && needed(&chosen) > room {
        let cheapest = chosen.iter().enumerate().min_by_key(|(at, index)| (columns[**index].keep, usize::MAX - at));
        match cheapest.map(|(at, _)| at) {
            Some(at) => drop(chosen.remove(at)),
            None => break,
        }
    }
    let spare = room.saturating_sub(needed(&chosen));
    let shares: u32 = chosen.iter().map(|index| u32::from(columns[*index].grow)).sum();
    let mut left = spare;
    chosen
        .iter()
        .map(|index| {
            let column = columns[*index];
            let share = (u32::from(spare) * u32::from(column.grow)).checked_div(shares).unwrap_or(0);
            let share = u16::try_from(share).unwrap_or(u16::MAX).min(left);
            left -= share;
            (*index, column.width.saturating_add(share).min(room))
        })
        .collect()
}

/// The rows that a table of this height shows below its header.
#[must_use]
pub fn page(height: u16) -> usize {
    usize::from(height.saturating_sub(1))
}

impl Table<'_> {
    /// Draws header and visible rows.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let layout = fit(self.columns, area.width);
        let mut x = area.x;
        for (index, columns) in &layout {
            let title = format!("{}{}", self.columns[*index].title, (self.mark)(*index));
            put(buffer, x, area.y, *columns, self.columns[*index].right, &title, self.header);
            x = x.saturating_add(columns + 1);
        }
        let visible = self.offset..self.rows.min(self.offset.saturating_add(page(area.height)));
        for (row, y) in visible.zip(area.y + 1..area.bottom()) {
            let mut x = area.x;
            for (index, columns) in &layout {
                let cell = (self.cell)(row, *index);
                put(buffer, x, y, *columns, self.columns[*index].right, &cell.text, cell.style);
                x = x.saturating_add(columns + 1);
            }
            if self.selected == Some(row) {
                buffer.set_style(Rect::new(area.x, y, area.width, 1), self.selection);
            }
        }
    }
}

fn put(buffer: &mut Buffer, x: u16, y: u16, columns: u16, right: bool, text: &str, style: Style) {
    let text = cut(text, usize::from(columns));
    let used = u16::try_from(width(&text)).unwrap_or(columns);
    let x = if right { x + columns.saturating_sub(used) } else { x };
    buffer.set_stringn(x, y, &text, usize::from(columns), style);
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { title: "name", width: 6, grow: 1, right: false, keep: 9 },
        Column { title: "note", width: 10, grow: 3, right: false, keep: 1 },
        Column { title: "n", width: 3, grow: 0, right: true, keep: 5 },
    ];

    #[test]
    fn the_cheapest_columns_go_first() {
        assert_eq!(fit(COLUMNS, 21), [(0, 6), (1, 10), (2, 3)]);
        assert_eq!(fit(COLUMNS, 25), [(0, 7), (1, 13), (2, 3)]);
        assert_eq!(fit(COLUMNS, 12), [(0, 8), (2, 3)]);
        assert_eq!(fit(COLUMNS, 4), [(0, 4)]);
        assert_eq!(fit(COLUMNS, 0), [(0, 0)]);
    }

    #[test]
    fn only_visible_rows_are_asked_for() {
        let asked = std::cell::RefCell::new(Vec::new());
        let table = Table {
            columns: COLUMNS,
            rows: 10_000,
            offset: 9_998,
            selected: Some(9_999),
            mark: &|_| "",
            cell: &|row, column| {
                asked.borrow_mut().push((row, column));
                Cell { text: row.to_string(), style: Style::new() }
            },
            header: Style::new(),
            selection: Style::new(),
        };
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 5));
        table.draw(buffer.area, &mut buffer);
        assert_eq!(asked.into_inner(), [(9_998, 0), (9_998, 2), (9_999, 0), (9_999, 2)]);
    }
}
