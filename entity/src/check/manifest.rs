//! Checks a manifest: what surrounds the spec, then the spec.

use serde_json::{Map, Value};

use super::text::quoted;
use super::walk::name_of;
use super::{Violation, check_name, check_slug, check_spec, code, nearest, step};
use crate::manifest::API_VERSION;
use crate::resource::Kind;

/// Kinds of later versions, so that they are refused by name.
pub const UNSUPPORTED_KINDS: &[&str] = &["McpServer", "Policy", "ServiceAccount"];

const FIELDS: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
const METADATA_FIELDS: &[&str] = &["organisation", "name", "renamedFrom", "labels", "protect"];
const LATER_METADATA: &[&str] = &["annotations"];
/// The most labels of a resource.
const MOST_LABELS: usize = 32;
/// The most characters of a label's key or value.
const LONGEST_LABEL: usize = 63;

/// The fields of a manifest's metadata: name, type, meaning.
#[cfg(feature = "openapi")]
pub(super) fn metadata_fields() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    METADATA_FIELDS.iter().map(|name| match *name {
        "organisation" => {
            (*name, "string", "The organisation's slug; the one that the manifests are applied to if not given.")
        }
        "name" => (*name, "string", "The name: an organisation's is its slug, a user's the e-mail address."),
        "renamedFrom" => {
            (*name, "string", "The name that it has until now: it keeps its id, its grants and its history.")
        }
        "labels" => (*name, "map of string", "Words to select it by: up to 32, each up to 63 characters."),
        "protect" => (*name, "boolean", "Whether it is safe from being deleted."),
        other => (other, "string", ""),
    })
}

/// Everything that is wrong with a manifest; pointers start at the manifest: `/spec/provider`.
///
/// The spec of an unknown kind is not looked at.
#[must_use]
pub fn check_manifest(manifest: &Value) -> Vec<Violation> {
    let Value::Object(given) = manifest else {
        return vec![Violation::new(
            "",
            code::WRONG_TYPE,
            format!("a manifest is an object with apiVersion, kind, metadata and spec, not {}", name_of(manifest)),
        )];
    };
    let mut found = Vec::new();
    unknown(given, FIELDS, &[], "a manifest", "", &mut found);
    api_version(given.get("apiVersion"), &mut found);
    let kind = kind(given.get("kind"), &mut found);
    metadata(kind, given.get("metadata"), &mut found);
    match (kind, given.get("spec")) {
        (_, None) => found.push(
            Violation::new("/spec", code::MISSING, "`spec` is missing")
                .hint("write `spec: {}` for a resource of defaults"),
        ),
        (Some(kind), Some(spec)) => {
            found.extend(check_spec(kind, spec).into_iter().map(|violation| violation.under("/spec")));
            if kind == Kind::User && spec.get("role").and_then(Value::as_str) == Some("SUPER_ADMIN") {
                let message = "a SUPER_ADMIN belongs to no organisation, so a manifest cannot declare one";
                found.push(
                    Violation::new("/spec/role", code::INVALID, message)
                        .hint("the highest role in an organisation is ORG_ADMIN"),
                );
            }
        }
        (None, Some(_)) => {}
    }
    found
}

fn api_version(value: Option<&Value>, found: &mut Vec<Violation>) {
    let hint = format!("write `apiVersion: {API_VERSION}`");
    match value {
        None => found.push(Violation::new("/apiVersion", code::MISSING, "`apiVersion` is missing").hint(hint)),
        Some(Value::String(version)) if version == API_VERSION => {}
        Some(Value::String(version)) => found.push(
            Violation::new(
                "/apiVersion",
                code::INVALID,
                format!("{} is not a version that is known here", quoted(version)),
            )
            .hint(hint),
        ),
        Some(other) => found.push(
            Violation::new("/apiVersion", code::WRONG_TYPE, format!("must be a string, not {}", name_of(other)))
                .hint(hint),
        ),
    }
}

fn kind(value: Option<&Value>, found: &mut Vec<Violation>) -> Option<Kind> {
    let all = || Kind::ALL.iter().map(|kind| kind.as_str());
    let list = || format!("one of {}", all().collect::<Vec<_>>().join(", "));
    match value {
        None => found.push(Violation::new("/kind", code::MISSING, "`kind` is missing").hint(list())),
        Some(Value::String(word)) => match Kind::ALL.iter().find(|kind| kind.as_str() == word) {
            Some(kind) => return Some(*kind),
            None if UNSUPPORTED_KINDS.contains(&word.as_str()) => {
                found.push(
                    Violation::new(
                        "/kind",
                        code::UNSUPPORTED,
                        format!("the kind `{word}` is not supported by this version"),
                    )
                    .hint(list()),
                );
            }
            None => {
                let violation = Violation::new("/kind", code::INVALID, format!("{} is not a kind", quoted(word)));
                found.push(match Kind::find(word).map(Kind::as_str).or_else(|| nearest(word, all())) {
                    Some(meant) => violation.hint(format!("did you mean `{meant}`?")),
                    None => violation.hint(list()),
                });
            }
        },
        Some(other) => found.push(
            Violation::new("/kind", code::WRONG_TYPE, format!("must be a string, not {}", name_of(other))).hint(list()),
        ),
    }
    None
}

