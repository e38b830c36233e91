//! JSON as records are written in it: field by field, straight into one buffer.
//!
//! Every request leaves a record of some fifty fields, twice if it sets something aside. Written by way of serde they cost
//! three times as much. `written/tests.rs` holds both to the same text.

use std::ops::Range;

use serde::Serialize;
use uuid::Uuid;

use crate::providers::scan::SPECIAL;

/// A text that grows. Names are given with what stands around them, such as `,"status":`.
pub(super) struct Json(Vec<u8>);

impl Json {
    /// An empty text with room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Where the text ends at present.
    pub(super) fn end(&self) -> usize {
        self.0.len()
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    pub(super) fn number(&mut self, name: &str, number: impl itoa::Integer) {
        self.raw(name);
        self.raw(itoa::Buffer::new().format(number));
    }

    pub(super) fn some_number(&mut self, name: &str, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.raw(name);
        self.raw(if flag { "true" } else { "false" });
    }

    pub(super) fn id(&mut self, name: &str, id: Uuid) {
        self.raw(name);
        self.raw("\"");
        self.raw(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        self.raw("\"");
    }

    pub(super) fn some_id(&mut self, name: &str, id: Option<Uuid>) {
        if let Some(id) = id {
            self.id(name, id);
        }
    }

    pub(super) fn text(&mut self, name: &str, text: &str) -> serde_json::Result<()> {
        self.raw(name);
        if text.bytes().any(|byte| SPECIAL[usize::from(byte)]) {
            return serde_json::to_writer(&mut self.0, text);
        }
        self.raw("\"");
        self.raw(text);
        self.raw("\"");
        Ok(())
    }

    pub(super) fn some_text(&mut self, name: &str, text: Option<&str>) -> serde_json::Result<()> {
        text.map_or(Ok(()), |text| self.text(name, text))
    }

    /// A list of what `write` writes of each item.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: &[T],
        write: impl Fn(&mut Self, &T) -> serde_json::Result<()>,
    ) -> serde_json::Result<()> {
        self.raw(name);
        self.raw("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, item)?;
        }
        self.raw("]");
        Ok(())
    }

    /// Anything else, as serde writes it. Says where the value stands.
    pub(super) fn value(&mut self, name: &str, value: &impl Serialize) -> serde_json::Result<Range<usize>> {
        self.raw(name);
        let from = self.end();
        serde_json::to_writer(&mut self.0, value)?;
        Ok(from..self.end())
    }
}
