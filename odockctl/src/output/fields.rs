//! `--fields a,b`: columns by heading, values by path.

use serde_json::Value;

use super::show::{Column, Show};
use crate::error::CliError;

/// A field that was asked for.
pub(super) enum Field<T: 'static> {
    /// A column, by its heading in small letters.
    Column(&'static Column<T>),
    /// A value, by its path in the JSON form.
    Path(String),
}

impl<T: Show> Field<T> {
    /// Finds every field, or names those that there are none of.
    pub(super) fn all(wanted: &[String]) -> Result<Vec<Self>, CliError> {
        let mut known = Vec::new();
        paths(&serde_json::to_value(T::example()).unwrap_or_default(), "", &mut known);
        let find = |name: &String| {
            if known.contains(name) {
                return Ok(Self::Path(name.clone()));
            }
            let column = T::columns().iter().find(|column| heading(column) == *name);
            column.map(Self::Column).ok_or_else(|| {
                let headings = T::columns().iter().map(heading).filter(|name| !known.contains(name));
                let all: Vec<_> = known.iter().cloned().chain(headings).collect();
                CliError::usage(format!("there is no field `{name}`")).hint(format!("there are: {}", all.join(", ")))
            })
        };
        wanted.iter().map(find).collect()
    }

    /// The field's value in one item.
    pub(super) fn value(&self, item: &T, json: &Value) -> Value {
        match self {
            Self::Path(path) => at(json, path).cloned().unwrap_or_default(),
            Self::Column(column) => at(json, column.path).cloned().unwrap_or_else(|| (column.text)(item).into()),
        }
    }

    /// The field's text for people.
    pub(super) fn text(&self, item: &T, json: &Value) -> String {
        match self {
            Self::Path(path) => plain(at(json, path).unwrap_or(&Value::Null)),
            Self::Column(column) => (column.text)(item),
        }
    }
}

/// A column's heading as `--fields` spells it.
pub(super) fn heading<T>(column: &Column<T>) -> String {
    column.heading.to_lowercase().replace(' ', "-")
}

/// The value at a dotted path.
pub(super) fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(json, |value, key| value.get(key))
}

/// A value as one line without quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(plain).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn paths(value: &Value, prefix: &str, found: &mut Vec<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        found.push(path.clone());
        paths(value, &path, found);
    }
}