fn metadata(kind: Option<Kind>, value: Option<&Value>, found: &mut Vec<Violation>) {
    let given = match value {
        None => {
            return found.push(
                Violation::new("/metadata", code::MISSING, "`metadata` is missing").hint("write `metadata: {name: …}`"),
            );
        }
        Some(Value::Object(given)) => given,
        Some(other) => {
            return found.push(Violation::new(
                "/metadata",
                code::WRONG_TYPE,
                format!("must be an object, not {}", name_of(other)),
            ));
        }
    };
    unknown(given, METADATA_FIELDS, LATER_METADATA, "metadata", "/metadata", found);
    extras(kind, given, found);
    let at = "/metadata/name";
    match given.get("name") {
        None => found.push(Violation::new(at, code::MISSING, "`name` is missing from metadata")),
        Some(Value::String(name)) => {
            // Without a kind that is known, any name that some kind allows may be meant.
            found.extend(kind.into_iter().flat_map(|kind| check_name(kind, name)).map(|violation| violation.under(at)));
        }
        Some(other) => found.push(text_wanted(at, other)),
    }
    let at = "/metadata/organisation";
    match given.get("organisation") {
        None | Some(Value::Null) => {}
        Some(_) if kind == Some(Kind::Organisation) => {
            found.push(Violation::new(at, code::INVALID, "an Organisation is in no organisation").hint("leave it out"));
        }
        Some(Value::String(slug)) => found.extend(check_slug(slug).err().map(|violation| violation.under(at))),
        Some(other) => found.push(text_wanted(at, other)),
    }
}

fn extras(kind: Option<Kind>, given: &Map<String, Value>, found: &mut Vec<Violation>) {
    let at = "/metadata/renamedFrom";
    match given.get("renamedFrom") {
        None | Some(Value::Null) => {}
        Some(_) if matches!(kind, Some(Kind::Organisation | Kind::User)) => {
            let message = "organisations and users keep their names: addresses and sign-ins hang on them";
            found.push(Violation::new(at, code::INVALID, message).hint("create another, and move what belongs to it"));
        }
        Some(Value::String(name)) if given.get("name").and_then(Value::as_str) == Some(name) => {
            found.push(Violation::new(at, code::INVALID, "is the name that it has").hint("write the name that it had"));
        }
        Some(Value::String(name)) => {
            found.extend(kind.into_iter().flat_map(|kind| check_name(kind, name)).map(|violation| violation.under(at)));
        }
        Some(other) => found.push(text_wanted(at, other)),
    }
    match given.get("protect") {
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(other) => found.push(Violation::new(
            "/metadata/protect",
            code::WRONG_TYPE,
            format!("must be true or false, not {}", name_of(other)),
        )),
    }
    match given.get("labels") {
        None | Some(Value::Null) => {}
        Some(Value::Object(labels)) => check_labels(labels, found),
        Some(other) => found.push(Violation::new(
            "/metadata/labels",
            code::WRONG_TYPE,
            format!("must be an object, not {}", name_of(other)),
        )),
    }
}

fn check_labels(labels: &Map<String, Value>, found: &mut Vec<Violation>) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if labels.len() > MOST_LABELS {
        let message = format!("has {} labels; {MOST_LABELS} are the most", labels.len());
        return found.push(Violation::new("/metadata/labels", code::INVALID, message));
    }
    for (key, value) in labels {
        let at = step("/metadata/labels", key);
        if key.is_empty() || key.len() > LONGEST_LABEL || !key.chars().all(plain) {
            let message =
                format!("{} is no key: 1 to {LONGEST_LABEL} letters, digits, `-`, `.`, `_` and `/`", quoted(key));
            found.push(Violation::new(at.clone(), code::INVALID, message));
        }
        match value {
            Value::String(text) if text.len() <= LONGEST_LABEL && text.chars().all(plain) => {}
            Value::String(_) => {
                let message = format!("is no value: up to {LONGEST_LABEL} letters, digits, `-`, `.`, `_` and `/`");
                found.push(Violation::new(at, code::INVALID, message));
            }
            other => found.push(text_wanted(&at, other)),
        }
    }
}

fn text_wanted(at: &str, value: &Value) -> Violation {
    let violation = Violation::new(at, code::WRONG_TYPE, format!("must be a string, not {}", name_of(value)));
    match value {
        Value::Number(number) => violation.hint(format!("write it in quotes: \"{number}\"")),
        Value::Bool(flag) => violation.hint(format!("write it in quotes: \"{flag}\"")),
        _ => violation,
    }
}

fn unknown(
    given: &Map<String, Value>,
    known: &'static [&'static str],
    later: &[&str],
    of: &str,
    at: &str,
    found: &mut Vec<Violation>,
) {
    for name in given.keys().filter(|name| !known.contains(&name.as_str())) {
        let at = step(at, name);
        if later.contains(&name.as_str()) {
            found.push(Violation::new(at, code::UNSUPPORTED, format!("`{name}` is not supported by this version")));
            continue;
        }
        let violation = Violation::new(at, code::UNKNOWN_FIELD, format!("{} is not a field of {of}", quoted(name)));
        found.push(match nearest(name, known.iter().copied().filter(|field| !given.contains_key(*field))) {
            Some(field) => violation.hint(format!("did you mean `{field}`?")),
            None => violation.hint(format!("its fields are {}", known.join(", "))),
        });
    }
}
