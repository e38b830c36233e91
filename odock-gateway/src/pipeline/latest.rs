//! A fact that may be replaced by a later one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The latest of several facts, such as the upstream that serves a call at present.
#[derive(Debug)]
pub struct Latest<T>(Mutex<Option<T>>);

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Latest<T> {
    /// Replaces the fact.
    pub fn set(&self, fact: T) {
        *self.lock() = Some(fact);
    }

    /// The fact, if it is known.
    pub fn get(&self) -> Option<T> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
