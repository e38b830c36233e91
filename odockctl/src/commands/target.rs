//! `KIND [NAME…]` and `kind/name …`: which resources a command is about.

use entity::Kind;

use crate::error::CliError;

/// Resources of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind.
    pub kind: Kind,
    /// Their names; none for the whole list.
    pub names: Vec<String>,
}

/// Reads `keys`, `keys ci search`, `keys,models` or `key/ci model/fast`.
///
/// # Errors
/// A kind is unknown, or the two forms are mixed.
pub fn targets(words: &[String]) -> Result<Vec<Target>, CliError> {
    let Some((first, rest)) = words.split_first() else { return Err(CliError::usage("name a kind").hint(kinds())) };
    if first.contains(',') && !first.contains('/') {
        if let Some(name) = rest.first() {
            return Err(CliError::usage(format!("`{name}` stands after several kinds; write kind/name for each")));
        }
        let kinds = first.split(',').map(|word| Ok(Target { kind: kind(word)?, names: Vec::new() }));
        return kinds.collect();
    }
    if !first.contains('/') {
        if let Some(mixed) = rest.iter().find(|word| is_pair(word)) {
            return Err(CliError::usage(format!(
                "`{mixed}` stands after the kind `{first}`; write either form, not both"
            )));
        }
        return Ok(vec![Target { kind: kind(first)?, names: rest.to_vec() }]);
    }
    let mut found: Vec<Target> = Vec::new();
    for word in words {
        let Some((before, name)) = word.split_once('/').filter(|(_, name)| !name.is_empty()) else {
            return Err(CliError::usage(format!("`{word}` is not of the form kind/name")));
        };
        let kind = kind(before)?;
        match found.last_mut() {
            Some(last) if last.kind == kind => last.names.push(name.to_owned()),
            _ => found.push(Target { kind, names: vec![name.to_owned()] }),
        }
    }
    Ok(found)
}

/// Whether a word looks like `kind/name`.
fn is_pair(word: &str) -> bool {
    word.split_once('/').is_some_and(|(before, _)| Kind::find(before).is_some())
}

/// Finds a kind by any of its spellings.
///
/// # Errors
/// There is no such kind.
pub fn kind(word: &str) -> Result<Kind, CliError> {
    Kind::find(word).ok_or_else(|| {
        let near = Kind::ALL.iter().map(|kind| nouns(*kind)).max_by(|a, b| {
            let likeness = |plural: &str| strsim::jaro_winkler(plural, &word.to_lowercase());
            likeness(a).total_cmp(&likeness(b))
        });
        let near = near.filter(|near| strsim::jaro_winkler(near, &word.to_lowercase()) > 0.8);
        let guess = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        CliError::usage(format!("there is no kind `{word}`{guess}")).hint(kinds())
    })
}

fn kinds() -> String {
    format!("kinds are: {}", Kind::ALL.iter().map(|kind| nouns(*kind)).collect::<Vec<_>>().join(", "))
}

/// What people call one resource of a kind.
#[must_use]
pub const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Organisation => "organisation",
        Kind::User => "user",
        Kind::Team => "team",
        Kind::ServiceAccount => "service account",
        Kind::Provider => "provider",
        Kind::Model => "model",
        Kind::ApiKey => "key",
        Kind::Budget => "budget",
        Kind::Quota => "quota",
        Kind::Overlay => "overlay",
    }
}

/// What people call the resources of a kind; `get` takes the same word.
#[must_use]
pub const fn nouns(kind: Kind) -> &'static str {
    match kind {
        Kind::ApiKey => "keys",
        other => other.plural(),
    }
}

/// Runs an expression for the resource type of a kind.
macro_rules! for_kind {
    ($kind:expr, $type:ident => $then:expr) => {
        match $kind {
            ::entity::Kind::Organisation => {
                type $type = ::entity::resource::Organisation;
                $then
            }
            ::entity::Kind::User => {
                type $type = ::entity::resource::User;
                $then
            }
            ::entity::Kind::Team => {
                type $type = ::entity::resource::Team;
                $then
            }
            ::entity::Kind::ServiceAccount => {
                type $type = ::entity::resource::ServiceAccount;
                $then
            }
            ::entity::Kind::Provider => {
                type $type = ::entity::resource::Provider;
                $then
            }
            ::entity::Kind::Model => {
                type $type = ::entity::resource::Model;
                $then
            }
            ::entity::Kind::ApiKey => {
                type $type = ::entity::resource::ApiKey;
                $then
            }
            ::entity::Kind::Budget => {
                type $type = ::entity::resource::Budget;
                $then
            }
            ::entity::Kind::Quota => {
                type $type = ::entity::resource::Quota;
                $then
            }
            ::entity::Kind::Overlay => {
                type $type = ::entity::resource::Overlay;
                $then
            }
        }
    };
}
pub(crate) use for_kind;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Vec<Target>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        targets(&words).map_err(|error| error.message().to_owned())
    }

    fn target(kind: Kind, names: &[&str]) -> Target {
        Target { kind, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(read(&["keys"]), Ok(vec![target(Kind::ApiKey, &[])]));
        assert_eq!(read(&["key", "ci", "a/b"]), Ok(vec![target(Kind::ApiKey, &["ci", "a/b"])]));
        assert_eq!(
            read(&["key/ci", "apikeys/b", "model/x/y"]),
            Ok(vec![target(Kind::ApiKey, &["ci", "b"]), target(Kind::Model, &["x/y"])])
        );
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(read(&["modles"]), Err("there is no kind `modles`; did you mean `models`?".into()));
        assert!(read(&["keys", "model/x"]).unwrap_err().contains("either form"));
        assert!(read(&["key/ci", "search"]).unwrap_err().contains("kind/name"));
        assert!(read(&["key/"]).unwrap_err().contains("kind/name"));
    }
}
