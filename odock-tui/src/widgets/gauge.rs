//! A gauge: what is used, what is set aside, what is left, and the marks that count.

/// What a column of a gauge stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Used up.
    Used,
    /// Used up beyond the limit.
    Over,
    /// Set aside.
    Reserved,
    /// Left.
    Left,
    /// A mark that has not been reached.
    Ahead,
    /// A mark that has been passed.
    Passed,
}

impl Part {
    /// How it is drawn: each part has a glyph of its own, so that colour is not needed.
    #[must_use]
    pub const fn glyph(self) -> char {
        match self {
            Self::Used | Self::Over => '█',
            Self::Reserved => '▒',
            Self::Left => '·',
            Self::Ahead => '╎',
            Self::Passed => '┃',
        }
    }
}

/// The columns of a gauge. Its whole length is the limit, or what is used and reserved where that is more. `marks` are
/// percentages of the limit; where the limit was passed, 100 is marked too.
#[must_use]
pub fn gauge(columns: usize, used: i64, reserved: i64, limit: i64, marks: &[u16]) -> Vec<Part> {
    let (used, reserved, limit) = (i128::from(used.max(0)), i128::from(reserved.max(0)), i128::from(limit.max(0)));
    let scale = limit.max(used + reserved).max(1);
    let place = |amount: i128| usize::try_from(amount * columns as i128 / scale).unwrap_or(columns).min(columns);
    // Something is not nothing: the first column shows that a window has been touched.
    let least = |amount: i128| place(amount).max(usize::from(amount > 0).min(columns));
    let (of_used, of_taken, whole) = (least(used), least(used + reserved), place(limit));
    let mut parts: Vec<Part> = (0..columns)
        .map(|at| match at {
            at if at < of_used && at >= whole => Part::Over,
            at if at < of_used => Part::Used,
            at if at < of_taken => Part::Reserved,
            _ => Part::Left,
        })
        .collect();
    let beyond = (scale > limit).then_some(100);
    for mark in marks.iter().copied().filter(|mark| *mark < 100).chain(beyond) {
        let amount = limit * i128::from(mark) / 100;
        if let Some(part) = parts.get_mut(place(amount)) {
            *part = if used >= amount { Part::Passed } else { Part::Ahead };
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(used: i64, reserved: i64, limit: i64) -> String {
        gauge(10, used, reserved, limit, &[80, 100]).into_iter().map(Part::glyph).collect()
    }

    #[test]
    fn used_reserved_and_left_add_up_to_the_limit() {
        assert_eq!(drawn(0, 0, 100), "········╎·");
        assert_eq!(drawn(1, 0, 100), "█·······╎·");
        assert_eq!(drawn(50, 20, 100), "█████▒▒·╎·");
        assert_eq!(drawn(79, 0, 100), "███████·╎·");
        assert_eq!(drawn(80, 10, 100), "████████┃·");
        assert_eq!(drawn(100, 0, 100), "████████┃█");
    }

    #[test]
    fn what_passes_the_limit_moves_its_mark_into_the_gauge() {
        assert_eq!(drawn(200, 0, 100), "████┃┃████");
        assert_eq!(gauge(10, 200, 0, 100, &[]).iter().filter(|part| **part == Part::Over).count(), 4);
        assert_eq!(drawn(50, 150, 100), "██▒▒╎╎▒▒▒▒");
    }

    #[test]
    fn nonsense_is_drawn_without_a_fall() {
        assert_eq!(drawn(-5, -5, -5), "┃·········");
        assert_eq!(drawn(i64::MAX, i64::MAX, i64::MAX).chars().count(), 10);
        assert_eq!(gauge(0, 1, 1, 1, &[80]), []);
        assert_eq!(drawn(i64::MIN, 0, i64::MIN).chars().count(), 10);
    }
}
