//! Where new secrets go. A sink is opened before the secret exists, so that none is made that cannot be delivered.

mod file;
mod program;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{CliError, Exit};
use crate::output::Output;

use self::file::NewFile;
pub use self::file::present;
pub use self::program::K8sSecret;

/// What `--secret-out` and `deliverTo` name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// `file:PATH`: a new file of mode 0600.
    File(PathBuf),
    /// `fd:N`: an open descriptor that was handed down.
    Descriptor(u32),
    /// `-`: stdout.
    Stdout,
    /// `github-env:NAME`: a variable of the later steps of a GitHub Actions job.
    GithubEnv(String),
    /// `k8s-secret:NAMESPACE/NAME:KEY`: a key of a Kubernetes Secret, by `kubectl`.
    K8sSecret(K8sSecret),
    /// `exec:PROGRAM ARGUMENT…`: a program's standard input, without a shell.
    Exec(Vec<String>),
}

/// Every form of a sink, for messages.
const FORMS: &str = "file:PATH, fd:N, -, github-env:NAME, k8s-secret:NAMESPACE/NAME:KEY or exec:PROGRAM";

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
            Some(("github-env", name)) => match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                true if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                    Ok(Self::GithubEnv(name.into()))
                }
                _ => Err("after github-env: comes the name of a variable: letters, digits and _".to_owned()),
            },
            Some(("k8s-secret", place)) => place.parse().map(Self::K8sSecret),
            Some(("exec", line)) => {
                let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                if words.is_empty() {
                    Err("after exec: comes a program and its arguments".to_owned())
                } else {
                    Ok(Self::Exec(words))
                }
            }
            // Not repeated: it may be anything.
            _ => Err(format!("a secret goes to {FORMS}")),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
            Self::Stdout => f.write_str("-"),
            Self::GithubEnv(name) => write!(f, "github-env:{name}"),
            Self::K8sSecret(place) => write!(f, "k8s-secret:{place}"),
            Self::Exec(words) => write!(f, "exec:{}", words.join(" ")),
        }
    }
}

/// Sinks that are open and wait for a secret. Dropped without one, they leave nothing behind.
pub struct Sinks {
    open: Vec<Open>,
}

enum Open {
    File(NewFile),
    Descriptor {
        number: u32,
        file: File,
    },
    Stdout,
    /// Nobody named a sink, and somebody sits at the terminal.
    Terminal,
    GithubEnv {
        name: String,
        file: File,
    },
    Program {
        sink: Sink,
        program: PathBuf,
    },
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
                .hint(format!("add --secret-out with {FORMS}")));
        }
        let mut open = Self { open: Vec::new() };
        for sink in wanted {
            let opened = match sink {
                Sink::File(path) => Open::File(NewFile::make(path, out)?),
                Sink::Descriptor(number) => descriptor(*number)?,
                Sink::Stdout if out.is_structured() => {
                    return Err(undelivered("`-` and a structured format would mix on stdout")
                        .hint("use file:PATH, or leave -o away"));
                }
                Sink::Stdout => Open::Stdout,
                Sink::GithubEnv(name) => Open::GithubEnv { name: name.clone(), file: program::github_env()? },
                Sink::K8sSecret(_) => Open::Program { sink: sink.clone(), program: program::find("kubectl")? },
                Sink::Exec(words) => {
                    let first = words.first().map(String::as_str).unwrap_or_default();
                    Open::Program { sink: sink.clone(), program: program::find(first)? }
                }
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
            Self::File(file) => format!("file:{}", file.path().display()),
            Self::Descriptor { number, .. } => format!("fd:{number}"),
            Self::Stdout => "-".to_owned(),
            Self::Terminal => "the terminal".to_owned(),
            Self::GithubEnv { name, .. } => format!("github-env:{name}"),
            Self::Program { sink, .. } => sink.to_string(),
        }
    }

    fn write(&mut self, secret: &SecretString, out: &Output) -> std::io::Result<()> {
        match self {
            Self::File(file) => file.fill(secret),
            Self::Descriptor { file, .. } => line(file, secret),
            Self::Stdout => line(&mut std::io::stdout().lock(), secret),
            Self::Terminal => {
                out.note("the secret, shown this once:");
                line(&mut std::io::stdout().lock(), secret)
            }
            Self::GithubEnv { name, file } => program::to_github(name, file, secret),
            Self::Program { sink: Sink::K8sSecret(place), program } => program::to_kubernetes(program, place, secret),
            Self::Program { sink: Sink::Exec(words), program } => {
                program::run(program, words.get(1..).unwrap_or_default(), secret.expose_secret().as_bytes())
            }
            Self::Program { .. } => Err(std::io::Error::other("this sink is no program")),
        }
    }
}

fn line(to: &mut impl std::io::Write, secret: &SecretString) -> std::io::Result<()> {
    to.write_all(secret.expose_secret().as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}

fn undelivered(message: impl Into<String>) -> CliError {
    CliError::new(Exit::Undelivered, "undelivered", message)
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
