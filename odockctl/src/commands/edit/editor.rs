//! The user's editor, and the file that it is given.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use std::io::IsTerminal as _;

use crate::error::{CliError, Exit};
use crate::session::Session;

/// The command that opens an editor.
///
/// # Errors
/// None is named, and there is no terminal for the usual one.
pub fn program(session: &Session) -> Result<String, CliError> {
    let named = ["ODOCK_EDITOR", "VISUAL", "EDITOR"].into_iter().find_map(|name| session.env(name));
    if let Some(named) = named {
        return named.into_string().map_err(|_| CliError::usage("the editor's name is not UTF-8"));
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(if cfg!(windows) { "notepad" } else { "vi" }.to_owned());
    }
    Err(CliError::new(Exit::Guard, "no_editor", "there is no terminal for an editor")
        .hint("set EDITOR to a program that changes a file; or use odockctl patch"))
}

/// Opens a file in the editor and waits until it is closed.
///
/// # Errors
/// The editor cannot be started, or says that it failed.
pub async fn open(program: &str, file: &Path) -> Result<(), CliError> {
    // As git does it: the variable may hold arguments, and a shell knows how to read them.
    let mut command = if cfg!(windows) {
        let mut command = tokio::process::Command::new("cmd");
        command.arg("/C").arg(format!("{program} \"{}\"", file.display()));
        command
    } else {
        let mut command = tokio::process::Command::new("sh");
        command.arg("-c").arg(format!("{program} \"$@\"")).arg("editor").arg(file);
        command
    };
    command.env_remove("ODOCK_TOKEN").stdin(Stdio::inherit());
    let status = command.status().await.map_err(|error| CliError::io("the editor", &error))?;
    match status.success() {
        true => Ok(()),
        false => {
            Err(CliError::new(Exit::Guard, "declined", format!("the editor ended with {status}: nothing was changed"))
                .hint(format!("the editor is: {program}")))
        }
    }
}

/// A private file that disappears unless it is kept.
pub struct Draft {
    directory: tempfile::TempDir,
    path: PathBuf,
}

impl Draft {
    /// A file whose name tells people and editors what it is.
    ///
    /// # Errors
    /// No file can be made.
    pub fn new(name: &str) -> Result<Self, CliError> {
        let directory = tempfile::Builder::new()
            .prefix("odockctl-")
            .tempdir()
            .map_err(|error| CliError::io("a temporary file", &error))?;
        let safe: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '_' })
            .take(60)
            .collect();
        let path = directory.path().join(format!("{}.yaml", safe.trim_start_matches('.')));
        Ok(Self { directory, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a text into it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, text: &str) -> Result<(), CliError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let written = options.open(&self.path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| CliError::io(&self.path.display().to_string(), &error))
    }

    /// What the editor left in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self) -> Result<String, CliError> {
        std::fs::read_to_string(&self.path).map_err(|error| CliError::io(&self.path.display().to_string(), &error))
    }

    /// Leaves the file where it is, if there is one.
    pub fn keep(self) -> Option<PathBuf> {
        let Self { directory, path } = self;
        let _ = directory.keep();
        path.exists().then_some(path)
    }
}
