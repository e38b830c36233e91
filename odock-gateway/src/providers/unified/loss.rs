//! What a target cannot express.

use std::borrow::Cow;
use std::fmt::Display;

use bytes::Bytes;

/// A request in the words of a target.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The body for the upstream.
    pub body: Bytes,
    /// Fields that the target cannot express and that were left out on the caller's word, as paths of visible ASCII
    /// without commas, fit for a header.
    pub dropped: Vec<String>,
}

/// A request that cannot be said in the words of a target.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}; send \"drop_unsupported\": true to have it left out", fields.join("; "))]
pub struct Unsupported {
    /// What cannot be expressed, each with its path and why.
    pub fields: Vec<String>,
}

/// Collects what cannot be expressed, so that a caller hears of all of it at once.
#[derive(Debug, Default)]
pub(super) struct Loss {
    lost: Vec<(String, Cow<'static, str>)>,
}

impl Loss {
    pub(super) fn cannot(&mut self, field: impl Display, why: impl Into<Cow<'static, str>>) {
        self.lost.push((field.to_string(), why.into()));
    }

    /// Takes over what another found, as far as its field is not one that passes after all.
    pub(super) fn append(&mut self, other: Self, counts: impl Fn(&str) -> bool) {
        self.lost.extend(other.lost.into_iter().filter(|(field, _)| counts(field)));
    }

    /// The outcome: refused, or sent without what was lost if the caller said so.
    pub(super) fn settle(self, drop_unsupported: bool, body: Vec<u8>) -> Result<Encoded, Unsupported> {
        if self.lost.is_empty() || drop_unsupported {
            let dropped = self.lost.into_iter().map(|(field, _)| field).collect();
            return Ok(Encoded { body: body.into(), dropped });
        }
        Err(Unsupported { fields: self.lost.into_iter().map(|(field, why)| format!("{field}: {why}")).collect() })
    }
}
