//! The difference of two specs, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::step;
use crate::plan::FieldChange;

/// What changes from one spec to the other, in the order of the paths. Equal specs differ in nothing.
///
/// - `null` and absent are the same; a resource that is to be created is compared with `null`.
/// - Entries of lists of named things (`keys`, `members`) are matched by `name` or `user`, whatever their order; the
///   path then holds that name: `/keys/primary/revoked`.
/// - Lists of plain values (`models`, `capabilities`) are sets: they are compared without order and shown sorted, but for
///   `nativeFallback`, whose order is what it says.
/// - Secrets are compared by fingerprint and shown as their preview. A new spec without the secret keeps the old one.
#[must_use]
pub fn diff(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", Some(old), Some(new), &mut changes);
    changes
}

fn compare(at: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FieldChange>) {
    let (old, new) = (old.filter(|value| !value.is_null()), new.filter(|value| !value.is_null()));
    if old == new {
        return;
    }
    if let Some(secrets) = secrets(old, new) {
        return compare_secrets(at, secrets, changes);
    }
    match (object(old), object(new)) {
        (Some(old), Some(new)) => return compare_fields(at, old, new, changes),
        (Some(fields), None) if new.is_none() => return compare_fields(at, fields, &Map::new(), changes),
        (None, Some(fields)) if old.is_none() => return compare_fields(at, &Map::new(), fields, changes),
        _ => {}
    }
    match (named(old), named(new)) {
        (Some(old), Some(new)) => compare_named(at, &old, &new, changes),
        // The order of fallbacks is the order in which they are tried.
        _ if at.contains("/nativeFallback/") => leaf(at, old.cloned(), new.cloned(), changes),
        _ => leaf(at, old.map(shown), new.map(shown), changes),
    }
}

fn leaf(at: &str, old: Option<Value>, new: Option<Value>, changes: &mut Vec<FieldChange>) {
    let nothing =
        |value: &Option<Value>| value.as_ref().is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
    // An empty list says as much as no list.
    if old != new && !(nothing(&old) && nothing(&new)) {
        changes.push(FieldChange { path: at.into(), old, new, last_applied: None, changed_by: None });
    }
}

fn object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn compare_fields(at: &str, old: &Map<String, Value>, new: &Map<String, Value>, changes: &mut Vec<FieldChange>) {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let kept = new.get(name).is_none_or(Value::is_null) && old.get(name).is_some_and(is_secret) && !new.is_empty();
        if !kept {
            compare(&step(at, name), old.get(name), new.get(name), changes);
        }
    }
}

/// The entries of a list by name, if they have names. No list is an empty one; a list that repeats a name is none of these.
fn named(list: Option<&Value>) -> Option<BTreeMap<&str, &Value>> {
    let Some(list) = list else { return Some(BTreeMap::new()) };
    let items = list.as_array()?;
    let by_name: BTreeMap<_, _> = items
        .iter()
        .filter_map(|item| Some((item.get("name").or_else(|| item.get("user"))?.as_str()?, item)))
        .collect();
    (by_name.len() == items.len()).then_some(by_name)
}

fn compare_named(at: &str, old: &BTreeMap<&str, &Value>, new: &BTreeMap<&str, &Value>, changes: &mut Vec<FieldChange>) {
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        compare(&step(at, name), old.get(name).copied(), new.get(name).copied(), changes);
    }
}

fn is_secret(value: &Value) -> bool {
    value.get("fingerprint").is_some() && value.get("preview").is_some()
}

/// Both sides as secrets, where what is there is one.
fn secrets<'a>(old: Option<&'a Value>, new: Option<&'a Value>) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
    (old.is_some() || new.is_some()).then_some(())?;
    [old, new].into_iter().flatten().all(is_secret).then_some((old, new))
}

fn compare_secrets(at: &str, (old, new): (Option<&Value>, Option<&Value>), changes: &mut Vec<FieldChange>) {
    let part = |secret: Option<&Value>, field: &str| secret.and_then(|secret| secret.get(field)).cloned();
    if part(old, "fingerprint") != part(new, "fingerprint") {
        let (old, new) = (part(old, "preview"), part(new, "preview"));
        changes.push(FieldChange { path: at.into(), old, new, last_applied: None, changed_by: None });
    }
}

