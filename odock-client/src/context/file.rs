//! The configuration file: read, changed without losing a comment, written whole or not at all.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::read::{self, Content};
use super::{Context, ContextError, is_name};

/// The named gateways of one person.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: String,
    content: Content,
}

impl ConfigFile {
    /// Where the file is: `$ODOCK_CLI_CONFIG`, else `$XDG_CONFIG_HOME/odock/config.toml`, else `~/.config/odock/config.toml`.
    ///
    /// # Errors
    /// None of the variables is set.
    pub fn default_path(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, ContextError> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = set("ODOCK_CLI_CONFIG") {
            return Ok(path);
        }
        // The XDG specification says that a relative path is invalid and to be ignored.
        let base = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let base = base.or_else(|| Some(set("HOME").or_else(|| set("USERPROFILE"))?.join(".config")));
        Ok(base.ok_or(ContextError::NoPlace)?.join("odock").join("config.toml"))
    }

    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, ContextError> {
        let path = path.into();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(io(&path, &error)),
        };
        let content = read::content(&text, &path)?;
        Ok(Self { path, text, content })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the context in use.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.content.current.as_deref()
    }

    /// The name of the context that was in use before, if it still is there.
    #[must_use]
    pub fn previous(&self) -> Option<&str> {
        self.content.previous.as_deref().filter(|name| self.content.contexts.contains_key(*name))
    }

    /// Every context by name.
    #[must_use]
    pub fn contexts(&self) -> &BTreeMap<String, Context> {
        &self.content.contexts
    }

    /// One context.
    ///
    /// # Errors
    /// There is no such context.
    pub fn context(&self, name: &str) -> Result<&Context, ContextError> {
        self.content.contexts.get(name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> ContextError {
        let known = self.content.contexts.keys().cloned().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        ContextError::Unknown { name: name.to_owned(), known }
    }

    /// Makes a context the one in use.
    ///
    /// # Errors
    /// There is no such context, or the file cannot be written.
    pub fn set_current(&mut self, name: &str) -> Result<(), ContextError> {
        let name = name.to_owned();
        self.change(|document, file| {
            file.context(&name)?;
            let is_new = !document.contains_key("current");
            assign(document.as_table_mut(), "current", value(&name).into_value().ok());
            if let Some(before) = file.current().filter(|before| *before != name) {
                assign(document.as_table_mut(), "previous", value(before).into_value().ok());
            }
            let first = document.get_mut("contexts").and_then(Item::as_table_mut).and_then(first_table);
            if let Some(table) =
                first.filter(|table| is_new && table.decor().prefix().is_none_or(|it| it.as_str() == Some("")))
            {
                table.decor_mut().set_prefix("\n");
            }
            Ok(())
        })
    }

    /// Adds a context, or replaces what the file says about it.
    ///
    /// # Errors
    /// The name cannot be a context's, or the file cannot be written.
    pub fn put(&mut self, name: &str, context: &Context) -> Result<(), ContextError> {
        if !is_name(name) {
            return Err(ContextError::Name(name.chars().take(64).collect()));
        }
        self.change(|document, file| {
            let begins_file = file.text.trim().is_empty();
            let contexts = document.entry("contexts").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            if let Some(contexts) = contexts.as_table_like_mut() {
                let item = contexts.entry(name).or_insert_with(|| {
                    let mut table = Table::new();
                    // An empty line before it, also when something is put above the first table later.
                    table.decor_mut().set_prefix(if begins_file { "" } else { "\n" });
                    Item::Table(table)
                });
                write(item, context);
            }
            Ok(())
        })
    }

    /// Removes a context; if it was in use, none is afterwards.
    ///
    /// # Errors
    /// There is no such context, or the file cannot be written.
    pub fn remove(&mut self, name: &str) -> Result<(), ContextError> {
        self.change(|document, file| {
            file.context(name)?;
            if file.current() == Some(name) {
                document.remove("current");
            }
            if let Some(contexts) = document.get_mut("contexts").and_then(Item::as_table_like_mut) {
                contexts.remove(name);
            }
            Ok(())
        })
    }

    /// Reads the file again under a lock, changes it, and writes it: two programs never lose each other's change.
    fn change(
        &mut self,
        edit: impl FnOnce(&mut DocumentMut, &Self) -> Result<(), ContextError>,
    ) -> Result<(), ContextError> {
        // A link is followed, so that a file kept elsewhere stays there.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(directory).map_err(|error| io(directory, &error))?;
        let lock_path = path.with_extension("lock");
        let lock = private(&lock_path, false).map_err(|error| io(&lock_path, &error))?;
        lock.lock().map_err(|error| io(&lock_path, &error))?;
        let fresh = Self::load(&self.path)?;
        let mut document: DocumentMut = fresh
            .text
            .parse()
            .map_err(|_| ContextError::Io { path: self.path.clone(), reason: "the file is not TOML".into() })?;
        edit(&mut document, &fresh)?;
        let text = document.to_string();
        let content = read::content(&text, &self.path)?;
        if text != fresh.text {
            replace(&path, text.as_bytes()).map_err(|error| io(&path, &error))?;
        }
        (self.text, self.content) = (text, content);
        Ok(())
    }
}

fn io(path: &Path, error: &std::io::Error) -> ContextError {
    ContextError::Io { path: path.to_owned(), reason: error.to_string() }
}

/// Sets every field of a context, and leaves comments and layout of the fields that stay.
fn write(item: &mut Item, context: &Context) {
    let Some(fields) = item.as_table_like_mut() else { return };
    let mut set = |key: &str, new: Option<Item>| assign(fields, key, new.and_then(|item| item.into_value().ok()));
    let text = |text: &str| Some(value(text));
    let flag = |on: bool| on.then(|| value(true));
    set("url", text(context.url.as_str()));
    set("organisation", context.organisation.as_deref().and_then(text));
    set("credential", context.credential.as_ref().and_then(|reference| text(&reference.to_string())));
    set("color", context.color.and_then(|color| text(color.as_str())));
    set("protected", flag(context.protected));
    set("read_only", flag(context.read_only));
    let signed_in = context.signed_in.as_ref().map(|known| {
        let mut table = InlineTable::new();
        table.insert("email", known.email.as_str().into());
        table.insert("token", known.token.as_str().into());
        table.insert("scopes", known.scopes.iter().map(|scope| scope.as_str()).collect::<Array>().into());
        table.insert("expires_at", known.expires_at.to_string().into());
        value(table)
    });
    set("signed_in", signed_in);
}

/// The table of contexts that stands first in the file.
fn first_table(contexts: &mut Table) -> Option<&mut Table> {
    contexts.iter_mut().filter_map(|(_, item)| item.as_table_mut()).next()
}

/// Sets or removes one field. A new value takes over the comments around the old one.
fn assign(fields: &mut dyn TableLike, key: &str, new: Option<Value>) {
    let Some(mut new) = new else {
        fields.remove(key);
        return;
    };
    match fields.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => {
            fields.insert(key, Item::Value(new));
        }
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = (|| {
        let mut file = private(&temporary, true)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The error of writing is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Opens a file for writing that only its owner can read.
fn private(path: &Path, fresh: bool) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(fresh);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Color;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, text).unwrap();
        (directory, path)
    }

    fn mistake(text: &str) -> String {
        let (directory, path) = file(text);
        let error = ConfigFile::load(path).unwrap_err().to_string();
        error.replace(&directory.path().display().to_string(), "")
    }

    const COMMENTED: &str = "# my gateways\ncurrent = \"dev\" # for now\n\n[contexts.dev]\n# the laptop\nurl = \"http://localhost:4000/\" # demo\n\n\
                             [contexts.prod] # careful\nurl = \"https://odock.acme.example/\"\nprotected = true\n";

    #[test]
    fn comments_survive_every_change() {
        let (_directory, path) = file(COMMENTED);
        let mut config = ConfigFile::load(&path).unwrap();
        config.set_current("prod").unwrap();
        let mut dev = config.context("dev").unwrap().clone();
        dev.url = "http://localhost:5000/".parse().unwrap();
        dev.color = Some(Color::Green);
        dev.credential = Some("file:/run/token".parse().unwrap());
        config.put("dev", &dev).unwrap();
        config.put("new", &Context::new("http://127.0.0.1:1/".parse().unwrap())).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for comment in ["# my gateways", "# for now", "# the laptop", "# demo", "# careful"] {
            assert!(text.contains(comment), "{comment} is gone from\n{text}");
        }
        let again = ConfigFile::load(&path).unwrap();
        assert_eq!((again.current(), again.previous()), (Some("prod"), Some("dev")));
        assert_eq!(again.context("dev").unwrap(), &dev);
        assert_eq!(again.contexts().len(), 3);
        assert!(again.context("prod").unwrap().protected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/config.toml");
        let mut config = ConfigFile::load(&path).unwrap();
        let context = Context {
            url: "https://odock.globex.example/".parse().unwrap(),
            organisation: Some("globex".into()),
            credential: Some("keyring:prod@odock.globex.example".parse().unwrap()),
            color: Some(Color::Red),
            protected: true,
            read_only: true,
            signed_in: Some(crate::context::SignedIn {
                email: "ada@globex.example".into(),
                token: "laptop".into(),
                scopes: vec![entity::vocab::Scope::Read],
                expires_at: "2027-06-30T00:00:00Z".parse().unwrap(),
            }),
        };
        config.put("prod", &context).unwrap();
        config.set_current("prod").unwrap();
        let again = ConfigFile::load(&path).unwrap();
        assert_eq!(again.context("prod").unwrap(), &context);
        config.remove("prod").unwrap();
        let gone = ConfigFile::load(&path).unwrap();
        assert!(gone.current().is_none() && gone.contexts().is_empty());
    }

    #[test]
    fn another_programs_change_is_not_lost() {
        let (_directory, path) = file(COMMENTED);
        let mut mine = ConfigFile::load(&path).unwrap();
        let mut theirs = ConfigFile::load(&path).unwrap();
        theirs.put("theirs", &Context::new("http://127.0.0.1:2/".parse().unwrap())).unwrap();
        mine.set_current("prod").unwrap();
        assert!(ConfigFile::load(&path).unwrap().context("theirs").is_ok());
    }

    #[test]
    fn mistakes_are_named_by_place() {
        let cases = [
            ("current = 1", "/config.toml:1:11: `current` must be a string"),
            ("current = \"x\"", "/config.toml:1:11: `current` names a context that is not in this file"),
            ("[contexts.a]\norganisation = \"acme\"", "/config.toml:1:1: this context has no `url`"),
            ("[contexts.a]\nurl = \"nowhere\"", "/config.toml:2:7: `url` is not a URL"),
            (
                "[contexts.a]\nurl = \"http://a\"\nprotected = \"yes\"",
                "/config.toml:3:13: `protected` must be true or false",
            ),
            (
                "[contexts.\"a b\"]\nurl = \"http://a\"",
                "/config.toml:1:1: `a b` cannot name a context: use letters, digits, `-`, `_` and `.`, at most 64",
            ),
            ("colour = 1", "/config.toml:1:10: `colour` is not known here; known are current, previous, contexts"),
            ("= 1", "/config.toml:1:1: this is not TOML"),
        ];
        for (text, expected) in cases {
            assert_eq!(mistake(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_in_the_file_are_refused_and_not_repeated() {
        let token = "odock-pat-0123456789abcdef";
        for text in [
            format!("[contexts.a]\nurl = \"http://a\"\ntoken = \"{token}\""),
            format!("[contexts.a]\nurl = \"http://a\"\ncredential = \"{token}\""),
            format!("[contexts.a]\nurl = \"http://a\"\ncredential = \"file:{token}\""),
            format!("[contexts.a]\nurl = \"http://a\"\nprotected = {token}"),
            format!("[contexts.a]\nurl = \"{token}\""),
        ] {
            let error = mistake(&text);
            assert!(!error.contains(token), "{error}");
        }
    }

    #[test]
    fn the_place_follows_the_environment() {
        let with = |set: &'static [(&str, &str)]| {
            ConfigFile::default_path(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
                .ok()
        };
        assert_eq!(with(&[("ODOCK_CLI_CONFIG", "x.toml"), ("HOME", "/h")]), Some("x.toml".into()));
        assert_eq!(with(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]), Some("/c/odock/config.toml".into()));
        assert_eq!(with(&[("XDG_CONFIG_HOME", "c"), ("HOME", "/h")]), Some("/h/.config/odock/config.toml".into()));
        assert_eq!(with(&[]), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_file_stays_where_it_is_kept() {
        let (_directory, real) = file(COMMENTED);
        let link = real.with_file_name("link.toml");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        ConfigFile::load(&link).unwrap().set_current("prod").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&real).unwrap().contains("current = \"prod\""));
    }
}
