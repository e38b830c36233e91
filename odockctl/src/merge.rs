//! Merge patches (RFC 7396): what turns one value into another, and the other way round.

use serde_json::{Map, Value};

/// The merge patch that turns `from` into `to`; none if they are the same.
///
/// A merge patch cannot set a field to `null`; specs do not tell `null` from absent.
#[must_use]
pub fn patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut found = Map::new();
    for (key, old) in before {
        match after.get(key) {
            None | Some(Value::Null) if old.is_null() => {}
            None | Some(Value::Null) => drop(found.insert(key.clone(), Value::Null)),
            Some(new) => found.extend(patch(old, new).map(|change| (key.clone(), change))),
        }
    }
    for (key, new) in after.iter().filter(|(key, new)| !before.contains_key(*key) && !new.is_null()) {
        found.insert(key.clone(), new.clone());
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Applies a merge patch.
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(key);
        } else {
            apply(fields.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Adds one patch to another; what it removes stays a removal.
pub fn apply_nested(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (key, change) in changes {
                apply_nested(fields.entry(key).or_insert(Value::Null), change);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// The dotted paths that a patch sets or removes.
#[must_use]
pub fn paths(patch: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(patch, "", &mut found);
    found
}

fn collect(patch: &Value, at: &str, found: &mut Vec<String>) {
    match patch {
        Value::Object(changes) if !changes.is_empty() => {
            for (key, change) in changes {
                collect(change, &if at.is_empty() { key.clone() } else { format!("{at}.{key}") }, found);
            }
        }
        _ => found.push(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_turns_one_value_into_the_other() {
        let cases = [
            (json!({"a": 1, "b": {"c": 2, "d": 3}}), json!({"a": 1, "b": {"c": 4}, "e": [1]})),
            (json!({"a": {"b": 1}}), json!({"a": 2})),
            (json!({"a": 2}), json!({"a": {"b": 1}})),
            (json!({"a": [1, 2]}), json!({"a": [2]})),
            (json!({}), json!({"a": {"b": {}}})),
        ];
        for (from, to) in cases {
            let made = patch(&from, &to).unwrap();
            let mut target = from.clone();
            apply(&mut target, &made);
            assert_eq!(target, to, "{made}");
        }
    }

    #[test]
    fn what_is_the_same_needs_no_patch() {
        assert_eq!(patch(&json!({"a": 1, "b": null}), &json!({"a": 1})), None);
        assert_eq!(patch(&json!({"a": 1}), &json!({"a": 1, "b": null})), None);
    }

    #[test]
    fn patches_add_up() {
        let mut both = json!({"a": {"b": 1}});
        apply_nested(&mut both, json!({"a": {"c": null}}));
        apply_nested(&mut both, json!({"d": {"e": 2}}));
        assert_eq!(both, json!({"a": {"b": 1, "c": null}, "d": {"e": 2}}));
    }

    #[test]
    fn the_changed_fields_are_named() {
        let made = patch(&json!({"a": 1, "b": {"c": 2}}), &json!({"b": {"c": 3}, "d": {"e": 1}})).unwrap();
        assert_eq!(paths(&made), ["a", "b.c", "d.e"]);
    }
}
