//! The latest requests, each with a number that grows, so that a selection survives whatever arrives.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use entity::UsageRecordId;
use entity::usage::UsageRecord;

use crate::filter::Fields;

/// Requests that are kept.
pub const KEPT: usize = 10_000;

/// The latest requests, oldest first.
#[derive(Debug, Default)]
pub struct Requests {
    ring: VecDeque<Arc<UsageRecord>>,
    first: u64,
}

impl Requests {
    /// Takes a request in and returns its number.
    pub fn push(&mut self, record: Arc<UsageRecord>) -> u64 {
        if self.ring.len() == KEPT {
            self.ring.pop_front();
            self.first += 1;
        }
        self.ring.push_back(record);
        self.end() - 1
    }

    /// The number of the oldest request that is kept.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next request will get.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// The request with a number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&Arc<UsageRecord>> {
        self.ring.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The requests with their numbers, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Arc<UsageRecord>)> {
        self.ring.iter().enumerate().map(|(index, record)| (self.first + index as u64, record))
    }

    /// The request with a request id.
    #[must_use]
    pub fn find(&self, request_id: &str) -> Option<&Arc<UsageRecord>> {
        self.ring.iter().rev().find(|record| record.request_id == request_id)
    }

    /// The number of a record, if it is kept.
    #[must_use]
    pub fn number(&self, id: UsageRecordId) -> Option<u64> {
        self.iter().rev().find(|(_, record)| record.id == id).map(|(number, _)| number)
    }

    /// Puts requests that were missed where they belong. Every number changes, so whoever holds one looks it up again.
    pub fn merge(&mut self, missed: Vec<UsageRecord>) {
        let known: HashSet<UsageRecordId> = self.ring.iter().map(|record| record.id).collect();
        let old_end = self.end();
        let mut all: Vec<Arc<UsageRecord>> = std::mem::take(&mut self.ring).into();
        all.extend(missed.into_iter().filter(|record| !known.contains(&record.id)).map(Arc::new));
        all.sort_by_key(|record| (ended(record), record.id));
        let surplus = all.len().saturating_sub(KEPT);
        self.ring = all.split_off(surplus).into();
        self.first = old_end;
    }
}

/// When a request ended, in microseconds: the order in which the stream tells of them.
fn ended(record: &UsageRecord) -> i64 {
    record.at.0.saturating_add(i64::try_from(record.latency_us).unwrap_or(i64::MAX))
}

/// The fields that a filter of requests can name.
pub const FIELDS: &[&str] =
    &["key", "model", "provider", "team", "user", "status", "outcome", "error", "organisation", "id"];

impl Fields for UsageRecord {
    fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let status = self.status.to_string();
        let optional = [
            ("model", &self.model),
            ("provider", &self.provider),
            ("team", &self.team),
            ("user", &self.user),
            ("error", &self.error_code),
        ];
        see("key", &self.api_key)
            || optional.iter().any(|(name, text)| text.as_deref().is_some_and(|text| see(name, text)))
            || see("status", &status)
            || see("outcome", self.outcome.as_str())
            || see("organisation", &self.organisation)
            || see("id", &self.request_id)
    }
}
