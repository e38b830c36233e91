//! JSON objects whose fields keep the order in which they are written.

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Map, Value, value::RawValue};

/// An object as JSON text that grows field by field.
#[derive(Debug, Clone)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    /// An object without fields.
    pub(crate) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// Adds a field.
    pub(crate) fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        append(&mut self.0, name);
        self.0.push(b':');
        append(&mut self.0, value);
        self
    }

    /// Adds a field when there is a value for it.
    pub(crate) fn maybe(self, name: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds these fields; those of `over` replace the ones of the same name and follow the others.
    pub(crate) fn overlaid(self, fields: &[(&str, Value)], over: &Map<String, Value>) -> Self {
        let kept = fields.iter().filter(|(name, _)| !over.contains_key(*name));
        let object = kept.fold(self, |object, (name, value)| object.with(name, value));
        over.iter().fold(object, |object, (name, value)| object.with(name, value))
    }

    /// The text of the whole object.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.into_bytes()).into_owned()
    }

    /// The bytes of the whole object.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        self.0.push(b'}');
        self.0.into()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.clone().into_text()).map_err(S::Error::custom)?.serialize(to)
    }
}

/// The JSON of a value. Nothing here fails to serialise: no map has a key that is not a string.
pub(crate) fn bytes(value: impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    append(&mut json, value);
    json
}

fn append(json: &mut Vec<u8>, value: impl Serialize) {
    if let Err(error) = serde_json::to_writer(json, &value) {
        unreachable!("an answer did not serialise: {error}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_keep_their_order_and_nest() {
        let inner = Object::new().with("z", 1).with("a", "\"");
        let outer = Object::new().with("type", "x").with("inner", [&inner]).maybe("none", None::<u8>).with("b", ());
        assert_eq!(outer.into_text(), r#"{"type":"x","inner":[{"z":1,"a":"\""}],"b":null}"#);
        assert_eq!(Object::new().into_text(), "{}");
    }

    #[test]
    fn an_overlay_replaces_and_adds() {
        let Value::Object(over) = json!({"total": 9, "more": {"x": 1}}) else { unreachable!() };
        let object = Object::new().overlaid(&[("input", json!(1)), ("total", json!(2))], &over);
        assert_eq!(object.into_text(), r#"{"input":1,"more":{"x":1},"total":9}"#);
    }
}
