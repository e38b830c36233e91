//! `[data]`: where the gateway keeps its files, and how its first administrator gets in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
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

    /// Makes the data directory, for this user only, if it is missing.
    ///
    /// # Errors
    /// When it cannot be made; the message names it.
    pub fn create(&self) -> io::Result<()> {
        create_private_dir(&self.dir).map_err(|error| {
            let message = format!("the data directory {} cannot be made: {error}", self.dir.display());
            io::Error::new(error.kind(), message)
        })
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

/// Makes a directory that only this user may enter; one that is there already stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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
