//! The layers of configuration, merged: for every setting one value and where it came from, as yet unchecked.
//!
//! A tree of serde types would stop at the first mistake and forget where a value stood, so the layers are kept as a map
//! from path to value and source, and `check` reads typed settings out of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use secrecy::SecretString;

use super::keys::{self, KEYS, Key};
use super::problem::{Problem, Source};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    /// Text, which is all that the environment knows.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A list of texts.
    List(Vec<String>),
    /// A list of sections: `[[section]]`.
    Tables(Vec<Table>),
}

/// One of several sections of the same name.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Its values.
    pub(super) fields: BTreeMap<String, Value>,
    /// What the environment variable holds that its `client_secret_env` names.
    pub(super) secret: Option<SecretString>,
}

impl Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fields.hash(state);
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Table {}

impl Value {
    /// Says what kind of value this is, for error messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Tables(_) => "sections",
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Sourced {
    /// The value.
    pub(super) value: Value,
    /// Where it came from.
    pub(super) source: Source,
}

/// The merged layers.
#[derive(Debug, Default)]
pub(super) struct Raw {
    values: BTreeMap<&'static str, Sourced>,
    /// What was wrong with the layers themselves.
    pub(super) problems: Vec<Problem>,
    /// What is suspicious but does not stop the start.
    pub(super) warnings: Vec<String>,
}

/// A digest of each setting's value, to tell what has changed without keeping secrets.
pub(super) struct Digests(BTreeMap<&'static str, u64>);

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digests").finish_non_exhaustive()
    }
}

impl Digests {
    /// The paths of the settings that differ, in the order of the documentation.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        KEYS.iter().map(|key| key.path).filter(|path| self.0.get(path) != other.0.get(path)).collect()
    }
}

impl Raw {
    /// A digest of each value in effect.
    pub(super) fn digests(&self) -> Digests {
        let digest = |sourced: &Sourced| {
            let mut hasher = DefaultHasher::new();
            sourced.value.hash(&mut hasher);
            hasher.finish()
        };
        Digests(self.values.iter().map(|(path, sourced)| (*path, digest(sourced))).collect())
    }

    /// Finds the value in effect.
    pub(super) fn get(&self, path: &str) -> Option<&Sourced> {
        self.values.get(path)
    }

    /// Lays a value over what is there.
    pub(super) fn set(&mut self, path: &'static str, value: Value, source: Source) {
        self.values.insert(path, Sourced { value, source });
    }

    /// Lays a file over what is there. `source` makes a source from a line.
    pub(super) fn add_toml(&mut self, text: &str, source: &dyn Fn(usize) -> Source) {
        let (document, errors) = DeTable::parse_recoverable(text);
        let line_at = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        for error in &errors {
            let line = error.span().map(|span| source(line_at(span.start)));
            self.problems.push(Problem::general(error.message().trim().to_owned(), line));
        }
        // Half-read text makes misleading second problems.
        if errors.is_empty() {
            self.add_table("", document.get_ref(), &|offset| source(line_at(offset)));
        }
    }

    fn add_table(&mut self, prefix: &str, table: &DeTable<'_>, source: &dyn Fn(usize) -> Source) {
        for (name, value) in table {
            let path =
                if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
            let from = source(name.span().start);
            match (value.get_ref(), keys::find(&path)) {
                (DeValue::Table(_), Some(_)) => {
                    self.problems.push(Problem::of(path, "takes a value, not a section", Some(from)));
                }
                (value, Some(key)) => match scalar(value) {
                    Ok(value) => self.set(key.path, value, from),
                    Err(message) => self.problems.push(Problem::of(path, message, Some(from))),
                },
                (DeValue::Table(inner), None) if keys::is_section(&path) => self.add_table(&path, inner, source),
                (_, None) if keys::is_section(&path) => {
                    self.problems.push(Problem::of(path, "is a section, not a value", Some(from)));
                }
                (_, None) => {
                    let problem = Problem::of(path.clone(), "unknown key", Some(from));
                    self.problems.push(match keys::nearest(&path) {
                        Some(near) => problem.hint(format!("did you mean `{near}`?")),
                        None => problem,
                    });
                }
            }
        }
    }

