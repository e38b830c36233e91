//! `[data]`: where the gateway keeps its files, and how its first administrator gets in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::check::Check;

/// Where the gateway keeps its files, and how its first administrator gets in.
#[derive(Clone, Debug)]
pub struct Data {
    /// The data directory. It may not exist yet.
    pub dir: PathBuf,
    /// The first administrator's one-time token, where one was set.
    pub bootstrap_token: Option<SecretString>,
}

impl Data {
    /// The embedded database's file.
    pub fn database_file(&self) -> PathBuf {
        self.dir.join("odock.db")
    }

    pub(super) fn read(check: &mut Check<'_>, home: Option<&Path>) -> Self {
        let dir = match (check.path("data.dir"), home) {
            (Some(dir), Some(home)) => match dir.strip_prefix("~") {
                Ok(rest) => home.join(rest),
                Err(_) => dir,
            },
            (Some(dir), None) => dir,
            (None, _) => {
                check.refuse("data.dir", "there is no home directory to put it in; set ODOCK_DATA_DIR or --data-dir");
                PathBuf::new()
            }
        };
        let bootstrap_token = check.secret("data.bootstrap_token");
        if bootstrap_token.as_ref().is_some_and(|token| token.expose_secret().len() < 16) {
            check.refuse("data.bootstrap_token", "is shorter than 16 characters, and would be guessed");
        }
        Self { dir, bootstrap_token }
    }
}

/// The user's home directory.
pub(super) fn home(env: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    absolute(env, "HOME")
}

/// The directory used when none is set.
pub(super) fn default_dir(env: &BTreeMap<OsString, OsString>) -> Option<PathBuf> {
    let base = absolute(env, "XDG_DATA_HOME").or_else(|| Some(home(env)?.join(".local/share")))?;
    Some(base.join("odock"))
}

/// Reads a path from the environment; relative ones are ignored, as the XDG specification asks.
fn absolute(env: &BTreeMap<OsString, OsString>, name: &str) -> Option<PathBuf> {
    env.get(&OsString::from(name)).map(PathBuf::from).filter(|path| path.is_absolute())
}
