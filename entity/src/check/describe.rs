//! The fields of every spec for people and editors: the tables as text and as JSON Schema.
//!
//! What a field means is said once, in the doc comment of its type; the schemas that the OpenAPI document is made of carry
//! it here.

mod docs;
mod schema;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::docs::Docs;
use super::table::{self, Object, Presence, Shape};
use super::text::Rule;
use crate::manifest::API_VERSION;
use crate::resource::Kind;

pub use self::schema::json_schema;

/// What may stand in a place of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The field's name; the kind's, at the top.
    pub name: String,
    /// What it is made of: `string`, `integer`, `[]object` and so on.
    pub r#type: String,
    /// What it means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Whether it must be there.
    pub required: bool,
    /// What its value has to keep to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The words that it is one of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<&'static str>,
    /// Its fields, or those of its items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Description>,
}

/// A manifest of a kind, with everything in it.
#[must_use]
pub fn describe(kind: Kind) -> Description {
    let docs = Docs::of(kind);
    let mut spec = Description {
        about: "What it shall be.".to_owned(),
        required: true,
        ..object("spec", table::of(kind), &docs, Some(docs.root()))
    };
    if kind == Kind::ApiKey {
        spec.fields.push(key_secret());
    }
    let metadata = Description {
        fields: super::manifest::metadata_fields()
            .map(|(name, r#type, about)| Description {
                required: name == "name",
                r#type: r#type.to_owned(),
                ..text(name, about, None)
            })
            .filter(|field| kind != Kind::Organisation || field.name != "organisation")
            .filter(|field| !matches!(kind, Kind::Organisation | Kind::User) || field.name != "renamedFrom")
            .collect(),
        required: true,
        ..text("metadata", "Which one it is.", None)
    };
    let word = |name: &str, about: &str, word: &'static str| Description {
        words: vec![word],
        required: true,
        ..text(name, about, None)
    };
    Description {
        fields: vec![
            word("apiVersion", "The version of the manifest's form.", API_VERSION),
            word("kind", "What it is.", kind.as_str()),
            Description { r#type: "object".to_owned(), ..metadata },
            spec,
        ],
        r#type: "object".to_owned(),
        ..text(kind.as_str(), &docs.about(docs.root()), None)
    }
}

fn text(name: &str, about: &str, rule: Option<&str>) -> Description {
    Description {
        name: name.to_owned(),
        r#type: "string".to_owned(),
        about: about.to_owned(),
        required: false,
        rule: rule.map(str::to_owned),
        words: Vec::new(),
        fields: Vec::new(),
    }
}

fn object(name: &str, object: &'static Object, docs: &Docs, schema: Option<&serde_json::Value>) -> Description {
    let fields = object.fields.iter().map(|field| {
        let property = schema.and_then(|schema| docs.property(schema, field.name));
        // In a file a secret is a reference; the client seals what it refers to.
        if std::ptr::eq(object, &table::PROVIDER_KEY) && field.name == "secret" {
            return value_from();
        }
        let described = shape(field.name, &field.shape, docs, property);
        Description { required: field.presence == Presence::Required, ..described }
    });
    Description { r#type: "object".to_owned(), fields: fields.collect(), ..text(name, "", None) }
}

/// What `valueFrom` may hold.
const ONE_SOURCE: &str = "one source, and perhaps `optional`";

/// Where the client finds a secret.
fn value_from() -> Description {
    let source = |name: &str, about: &str| text(name, about, None);
    let program = Description {
        r#type: "[]string".to_owned(),
        ..source("exec", "A program and its arguments; the secret is what it prints.")
    };
    Description {
        r#type: "object".to_owned(),
        rule: Some(ONE_SOURCE.to_owned()),
        fields: vec![
            source("env", "An environment variable that begins with ODOCK_."),
            source("file", "A file, relative to the manifest's directory."),
            source("keyring", "An entry of the operating system's keyring."),
            program,
            Description {
                r#type: "boolean".to_owned(),
                ..source("optional", "Whether a key that exists keeps its secret where this one is not to be had.")
            },
        ],
        ..source("valueFrom", "Where the secret comes from. It is sealed on this machine and never stands in a file.")
    }
}

/// How a virtual key gets its secret, which the client takes out of the manifest.
fn key_secret() -> Description {
    let field =
        |name: &str, r#type: &str, about: &str| Description { r#type: r#type.to_owned(), ..text(name, about, None) };
    let generate = Description {
        words: vec!["server", "client"],
        ..field("generate", "string", "Who draws the secret: the gateway, or the machine that applies.")
    };
    Description {
        fields: vec![
            generate,
            field(
                "deliverTo",
                "[]string",
                "The sinks that it goes to, such as file:./ci.key; --allow-sinks allows them.",
            ),
            value_from(),
        ],
        ..field("secret", "object", "How the key gets its secret; without it, one later `key reveal` shows it.")
    }
}

fn shape(name: &str, shape: &Shape, docs: &Docs, schema: Option<&serde_json::Value>) -> Description {
    let about = schema.map(|schema| docs.about(schema)).unwrap_or_default();
    let plain = |r#type: &str| Description { r#type: r#type.to_owned(), ..text(name, &about, None) };
    match shape {
        Shape::Text(rule) => Description { rule: Some(self::rule(*rule).to_owned()), ..plain("string") },
        Shape::Word(words) => Description { words: words(), ..plain("string") },
        Shape::Whole(least, most) => Description { rule: Some(format!("from {least} to {most}")), ..plain("integer") },
        Shape::Flag => plain("boolean"),
        Shape::Object(fields) => Description { about, ..object(name, fields, docs, schema) },
        Shape::Named(key, fields) => Description {
            about,
            r#type: "[]object".to_owned(),
            rule: Some(format!("no two with the same `{key}`")),
            ..object(name, fields, docs, schema.and_then(|schema| docs.items(schema)))
        },
        Shape::Set(inner) => {
            let item = self::shape(name, inner, docs, None);
            Description { about, r#type: format!("[]{}", item.r#type), ..item }
        }
        Shape::ByWord(words, inner) => {
            let value = self::shape(name, inner, docs, schema.and_then(|schema| docs.values(schema)));
            Description {
                about,
                r#type: format!("map of {}", value.r#type),
                rule: Some(format!("its fields are {}", words().join(", "))),
                ..value
            }
        }
    }
}

/// What a rule asks for, in words.
const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Name => "1 to 128 characters on one line, without `/`, and no id",
        Rule::Slug => "1 to 64 lower-case letters, digits and inner `-`",
        Rule::Email => "an e-mail address",
        Rule::Line => "1 to 256 characters on one line",
        Rule::Prose => "up to 2048 characters",
        Rule::UpstreamName => "1 to 256 characters: what the provider calls it",
        Rule::Issuer => "the https URL that tokens say they are issued by",
        Rule::BaseUrl => "an http or https URL without a user, a query or a fragment",
        Rule::ApiVersion => "like 2024-10-21",
        Rule::Money => "USD as a decimal in quotes, such as \"0.0004\"",
        Rule::Time => "an instant with its zone, such as 2027-06-30T00:00:00Z",
        Rule::Preview => "first and last characters of a secret",
        Rule::Fingerprint => "64 lower-case hexadecimal digits",
        Rule::Algorithm => "the envelope's algorithm",
        Rule::KeyId => "names an encryption key of the gateway",
        Rule::Base64 => "standard base64 with padding",
        Rule::Cidr => "an address or a network, such as 10.0.0.0/8",
        Rule::Factor => "a decimal factor in quotes, such as \"0.25\"",
        Rule::Timezone => "a name of the IANA time zone database, such as Europe/Paris",
    }
}