    /// Lays the environment over what is there. Empty variables count as unset, as compose files make them.
    pub(super) fn add_env(&mut self, env: &BTreeMap<OsString, OsString>) {
        for key in KEYS {
            let set: Vec<(&'static str, &OsString)> = key
                .env
                .iter()
                .filter_map(|name| Some((*name, env.get(&OsString::from(name))?)))
                .filter(|(_, value)| !value.is_empty())
                .collect();
            let Some((name, value)) = set.first() else { continue };
            let source = Source::Env(name);
            if let Some((other, _)) = set.iter().find(|(_, other)| other != value) {
                let message = format!("{name} and {other} are both set, and differ");
                self.problems.push(Problem::of(key.path, message, Some(source)).hint("keep one of them"));
                continue;
            }
            match value.to_str() {
                Some(text) => self.set(key.path, Value::Text(text.to_owned()), source),
                None => self.problems.push(Problem::of(key.path, "is not UTF-8", Some(source))),
            }
        }
        self.take_secrets(env);
        self.warnings.extend(env.keys().filter_map(|name| typo(name.to_str()?)));
    }

    /// Takes the secrets that sections name by their environment variables.
    fn take_secrets(&mut self, env: &BTreeMap<OsString, OsString>) {
        let tables = self.values.values_mut().filter_map(|found| match &mut found.value {
            Value::Tables(tables) => Some(tables),
            _ => None,
        });
        for table in tables.flatten() {
            let Some(Value::Text(name)) = table.fields.get("client_secret_env") else { continue };
            let value = env.get(&OsString::from(name)).and_then(|value| value.to_str());
            table.secret = value.filter(|value| !value.is_empty()).map(SecretString::from);
        }
    }

    /// Reads a file and lays it over what is there.
    pub(super) fn add_file(&mut self, path: &Path) {
        let path = Arc::new(PathBuf::from(path));
        match std::fs::read_to_string(&*path) {
            Ok(text) => self.add_toml(&text, &|line| Source::File { path: Arc::clone(&path), line }),
            Err(error) => {
                let message = format!("the configuration file {} cannot be read: {error}", path.display());
                self.problems.push(Problem::general(message, None));
            }
        }
    }
}

fn scalar(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::Integer)
            .map_err(|_| format!("{number} is too large"))?,
        DeValue::Array(items) if !items.is_empty() && items.iter().all(|item| item.get_ref().is_table()) => {
            Value::Tables(
                items.iter().filter_map(|item| item.get_ref().as_table()).map(table).collect::<Result<_, _>>()?,
            )
        }
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or("takes a list of texts")?,
        ),
        DeValue::Float(number) => return Err(format!("{} is not a whole number", number.as_str())),
        DeValue::Datetime(_) | DeValue::Table(_) => {
            return Err("takes a text, a number, true or false, or a list".to_owned());
        }
    })
}

fn table(given: &DeTable<'_>) -> Result<Table, String> {
    let mut table = Table::default();
    for (name, value) in given {
        let name = name.get_ref().to_string();
        let value = scalar(value.get_ref()).map_err(|error| format!("`{name}` {error}"))?;
        table.fields.insert(name, value);
    }
    Ok(table)
}

/// Names of other programs that stand close to ours.
const FOREIGN: &[&str] = &[
    "POSTGRES_DB",
    "POSTGRES_USER",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_PASSWORD",
    "POSTGRES_INITDB_ARGS",
    "REDIS_HOST",
    "REDIS_PORT",
    "HTTP_PROXY",
    "ODOCK_CONFIG",
    "ODOCK_TOKEN",
    "LOG_DIR",
];

/// Says so when an unknown variable looks like one of ours with a slip in it.
fn typo(name: &str) -> Option<String> {
    let ours = || KEYS.iter().flat_map(|key: &Key| key.env);
    let (group, _) = name.split_once('_')?;
    if FOREIGN.contains(&name)
        || name.starts_with("ODOCK_TEST_")
        || ours().any(|known| *known == name)
        || !ours().any(|known| known.split_once('_').is_some_and(|(prefix, _)| prefix == group))
    {
        return None;
    }
    let (distance, near) = ours().map(|known| (strsim::damerau_levenshtein(known, name), known)).min()?;
    (distance <= 2 && distance * 5 <= name.len())
        .then(|| format!("the environment variable {name} is not known and has no effect; did you mean {near}?"))
}
