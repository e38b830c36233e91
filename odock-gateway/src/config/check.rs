//! From raw values to typed ones, collecting every problem on the way.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::keys::{self, Secrecy};
use super::problem::{Problem, Source};
use super::raw::{Raw, Table, Value};
use super::units;

/// Reads typed settings out of the merged layers.
///
/// A bad value is noted and read as an empty one, so that the rest is still checked; the result is only used when no
/// problem was noted.
pub(super) struct Check<'a> {
    raw: &'a Raw,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// What is suspicious.
    pub(super) warnings: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(raw: &'a Raw) -> Self {
        Self { raw, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Notes a problem with the value of `path`.
    pub(super) fn refuse(&mut self, path: &'static str, message: impl Into<String>) {
        let source = self.source(path).cloned();
        self.problems.push(Problem::of(path, message, source));
    }

    /// Says where the value of `path` came from, if it has one.
    pub(super) fn source(&self, path: &str) -> Option<&'a Source> {
        self.raw.get(path).map(|value| &value.source)
    }

    /// Says whether anyone but the defaults gave `path` a value that is not empty.
    pub(super) fn is_set(&self, path: &str) -> bool {
        self.raw.get(path).is_some_and(|found| found.source != Source::Default && !is_blank(&found.value))
    }

    /// Reads a text; empty is the same as absent.
    pub(super) fn text(&mut self, path: &'static str) -> Option<String> {
        match &self.raw.get(path)?.value {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text.clone()),
            other => {
                self.refuse(path, format!("takes a text, not {}", other.kind()));
                None
            }
        }
    }

    /// Reads a text with `read`, which says what is wrong with it.
    pub(super) fn parsed<T>(&mut self, path: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(path)?;
        match read(text.trim()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(path, message);
                None
            }
        }
    }

    pub(super) fn secret(&mut self, path: &'static str) -> Option<SecretString> {
        self.text(path).map(SecretString::from)
    }

    pub(super) fn path(&mut self, path: &'static str) -> Option<PathBuf> {
        self.text(path).map(PathBuf::from)
    }

    pub(super) fn flag(&mut self, path: &'static str) -> bool {
        let Some(found) = self.raw.get(path) else { return false };
        match &found.value {
            Value::Boolean(value) => *value,
            Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => true,
                "false" | "0" | "no" | "off" => false,
                _ => {
                    self.refuse(path, format!("{} is neither true nor false", self.quote(path, text)));
                    false
                }
            },
            other => {
                self.refuse(path, format!("takes true or false, not {}", other.kind()));
                false
            }
        }
    }

    /// Reads a whole number within bounds.
    pub(super) fn number<T>(&mut self, path: &'static str, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<i64> + FromStr + PartialOrd + Display + Default,
    {
        let Some(found) = self.raw.get(path) else { return T::default() };
        let (number, shown) = match &found.value {
            Value::Integer(number) => (T::try_from(*number).ok(), number.to_string()),
            Value::Text(text) => (text.trim().parse().ok(), self.quote(path, text)),
            other => (None, other.kind().to_owned()),
        };
        match number {
            Some(number) if range.contains(&number) => number,
            _ => {
                let (low, high) = range.into_inner();
                self.refuse(path, format!("{shown} is not a whole number from {low} to {high}"));
                T::default()
            }
        }
    }

    /// Reads a duration that is set, within bounds.
    pub(super) fn optional_duration(
        &mut self,
        path: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        self.raw.get(path)?;
        let read = match &self.raw.get(path)?.value {
            Value::Text(text) if text.is_empty() => return None,
            Value::Text(text) => units::duration(text),
            Value::Integer(number) => Err(format!("{number} lacks a unit; write for example \"{number}s\"")),
            other => Err(format!("takes a duration such as \"15s\", not {}", other.kind())),
        };
        let (low, high) = range.into_inner();
        match read {
            Ok(length) if length < low => self.refuse(path, format!("is shorter than {}", units::show(low))),
            Ok(length) if length > high => self.refuse(path, format!("is longer than {}", units::show(high))),
            Ok(length) => return Some(length),
            Err(message) => self.refuse(path, message),
        }
        None
    }

    /// Reads a duration that has a default, within bounds.
    pub(super) fn duration(&mut self, path: &'static str, range: RangeInclusive<Duration>) -> Duration {
        self.optional_duration(path, range).unwrap_or_default()
    }

    /// Reads a size in bytes, within bounds.
    pub(super) fn bytes(&mut self, path: &'static str, range: RangeInclusive<u64>) -> u64 {
        let Some(found) = self.raw.get(path) else { return 0 };
        let read = match &found.value {
            Value::Integer(number) => u64::try_from(*number).map_err(|_| format!("{number} is negative")),
            Value::Text(text) => units::bytes(text),
            other => Err(format!("takes a size such as \"10MiB\", not {}", other.kind())),
        };
        match read {
            Ok(size) if range.contains(&size) => return size,
            Ok(size) => {
                let (low, high) = range.into_inner();
                self.refuse(path, format!("{size} bytes are not within {low} and {high}"));
            }
            Err(message) => self.refuse(path, message),
        }
        0
    }

    /// Reads a list; in the environment its items are separated by commas.
    pub(super) fn list(&mut self, path: &'static str) -> Vec<String> {
        let Some(found) = self.raw.get(path) else { return Vec::new() };
        let trimmed = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        match &found.value {
            Value::List(items) => items.iter().filter_map(|item| trimmed(item)).collect(),
            Value::Text(text) => text.split(',').filter_map(trimmed).collect(),
            other => {
                self.refuse(path, format!("takes a list, not {}", other.kind()));
                Vec::new()
            }
        }
    }

    /// Reads sections of the same name.
    pub(super) fn tables(&mut self, path: &'static str) -> Vec<Table> {
        match self.raw.get(path).map(|found| &found.value) {
            None => Vec::new(),
            Some(Value::Tables(tables)) => tables.clone(),
            Some(Value::List(items)) if items.is_empty() => Vec::new(),
            Some(other) => {
                self.refuse(path, format!("takes sections, [[{path}]], not {}", other.kind()));
                Vec::new()
            }
        }
    }

    /// Quotes a value in a message, unless it is secret.
    fn quote(&self, path: &str, text: &str) -> String {
        match keys::find(path).map(|key| key.secrecy) {
            Some(Secrecy::Open) => format!("\"{text}\""),
            _ => "the value".to_owned(),
        }
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Tables(tables) => tables.is_empty(),
        Value::Integer(_) | Value::Boolean(_) => false,
    }
}
