//! Slows down whoever guesses: each failure makes the next attempt wait longer, by address, by account, and by both.
//!
//! No stranger locks an account: where its user was signed in from before, only mistakes made there count. From elsewhere
//! an account under attack is slow, for half a minute at the most; one-time tokens and identity providers still let its
//! user in. Each node counts by itself, so that N nodes let through N times as much.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entity::Timestamp;
use moka::sync::Cache;

/// What failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Address(String),
    Account(String),
    Both(String, String),
    Code(String),
}

impl Slot {
    /// Failures without a wait, and the longest wait after those.
    const fn bounds(&self) -> (u32, Duration) {
        match self {
            Self::Address(_) => (10, Duration::from_secs(60)),
            Self::Account(_) => (20, Duration::from_secs(30)),
            Self::Both(..) => (5, Duration::from_secs(15 * 60)),
            Self::Code(_) => (30, Duration::from_secs(60)),
        }
    }

    /// Whether many people may stand behind it, so that time forgives: one failure a minute.
    const fn is_shared(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Code(_))
    }

    fn wait(&self, failures: u32) -> Duration {
        let (free, most) = self.bounds();
        match failures.checked_sub(free) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1_u64 << more.min(20)).min(most),
        }
    }
}

/// Slots that are remembered at once.
const REMEMBERED: u64 = 100_000;
/// How long failures are remembered after the last.
const MEMORY: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    last: Timestamp0,
    not_before: Timestamp0,
}

/// An instant that begins as never.
type Timestamp0 = Option<Timestamp>;

/// It is too soon for another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// How long to wait.
    pub wait: Duration,
}

/// Failed attempts.
#[derive(Clone, Debug)]
pub struct Attempts(Cache<Slot, Arc<Mutex<State>>>);

impl Default for Attempts {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(REMEMBERED).time_to_idle(MEMORY).build())
    }
}

/// An attempt under way. On its account it counts as a failure until it is known to be none, so that many at once are no way
/// around; on its address it counts once it failed, for many good callers may share one.
#[must_use = "an attempt counts as a failure until it succeeds or is no attempt after all"]
#[derive(Debug)]
pub struct Attempt {
    attempts: Attempts,
    now: Timestamp,
    address: Slot,
    counted: Vec<(Slot, Timestamp0)>,
}

impl Attempts {
    /// Begins an attempt to sign in from an address, to an account if one is named. `familiar` says that the account's user
    /// was signed in from there before.
    ///
    /// # Errors
    /// It is too soon.
    pub fn begin(
        &self,
        now: Timestamp,
        address: &str,
        account: Option<&str>,
        familiar: bool,
    ) -> Result<Attempt, TooSoon> {
        let network = network(address);
        let address = Slot::Address(network.clone());
        self.with(&address, now, |state| state.check(now))?;
        let mut begun = Attempt { attempts: self.clone(), now, address, counted: Vec::with_capacity(2) };
        let Some(account) = account.map(str::to_lowercase) else { return Ok(begun) };
        let both = Slot::Both(account.clone(), network);
        let everywhere = (!familiar).then_some(Slot::Account(account));
        for slot in [Some(both), everywhere].into_iter().flatten() {
            let taken = self.with(&slot, now, |state| {
                state.check(now)?;
                Ok(state.count(&slot, now))
            });
            match taken {
                Ok(before) => begun.counted.push((slot, before)),
                Err(too_soon) => {
                    begun.undo();
                    return Err(too_soon);
                }
            }
        }
        Ok(begun)
    }

    /// Counts a code that somebody at an address has an identity provider asked for.
    ///
    /// # Errors
    /// It is too soon for another.
    pub fn ask_for_code(&self, now: Timestamp, address: &str) -> Result<(), TooSoon> {
        let slot = Slot::Code(network(address));
        self.with(&slot, now, |state| {
            state.check(now)?;
            state.count(&slot, now);
            Ok(())
        })
    }

    fn with<T>(&self, slot: &Slot, now: Timestamp, act: impl FnOnce(&mut State) -> T) -> T {
        let state = self.0.get_with_by_ref(slot, Arc::default);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.since(last) > MEMORY) {
            *state = State::default();
        }
        if let Some(last) = state.last.filter(|_| slot.is_shared()) {
            let forgiven = now.since(last).as_secs() / 60;
            state.failures = state.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
            state.last = Some(last.plus(Duration::from_secs(forgiven * 60)));
        }
        act(&mut state)
    }
}

impl State {
    fn check(&self, now: Timestamp) -> Result<(), TooSoon> {
        match self.not_before.filter(|until| *until > now) {
            Some(until) => Err(TooSoon { wait: until.since(now) }),
            None => Ok(()),
        }
    }

