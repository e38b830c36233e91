//! A small set of handles by label: filled once, then read without a lock.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

/// Handles by label. There are a handful of labels, so a scan beats a hash.
pub(super) struct Table<Label, Handles> {
    entries: ArcSwap<Vec<(Label, Arc<Handles>)>>,
    growing: Mutex<()>,
}

impl<Label: Copy + PartialEq, Handles> Table<Label, Handles> {
    /// Finds the handles of `label`, making them at its first use.
    pub(super) fn get(&self, label: Label, make: impl FnOnce() -> Handles) -> Arc<Handles> {
        if let Some(found) = find(&self.entries.load(), label) {
            return found;
        }
        let _alone = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = self.entries.load_full();
        if let Some(found) = find(&entries, label) {
            return found;
        }
        let made = Arc::new(make());
        let mut grown = Vec::clone(&entries);
        grown.push((label, Arc::clone(&made)));
        self.entries.store(Arc::new(grown));
        made
    }
}

fn find<Label: Copy + PartialEq, Handles>(entries: &[(Label, Arc<Handles>)], label: Label) -> Option<Arc<Handles>> {
    entries.iter().find(|(known, _)| *known == label).map(|(_, handles)| Arc::clone(handles))
}

impl<Label, Handles> Default for Table<Label, Handles> {
    fn default() -> Self {
        Self { entries: ArcSwap::from_pointee(Vec::new()), growing: Mutex::new(()) }
    }
}
