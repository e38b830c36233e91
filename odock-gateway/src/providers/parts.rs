//! Looking for something among the parts of a request, however deep.

use memchr::memmem;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// Whether a request may hold one of these words, so that it is worth taking apart: they stand there, or letters are written
/// as escapes, behind which they may hide. Texts in other scripts are escaped by many clients; ASCII is by none.
pub(crate) fn mentions(body: &[u8], words: &[&str]) -> bool {
    let escapes_ascii = || memmem::find_iter(body, b"\\u00").any(|at| matches!(body.get(at + 4), Some(b'4'..=b'7')));
    words.iter().any(|word| memmem::find(body, word.as_bytes()).is_some()) || escapes_ascii()
}

/// Whether `has` says so of a request. Of one that is nested too deep to be taken apart, which nobody has reason to make, it
/// is taken for granted.
pub(super) fn may_have(body: &[u8], has: impl FnOnce(&Value) -> bool) -> bool {
    match serde_json::from_slice(body) {
        Ok(request) => has(&request),
        // This goes to any depth.
        Err(_) => serde_json::from_slice::<IgnoredAny>(body).is_ok(),
    }
}

/// Whether `value` holds, at any depth, an object of which `is` says so.
pub(super) fn any_object(value: &Value, is: &impl Fn(&Map<String, Value>) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_object(item, is)),
        Value::Object(fields) => is(fields) || fields.values().any(|field| any_object(field, is)),
        _ => false,
    }
}
