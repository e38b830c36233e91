//! The fields of an object, taken one by one and checked on the way.

use std::borrow::Cow;

use serde_json::Number;
use serde_json::value::RawValue;

use super::super::json::{Node, RawObject, twice};
use super::super::path::{At, Shown};
use super::{DecodeError, node};

/// The fields of an object. A field that is null counts as one that is not there, as in OpenAI's own API.
pub(super) struct Fields<'a, 'p> {
    at: Option<At<'p>>,
    there: Vec<(Cow<'a, str>, Value<'a>)>,
}

enum Value<'a> {
    /// Not looked into yet.
    Raw(&'a RawValue),
    Read(Node<'a>),
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The fields of the body itself.
    pub(super) fn top(body: &RawObject<'a>) -> Self {
        let there = body.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        let there = there
            .into_iter()
            .filter_map(|name| body.present(&name).map(|raw| (name.into(), Value::Raw(raw))))
            .collect();
        Self { at: None, there }
    }

    /// The fields of a value that must be an object.
    pub(super) fn of(value: Node<'a>, at: At<'p>) -> Result<Self, DecodeError> {
        let Node::Object(fields) = value else { return Err(DecodeError::at(at, "must be an object")) };
        if let Some(name) = twice(fields.iter().map(|(name, _)| name.as_ref())) {
            return Err(DecodeError::at(at.field(name), "stands twice"));
        }
        let present = |(name, value): (_, Node<'a>)| (value != Node::Null).then_some((name, Value::Read(value)));
        Ok(Self { at: Some(at), there: fields.into_iter().filter_map(present).collect() })
    }

    /// Builds the path of a field here.
    fn at<T>(&self, name: &str, then: impl FnOnce(At<'_>) -> T) -> T {
        match &self.at {
            Some(at) => then(at.field(name)),
            None => then(At::top(name)),
        }
    }

    /// What is wrong with a field here.
    pub(super) fn wrong(&self, name: &str, what: impl std::fmt::Display) -> DecodeError {
        self.at(name, |at| DecodeError::at(at, what))
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<Node<'a>>, DecodeError> {
        let Some(place) = self.there.iter().position(|(there, _)| there == name) else { return Ok(None) };
        match self.there.swap_remove(place).1 {
            Value::Read(value) => Ok(Some(value)),
            Value::Raw(raw) => self.at(name, |at| node(raw, at)).map(Some),
        }
    }

    /// Takes a field out and reads it as `read` does, which gets its path.
    pub(super) fn map<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Node<'a>, At<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let Some(value) = self.take(name)? else { return Ok(None) };
        self.at(name, |at| read(value, at)).map(Some)
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        self.map(name, text)
    }

    /// A text that must be there.
    pub(super) fn must_text(&mut self, name: &str) -> Result<Cow<'a, str>, DecodeError> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, DecodeError> {
        self.map(name, |value, at| match value {
            Node::Bool(value) => Ok(value),
            _ => Err(DecodeError::at(at, "must be true or false")),
        })
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<Number>, DecodeError> {
        self.map(name, |value, at| match value {
            Node::Number(value) => Ok(value),
            _ => Err(DecodeError::at(at, "must be a number")),
        })
    }

    /// A whole number of `least` or more.
    pub(super) fn whole(&mut self, name: &str, least: u64) -> Result<Option<u64>, DecodeError> {
        self.map(name, |value, at| {
            match value {
                Node::Number(value) => value.as_u64().filter(|value| *value >= least),
                _ => None,
            }
            .ok_or_else(|| DecodeError::at(at, format!("must be a whole number of {least} or more")))
        })
    }

    /// The names of the fields that nobody took, behind `prefix`, fit to be shown.
    pub(super) fn left(&self, prefix: &str) -> Vec<String> {
        self.names().map(|name| format!("{prefix}{}", Shown(name))).collect()
    }

    /// Leaves a field out of those that nobody took.
    pub(super) fn forget(&mut self, name: &str) {
        self.there.retain(|(there, _)| there != name);
    }

    /// The names of the fields that nobody took.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.there.iter().map(|(name, _)| name.as_ref())
    }
}

/// A value that must be text.
pub(super) fn text<'a>(value: Node<'a>, at: At<'_>) -> Result<Cow<'a, str>, DecodeError> {
    match value {
        Node::Text(text) => Ok(text),
        _ => Err(DecodeError::at(at, "must be a string")),
    }
}

/// A value that must be a list, item by item.
pub(super) fn list<'a, T>(
    value: Node<'a>,
    at: At<'_>,
    mut read: impl FnMut(Node<'a>, At<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let Node::List(items) = value else { return Err(DecodeError::at(at, "must be a list")) };
    items.into_iter().enumerate().map(|(index, item)| read(item, at.item(index))).collect()
}
