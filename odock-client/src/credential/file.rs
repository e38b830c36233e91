//! Tokens in files: only when asked for by name, only readable by their owner.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{CredentialError, MAX_TOKEN, token};

/// Reads a token from a file that must be its owner's alone.
pub(super) fn read(path: &Path, from: &str) -> Result<SecretString, CredentialError> {
    let file = open(path, from)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // Of the open file, so that it cannot be exchanged in between.
        let mode = file.metadata().map_err(|error| unreadable(from, &error))?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(CredentialError::Exposed { path: path.to_owned(), mode });
        }
    }
    take(file, from)
}

/// Reads a token from a file that somebody named on purpose, whatever its permissions: secrets mounted into
/// containers are often readable by all.
pub(super) fn read_plain(path: &Path, from: &str) -> Result<SecretString, CredentialError> {
    take(open(path, from)?, from)
}

fn open(path: &Path, from: &str) -> Result<File, CredentialError> {
    File::open(path).map_err(|error| unreadable(from, &error))
}

fn take(file: File, from: &str) -> Result<SecretString, CredentialError> {
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_TOKEN).read_to_string(&mut text).map_err(|error| unreadable(from, &error))?;
    token(text, from)
}

fn unreadable(from: &str, error: &std::io::Error) -> CredentialError {
    CredentialError::Unreadable { from: from.to_owned(), reason: error.to_string() }
}

/// Keeps a token in a file of mode 0600, in a directory of mode 0700 if it has to be made, whole or not at all.
///
/// # Errors
/// The operating system refused.
pub fn write(path: &Path, token: &SecretString) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = (|| {
        let mut file = options.open(&temporary)?;
        file.write_all(token.expose_secret().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The error of writing is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Removes a token's file; one that is not there is removed already.
///
/// # Errors
/// The operating system refused.
pub fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
