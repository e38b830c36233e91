//! What each key did in the last minute, counted from the stream's requests.

use std::collections::{HashMap, VecDeque};

use entity::usage::UsageRecord;
use entity::{ApiKeyId, Nanos};

const WINDOW_MS: u64 = 60_000;

/// What a key did in the last minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyRate {
    /// Requests.
    pub requests: u64,
    /// Of those, with a status of 400 or more.
    pub errors: u64,
    /// Nanos of USD.
    pub cost: Nanos,
    /// Tokens.
    pub tokens: u64,
}

#[derive(Debug)]
struct Event {
    at: u64,
    key: ApiKeyId,
    error: bool,
    cost: Nanos,
    tokens: u64,
}

/// The last minute of every key.
#[derive(Debug, Default)]
pub struct Activity {
    events: VecDeque<Event>,
    sums: HashMap<ApiKeyId, KeyRate>,
    incomplete_since: Option<u64>,
    latest: u64,
}

impl Activity {
    /// Counts a request that was told at `mono`.
    pub fn note(&mut self, record: &UsageRecord, mono: u64) {
        self.latest = mono;
        let tokens = record.tokens.input().saturating_add(record.tokens.output());
        let event = Event {
            at: mono,
            key: record.api_key_id,
            error: record.status >= 400,
            cost: record.cost_nanos.unwrap_or(0),
            tokens,
        };
        let sum = self.sums.entry(event.key).or_default();
        sum.requests += 1;
        sum.errors += u64::from(event.error);
        sum.cost = sum.cost.saturating_add(event.cost);
        sum.tokens = sum.tokens.saturating_add(tokens);
        self.events.push_back(event);
        self.expire(mono);
    }

    /// Notes that requests are missing, so that the sums are only a lower bound for a minute.
    pub fn incomplete(&mut self) {
        self.incomplete_since = Some(self.latest);
    }

    /// Whether the sums are only a lower bound.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.incomplete_since.is_some()
    }

    /// Forgets what is more than a minute old.
    pub fn expire(&mut self, mono: u64) {
        self.latest = mono;
        while let Some(event) = self.events.front().filter(|event| mono.saturating_sub(event.at) >= WINDOW_MS) {
            if let Some(sum) = self.sums.get_mut(&event.key) {
                sum.requests = sum.requests.saturating_sub(1);
                sum.errors = sum.errors.saturating_sub(u64::from(event.error));
                sum.cost = sum.cost.saturating_sub(event.cost);
                sum.tokens = sum.tokens.saturating_sub(event.tokens);
                if sum.requests == 0 {
                    self.sums.remove(&event.key);
                }
            }
            self.events.pop_front();
        }
        if self.incomplete_since.is_some_and(|since| mono.saturating_sub(since) >= WINDOW_MS) {
            self.incomplete_since = None;
        }
    }

    /// What a key did in the last minute.
    #[must_use]
    pub fn of(&self, key: ApiKeyId) -> KeyRate {
        self.sums.get(&key).copied().unwrap_or_default()
    }

    /// Whether no key did anything in the last minute.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.events.is_empty()
    }
}
