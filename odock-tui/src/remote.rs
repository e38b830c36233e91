//! Data that lives at the gateway: not asked for, on its way, here, refused. Four different things on the screen.

use crate::msg::{Failure, FailureKind};

/// A value of the gateway's, as far as it is known here. A failed refresh keeps the value and says so.
#[derive(Clone, Debug)]
pub struct Remote<T> {
    value: Option<Held<T>>,
    asked: Option<u64>,
    answered: Option<u64>,
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
struct Held<T> {
    value: T,
    at: u64,
}

/// What there is to show of a [`Remote`].
#[derive(Debug)]
pub enum Shown<'a, T> {
    /// Nobody has asked for it.
    Nothing,
    /// It was asked for at this moment (milliseconds of [`crate::env::Env::mono`]) and has not come.
    Loading(u64),
    /// It is here.
    Here(&'a T),
    /// The gateway says that this token may not see it.
    Forbidden(&'a Failure),
    /// It could not be loaded.
    Failed(&'a Failure),
}

impl<T> Default for Remote<T> {
    fn default() -> Self {
        Self { value: None, asked: None, answered: None, failure: None }
    }
}

impl<T> Remote<T> {
    /// Notes that it was asked for.
    pub fn ask(&mut self, mono: u64) {
        self.asked = Some(mono);
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub fn awaited(&self) -> bool {
        self.asked.is_some()
    }

    /// Takes the answer in.
    pub fn settle(&mut self, result: Result<T, Failure>, mono: u64) {
        self.asked = None;
        self.answered = Some(mono);
        match result {
            Ok(value) => {
                self.value = Some(Held { value, at: mono });
                self.failure = None;
            }
            Err(failure) => {
                if matches!(failure.kind, FailureKind::Forbidden | FailureKind::NotFound) {
                    self.value = None;
                }
                self.failure = Some(failure);
            }
        }
    }

    /// The value, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref().map(|held| &held.value)
    }

    /// The value, to be changed in place.
    pub fn value_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut().map(|held| &mut held.value)
    }

    /// When the value came.
    #[must_use]
    pub fn at(&self) -> Option<u64> {
        self.value.as_ref().map(|held| held.at)
    }

    /// When the last answer came, whatever it was.
    #[must_use]
    pub fn answered(&self) -> Option<u64> {
        self.answered
    }

    /// Why the last attempt failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// What to show.
    #[must_use]
    pub fn shown(&self) -> Shown<'_, T> {
        match (&self.value, &self.failure, self.asked) {
            (Some(held), ..) => Shown::Here(&held.value),
            (None, Some(failure), _) if failure.kind == FailureKind::Forbidden => Shown::Forbidden(failure),
            (None, Some(failure), None) => Shown::Failed(failure),
            (None, _, Some(since)) => Shown::Loading(since),
            (None, None, None) => Shown::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "no")
    }

    #[test]
    fn a_failed_refresh_keeps_what_was_there() {
        let mut remote = Remote::default();
        assert!(matches!(remote.shown(), Shown::Nothing));
        remote.ask(5);
        assert!(matches!(remote.shown(), Shown::Loading(5)));
        remote.settle(Ok(1), 7);
        remote.settle(Err(failure(FailureKind::Timeout)), 9);
        assert!(matches!(remote.shown(), Shown::Here(1)));
        assert_eq!((remote.at(), remote.failure().is_some()), (Some(7), true));
    }

    #[test]
    fn losing_the_right_to_see_it_hides_it() {
        let mut remote = Remote::default();
        remote.settle(Ok(1), 0);
        remote.settle(Err(failure(FailureKind::Forbidden)), 1);
        assert!(matches!(remote.shown(), Shown::Forbidden(_)));
        let mut never: Remote<u8> = Remote::default();
        never.settle(Err(failure(FailureKind::Timeout)), 1);
        assert!(matches!(never.shown(), Shown::Failed(_)));
    }
}
