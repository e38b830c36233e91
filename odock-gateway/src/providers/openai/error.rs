//! The event that tells of an error in streams whose events have names.

use serde_json::Value;

/// The data of an error event. Those who read events by their type find the code and the message at the top; OpenAI's own
/// SDKs look for the object `error` that an error's body has, and raise it.
pub(super) fn event_data(body: &[u8], sequence_number: Option<u64>) -> Option<Vec<u8>> {
    let Value::Object(mut event) = serde_json::from_slice(body).ok()? else { return None };
    let inner = event.get("error")?;
    let (code, message) = (inner.get("code")?.clone(), inner.get("message")?.clone());
    event.insert("type".into(), "error".into());
    event.insert("code".into(), code);
    event.insert("message".into(), message);
    event.insert("param".into(), Value::Null);
    if let Some(number) = sequence_number {
        event.insert("sequence_number".into(), number.into());
    }
    serde_json::to_vec(&event).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_readers_find_the_error() {
        let data = event_data(br#"{"error":{"code":"c","message":"m","request_id":"r"}}"#, Some(7)).unwrap();
        let event: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!((&event["type"], &event["code"], &event["message"]), (&"error".into(), &"c".into(), &"m".into()));
        assert_eq!((&event["error"]["request_id"], &event["sequence_number"]), (&"r".into(), &7.into()));
        assert_eq!(event_data(b"[]", None), None);
    }
}
