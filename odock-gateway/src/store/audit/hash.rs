//! What the hash of an audit event is over.
//!
//! SHA-256 of the UTF-8 of one JSON array without white space: `["odock-audit-1", chain, seq, previous hash, id, at,
//! organisation, actor's user id, actor, token id, token, address, verb, resource, resource id, name, before, after, request
//! id, outcome]`. Ids are in lower case with hyphens, `at` and `seq` are integers (`at` in microseconds since 1970), what is
//! absent is `null`, the previous hash of the first event is `""`. Within `before` and `after` the keys of objects are sorted
//! by their bytes, and whole numbers have neither fraction nor exponent, since databases write them as they please. Anybody
//! who can read the table can compute it.

use aws_lc_rs::digest;
use entity::row::audit_event::Model;
use serde_json::{Number, Value, json};
use uuid::Uuid;

/// The hash of an event in its place.
#[must_use]
pub(super) fn of(chain: Uuid, seq: i64, previous: &str, event: &Model) -> String {
    let parts = json!([
        "odock-audit-1",
        chain,
        seq,
        previous,
        event.id.0,
        event.at.0,
        event.organisation_id.map(|id| id.0),
        event.actor_user_id.map(|id| id.0),
        event.actor,
        event.token_id.map(|id| id.0),
        event.token,
        event.address,
        event.verb,
        event.resource,
        event.resource_id,
        event.name,
        event.before.clone().map(canonical),
        event.after.clone().map(canonical),
        event.request_id,
        event.outcome,
    ]);
    let hash = digest::digest(&digest::SHA256, parts.to_string().as_bytes());
    hash.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A value as every database gives it back.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().map(|(key, it)| (key, canonical(it))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Number(number) => Value::Number(whole(number)),
        other => other,
    }
}

/// A whole number as an integer, as long as it fits into 63 bits.
#[allow(clippy::cast_possible_truncation, reason = "only what is whole and small enough is cast")]
fn whole(number: Number) -> Number {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e18 => Number::from(float as i64),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_databases_may_write_differently_is_the_same() {
        let given: Value =
            serde_json::from_str(r#"{"b": 1.0, "a": [1e3, 0.5, -0.0], "c": {"y": null, "x": 2}}"#).unwrap();
        let back: Value = serde_json::from_str(r#"{"a": [1000, 0.50, 0], "b": 1, "c": {"x": 2, "y": null}}"#).unwrap();
        assert_eq!(canonical(given).to_string(), canonical(back).to_string());
    }
}
