//! Whose each field is: what every owner declared last, and how that is merged with what is there.
//!
//! An *owner* is a set of manifests that is applied under one name, or [`MANUAL`]: every change that is not an apply. For
//! each owner and resource the gateway keeps the paths that the owner declared, each with the value, the time and the
//! person. [`merge`] is the three-way merge of that with the resource as it is and as a manifest wants it. It is a pure
//! function; nothing here knows a database.

mod merge;
mod path;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::merge::{Conflict, Merged, Wanted, merge};
pub use self::path::{Leaf, at, changed, index_pointer, leaves, related, remembered};
use crate::Timestamp;
use crate::check::{Violation, code};

/// The owner of whatever is changed without an apply.
pub const MANUAL: &str = "manual";
/// The owner of an apply that names none.
pub const DEFAULT_OWNER: &str = "default";
/// The most characters of an owner's name.
const LONGEST: usize = 63;
/// The most owners of one resource.
pub const MOST_OWNERS: usize = 16;

/// Says what is wrong with the name of an owner; the pointer is empty.
///
/// # Errors
/// It is empty, too long, holds anything but lower-case letters, digits, `-`, `.` and `_`, or is reserved.
pub fn check_owner(name: &str) -> Result<(), Violation> {
    if name == MANUAL {
        let message = "`manual` is the owner of what is changed by hand; no manifest can apply under that name";
        return Err(Violation::new("", code::INVALID, message).hint("choose another, such as `platform-ci`"));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    let well_formed = name.len() <= LONGEST
        && name.chars().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if well_formed {
        return Ok(());
    }
    let message = "an owner is 1 to 63 lower-case letters, digits, `-`, `.` and `_`, and begins with a letter or digit";
    Err(Violation::new("", code::INVALID, message).hint("such as `platform-ci`"))
}

/// A field that an owner declared.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The value; `None` for a field that was taken away, or that was declared to be what it is by default.
    pub value: Option<Value>,
    /// When it was declared so for the first time in a row.
    pub at: Timestamp,
    /// By whom: an e-mail address, or the name of a token.
    pub by: String,
}

/// The fields that one owner declared of one resource, by path. Paths are those of [`leaves`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holding(pub BTreeMap<String, Held>);

impl Holding {
    /// What is held at a path, above it or below it: the latest of them.
    #[must_use]
    pub fn near(&self, path: &str) -> Option<&Held> {
        self.0.iter().filter(|(held, _)| related(held, path)).map(|(_, held)| held).max_by_key(|held| held.at)
    }

    /// Notes a declaration. One that says what the owner said before keeps its time and its author.
    pub fn declare(&mut self, path: &str, value: Option<Value>, at: Timestamp, by: &str) {
        if self.0.get(path).is_some_and(|held| held.value == value) {
            return;
        }
        self.0.insert(path.to_owned(), Held { value, at, by: by.to_owned() });
    }
}

/// A [`Holding`] as it is stored: times and authors once each, for most fields of a resource were declared at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[serde(deny_unknown_fields)]
pub struct StoredHolding {
    /// Time and author.
    acts: Vec<(i64, String)>,
    /// Path to value and position in `acts`; `null` is no value.
    fields: BTreeMap<String, (Value, usize)>,
}

impl From<&Holding> for StoredHolding {
    fn from(holding: &Holding) -> Self {
        let mut acts: Vec<(i64, String)> = Vec::new();
        let mut fields = BTreeMap::new();
        for (path, held) in &holding.0 {
            let found = acts.iter().position(|(at, by)| *at == held.at.0 && *by == held.by);
            let act = found.unwrap_or_else(|| {
                acts.push((held.at.0, held.by.clone()));
                acts.len() - 1
            });
            fields.insert(path.clone(), (held.value.clone().unwrap_or_default(), act));
        }
        Self { acts, fields }
    }
}

impl From<StoredHolding> for Holding {
    fn from(stored: StoredHolding) -> Self {
        let StoredHolding { acts, fields } = stored;
        let held = |(path, (value, act)): (String, (Value, usize))| {
            let (at, by) = acts.get(act).cloned().unwrap_or_default();
            (path, Held { value: Some(value).filter(|value| !value.is_null()), at: Timestamp(at), by })
        };
        Self(fields.into_iter().map(held).collect())
    }
}
