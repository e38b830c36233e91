//! Which facts are stale: a counter of changes, and for each subject its value at the subject's last change.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;

use super::Subject;

/// The history of changes as this node knows it.
///
/// A fact is fresh while none of its subjects changed after the fact began to be read. Checking that is one atomic load
/// a subject, so that invalidation needs no search through caches and no fact can be cached past a change that it missed.
#[derive(Debug, Default)]
pub struct Epochs {
    changes: AtomicU64,
    everything: AtomicU64,
    subjects: DashMap<Subject, Arc<AtomicU64>>,
}

/// When a fact began to be read, and the subjects that it depends on.
#[derive(Clone, Debug)]
pub struct Stamp {
    mark: u64,
    subjects: Box<[Arc<AtomicU64>]>,
}

impl Epochs {
    /// The present point in history: to be taken before a fact is read.
    pub fn mark(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Ties a fact that was read after `mark` to what it depends on.
    pub fn stamp(&self, mark: u64, subjects: &[Subject]) -> Stamp {
        Stamp { mark, subjects: subjects.iter().map(|subject| self.cell(*subject)).collect() }
    }

    /// Whether nothing that the fact depends on has changed since it was read.
    pub fn is_fresh(&self, stamp: &Stamp) -> bool {
        self.everything.load(Ordering::Acquire) <= stamp.mark
            && stamp.subjects.iter().all(|changed| changed.load(Ordering::Acquire) <= stamp.mark)
    }

    /// Records that subjects have changed.
    pub fn changed(&self, subjects: &[Subject]) {
        let now = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        for subject in subjects {
            // A subject without a cell has no fact yet; one made later is stamped by a mark at or after this change, or
            // by an earlier mark and then must see this change: so the cell is made here.
            self.cell(*subject).fetch_max(now, Ordering::SeqCst);
        }
    }

    /// Records that anything may have changed.
    pub fn all_changed(&self) {
        let now = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.everything.fetch_max(now, Ordering::SeqCst);
    }

    fn cell(&self, subject: Subject) -> Arc<AtomicU64> {
        if let Some(cell) = self.subjects.get(&subject) {
            return cell.clone();
        }
        self.subjects.entry(subject).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_facts_stale_that_were_read_before_it() {
        let (epochs, a, b) = (Epochs::default(), Subject::now_v7(), Subject::now_v7());
        let before = epochs.mark();
        let on_a = epochs.stamp(before, &[a]);
        let on_b = epochs.stamp(before, &[b]);
        epochs.changed(&[a]);
        assert!(!epochs.is_fresh(&on_a));
        assert!(epochs.is_fresh(&on_b));
        assert!(epochs.is_fresh(&epochs.stamp(epochs.mark(), &[a])));
    }

    #[test]
    fn a_fact_read_across_a_change_is_stale_from_the_start() {
        let (epochs, a) = (Epochs::default(), Subject::now_v7());
        let before = epochs.mark();
        epochs.changed(&[a]);
        assert!(!epochs.is_fresh(&epochs.stamp(before, &[a])));
    }

    #[test]
    fn losing_the_bus_makes_everything_stale() {
        let epochs = Epochs::default();
        let stamp = epochs.stamp(epochs.mark(), &[]);
        epochs.all_changed();
        assert!(!epochs.is_fresh(&stamp));
    }
}
