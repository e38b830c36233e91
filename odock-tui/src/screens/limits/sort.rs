//! The order of budgets and quotas.

use std::cmp::Ordering;

use entity::ledger::LimitStatus;

use super::super::order;
use super::{health, owner};

/// What budgets and quotas can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Name,
    Owner,
    State,
    Spent,
    Pace,
    RunsOut,
}

impl order::By for By {
    const ALL: &'static [Self] = &[Self::Spent, Self::RunsOut, Self::State, Self::Name, Self::Owner, Self::Pace];

    fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Owner => "owner",
            Self::State => "state",
            Self::Spent => "spent",
            Self::Pace => "an hour",
            Self::RunsOut => "runs out",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Name => 'n',
            Self::Owner => 'o',
            Self::State => 's',
            Self::Spent => 'p',
            Self::Pace => 'h',
            Self::RunsOut => 'r',
        }
    }

    fn falls(self) -> bool {
        matches!(self, Self::Spent | Self::Pace)
    }
}

/// The part of the limit that is used or set aside, in millionths: comparable across metrics.
pub(super) fn share(status: &LimitStatus, amount: i64) -> i128 {
    let limit = status.window.as_ref().map_or(0, |window| window.limit);
    i128::from(amount) * 1_000_000 / i128::from(limit.max(1))
}

fn taken(status: &LimitStatus) -> i128 {
    let taken = status.window.as_ref().map(|window| window.used.saturating_add(window.reserved));
    // Without a window there is less than nothing to see.
    taken.map_or(i128::MIN, |taken| share(status, taken))
}

/// When it is spent; whatever lasts comes after all that does not.
fn runs_out(status: &LimitStatus) -> i64 {
    status.runs_out_at.map_or(i64::MAX, |at| at.0)
}

/// The order of two by one criterion.
pub(super) fn compare(by: By, a: &LimitStatus, b: &LimitStatus) -> Ordering {
    match by {
        By::Name => a.name.cmp(&b.name),
        By::Owner => owner(&a.owner).cmp(&owner(&b.owner)),
        By::State => health::of(a).cmp(&health::of(b)),
        By::Spent => taken(a).cmp(&taken(b)),
        By::Pace => share(a, a.used_last_hour).cmp(&share(b, b.used_last_hour)),
        By::RunsOut => runs_out(a).cmp(&runs_out(b)),
    }
}

/// The order of risk: what is spent, then what runs out soonest, then what is used the most.
pub(super) fn risk(a: &LimitStatus, b: &LimitStatus) -> Ordering {
    let spent = |status: &LimitStatus| health::of(status) != health::Health::Spent;
    spent(a).cmp(&spent(b)).then_with(|| runs_out(a).cmp(&runs_out(b))).then_with(|| taken(b).cmp(&taken(a)))
}

#[cfg(test)]
mod tests {
    use entity::Timestamp;
    use entity::ledger::WindowState;
    use entity::resource::Owner;
    use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType};

    use super::*;

    fn status(name: &str, used: i64, limit: i64, runs_out_at: Option<i64>) -> LimitStatus {
        LimitStatus {
            kind: LimitKind::Quota,
            name: name.into(),
            owner: Owner { r#type: OwnerType::Org, name: None },
            metric: Metric::Tokens,
            enforcement: Enforcement::Standard,
            active: true,
            window: Some(WindowState {
                start: Timestamp(0),
                end: Timestamp(1_000),
                limit,
                used,
                reserved: 0,
                left: limit - used,
            }),
            used_last_hour: used,
            runs_out_at: runs_out_at.map(Timestamp),
        }
    }

    #[test]
    fn what_is_at_risk_comes_first() {
        let mut all = [
            status("half", 50, 100, None),
            status("soon", 10, 100, Some(500)),
            status("spent", 100, 100, Some(100)),
            status("sooner", 1, 100, Some(400)),
            status("most", 900, 1_000, None),
        ];
        all.sort_by(risk);
        let names: Vec<&str> = all.iter().map(|status| status.name.as_str()).collect();
        assert_eq!(names, ["spent", "sooner", "soon", "most", "half"]);
    }

    #[test]
    fn shares_compare_across_units() {
        let (tokens, money) = (status("a", 900_000, 1_000_000, None), status("b", 95, 100, None));
        assert_eq!(compare(By::Spent, &tokens, &money), Ordering::Less);
        assert_eq!(compare(By::Pace, &tokens, &money), Ordering::Less);
        assert_eq!(compare(By::RunsOut, &tokens, &status("c", 0, 1, Some(9))), Ordering::Greater);
    }
}
