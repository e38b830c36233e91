//! The effective settings as people read them: TOML, with the source of each value, and without secrets.

use std::fmt::Write;

use super::keys::{KEYS, Key, Secrecy};
use super::raw::{Raw, Value};
use super::redact;

/// Writes the effective settings as TOML. Settings without a value stand in comments.
pub(super) fn effective(raw: &Raw) -> String {
    let mut out = String::new();
    let mut section = "";
    for key in KEYS {
        let Some((parent, name)) = key.path.rsplit_once('.') else { continue };
        if parent != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{parent}]");
            section = parent;
        }
        let _ = match raw.get(key.path) {
            Some(found) if !matches!(&found.value, Value::Text(text) if text.is_empty()) => {
                writeln!(out, "{name} = {} # {}", shown(key, &found.value), found.source)
            }
            _ => writeln!(out, "# {name} is not set"),
        };
    }
    out
}

fn shown(key: &Key, value: &Value) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    match (key.secrecy, value) {
        (Secrecy::Hidden, _) => quoted(redact::MASK),
        (Secrecy::Url, Value::Text(text)) => quoted(&redact::url(text)),
        (_, Value::Text(text)) => quoted(text),
        (_, Value::Integer(number)) => number.to_string(),
        (_, Value::Boolean(value)) => value.to_string(),
        (_, Value::Tables(tables)) => {
            let field = |(name, value): (&String, &Value)| format!("{name} = {}", shown(key, value));
            let table = |table: &super::raw::Table| {
                format!("{{ {} }}", table.fields.iter().map(field).collect::<Vec<_>>().join(", "))
            };
            format!("[{}]", tables.iter().map(table).collect::<Vec<_>>().join(", "))
        }
        (_, Value::List(items)) => {
            let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}