    /// Counts a failure, and returns how long there was to wait before.
    fn count(&mut self, slot: &Slot, now: Timestamp) -> Timestamp0 {
        let before = self.not_before;
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        let wait = slot.wait(self.failures);
        self.not_before = (!wait.is_zero()).then(|| now.plus(wait));
        before
    }
}

impl Attempt {
    /// It was right: the mistakes made there before are forgiven, the others count on.
    pub fn succeeded(self) {
        for (slot, _) in &self.counted {
            if matches!(slot, Slot::Both(..)) {
                self.attempts.0.invalidate(slot);
            }
        }
        self.undo();
    }

    /// It was wrong.
    pub fn failed(self) {
        self.attempts.with(&self.address, self.now, |state| state.count(&self.address, self.now));
    }

    /// Nobody found out whether it was right.
    pub fn undo(self) {
        for (slot, before) in &self.counted {
            let Some(state) = self.attempts.0.get(slot) else { continue };
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.failures = state.failures.saturating_sub(1);
            state.not_before = *before;
        }
    }
}

/// What an address belongs to: whoever has an IPv6 address has the 64 bits below it.
fn network(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn each_failure_makes_the_next_wait_longer() {
        let slot = Slot::Both("ada".into(), "192.0.2.1".into());
        let waits: Vec<u64> = (4..12).map(|failures| slot.wait(failures).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(slot.wait(u32::MAX).as_secs(), 900, "and never longer than a quarter of an hour");
        let attempts = Attempts::default();
        let (mut now, mut admitted) = (START, 0);
        while now < at(3_600) {
            match attempts.begin(now, "192.0.2.1", Some("ada"), true) {
                Ok(attempt) => {
                    attempt.failed();
                    admitted += 1;
                }
                Err(TooSoon { wait }) => now = now.plus(wait),
            }
        }
        assert!((10..=20).contains(&admitted), "{admitted} guesses in an hour, as fast as they go");
    }

    #[test]
    fn many_at_once_are_no_way_around() {
        let attempts = Attempts::default();
        let begun: Vec<_> = (0..100).map(|_| attempts.begin(START, "192.0.2.1", Some("ada"), false)).collect();
        assert_eq!(begun.iter().filter(|attempt| attempt.is_ok()).count(), 5);
    }

    #[test]
    fn an_address_that_guesses_is_stopped_and_others_are_not() {
        let attempts = Attempts::default();
        for name in 0..10 {
            attempts.begin(START, "192.0.2.1", Some(&format!("user-{name}")), false).unwrap().failed();
        }
        assert!(attempts.begin(START, "192.0.2.1", None, false).is_err());
        attempts.begin(START, "192.0.2.2", None, false).unwrap().failed();
        attempts.begin(at(61), "192.0.2.1", None, false).unwrap().failed();
        // Time forgives an address what it does not forgive an account.
        for _ in 0..10 {
            attempts.begin(at(1_200), "192.0.2.1", None, false).unwrap().failed();
        }
        assert!(attempts.begin(at(1_200), "192.0.2.1", None, false).is_err());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        for host in 0..10 {
            attempts.begin(START, &format!("2001:db8::{host:x}"), None, false).unwrap().failed();
        }
        assert!(attempts.begin(START, "2001:db8::ffff:1", None, false).is_err());
        attempts.begin(START, "2001:db8:0:1::1", None, false).unwrap().failed();
    }

    #[test]
    fn strangers_do_not_lock_an_account_where_its_user_is_at_home() {
        let attempts = Attempts::default();
        for host in 0..40 {
            if let Ok(attempt) = attempts.begin(START, &format!("198.51.100.{host}"), Some("ada"), false) {
                attempt.failed();
            }
        }
        let elsewhere = attempts.begin(START, "203.0.113.1", Some("ada"), false).unwrap_err();
        assert!(elsewhere.wait <= Duration::from_secs(30));
        attempts.begin(START, "192.0.2.1", Some("ada"), true).unwrap().succeeded();
        attempts.begin(START, "203.0.113.1", Some("grace"), false).unwrap().failed();
    }

    #[test]
    fn success_forgives_mistakes_made_there() {
        let attempts = Attempts::default();
        for round in 0..3 {
            // Apart, so that the address itself is not slowed down.
            let now = at(round * 600);
            for _ in 0..4 {
                attempts.begin(now, "192.0.2.1", Some("ada"), true).unwrap().failed();
            }
            attempts.begin(now, "192.0.2.1", Some("ada"), true).unwrap().succeeded();
        }
    }

    #[test]
    fn good_callers_who_share_an_address_do_not_wait_for_each_other() {
        let attempts = Attempts::default();
        let begun: Vec<_> = (0..50).map(|_| attempts.begin(START, "192.0.2.1", None, false).unwrap()).collect();
        begun.into_iter().for_each(Attempt::succeeded);
        attempts.begin(START, "192.0.2.1", None, false).unwrap().succeeded();
    }
}
