//! Where new secrets go. A sink is opened before the secret exists, so that none is made that cannot be delivered.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{CliError, Exit};
use crate::output::Output;

/// What `--secret-out` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// `file:PATH`: a new file of mode 0600.
    File(PathBuf),
    /// `fd:N`: an open descriptor that was handed down.
    Descriptor(u32),
    /// `-`: stdout.
    Stdout,
}

impl FromStr for Sink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("fd", number)) => match number.parse::<u32>() {
                Ok(0) => Err("fd:0 is standard input; secrets do not go there".to_owned()),
                Ok(1) => Err("for standard output write `-`".to_owned()),
                Ok(2) => Err("fd:2 is for messages; secrets do not go there".to_owned()),
                Ok(number) => Ok(Self::Descriptor(number)),
                Err(_) => Err("after fd: comes the number of a descriptor".to_owned()),
            },
            // Not repeated: it may be anything.
            _ => Err("a secret goes to file:PATH, fd:N or -".to_owned()),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
            Self::Stdout => f.write_str("-"),
        }
    }
}

/// Sinks that are open and wait for a secret. Dropped without one, they leave nothing behind.
pub struct Sinks {
    open: Vec<Open>,
}

enum Open {
    File {
        path: PathBuf,
        file: File,
        filled: bool,
    },
    Descriptor {
        number: u32,
        file: File,
    },
    Stdout,
    /// Nobody named a sink, and somebody sits at the terminal.
    Terminal,
}

impl Sinks {
    /// Opens every sink. Without any, a terminal will show the secret once.
    ///
    /// # Errors
    /// A sink cannot be used, or there is none and no terminal.
    pub fn open(wanted: &[Sink], out: &Output) -> Result<Self, CliError> {
        if wanted.is_empty() {
            if out.terminal && !out.is_structured() {
                return Ok(Self { open: vec![Open::Terminal] });
            }
            return Err(undelivered("there is no place for the secret: stdout is no terminal, and no sink is named")
                .hint("add --secret-out file:PATH (or fd:N, or - for stdout)"));
        }
        let mut open = Self { open: Vec::new() };
        for sink in wanted {
            let opened = match sink {
                Sink::File(path) => file(path, out)?,
                Sink::Descriptor(number) => descriptor(*number)?,
                Sink::Stdout if out.is_structured() => {
                    return Err(undelivered("`-` and a structured format would mix on stdout")
                        .hint("use file:PATH, or leave -o away"));
                }
                Sink::Stdout => Open::Stdout,
            };
            open.open.push(opened);
        }
        Ok(open)
    }

    /// Whether stdout carries the secret, so that nothing else may go there.
    #[must_use]
    pub fn take_stdout(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Stdout | Open::Terminal))
    }

    /// Delivers the secret to every sink, and says where it went.
    ///
    /// # Errors
    /// A sink failed. The others may have the secret.
    pub fn deliver(mut self, secret: &SecretString, out: &Output) -> Result<Vec<String>, CliError> {
        let mut delivered = Vec::new();
        for open in &mut self.open {
            let name = open.name();
            open.write(secret, out).map_err(|error| undelivered(format!("{name}: {error}")))?;
            delivered.push(name);
        }
        Ok(delivered)
    }
}

impl Open {
    fn name(&self) -> String {
        match self {
            Self::File { path, .. } => format!("file:{}", path.display()),
            Self::Descriptor { number, .. } => format!("fd:{number}"),
            Self::Stdout => "-".to_owned(),
            Self::Terminal => "the terminal".to_owned(),
        }
    }

    fn write(&mut self, secret: &SecretString, out: &Output) -> std::io::Result<()> {
        match self {
            Self::File { file, filled, .. } => {
                *filled = true;
                line(file, secret)?;
                file.sync_all()
            }
            Self::Descriptor { file, .. } => line(file, secret),
            Self::Stdout => line(&mut std::io::stdout().lock(), secret),
            Self::Terminal => {
                out.note("the secret, shown this once:");
                line(&mut std::io::stdout().lock(), secret)
            }
        }
    }
}

fn line(to: &mut impl std::io::Write, secret: &SecretString) -> std::io::Result<()> {
    to.write_all(secret.expose_secret().as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Self::File { path, filled: false, .. } = self {
            // Made by us and never filled. If it cannot be removed, it is empty at least.
            let _ = fs::remove_file(path);
        }
    }
}

fn undelivered(message: impl Into<String>) -> CliError {
    CliError::new(Exit::Undelivered, "undelivered", message)
}

/// Makes a new file that only its owner can read. `create_new` follows no link and takes no file that is there.
fn file(path: &Path, out: &Output) -> Result<Open, CliError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let facts = fs::metadata(parent).map_err(|error| undelivered(format!("{}: {error}", parent.display())))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = facts.permissions().mode();
        // Without the sticky bit anybody could exchange the file for another.
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(undelivered(format!("{} can be written by everybody", parent.display()))
                .hint("name a file in a directory of your own"));
        }
    }
    #[cfg(not(unix))]
    let _ = facts;
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
    if in_git(path, parent) {
        out.warn(&format!("{} is in a git work tree that does not ignore it", path.display()));
    }
    Ok(Open::File { path: path.to_owned(), file, filled: false })
}

/// Whether git would take the file into a commit.
fn in_git(path: &Path, parent: &Path) -> bool {
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

/// Opens a descriptor that was handed down, by its name in the file system.
fn descriptor(number: u32) -> Result<Open, CliError> {
    let path = format!("/dev/fd/{number}");
    let opened = File::options().append(true).open(&path).or_else(|_| File::options().write(true).open(&path));
    let file = opened.map_err(|error| {
        undelivered(format!("fd:{number} is not open for writing: {error}"))
            .hint(format!("hand it down, as in: {number}>FILE"))
    })?;
    Ok(Open::Descriptor { number, file })
}

#[cfg(test)]
mod tests;
