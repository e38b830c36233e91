//! Moving through rows. Selections are kept by identity elsewhere; here are only the sums.

use crate::action::Action;

/// Where a movement leads from `row` in `len` rows with `page` of them visible; `None` if the action is no movement.
#[must_use]
pub fn moved(action: Action, row: usize, len: usize, page: usize) -> Option<usize> {
    let last = len.saturating_sub(1);
    let step = page.saturating_sub(1).max(1);
    let to = match action {
        Action::Up => row.saturating_sub(1),
        Action::Down => row.saturating_add(1),
        Action::PageUp => row.saturating_sub(step),
        Action::PageDown => row.saturating_add(step),
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    };
    Some(to.min(last))
}

/// The first row to show so that `row` is among `page` visible ones, moving as little as possible from `offset`.
#[must_use]
pub fn scrolled(offset: usize, row: usize, len: usize, page: usize) -> usize {
    let page = page.max(1);
    let offset = if row < offset {
        row
    } else if row >= offset.saturating_add(page) {
        row + 1 - page
    } else {
        offset
    };
    offset.min(len.saturating_sub(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_stay_within_the_rows() {
        assert_eq!(moved(Action::Down, 9, 10, 5), Some(9));
        assert_eq!(moved(Action::PageDown, 0, 10, 5), Some(4));
        assert_eq!(moved(Action::Up, 0, 0, 0), Some(0));
        assert_eq!(moved(Action::Bottom, 3, 0, 5), Some(0));
        assert_eq!(moved(Action::Open, 3, 10, 5), None);
    }

    #[test]
    fn the_selected_row_is_always_visible() {
        assert_eq!(scrolled(0, 7, 10, 5), 3);
        assert_eq!(scrolled(6, 2, 10, 5), 2);
        assert_eq!(scrolled(9, 9, 10, 5), 5);
        assert_eq!(scrolled(3, 0, 1, 0), 0);
    }
}
