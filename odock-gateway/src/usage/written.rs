//! A usage record as it is written: to the journal as a line, to the database as a row.

use std::ops::{Deref, Range};
use std::sync::Arc;

use entity::usage::UsageRecord;

use super::line::{self, Columns, Word};

/// A record that has ended, together with its line in the journal. The database takes its JSON columns from that line:
/// what every request leaves is written out once.
#[derive(Debug)]
pub struct Written {
    record: Arc<UsageRecord>,
    line: String,
    columns: Columns,
}

impl Written {
    /// Writes a record out.
    ///
    /// # Errors
    /// When a part of it cannot be written as JSON.
    pub fn new(record: impl Into<Arc<UsageRecord>>) -> serde_json::Result<Self> {
        let record = record.into();
        let (line, columns) = line::write(Word::Closed, &record)?;
        Ok(Self { record, line, columns })
    }

    /// The record itself.
    #[must_use]
    pub fn record(&self) -> &Arc<UsageRecord> {
        &self.record
    }

    pub(super) fn line(&self) -> &[u8] {
        self.line.as_bytes()
    }

    /// Its tokens as JSON.
    #[must_use]
    pub fn tokens(&self) -> &str {
        self.part(&self.columns.tokens)
    }

    /// Its bill as JSON.
    #[must_use]
    pub fn bill(&self) -> Option<&str> {
        self.columns.bill.as_ref().map(|at| self.part(at))
    }

    /// The provider's usage object as JSON.
    #[must_use]
    pub fn provider_usage(&self) -> Option<&str> {
        self.columns.provider_usage.as_ref().map(|at| self.part(at))
    }

    /// Its routing as JSON.
    #[must_use]
    pub fn routing(&self) -> &str {
        self.part(&self.columns.routing)
    }

    /// Its metadata as JSON.
    #[must_use]
    pub fn metadata(&self) -> &str {
        self.part(&self.columns.metadata)
    }

    fn part(&self, at: &Range<usize>) -> &str {
        self.line.get(at.clone()).unwrap_or_default()
    }
}

impl Deref for Written {
    type Target = UsageRecord;

    fn deref(&self) -> &UsageRecord {
        &self.record
    }
}

#[cfg(test)]
mod tests;
