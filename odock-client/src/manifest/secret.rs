//! `valueFrom`: where a secret is to be had, so that it never stands in a file.

use std::path::{Path, PathBuf};

use entity::check::{code, nearest, step};
use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::node::{Entry, Node, Tree};

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ValueFrom {
    /// An environment variable.
    Env(String),
    /// A file, relative to the manifest's directory.
    File(PathBuf),
    /// An entry of the operating system's keyring.
    Keyring(String),
    /// What a program prints: program and arguments.
    Exec(Vec<String>),
}

/// A secret field of a manifest that is still to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The field, as a pointer into the manifest: `/spec/keys/0/secret`.
    pub pointer: String,
    /// Where the secret comes from.
    pub from: ValueFrom,
    /// Whether the field is left out, rather than the whole refused, where the secret cannot be had. A key that exists
    /// then keeps the secret that it has.
    pub optional: bool,
}

/// How a virtual key gets its secret: the field `secret` of its manifest, which the gateway never sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeySource {
    /// Who has the secret first.
    pub from: KeyOrigin,
    /// The sinks that it is delivered to, as they are written.
    pub deliver_to: Vec<String>,
}

/// Who has the secret of a virtual key first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyOrigin {
    /// The gateway draws it and hands it over once.
    Server,
    /// This side draws it, and the gateway learns its hash.
    Client,
    /// It exists already.
    Given(ValueFrom),
}

/// What may stand in the field `secret` of a virtual key.
const KEY_FIELDS: &[&str] = &["generate", "deliverTo", "valueFrom"];

/// Takes the field `secret` out of the manifest of a virtual key.
pub(super) fn take_key(
    manifest: &mut Node,
    file: &str,
    directory: &Path,
    found: &mut Vec<Diagnostic>,
) -> Option<KeySource> {
    if manifest.get("kind").and_then(Node::text) != Some("ApiKey") {
        return None;
    }
    let Some(Node { tree: Tree::Map(spec), .. }) = manifest.at_mut("/spec") else { return None };
    let position = spec.iter().position(|entry| entry.key == "secret")?;
    let entry = spec.remove(position);
    let at = "/spec/secret";
    let Tree::Map(fields) = &entry.value.tree else {
        let literal = matches!(entry.value.tree, Tree::Text(_) | Tree::Variable(_));
        let (code, message) = if literal {
            (code::LITERAL_SECRET, "secrets do not stand in files")
        } else {
            (code::WRONG_TYPE, "must be an object that says where the secret comes from and goes to")
        };
        let diagnostic = Diagnostic::new(file, entry.place, code, message).pointer(at);
        found.push(diagnostic.hint("write `{generate: client, deliverTo: [\"file:./ci.key\"]}`, or `{valueFrom: …}`"));
        return None;
    };
    let before = found.len();
    for entry in fields.iter().filter(|entry| !KEY_FIELDS.contains(&entry.key.as_str())) {
        let message =
            format!("`{}` is not a field of a key's `secret`", entry.key.chars().take(60).collect::<String>());
        let diagnostic = Diagnostic::new(file, entry.place, code::UNKNOWN_FIELD, message).pointer(step(at, &entry.key));
        found.push(match nearest(&entry.key, KEY_FIELDS.iter().copied()) {
            Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
            None => diagnostic.hint(format!("its fields are {}", KEY_FIELDS.join(", "))),
        });
    }
    let field = |name: &str| fields.iter().find(|entry| entry.key == name);
    let generate = field("generate").and_then(|entry| match entry.value.text() {
        Some("server") => Some(KeyOrigin::Server),
        Some("client") => Some(KeyOrigin::Client),
        _ => {
            let message = "must be `server` or `client`";
            found.push(Diagnostic::new(file, entry.value.place, code::INVALID, message).pointer(step(at, "generate")));
            None
        }
    });
    let given = field("valueFrom").and_then(|entry| {
        if let Some(generate) = field("generate") {
            let message = "a secret is either generated or taken from somewhere";
            let diagnostic = Diagnostic::new(file, generate.place, code::INVALID, message);
            found.push(diagnostic.pointer(step(at, "generate")).hint("leave `generate` or `valueFrom` out"));
        }
        value_from(&entry.value, &step(at, "valueFrom"), file, directory, found)
    });
    let deliver_to = deliver_to(field("deliverTo").map(|entry| &entry.value), &step(at, "deliverTo"), file, found);
    let from = given.map(|(from, _)| KeyOrigin::Given(from)).or(generate).unwrap_or(KeyOrigin::Server);
    if from == KeyOrigin::Client && deliver_to.is_empty() && found.len() == before {
        let message = "a secret that is drawn here has to be delivered somewhere";
        let diagnostic = Diagnostic::new(file, entry.place, code::MISSING, message).pointer(step(at, "deliverTo"));
        found.push(diagnostic.hint("add `deliverTo: [\"file:./ci.key\"]`"));
    }
    Some(KeySource { from, deliver_to })
}

