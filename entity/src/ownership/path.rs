//! Fields of a spec by path: a JSON pointer in which entries of named lists stand under their name, as in a plan.

use serde_json::{Map, Value};

use crate::check::step;

/// A field that a declaration spells out, and nothing below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its path: `/keys/primary/revoked`.
    pub path: String,
    /// Its value: a text, a number, a switch, a plain list, or a secret.
    pub value: Value,
}

/// The fields that a declaration spells out, in the order of their paths.
///
/// `null` says nothing, and neither does an empty object: what is not declared is not owned. A list of things with names
/// is owned entry by entry, any other list as a whole.
#[must_use]
pub fn leaves(spec: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(String::new(), spec, &mut found);
    found.sort_by(|one: &Leaf, other| one.path.cmp(&other.path));
    found
}

fn collect(at: String, value: &Value, found: &mut Vec<Leaf>) {
    match value {
        Value::Null => {}
        Value::Object(_) if is_secret(value) => found.push(Leaf { path: at, value: value.clone() }),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| collect(step(&at, name), value, found)),
        Value::Array(items) if !items.is_empty() && items.iter().all(|item| entry_name(item).is_some()) => {
            for item in items {
                if let Some((_, name)) = entry_name(item) {
                    collect(step(&at, name), item, found);
                }
            }
        }
        plain => found.push(Leaf { path: at, value: plain.clone() }),
    }
}

/// A secret as it travels: preview and fingerprint, perhaps sealed.
pub(super) fn is_secret(value: &Value) -> bool {
    value.get("fingerprint").is_some() && value.get("preview").is_some()
}

/// The field that names an entry of a list, and its name.
pub(super) fn entry_name(item: &Value) -> Option<(&'static str, &str)> {
    let of = |field: &'static str| item.get(field).and_then(Value::as_str).map(|name| (field, name));
    of("name").or_else(|| of("user"))
}

/// A value as an owner holds it: what is sealed stays where it is.
#[must_use]
pub fn remembered(value: &Value) -> Value {
    match value {
        Value::Object(fields) if is_secret(value) => fields
            .iter()
            .filter(|(name, _)| *name != "sealed")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        plain => plain.clone(),
    }
}

/// Whether two values of a field are the same: secrets by fingerprint; nothing, `null` and an empty list alike.
pub(super) fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let given = |value: Option<&Value>| {
        value.is_some_and(|value| !value.is_null() && !value.as_array().is_some_and(Vec::is_empty))
    };
    match (one.filter(|_| given(one)), other.filter(|_| given(other))) {
        (Some(one), Some(other)) if is_secret(one) && is_secret(other) => {
            one.get("fingerprint") == other.get("fingerprint")
        }
        (one, other) => one == other,
    }
}

/// Whether a path is another, above it, or below it.
#[must_use]
pub fn related(one: &str, other: &str) -> bool {
    let below =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below(one, other) || below(other, one)
}

pub(super) fn tokens(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// What stands at a path.
#[must_use]
pub fn at<'a>(spec: &'a Value, path: &str) -> Option<&'a Value> {
    tokens(path).iter().try_fold(spec, |value, token| child(value, token))
}

fn child<'a>(value: &'a Value, token: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(token),
        Value::Array(items) => items.iter().find(|item| entry_name(item).is_some_and(|(_, name)| name == token)),
        _ => None,
    }
}

fn child_mut<'a>(value: &'a mut Value, token: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(fields) => fields.get_mut(token),
        Value::Array(items) => items.iter_mut().find(|item| entry_name(item).is_some_and(|(_, name)| name == token)),
        _ => None,
    }
}

/// The path as a JSON pointer into a spec, with positions for names; it ends where the spec does.
#[must_use]
pub fn index_pointer(spec: &Value, path: &str) -> String {
    let (mut pointer, mut here) = (String::new(), Some(spec));
    for token in tokens(path) {
        let Some(value) = here else { break };
        match value {
            Value::Array(items) => {
                let found = items.iter().position(|item| entry_name(item).is_some_and(|(_, name)| name == token));
                let Some(index) = found else { break };
                pointer = step(&pointer, index);
            }
            _ => pointer = step(&pointer, &token),
        }
        here = child(value, &token);
    }
    pointer
}

