//! Columns without lines, as people know them from kubectl.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::clean::one_line;

/// Spaces between columns.
const GAP: usize = 2;
/// What a column keeps when lines have to become shorter: an instant is not cut.
const LEAST: usize = 20;
/// What the first column keeps, which names the row.
const NAME: usize = 40;
/// The longest word of an event.
const EVENT: usize = 8;

/// Rows of cells under headings.
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    #[must_use]
    pub fn new<S: AsRef<str>>(headings: impl IntoIterator<Item = S>) -> Self {
        Self { headings: headings.into_iter().map(|heading| heading.as_ref().to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row. Control characters and line ends in its cells are taken out.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells = cells.into_iter().map(|cell| {
            let text = one_line(cell.as_ref());
            if text.is_empty() { "-".to_owned() } else { text }
        });
        self.rows.push(cells.collect());
    }

    /// The whole table, lines ended, without spaces at their ends. Nothing at all without rows.
    #[must_use]
    pub fn render(self) -> String {
        self.render_within(None)
    }

    /// The same in lines that fit into so many columns of a terminal: long cells are cut, and say so with `…`; if that is not
    /// enough, the columns on the right are left out, and the heading ends in `…`.
    #[must_use]
    pub fn render_within(self, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let lines = || std::iter::once(&self.headings).chain(&self.rows);
        let mut widths = vec![0; self.headings.len()];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width());
            }
        }
        let widths = width.map_or_else(|| widths.clone(), |most| fitted(&widths, most));
        let is_whole = widths.len() == self.headings.len();
        let mut text: String = lines().map(|line| joined(line, &widths)).collect();
        if let Some(end) = text.find('\n').filter(|_| !is_whole) {
            text.insert_str(end, " …");
        }
        text
    }
}

/// Rows that come one by one, as far as possible under one another.
pub struct Lines {
    widths: Vec<usize>,
}

impl Lines {
    /// No rows yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { widths: Vec::new() }
    }

    /// A row as a line; the first one with its headings above it.
    pub fn line<'a>(&mut self, headings: impl Iterator<Item = &'a str>, cells: &[String]) -> String {
        let cells: Vec<String> = cells.iter().map(|cell| one_line(cell)).collect();
        let is_first = self.widths.is_empty();
        let headings: Vec<String> = headings.map(str::to_owned).collect();
        if is_first {
            // The words of events have this width at most.
            self.widths.push(EVENT);
        }
        self.widths.resize(self.widths.len().max(headings.len()), 0);
        for line in [&headings, &cells] {
            for (width, cell) in self.widths.iter_mut().zip(line) {
                // Room for a little more: the next rows are not known yet.
                *width = (*width).max(cell.width() + usize::from(is_first) * 2);
            }
        }
        let head = if is_first { joined(&headings, &self.widths) } else { String::new() };
        format!("{head}{}", joined(&cells, &self.widths))
    }
}

/// One line: its cells cut and padded to the widths of their columns.
fn joined(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = cut(cell, *width);
        let padding = (width + GAP).saturating_sub(cell.width());
        line.push_str(&cell);
        line.push_str(&" ".repeat(padding));
    }
    format!("{}\n", line.trim_end())
}

/// The widths of as many columns as fit, two at the least.
fn fitted(widths: &[usize], most: usize) -> Vec<usize> {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    let mut count = widths.len();
    loop {
        let mut kept = widths[..count].to_vec();
        // Room for the sign that something is left out.
        let most = if count < widths.len() { most.saturating_sub(2) } else { most };
        while total(&kept) > most {
            let can_give = |at: &usize| kept[*at] > if *at == 0 { NAME } else { LEAST };
            let Some(at) = (0..count).filter(can_give).max_by_key(|at| kept[*at]) else { break };
            kept[at] -= 1;
        }
        if total(&kept) <= most || count <= 2 {
            return kept;
        }
        count -= 1;
    }
}

/// A text of at most so many columns, `…` standing for what was cut.
fn cut(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    format!("{kept}…").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["NAME", "DESCRIPTION", "N"]);
        table.row(["ci", "a text that is rather long for its column", "1"]);
        table.row(["日本語", "short", ""]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_look() {
        assert_eq!(
            table().render(),
            "NAME    DESCRIPTION                                N\n\
             ci      a text that is rather long for its column  1\n\
             日本語  short                                      -\n"
        );
        assert_eq!(Table::new(["A"]).render(), "");
    }

    #[test]
    fn on_a_narrow_terminal_long_cells_are_cut_and_then_columns_left_out() {
        let long = table();
        assert_eq!(
            long.render_within(Some(40)),
            "NAME    DESCRIPTION                    N\nci      a text that is rather long f…  1\n日本語  short                          -\n"
        );
        assert_eq!(
            table().render_within(Some(30)),
            "NAME    DESCRIPTION …\nci      a text that is rath…\n日本語  short\n"
        );
        for width in 30..80 {
            let longest = table().render_within(Some(width)).lines().map(|line| line.width()).max();
            assert!(longest <= Some(width), "{width}: {longest:?}");
        }
        assert!(table().render_within(Some(0)).starts_with("NAME    DESCRIPTION"));
    }
}
