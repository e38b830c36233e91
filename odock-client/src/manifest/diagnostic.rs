//! What is wrong with a manifest, and where.

use std::fmt;
use std::sync::Arc;

use entity::check::Violation;

/// The codes of diagnostics that are not those of [`entity::check::code`].
pub mod code {
    /// The file cannot be read.
    pub const UNREADABLE: &str = "unreadable";
    /// The file is no YAML, JSON or TOML.
    pub const SYNTAX: &str = "syntax";
    /// There is nothing in it.
    pub const EMPTY: &str = "empty";
    /// It is larger or deeper than manifests may be.
    pub const TOO_LARGE: &str = "too_large";
    /// A `${…}` cannot be replaced.
    pub const VARIABLE: &str = "variable";
    /// A secret cannot be had from where `valueFrom` says.
    pub const SECRET: &str = "secret";
}

/// A place in a file: line and column from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1; 0 if the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 if the whole file is meant.
    pub column: u32,
}

impl Place {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong with the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file as the user would write it; `<stdin>` for standard input.
    pub file: Arc<str>,
    /// The line, from 1; 0 if the whole file is meant.
    pub line: u32,
    /// The column in characters, from 1; 0 if the whole file is meant.
    pub column: u32,
    /// A JSON pointer into the manifest, such as `/spec/provider`; empty for what is not about a field.
    pub pointer: String,
    /// A stable word: one of [`code`] or [`entity::check::code`].
    pub code: String,
    /// What is wrong, in one sentence without a full stop. Never holds a secret.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about a place in a file.
    #[must_use]
    pub fn new(file: &str, place: Place, code: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: place.line,
            column: place.column,
            pointer: String::new(),
            code: code.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the field that it is about.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// A violation of the rules for declarations, at its place.
    #[must_use]
    pub fn of(violation: Violation, file: &str, place: Place) -> Self {
        let Violation { pointer, code, message, hint } = violation;
        Self { hint, ..Self::new(file, place, code, message).pointer(pointer) }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": ")?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}