fn deliver_to(node: Option<&Node>, at: &str, file: &str, found: &mut Vec<Diagnostic>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    let Tree::List(items) = &node.tree else {
        let message = "must be a list of sinks, such as `file:./ci.key`";
        found.push(Diagnostic::new(file, node.place, code::WRONG_TYPE, message).pointer(at));
        return Vec::new();
    };
    let mut sinks = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match item.text() {
            Some(sink) if !sink.trim().is_empty() => sinks.push(sink.to_owned()),
            _ => {
                let message = "must be a sink, such as `file:./ci.key`";
                found.push(Diagnostic::new(file, item.place, code::WRONG_TYPE, message).pointer(step(at, index)));
            }
        }
    }
    sinks
}

const SOURCES: &[&str] = &["env", "file", "keyring", "exec"];
const LATER: &[&str] = &["vaultKv", "k8sSecret"];

/// Takes every `valueFrom` out of a manifest; what is left is what the gateway knows.
pub(super) fn take(manifest: &mut Node, file: &str, directory: &Path, found: &mut Vec<Diagnostic>) -> Vec<SecretRef> {
    let mut refs = Vec::new();
    if manifest.get("kind").and_then(Node::text) != Some("Provider") {
        return refs;
    }
    let Some(Node { tree: Tree::List(keys), .. }) = manifest.at_mut("/spec/keys") else { return refs };
    for (index, key) in keys.iter_mut().enumerate() {
        let at = step("/spec/keys", index);
        let Tree::Map(entries) = &mut key.tree else { continue };
        entries.retain(|entry| match entry.key.as_str() {
            "secret" => {
                let message = "secrets do not stand in files";
                let diagnostic =
                    Diagnostic::new(file, entry.place, code::LITERAL_SECRET, message).pointer(step(&at, "secret"));
                found.push(diagnostic.hint("write `valueFrom: {env: ODOCK_…}`, or `file`, `keyring` or `exec`"));
                false
            }
            "valueFrom" => {
                let from = value_from(&entry.value, &step(&at, "valueFrom"), file, directory, found);
                let found = from.map(|(from, optional)| SecretRef { pointer: step(&at, "secret"), from, optional });
                refs.extend(found);
                false
            }
            _ => true,
        });
    }
    refs
}

/// Where a secret comes from, and whether it may be missing there.
fn value_from(
    node: &Node,
    at: &str,
    file: &str,
    directory: &Path,
    found: &mut Vec<Diagnostic>,
) -> Option<(ValueFrom, bool)> {
    let hint = "write `{env: ODOCK_…}`, or `file`, `keyring` or `exec`";
    let Tree::Map(entries) = &node.tree else {
        let message = "`valueFrom` is an object that says where the secret is, not the secret";
        found.push(Diagnostic::new(file, node.place, code::WRONG_TYPE, message).pointer(at).hint(hint));
        return None;
    };
    let before = found.len();
    let mut optional = false;
    if let Some(entry) = entries.iter().find(|entry| entry.key == "optional") {
        match entry.value.tree {
            Tree::Flag(flag) => optional = flag,
            _ => {
                let message = "must be true or false";
                let diagnostic = Diagnostic::new(file, entry.value.place, code::WRONG_TYPE, message);
                found.push(diagnostic.pointer(step(at, "optional")));
            }
        }
    }
    let entries: Vec<&Entry> = entries.iter().filter(|entry| entry.key != "optional").collect();
    for entry in entries.iter().filter(|entry| !SOURCES.contains(&entry.key.as_str())) {
        let (code, message) = if LATER.contains(&entry.key.as_str()) {
            (code::UNSUPPORTED, format!("`{}` is not supported by this version", entry.key))
        } else {
            (code::UNKNOWN_FIELD, "a secret comes from `env`, `file`, `keyring` or `exec`".to_owned())
        };
        found.push(Diagnostic::new(file, entry.place, code, message).pointer(step(at, &entry.key)));
    }
    let [entry] = &entries[..] else {
        if found.len() == before {
            found.push(
                Diagnostic::new(file, node.place, code::INVALID, "`valueFrom` names exactly one source")
                    .pointer(at)
                    .hint(hint),
            );
        }
        return None;
    };
    if found.len() > before {
        return None;
    }
    let at = step(at, &entry.key);
    let from = match (entry.key.as_str(), &entry.value.tree) {
        (_, Tree::Text(text) | Tree::Variable(text)) if !text.trim().is_empty() => match entry.key.as_str() {
            "env" => ValueFrom::Env(text.clone()),
            "file" => ValueFrom::File(directory.join(text)),
            "keyring" => ValueFrom::Keyring(text.clone()),
            _ => ValueFrom::Exec(text.split_whitespace().map(str::to_owned).collect()),
        },
        ("exec", Tree::List(items)) if !items.is_empty() && items.iter().all(|item| item.text().is_some()) => {
            ValueFrom::Exec(items.iter().filter_map(Node::text).map(str::to_owned).collect())
        }
        ("exec", _) => {
            let message = "must be a command line, or a list of a program and its arguments";
            found.push(Diagnostic::new(file, entry.value.place, code::WRONG_TYPE, message).pointer(at));
            return None;
        }
        _ => {
            found.push(
                Diagnostic::new(file, entry.value.place, code::WRONG_TYPE, "must be a text that is not empty")
                    .pointer(at),
            );
            return None;
        }
    };
    Some((from, optional))
}
