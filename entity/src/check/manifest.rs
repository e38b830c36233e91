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
const METADATA_FIELDS: &[&str] = &["organisation", "name"];
const LATER_METADATA: &[&str] = &["labels", "annotations", "protect", "owner", "previousName"];

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
