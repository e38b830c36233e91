//! Tools that a model may call.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::path::At;
use super::DecodeError;
use super::fields::{Fields, list, text};

/// A declared tool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) description: Option<Cow<'a, str>>,
    /// The JSON schema of its arguments.
    pub(crate) parameters: Option<Node<'a>>,
    pub(crate) strict: bool,
    pub(crate) cache_control: Option<Node<'a>>,
}

/// Whether a model may, must or must not call a tool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ToolChoice<'a> {
    Auto,
    None,
    Required,
    Named(Cow<'a, str>),
    /// Only some of the declared tools.
    Allowed {
        names: Vec<Cow<'a, str>>,
        required: bool,
    },
    /// Of a type that is not known here.
    Other,
}

impl<'a> Tool<'a> {
    /// Reads a declaration; `None` for a kind of tool that other families do not have.
    pub(super) fn read(value: Node<'a>, at: At<'_>, others: &mut Vec<String>) -> Result<Option<Self>, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        if fields.must_text("type")? != "function" {
            others.push(at.to_string());
            return Ok(None);
        }
        let cache_control = fields.take("cache_control")?;
        let tool = fields.map("function", |value, at| {
            let mut function = Fields::of(value, at)?;
            let tool = Self {
                name: function.must_text("name")?,
                description: function.text("description")?,
                parameters: function.map("parameters", object)?,
                strict: function.flag("strict")?.unwrap_or(false),
                cache_control,
            };
            others.extend(function.names().map(|name| at.field(name).to_string()));
            Ok(tool)
        })?;
        others.extend(fields.names().map(|name| at.field(name).to_string()));
        tool.map(Some).ok_or_else(|| fields.wrong("function", "is missing"))
    }
}

/// A value that must be an object, such as a schema.
pub(super) fn object<'a>(value: Node<'a>, at: At<'_>) -> Result<Node<'a>, DecodeError> {
    match value {
        Node::Object(_) => Ok(value),
        _ => Err(DecodeError::at(at, "must be an object")),
    }
}

impl<'a> ToolChoice<'a> {
    pub(super) fn read(value: Node<'a>, at: At<'_>) -> Result<Self, DecodeError> {
        if let Node::Text(word) = &value {
            return match word.as_ref() {
                "auto" => Ok(Self::Auto),
                "none" => Ok(Self::None),
                "required" | "any" => Ok(Self::Required),
                _ => Err(DecodeError::at(at, "must be auto, none, required or an object")),
            };
        }
        let mut fields = Fields::of(value, at)?;
        match fields.must_text("type")?.as_ref() {
            "function" => {
                fields.map("function", name)?.map(Self::Named).ok_or_else(|| fields.wrong("function", "is missing"))
            }
            "allowed_tools" => {
                fields.map("allowed_tools", allowed)?.ok_or_else(|| fields.wrong("allowed_tools", "is missing"))
            }
            _ => Ok(Self::Other),
        }
    }
}

fn name<'a>(value: Node<'a>, at: At<'_>) -> Result<Cow<'a, str>, DecodeError> {
    Fields::of(value, at)?.must_text("name")
}

fn allowed<'a>(value: Node<'a>, at: At<'_>) -> Result<ToolChoice<'a>, DecodeError> {
    let mut fields = Fields::of(value, at)?;
    let required = fields.map("mode", |value, at| match text(value, at)?.as_ref() {
        "auto" => Ok(false),
        "required" => Ok(true),
        _ => Err(DecodeError::at(at, "must be auto or required")),
    })?;
    let names = fields.map("tools", |value, at| {
        list(value, at, |value, at| {
            let mut tool = Fields::of(value, at)?;
            tool.map("function", name)?.ok_or_else(|| tool.wrong("function", "is missing"))
        })
    })?;
    let names = names.ok_or_else(|| fields.wrong("tools", "is missing"))?;
    Ok(ToolChoice::Allowed { names, required: required.unwrap_or(false) })
}
