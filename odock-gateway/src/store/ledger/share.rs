//! How much of a window a node gets: arithmetic, without a database.

use super::Ask;

/// How a window stands while nobody else can change it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Its limit.
    pub(super) limit: i64,
    /// What its records consumed.
    pub(super) used: i64,
    /// What the asking node holds; negative if its requests spent more than it held.
    pub(super) own: i64,
    /// What the other nodes hold, none counted below 0.
    pub(super) others: i64,
    /// How many other nodes hold something.
    pub(super) nodes: i64,
}

/// An amount, or nothing if it is below that.
pub(super) fn positive(amount: i64) -> i64 {
    amount.max(0)
}

/// What the node gets in addition, negative if it has to give back; and what could be granted after that, negative if
/// more is lent than there is.
///
/// What all nodes hold and what is used never come to more than the limit by a grant. A node that is ahead of its needs
/// leaves half of what is left for the others, shared evenly, so that leases shrink as the window nears its limit.
pub(super) fn share(standing: Standing, ask: &Ask) -> (i64, i64) {
    let Standing { limit, used, own, others, nodes } = standing;
    let available = limit.saturating_sub(used).saturating_sub(others).saturating_sub(positive(own));
    // A node whose requests spent more than it held makes that good first; so much is already counted as used.
    let debt = positive(-own);
    let (lacking, most) = (positive(ask.lacking), positive(available).saturating_add(debt));
    let granted = if available < 0 && ask.spare > 0 {
        -ask.spare.min(-available)
    } else if lacking > most {
        0
    } else {
        lacking + if ask.ahead { (most - lacking) / (2 * (nodes + 1)) } else { 0 }
    };
    (granted, available + positive(own) - positive(own + granted))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entity::NodeId;

    use super::*;

    fn ask(lacking: i64, ahead: bool, spare: i64) -> Ask {
        Ask { node: NodeId::new(), lacking, ahead, spare, ttl: Duration::ZERO }
    }

    #[test]
    fn a_grant_never_passes_the_limit_and_is_never_withheld_while_there_is_room() {
        for limit in [0_i64, 1, 7, 100] {
            for used in [0_i64, 3, 50, 100, 120] {
                for own in [-20_i64, -1, 0, 1, 30] {
                    for others in [0_i64, 1, 40] {
                        for lacking in [-5_i64, 0, 1, 10, 200] {
                            for ahead in [false, true] {
                                let standing = Standing { limit, used, own, others, nodes: i64::from(others > 0) };
                                let (granted, left) = share(standing, &ask(lacking, ahead, 0));
                                let held = positive(own + granted) + others;
                                let before = positive(own) + others;
                                assert!(granted >= 0);
                                assert!(used + held <= limit.max(used + before), "{standing:?} {lacking} {granted}");
                                let room = limit - used - before;
                                let debt = positive(-own);
                                if positive(lacking) <= positive(room) + debt {
                                    assert!(granted >= positive(lacking), "{standing:?} {lacking}");
                                } else {
                                    assert_eq!(granted, 0);
                                }
                                assert_eq!(left, limit - used - held, "{standing:?} {lacking} {granted}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_lent_beyond_a_lowered_limit_comes_back() {
        let standing = Standing { limit: 50, used: 20, own: 60, others: 0, nodes: 0 };
        assert_eq!(share(standing, &ask(1, true, 45)).0, -30);
        assert_eq!(share(standing, &ask(1, true, 10)).0, -10);
        assert_eq!(share(standing, &ask(1, true, 0)).0, 0);
    }
}
