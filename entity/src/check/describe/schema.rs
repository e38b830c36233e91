//! A JSON Schema (draft 2020-12) of manifests, for editors.
//!
//! It is a little wider than the checker: rules that bind several fields together, and the fine points of names, are left
//! to `odockctl validate`, which also knows what `${VAR}` becomes.

use serde_json::{Map, Value, json};

use crate::check::table::{self, Object, Presence, Shape};
use crate::check::text::Rule;
use crate::resource::Kind;

use super::{Description, describe};

/// The schema of a document that holds manifests: one, a list of them, or an object with the list `resources`.
#[must_use]
pub fn json_schema() -> Value {
    let mut known: Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.as_str().to_owned(), manifest(*kind))).collect();
    let choices: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "kind": { "const": kind.as_str() } }, "required": ["kind"] },
                "then": { "$ref": format!("#/$defs/{}", kind.as_str()) },
            })
        })
        .collect();
    let any = json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": { "kind": { "enum": Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() } },
        "allOf": choices,
    });
    known.insert("Manifest".to_owned(), any);
    let one = json!({ "$ref": "#/$defs/Manifest" });
    let many = json!({ "type": "array", "items": one });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Odock manifests",
        "if": { "type": "array" },
        "then": many,
        "else": {
            "if": { "type": "object", "required": ["resources"] },
            "then": { "properties": { "resources": many } },
            "else": one,
        },
        "$defs": known,
    })
}

fn manifest(kind: Kind) -> Value {
    let described = describe(kind);
    let mut fields = Map::new();
    for part in &described.fields {
        let schema = match part.name.as_str() {
            "spec" => object(table::of(kind), part),
            "metadata" => plain_object(part),
            _ => json!({ "description": part.about, "const": part.words.first() }),
        };
        fields.insert(part.name.clone(), schema);
    }
    json!({
        "description": described.about,
        "type": "object",
        "properties": fields,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

/// An object whose fields are described in words only.
fn plain_object(described: &Description) -> Value {
    let field = |field: &Description| {
        let schema = match field.r#type.as_str() {
            "boolean" => json!({ "type": "boolean" }),
            "[]string" => json!({ "type": "array", "items": { "type": "string" } }),
            "map of string" => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
            "object" => plain_object(field),
            _ if !field.words.is_empty() => json!({ "enum": field.words }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        (field.name.clone(), with_words(schema, field))
    };
    let required: Vec<&str> =
        described.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    let mut schema = json!({
        "type": "object",
        "properties": described.fields.iter().map(field).collect::<Map<_, _>>(),
        "required": required,
        "additionalProperties": false,
    });
    if described.rule.as_deref() == Some(super::ONE_SOURCE) {
        schema["minProperties"] = 1.into();
        schema["maxProperties"] = 2.into();
    }
    with_words(schema, described)
}

fn object(object: &Object, described: &Description) -> Value {
    let mut fields = Map::new();
    for (field, described) in object.fields.iter().zip(&described.fields) {
        let schema = match &field.shape {
            _ if described.name != field.name => plain_object(described),
            shape => value(shape, described),
        };
        let schema = match field.presence {
            Presence::Optional => json!({ "anyOf": [schema, { "type": "null" }] }),
            _ => schema,
        };
        fields.insert(described.name.clone(), with_words(schema, described));
    }
    // What the client takes out stands in no table.
    for described in described.fields.iter().skip(object.fields.len()) {
        fields.insert(described.name.clone(), plain_object(described));
    }
    let required: Vec<&str> =
        object.fields.iter().filter(|field| field.presence == Presence::Required).map(|field| field.name).collect();
    json!({ "type": "object", "properties": fields, "required": required, "additionalProperties": false })
}

fn value(shape: &Shape, described: &Description) -> Value {
    match shape {
        Shape::Text(rule) => text(*rule),
        Shape::Word(words) => or_variable(json!({ "enum": words() })),
        Shape::Whole(least, most) => or_variable(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Shape::Flag => or_variable(json!({ "type": "boolean" })),
        Shape::Object(fields) => object(fields, described),
        Shape::Named(_, fields) => json!({ "type": "array", "items": object(fields, described) }),
        Shape::Set(inner) => json!({ "type": "array", "items": value(inner, described), "uniqueItems": true }),
        Shape::ByWord(words, inner) => json!({
            "type": "object",
            "propertyNames": { "enum": words() },
            "additionalProperties": value(inner, described),
        }),
    }
}

/// A text that keeps a rule, as far as a pattern can say it.
fn text(rule: Rule) -> Value {
    let most = match rule {
        Rule::Name => 128,
        Rule::Slug => 64,
        Rule::Email => 254,
        Rule::Prose => 2_048,
        Rule::Line | Rule::UpstreamName => 256,
        _ => return pattern(rule),
    };
    json!({ "type": "string", "maxLength": most })
}

fn pattern(rule: Rule) -> Value {
    match rule {
        Rule::Issuer => json!({ "type": "string", "pattern": r"^([hH][tT][tT][pP][sS]?://|\$\{|\$\$)" }),
        Rule::BaseUrl => json!({ "type": "string", "pattern": r"^([hH][tT][tT][pP][sS]?://|\$\{|\$\$)" }),
        Rule::Money => json!({ "type": "string", "pattern": r"^[0-9]*\.?[0-9]*$|\$\{" }),
        Rule::Factor => json!({ "type": "string", "pattern": r"^[0-9]*\.?[0-9]*$|\$\{" }),
        Rule::Time => json!({ "type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]|\$\{" }),
        _ => json!({ "type": "string" }),
    }
}

/// A value of another type than text, or a text that is nothing but a variable.
fn or_variable(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "string", "pattern": r"^\$\{.+\}$" }] })
}

/// What an editor shows beside a field.
fn with_words(mut schema: Value, described: &Description) -> Value {
    let rule = described.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    let text = format!("{}{rule}", described.about);
    if !text.is_empty() {
        schema["description"] = text.trim_start().into();
    }
    schema
}
