//! The form that an answer must have.

use std::borrow::Cow;

use super::super::json::Node;
use super::super::path::At;
use super::DecodeError;
use super::fields::Fields;
use super::tools::object;

/// What `response_format` asks for, beyond text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Format<'a> {
    /// Some JSON object.
    Json,
    /// JSON that fits a schema. Its name is a label that nothing depends on.
    Schema { schema: Option<Node<'a>>, description: Option<Cow<'a, str>> },
    /// Of a type that is not known here.
    Other,
}

impl<'a> Format<'a> {
    /// Reads `response_format`; `None` for text, which is what comes without it.
    pub(super) fn read(value: Node<'a>, at: At<'_>) -> Result<Option<Self>, DecodeError> {
        let mut fields = Fields::of(value, at)?;
        match fields.must_text("type")?.as_ref() {
            "text" => Ok(None),
            "json_object" => Ok(Some(Self::Json)),
            "json_schema" => fields
                .map("json_schema", |value, at| {
                    let mut inner = Fields::of(value, at)?;
                    let schema = inner.map("schema", object)?;
                    Ok(Some(Self::Schema { schema, description: inner.text("description")? }))
                })?
                .ok_or_else(|| fields.wrong("json_schema", "is missing")),
            _ => Ok(Some(Self::Other)),
        }
    }
}

/// A schema with the description that stood beside it. Where it has one of its own, it comes back without.
pub(crate) fn described<'r>(schema: &'r Node<'_>, description: Option<&'r str>) -> Result<Node<'r>, Node<'r>> {
    let (Node::Object(fields), Some(description)) = (schema, description) else { return Ok(schema.clone()) };
    if fields.iter().any(|(name, _)| name == "description") {
        return Err(schema.clone());
    }
    let mut fields = fields.clone();
    fields.insert(0, ("description".into(), Node::Text(description.into())));
    Ok(Node::Object(fields))
}
