//! Where a value came from, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a value came from. Later sources win over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The defaults built into the program.
    Default,
    /// A line of the configuration file.
    File {
        /// The file's path, as it was given.
        path: Arc<PathBuf>,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Env(&'static str),
    /// A command-line flag.
    Flag(&'static str),
}

impl Source {
    /// Orders sources: the value with the highest rank is the one in effect.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Env(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong with the configuration. Its text never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, or nothing where the trouble is with a file as a whole.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Where the value came from.
    pub source: Option<Source>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Describes a problem with the value of `key`.
    pub fn of(key: impl Into<String>, message: impl Into<String>, source: Option<Source>) -> Self {
        Self { key: Some(key.into()), message: message.into(), source, hint: None }
    }

    /// Describes a problem with something other than one key.
    pub fn general(message: impl Into<String>, source: Option<Source>) -> Self {
        Self { key: None, message: message.into(), source, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with the configuration, at once.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The problems, in the order in which they were found. Never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has 1 problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
