//! Columns without lines, as people know them from kubectl.

use comfy_table::{Cell, ContentArrangement, presets};

use super::clean::one_line;

/// Rows of cells under headings.
pub struct Table {
    inner: comfy_table::Table,
    rows: usize,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new<S: AsRef<str>>(headings: impl IntoIterator<Item = S>) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
        inner.set_header(headings.into_iter().map(|heading| Cell::new(heading.as_ref())));
        Self { inner, rows: 0 }
    }

    /// Adds a row. Control characters and line ends in its cells are taken out.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells = cells.into_iter().map(|cell| {
            let text = one_line(cell.as_ref());
            Cell::new(if text.is_empty() { "-".to_owned() } else { text })
        });
        self.inner.add_row(cells);
        self.rows += 1;
    }

    /// The whole table, lines ended, without spaces at their ends. Nothing at all without rows.
    #[must_use]
    pub fn render(mut self) -> String {
        if self.rows == 0 {
            return String::new();
        }
        for column in self.inner.column_iter_mut() {
            column.set_padding((0, 2));
        }
        self.inner.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}
