//! An order of rows by two criteria: the second for ties of the first.

use std::cmp::Ordering;

use crate::overlay::menu::{Item, Pick};

/// What rows can be sorted by.
pub(super) trait By: Copy + Eq + 'static {
    /// Every criterion, in the order of the menu.
    const ALL: &'static [Self];

    /// The header of the column that shows it.
    fn column(self) -> &'static str;

    /// The letter that chooses it.
    fn letter(self) -> char;

    /// Whether it is of interest from the top.
    fn falls(self) -> bool;
}

/// The choices of the sort menu.
pub(super) fn items<B: By>() -> Vec<Item> {
    let item =
        |(at, by): (usize, &B)| Item { letter: by.letter(), label: by.column().to_owned(), pick: Pick::Sort(at) };
    B::ALL.iter().enumerate().map(item).collect()
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order<B> {
    first: (B, bool),
    second: Option<(B, bool)>,
}

impl<B: By> Order<B> {
    /// By one criterion.
    pub(super) fn new(by: B) -> Self {
        Self { first: (by, by.falls()), second: None }
    }

    /// Sorts by another criterion; the one before becomes the second. The same again reverses it.
    pub(super) fn by(&mut self, by: B) {
        if self.first.0 == by {
            self.reverse();
        } else {
            self.second = Some(self.first);
            self.first = (by, by.falls());
        }
    }

    pub(super) fn reverse(&mut self) {
        self.first.1 = !self.first.1;
    }

    /// Whether a criterion that passes the test has a say in it.
    pub(super) fn uses(&self, test: impl Fn(B) -> bool) -> bool {
        test(self.first.0) || self.second.is_some_and(|(by, _)| test(by))
    }

    /// The arrow and number behind the header of a column.
    pub(super) fn mark(&self, column: &str) -> &'static str {
        let of =
            |criterion: Option<(B, bool)>| criterion.filter(|(by, _)| by.column() == column).map(|(_, falls)| falls);
        match (of(Some(self.first)), of(self.second), self.second.is_some()) {
            (Some(false), _, false) => "▴",
            (Some(true), _, false) => "▾",
            (Some(false), _, true) => "▴1",
            (Some(true), _, true) => "▾1",
            (None, Some(false), _) => "▴2",
            (None, Some(true), _) => "▾2",
            (None, None, _) => "",
        }
    }

    /// Sorts `rows`, positions of rows that are sorted by name, by what `compare` finds. The sort is stable: where both
    /// criteria agree, names decide without being compared.
    pub(super) fn sort(&self, rows: &mut [usize], compare: impl Fn(B, usize, usize) -> Ordering) {
        let order = |(by, falls): (B, bool), a: usize, b: usize| {
            let ordering = compare(by, a, b);
            if falls { ordering.reverse() } else { ordering }
        };
        rows.sort_by(|a, b| {
            order(self.first, *a, *b).then_with(|| self.second.map_or(Ordering::Equal, |second| order(second, *a, *b)))
        });
    }
}
