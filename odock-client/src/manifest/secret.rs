//! `valueFrom`: where a secret is to be had, so that it never stands in a file.

use std::path::{Path, PathBuf};

use entity::check::{code, step};

use super::diagnostic::Diagnostic;
use super::node::{Node, Tree};

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRef {
    /// The field, as a pointer into the manifest: `/spec/keys/0/secret`.
    pub pointer: String,
    /// Where the secret comes from.
    pub from: ValueFrom,
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
                refs.extend(from.map(|from| SecretRef { pointer: step(&at, "secret"), from }));
                false
            }
            _ => true,
        });
    }
    refs
}

fn value_from(node: &Node, at: &str, file: &str, directory: &Path, found: &mut Vec<Diagnostic>) -> Option<ValueFrom> {
    let hint = "write `{env: ODOCK_…}`, or `file`, `keyring` or `exec`";
    let Tree::Map(entries) = &node.tree else {
        let message = "`valueFrom` is an object that says where the secret is, not the secret";
        found.push(Diagnostic::new(file, node.place, code::WRONG_TYPE, message).pointer(at).hint(hint));
        return None;
    };
    let before = found.len();
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
    Some(from)
}
