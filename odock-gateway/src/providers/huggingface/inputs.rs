//! The body of a task: `{"model": …, "inputs": …, "parameters": {…}}`, taken apart no further than that.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::providers::call::DecodeError;

/// Fields of an object in their order, their values as they came.
#[derive(Debug, Default)]
pub struct Inputs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Inputs<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(object: &'a [u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(object).map_err(|_| DecodeError::new("the body is not UTF-8"))?;
        let mut from = serde_json::Deserializer::from_str(text);
        from.deserialize_map(Read).map_err(|_| DecodeError::new("the body must be a JSON object"))
    }

    /// A field that is there and not null; the last of several.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().rev().find(|(other, _)| other == name);
        found.map(|(_, value)| value.get()).filter(|value| *value != "null")
    }

    /// A field that is a text.
    ///
    /// # Errors
    /// When it is missing or no text.
    pub fn text(&self, name: &str) -> Result<Cow<'a, str>, DecodeError> {
        let value = self.get(name).ok_or_else(|| DecodeError::new(format!("\"{name}\" is missing")))?;
        serde_json::from_str(value)
            .map(Text::into)
            .map_err(|_| DecodeError::new(format!("\"{name}\" must be a string")))
    }

    /// The parameters, of which there may be none.
    ///
    /// # Errors
    /// When they are no object.
    pub fn parameters(&self) -> Result<Self, DecodeError> {
        match self.get("parameters") {
            None => Ok(Self::default()),
            Some(raw) => Self::read(raw.as_bytes()).map_err(|_| DecodeError::new("\"parameters\" must be an object")),
        }
    }

    /// The object without the fields of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_ref()));
        self
    }

    /// The fields, as the inside of an object.
    #[must_use]
    pub fn written(&self) -> String {
        let name = |name: &str| serde_json::Value::from(name).to_string();
        self.0.iter().map(|(field, value)| format!("{}:{}", name(field), value.get())).collect::<Vec<_>>().join(",")
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<Text<'a>> for Cow<'a, str> {
    fn from(text: Text<'a>) -> Self {
        text.0
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Inputs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(Text(name)) = map.next_key()? {
            fields.push((name, map.next_value()?));
        }
        Ok(Inputs(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_form_and_fields_their_order() {
        let body = br#"{ "z":1.50e0, "model":"m", "inputs" : "a\u00e9", "parameters":{"x":[1, 2]} }"#;
        let inputs = Inputs::read(body).unwrap();
        assert_eq!(inputs.text("inputs").unwrap(), "a\u{e9}");
        assert_eq!(inputs.parameters().unwrap().written(), r#""x":[1, 2]"#);
        assert_eq!(inputs.without(&["model"]).written(), r#""z":1.50e0,"inputs":"a\u00e9","parameters":{"x":[1, 2]}"#);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Inputs::read(b"[]").unwrap_err().to_string().contains("JSON object"));
        let inputs = Inputs::read(br#"{"inputs":7,"parameters":[],"x":null}"#).unwrap();
        assert_eq!(inputs.text("inputs").unwrap_err().to_string(), "\"inputs\" must be a string");
        assert_eq!(inputs.text("x").unwrap_err().to_string(), "\"x\" is missing");
        assert_eq!(inputs.parameters().unwrap_err().to_string(), "\"parameters\" must be an object");
    }
}
