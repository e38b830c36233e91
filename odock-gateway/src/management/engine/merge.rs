//! Merge patches (RFC 7396) of specs, and the revision that they are meant for.

use entity::check::{self, Violation, code};
use entity::resource::Kind;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::management::problem::{ApiError, Code};

/// The revisions that a change is meant for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::management) enum IfMatch {
    /// Any.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<i64>),
}

impl IfMatch {
    /// Refuses a change that is meant for another revision than the present one.
    pub(super) fn check(&self, revision: i64) -> Result<(), ApiError> {
        match self {
            Self::OneOf(meant) if !meant.contains(&revision) => {
                let title = format!("the resource has changed since: it is at revision {revision}");
                Err(ApiError::new(Code::StaleRevision, title).hint("read it again, and decide again"))
            }
            _ => Ok(()),
        }
    }
}

/// Reads `If-Match`. An entity tag that is none of ours matches nothing.
pub(in crate::management) fn if_match(headers: &HeaderMap) -> Result<IfMatch, ApiError> {
    let mut meant = None;
    for value in headers.get_all(header::IF_MATCH) {
        let text = value.to_str().map_err(|_| malformed())?;
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(IfMatch::Any);
            }
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = strong.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(malformed)?;
            let meant = meant.get_or_insert_with(Vec::new);
            // If-Match compares strongly: a weak tag matches nothing.
            if strong == tag {
                meant.extend(inner.parse::<i64>().ok());
            }
        }
    }
    Ok(meant.map_or(IfMatch::Any, IfMatch::OneOf))
}

fn malformed() -> ApiError {
    ApiError::new(Code::BadRequest, "If-Match is malformed")
        .hint("send the ETag that you got, such as `If-Match: \"3\"`")
}

/// Merges a patch into a value: members that are `null` go, objects merge, everything else replaces.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Fields that a patch removes although no spec has them: a merge alone would pass over such a slip.
pub(super) fn slips(kind: Kind, current: &Value, patch: &Value) -> Vec<Violation> {
    let mut probe = current.clone();
    keep_nulls(&mut probe, patch);
    let unknown = [code::UNKNOWN_FIELD, code::UNSUPPORTED];
    let is_null = |violation: &Violation| probe.pointer(&violation.pointer).is_some_and(Value::is_null);
    let mut found = check::check_spec(kind, &probe);
    found.retain(|violation| unknown.contains(&violation.code) && is_null(violation));
    found
}

fn keep_nulls(target: &mut Value, patch: &Value) {
    let (Some(fields), Some(patch)) = (target.as_object_mut(), patch.as_object()) else { return };
    for (name, value) in patch {
        match fields.get_mut(name) {
            Some(field) => keep_nulls(field, value),
            None => drop(fields.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merges_as_the_rfc_says() {
        // The table of RFC 7396, appendix A.
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, result) in cases {
            merge(&mut target, patch.clone());
            assert_eq!(target, result, "{patch}");
        }
    }

    #[test]
    fn a_slip_in_a_removal_is_found() {
        let current = json!({"type": "chat", "provider": "p", "config": {}});
        let slips =
            |patch| slips(Kind::Model, &current, &patch).into_iter().map(|slip| slip.pointer).collect::<Vec<_>>();
        assert_eq!(
            slips(json!({"slgu": null, "config": {"contextWindwo": null}, "slug": null})),
            ["/config/contextWindwo", "/slgu"]
        );
        assert!(slips(json!({"capabilities": null, "pricing": null})).is_empty());
    }

    #[test]
    fn if_match_is_read() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, value.parse().unwrap());
            if_match(&headers).map_err(|error| error.code())
        };
        assert_eq!(read("\"3\""), Ok(IfMatch::OneOf(vec![3])));
        assert_eq!(read("\"3\", \"4\""), Ok(IfMatch::OneOf(vec![3, 4])));
        assert_eq!(read("W/\"3\""), Ok(IfMatch::OneOf(vec![])));
        assert_eq!(read("*"), Ok(IfMatch::Any));
        assert_eq!(read("3"), Err(Code::BadRequest));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), IfMatch::Any);
    }
}
