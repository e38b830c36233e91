//! A new file for one secret.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use odock_client::virtual_key;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::undelivered;
use crate::error::CliError;
use crate::output::Output;

/// A file that was made for a secret and waits for it. Dropped without one, it is removed.
pub(super) struct NewFile {
    path: PathBuf,
    file: File,
    filled: bool,
}

impl NewFile {
    /// Makes a new file that only its owner can read, with room for a secret. `create_new` follows no link and takes no
    /// file that is there.
    pub(super) fn make(path: &Path, out: &Output) -> Result<Self, CliError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        check_directory(parent)?;
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                undelivered(format!("{} is there already and is not overwritten", path.display()))
                    .hint("remove it, or name another file")
            }
            _ => undelivered(format!("{}: {error}", path.display())),
        })?;
        let mut made = Self { path: path.to_owned(), file, filled: false };
        made.reserve().map_err(|error| undelivered(format!("{}: {error}", path.display())))?;
        if in_git(path, parent) {
            out.warn(&format!("{} is in a git work tree that does not ignore it", path.display()));
        }
        Ok(made)
    }

    /// Fills the file with blanks, so that a full disk shows before there is a secret to lose.
    fn reserve(&mut self) -> std::io::Result<()> {
        self.file.write_all(&[b' '; virtual_key::LENGTH + 1])?;
        self.file.sync_all()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fill(&mut self, secret: &SecretString) -> std::io::Result<()> {
        self.filled = true;
        self.file.seek(SeekFrom::Start(0))?;
        let text = secret.expose_secret();
        self.file.write_all(text.as_bytes())?;
        self.file.write_all(b"\n")?;
        self.file.set_len(text.len() as u64 + 1)?;
        self.file.sync_all()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.filled {
            // Made by us and never filled. If it cannot be removed, it holds blanks.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The virtual key that a file holds, if it holds one and nothing else.
///
/// # Errors
/// There is a file that holds something else, or cannot be read, or that others could read.
pub fn present(path: &Path) -> Result<Option<SecretString>, CliError> {
    let facts = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(undelivered(format!("{}: {error}", path.display()))),
        Ok(facts) => facts,
    };
    let odd = |what: &str| {
        undelivered(format!("{} is there already, {what}", path.display())).hint("remove it, or name another file")
    };
    if !facts.is_file() {
        return Err(odd("and is no plain file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if facts.permissions().mode() & 0o077 != 0 {
            return Err(odd("and others can read it"));
        }
    }
    if facts.len() > 256 {
        return Err(odd("and holds no virtual key"));
    }
    let text =
        fs::read(path).map(Zeroizing::new).map_err(|error| undelivered(format!("{}: {error}", path.display())))?;
    let text = std::str::from_utf8(&text).map(str::trim_end).unwrap_or_default();
    if virtual_key::is_well_formed(text) {
        Ok(Some(SecretString::from(text)))
    } else {
        Err(odd("and holds no virtual key"))
    }
}

/// Refuses a directory in which anybody could exchange the file for another.
fn check_directory(parent: &Path) -> Result<(), CliError> {
    let facts = fs::metadata(parent).map_err(|error| undelivered(format!("{}: {error}", parent.display())))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = facts.permissions().mode();
        // With the sticky bit nobody but its owner can remove a file.
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(undelivered(format!("{} can be written by everybody", parent.display()))
                .hint("name a file in a directory of your own"));
        }
    }
    #[cfg(not(unix))]
    let _ = facts;
    Ok(())
}

/// Whether git would take the file into a commit.
pub(super) fn in_git(path: &Path, parent: &Path) -> bool {
    let Ok(parent) = parent.canonicalize() else { return false };
    if !parent.ancestors().any(|directory| directory.join(".git").exists()) {
        return false;
    }
    let Some(name) = path.file_name() else { return false };
    let check = Command::new("git")
        .args(["check-ignore", "--quiet", "--"])
        .arg(name)
        .current_dir(&parent)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // 0 is ignored. Without git nobody can tell, and a warning does no harm.
    !check.is_ok_and(|status| status.success())
}