/// Puts a value at a path. What is missing on the way is made in the shape that it has in `like`.
pub(super) fn put(spec: &mut Value, path: &str, value: Value, like: &Value) {
    let (mut here, mut model) = (spec, Some(like));
    let tokens = tokens(path);
    let Some((last, way)) = tokens.split_last() else { return };
    for token in way {
        let below = model.and_then(|model| child(model, token));
        if child(here, token).is_none() {
            let made = match below {
                // An entry is born with its name, under which it is found again.
                Some(entry) if here.is_array() => entry_name(entry)
                    .map(|(field, name)| Map::from_iter([(field.to_owned(), name.into())]))
                    .map(Value::Object),
                Some(Value::Array(_)) => Some(Value::Array(Vec::new())),
                _ => Some(Value::Object(Map::new())),
            };
            let Some(made) = made else { return };
            match &mut *here {
                Value::Array(items) => items.push(made),
                Value::Object(fields) => drop(fields.insert(token.clone(), made)),
                // A plain value gives way to what has fields.
                _ => *here = Value::Object(Map::from_iter([(token.clone(), made)])),
            }
        }
        let Some(next) = child_mut(here, token) else { return };
        (here, model) = (next, below);
    }
    match here {
        Value::Object(fields) => drop(fields.insert(last.clone(), value)),
        plain => *plain = Value::Object(Map::from_iter([(last.clone(), value)])),
    }
}

/// Takes a field away, and objects that become empty by it. The name of an entry takes the entry with it.
pub(super) fn take(spec: &mut Value, path: &str) {
    let tokens = tokens(path);
    take_in(spec, &tokens);
}

/// Whether nothing is left of the value.
fn take_in(value: &mut Value, tokens: &[String]) -> bool {
    let [token, rest @ ..] = tokens else { return false };
    match value {
        Value::Object(fields) => {
            let empty = if rest.is_empty() {
                fields.remove(token);
                false
            } else {
                fields.get_mut(token).is_some_and(|below| take_in(below, rest))
            };
            if empty {
                fields.remove(token);
            }
            fields.is_empty()
        }
        Value::Array(items) => {
            let named = |item: &Value| entry_name(item).is_some_and(|(_, name)| name == token);
            match rest {
                [field]
                    if items.iter().any(|item| named(item) && entry_name(item).is_some_and(|(by, _)| by == field)) =>
                {
                    items.retain(|item| !named(item));
                }
                _ => {
                    if let Some(item) = items.iter_mut().find(|item| named(item)) {
                        take_in(item, rest);
                    }
                }
            }
            false
        }
        _ => false,
    }
}

/// Whether a path is the name of an entry, which stands and falls with the entry.
pub(super) fn is_entry_name(spec: &Value, path: &str) -> bool {
    let tokens = tokens(path);
    let [.., entry, field] = &tokens[..] else { return false };
    let Some((parent, _)) = path.rsplit_once('/') else { return false };
    at(spec, parent).and_then(entry_name).is_some_and(|(by, name)| by == field && name == entry)
}

/// The fields in which two specs differ: path, and the value after, if there is one.
#[must_use]
pub fn changed(before: &Value, after: &Value) -> Vec<(String, Option<Value>)> {
    let (old, new) = (leaves(before), leaves(after));
    let mut changes: Vec<(String, Option<Value>)> = new
        .iter()
        .filter(|leaf| !same(at(before, &leaf.path), Some(&leaf.value)))
        .map(|leaf| (leaf.path.clone(), Some(remembered(&leaf.value))))
        .collect();
    let gone = old.into_iter().filter(|leaf| !same(Some(&leaf.value), None) && at(after, &leaf.path).is_none());
    changes.extend(gone.map(|leaf| (leaf.path, None)));
    changes
}
