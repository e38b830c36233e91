//! Looking for something among the parts of a request, however deep.

use serde_json::{Map, Value};

/// Whether `value` holds, at any depth, an object of which `is` says so.
pub(super) fn any_object(value: &Value, is: &impl Fn(&Map<String, Value>) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_object(item, is)),
        Value::Object(fields) => is(fields) || fields.values().any(|field| any_object(field, is)),
        _ => false,
    }
}
