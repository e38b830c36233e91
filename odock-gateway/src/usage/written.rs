//! A usage record as it is written: to the journal as a line, to the database as a row.

use std::ops::{Deref, Range};

use entity::usage::UsageRecord;
use serde::de::Error;

use super::figures::Figures;
use super::line::{self, Columns, Read, Word};

/// A record that has ended, as its line in the journal. The database's row is made from what is kept here beside it, so
/// that the record itself, some fifty pieces of memory, goes where it was made: on the thread of its request.
#[derive(Debug)]
pub struct Written {
    figures: Figures,
    /// The line, and behind it the record's texts as they are: in the line they may be escaped.
    text: String,
    line: usize,
    columns: Columns,
    texts: Texts,
}

/// Where texts stand.
#[derive(Debug)]
struct Texts {
    request_id: Range<usize>,
    trace_id: Option<Range<usize>>,
    organisation: Range<usize>,
    team: Option<Range<usize>>,
    user: Option<Range<usize>>,
    api_key: Range<usize>,
    provider: Option<Range<usize>>,
    model: Option<Range<usize>>,
    endpoint: Range<usize>,
    error_code: Option<Range<usize>>,
    provider_request_id: Option<Range<usize>>,
}

/// Methods that give texts under their names.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> &str {
            self.part(&self.texts.$name)
        }
    )*};
}

/// The same, of texts that need not be there.
macro_rules! optional_texts {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<&str> {
            self.texts.$name.as_ref().map(|at| self.part(at))
        }
    )*};
}

impl Written {
    /// Writes a record out.
    ///
    /// # Errors
    /// When a part of it cannot be written as JSON.
    pub fn new(record: &UsageRecord) -> serde_json::Result<Self> {
        let (mut text, columns) = line::write(Word::Closed, record)?;
        let line = text.len();
        let mut add = |part: &str| {
            let from = text.len();
            text.push_str(part);
            from..text.len()
        };
        let texts = Texts {
            request_id: add(&record.request_id),
            trace_id: record.trace_id.as_deref().map(&mut add),
            organisation: add(&record.organisation),
            team: record.team.as_deref().map(&mut add),
            user: record.user.as_deref().map(&mut add),
            api_key: add(&record.api_key),
            provider: record.provider.as_deref().map(&mut add),
            model: record.model.as_deref().map(&mut add),
            endpoint: add(&record.endpoint),
            error_code: record.error_code.as_deref().map(&mut add),
            provider_request_id: record.provider_request_id.as_deref().map(&mut add),
        };
        Ok(Self { figures: Figures::of(record), text, line, columns, texts })
    }

    /// The record, read back from its line.
    ///
    /// # Errors
    /// When what a provider said of its usage is nested deeper than serde reads.
    pub fn read_back(&self) -> serde_json::Result<UsageRecord> {
        match line::read(self.line().trim_ascii_end()) {
            Some(Read::Closed(record)) => Ok(*record),
            Some(Read::Opened(_)) | None => Err(serde_json::Error::custom("the journal's line cannot be read back")),
        }
    }

    pub(super) fn line(&self) -> &[u8] {
        self.text.as_bytes().get(..self.line).unwrap_or_default()
    }

    texts! {
        /// The request's id.
        request_id,
        /// The organisation's name.
        organisation,
        /// The virtual key's name.
        api_key,
        /// The path.
        endpoint,
    }

    optional_texts! {
        /// The W3C trace id.
        trace_id,
        /// The team's name.
        team,
        /// The user's address.
        user,
        /// The provider's name.
        provider,
        /// The model's name.
        model,
        /// The error's code.
        error_code,
        /// The provider's own id of the request.
        provider_request_id,
    }

    /// The record as JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        self.part(&self.columns.record)
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
        self.text.get(at.clone()).unwrap_or_default()
    }
}

impl Deref for Written {
    type Target = Figures;

    fn deref(&self) -> &Figures {
        &self.figures
    }
}

#[cfg(test)]
mod tests;