/// A value as a plan shows it: sets sorted, secrets reduced to their previews wherever they are.
fn shown(value: &Value) -> Value {
    match value {
        Value::Object(_) if is_secret(value) => value.get("preview").cloned().unwrap_or_default(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "sealed")
            .map(|(name, value)| (name.clone(), shown(value)))
            .collect(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let set: BTreeSet<&str> = items.iter().filter_map(Value::as_str).collect();
            set.into_iter().collect()
        }
        Value::Array(items) => items.iter().map(shown).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(old: Value, new: Value) -> Vec<String> {
        let show = |value: Option<Value>| value.map_or("-".into(), |value| value.to_string());
        diff(&old, &new)
            .into_iter()
            .map(|change| format!("{} {} {}", change.path, show(change.old), show(change.new)))
            .collect()
    }

    #[test]
    fn equal_specs_differ_in_nothing() {
        let spec = json!({"type": "TEAM", "models": ["b", "a"], "team": null});
        assert!(diff(&spec, &spec).is_empty());
        assert!(
            diff(&spec, &json!({"models": ["a", "b"], "type": "TEAM"})).is_empty(),
            "order and nulls do not matter"
        );
        assert!(diff(&json!({}), &json!({"keys": [], "config": {}})).is_empty(), "emptiness is no change");
    }

    #[test]
    fn changes_name_their_field() {
        let old = json!({"baseUrl": "http://a", "timeoutMs": 5, "pricing": {"input": {"x": "1"}}, "a/b": 1});
        let new = json!({"baseUrl": "http://b", "pricing": {"input": {"x": "2"}, "output": {"y": "3"}}, "a/b": 2});
        assert_eq!(
            lines(old, new),
            [
                r#"/a~1b 1 2"#,
                r#"/baseUrl "http://a" "http://b""#,
                r#"/pricing/input/x "1" "2""#,
                r#"/pricing/output/y - "3""#,
                r#"/timeoutMs 5 -"#
            ]
        );
    }

    #[test]
    fn a_new_resource_shows_every_leaf() {
        let new =
            json!({"type": "TEAM", "config": {}, "models": ["b", "a"], "members": [{"user": "a@x", "role": "MEMBER"}]});
        assert_eq!(
            lines(Value::Null, new),
            [
                r#"/members/a@x/role - "MEMBER""#,
                r#"/members/a@x/user - "a@x""#,
                r#"/models - ["a","b"]"#,
                r#"/type - "TEAM""#
            ]
        );
    }

    #[test]
    fn named_entries_are_matched_by_name() {
        let old = json!({"keys": [{"name": "a", "revoked": false}, {"name": "b", "revoked": false}]});
        let new = json!({"keys": [{"name": "c", "revoked": false}, {"name": "b", "revoked": true}]});
        assert_eq!(
            lines(old, new),
            [
                r#"/keys/a/name "a" -"#,
                r#"/keys/a/revoked false -"#,
                r#"/keys/b/revoked false true"#,
                r#"/keys/c/name - "c""#,
                r#"/keys/c/revoked - false"#
            ]
        );
    }

    fn key(preview: &str, fingerprint: &str, sealed: Option<&str>) -> Value {
        json!({"keys": [{"name": "k", "secret": {"preview": preview, "fingerprint": fingerprint, "sealed": sealed.map(|text| json!({"ciphertext": text}))}}]})
    }

    #[test]
    fn secrets_are_compared_by_fingerprint_and_shown_as_preview() {
        assert!(
            diff(&key("sk-p…9f3a", "11", None), &key("sk-p…9f3a", "11", Some("c"))).is_empty(),
            "the envelope does not count"
        );
        assert_eq!(lines(key("old", "11", None), key("new", "22", Some("c"))), [r#"/keys/k/secret "old" "new""#]);
        assert_eq!(
            lines(json!({"keys": []}), key("new", "22", Some("c"))),
            [r#"/keys/k/name - "k""#, r#"/keys/k/secret - "new""#]
        );
        assert!(
            diff(&key("old", "11", None), &json!({"keys": [{"name": "k"}]})).is_empty(),
            "without a new secret the old one stays"
        );
        assert_eq!(lines(key("old", "11", None), json!({})), [r#"/keys/k/name "k" -"#, r#"/keys/k/secret "old" -"#]);
    }

    #[test]
    fn nothing_sealed_ever_shows() {
        let odd = json!({"x": [1, {"preview": "p", "fingerprint": "f", "sealed": {"ciphertext": "SEALED"}}, {"sealed": "SEALED"}]});
        let text = format!("{:?}{:?}", diff(&Value::Null, &odd), diff(&odd, &json!({"x": "SECRET"}).clone()));
        assert!(!text.contains("SEALED"), "{text}");
    }
}
