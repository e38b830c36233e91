//! Named gateways: `$ODOCK_CLI_CONFIG`, or `$XDG_CONFIG_HOME/odock/config.toml`, shared by CLI and TUI.
//!
//! ```toml
//! current = "prod"
//!
//! [contexts.prod]
//! url = "https://odock.acme.example"
//! organisation = "acme"
//! credential = "keyring:prod@odock.acme.example"   # keyring: | exec: | file: | env:  — never a token
//! color = "red"
//! protected = true
//! read_only = false
//! ```

mod file;
mod read;

use std::fmt;
use std::path::PathBuf;

use entity::Timestamp;
use entity::vocab::Scope;
use url::Url;

pub use file::ConfigFile;

use crate::credential::Reference;

/// A gateway by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Where the gateway is.
    pub url: Url,
    /// The organisation that commands are about unless they say otherwise.
    pub organisation: Option<String>,
    /// Where the token is kept.
    pub credential: Option<Reference>,
    /// A colour to tell contexts apart.
    pub color: Option<Color>,
    /// Whether destructive acts ask for the context's name.
    pub protected: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// What was known about the token when it was stored.
    pub signed_in: Option<SignedIn>,
}

impl Context {
    /// A context of the gateway at `url`, with everything else left open.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            organisation: None,
            credential: None,
            color: None,
            protected: false,
            read_only: false,
            signed_in: None,
        }
    }
}

/// What was known about a token when it was stored: enough to say, offline, who one is and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The user's e-mail address.
    pub email: String,
    /// The token's name.
    pub token: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// The colours of a context: those that every terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Red.
    Red,
    /// Green.
    Green,
    /// Yellow.
    Yellow,
    /// Blue.
    Blue,
    /// Magenta.
    Magenta,
    /// Cyan.
    Cyan,
    /// White.
    White,
}

impl Color {
    /// Every colour.
    pub const ALL: &'static [Self] =
        &[Self::Red, Self::Green, Self::Yellow, Self::Blue, Self::Magenta, Self::Cyan, Self::White];

    /// The colour's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
            Self::White => "white",
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Color {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|color| color.as_str()).collect::<Vec<_>>().join(", ");
        Self::ALL
            .iter()
            .copied()
            .find(|color| color.as_str() == text)
            .ok_or_else(|| format!("not a colour: use one of {}", known()))
    }
}

/// Why the configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Neither `$ODOCK_CLI_CONFIG`, `$XDG_CONFIG_HOME` nor a home directory is known.
    #[error("there is no place for a configuration file: set ODOCK_CLI_CONFIG or HOME")]
    NoPlace,
    /// The operating system refused.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What stands in the file is wrong.
    #[error("{}:{line}:{column}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, without the value.
        what: String,
    },
    /// There is no such context.
    #[error("there is no context `{name}`; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The name cannot be a context's.
    #[error("`{0}` cannot name a context: use letters, digits, `-`, `_` and `.`, at most 64")]
    Name(String),
}

/// Whether a text can name a context.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}
