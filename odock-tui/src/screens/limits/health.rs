//! How a budget or quota stands, as glyph, word and colour.

use entity::ledger::{LimitStatus, WindowState};

use crate::theme::Role;

/// From so many percent on, used and reserved together, a window is near its end.
pub const NEAR: u16 = 80;

/// How a budget or quota stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Nothing is left.
    Spent,
    /// Most of it is used or set aside.
    Near,
    /// It will be spent before its window ends, if use goes on as in the last hour.
    Fast,
    /// There is enough.
    Ok,
    /// It has no window now: it has not begun, or is over.
    Closed,
    /// It is not kept.
    Off,
}

/// How a budget or quota stands.
#[must_use]
pub fn of(status: &LimitStatus) -> Health {
    if !status.active {
        return Health::Off;
    }
    match &status.window {
        None => Health::Closed,
        Some(window) if window.left <= 0 => Health::Spent,
        Some(window) if taken(window) >= i128::from(NEAR) => Health::Near,
        Some(_) if status.runs_out_at.is_some() => Health::Fast,
        Some(_) => Health::Ok,
    }
}

/// What is used and reserved, in percent of the limit, rounded down.
fn taken(window: &WindowState) -> i128 {
    (i128::from(window.used) + i128::from(window.reserved)) * 100 / i128::from(window.limit.max(1))
}

/// What is used in percent of the limit, rounded down: nothing is spent to 100 % before it is.
#[must_use]
pub fn spent(window: &WindowState) -> i64 {
    let percent = i128::from(window.used.max(0)) * 100 / i128::from(window.limit.max(1));
    i64::try_from(percent).unwrap_or(i64::MAX)
}

impl Health {
    /// Whether somebody should look at it.
    #[must_use]
    pub const fn at_risk(self) -> bool {
        matches!(self, Self::Spent | Self::Near | Self::Fast)
    }

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Spent => "spent",
            Self::Near => "near",
            Self::Fast => "fast",
            Self::Ok => "ok",
            Self::Closed => "closed",
            Self::Off => "off",
        }
    }

    /// The glyph.
    #[must_use]
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Spent => "✖",
            Self::Near | Self::Fast => "▲",
            Self::Ok => "●",
            Self::Closed | Self::Off => "◌",
        }
    }

    /// The colour.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Spent => Role::Bad,
            Self::Near | Self::Fast => Role::Warn,
            Self::Ok => Role::Ok,
            Self::Closed | Self::Off => Role::Muted,
        }
    }

    /// What it means, in a sentence without an end.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Spent => "nothing is left; what it covers is refused until the window ends",
            Self::Near => "most of it is used or set aside",
            Self::Fast => "at this pace it is spent before its window ends",
            Self::Ok => "at this pace it lasts until its window ends",
            Self::Closed => "it has no window now: it has not begun, or is over",
            Self::Off => "it is not kept",
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::Timestamp;
    use entity::resource::Owner;
    use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType};

    use super::*;

    fn status(used: i64, reserved: i64, limit: i64) -> LimitStatus {
        let left = limit - used - reserved;
        LimitStatus {
            kind: LimitKind::Budget,
            name: "b".into(),
            owner: Owner { r#type: OwnerType::Org, name: None },
            metric: Metric::Cost,
            enforcement: Enforcement::Hard,
            active: true,
            window: Some(WindowState { start: Timestamp(0), end: Timestamp(1), limit, used, reserved, left }),
            used_last_hour: 0,
            runs_out_at: None,
        }
    }

    #[test]
    fn the_worst_that_is_true_is_said() {
        assert_eq!(of(&status(10, 0, 100)), Health::Ok);
        assert_eq!(of(&status(70, 9, 100)), Health::Ok);
        assert_eq!(of(&status(70, 10, 100)), Health::Near);
        assert_eq!(of(&status(70, 30, 100)), Health::Spent);
        assert_eq!(of(&status(300, 0, 100)), Health::Spent);
        assert_eq!(of(&LimitStatus { runs_out_at: Some(Timestamp(1)), ..status(10, 0, 100) }), Health::Fast);
        assert_eq!(of(&LimitStatus { window: None, ..status(10, 0, 100) }), Health::Closed);
        assert_eq!(of(&LimitStatus { active: false, ..status(100, 0, 100) }), Health::Off);
    }

    #[test]
    fn nothing_is_spent_to_100_percent_before_it_is() {
        let spent = |used, limit| status(used, 0, limit).window.map(|window| spent(&window));
        assert_eq!([spent(999, 1_000), spent(1_000, 1_000), spent(-5, 10)], [Some(99), Some(100), Some(0)]);
        assert_eq!(spent(i64::MAX, 0), Some(i64::MAX));
    }
}
