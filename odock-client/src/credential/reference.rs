//! Where a context's token is kept: a reference, never the token.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{PERSONAL, SIGN_IN};

/// Where a token is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `keyring:ACCOUNT`: the operating system's keyring, under the service `odock`.
    Keyring(String),
    /// `exec:PROGRAM ARGUMENT…`, or `exec:["PROGRAM", "ARGUMENT"]`: what a program prints.
    Exec(Vec<String>),
    /// `file:PATH`: a file that only its owner can read.
    File(PathBuf),
    /// `env:NAME`: an environment variable.
    Env(String),
}

/// The text is no reference. It is not repeated, for it may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It is or holds a token.
    #[error("`credential` must say where the token is kept, not the token itself: keyring:, exec:, file: or env:")]
    Literal,
    /// It begins with no known word.
    #[error("`credential` must begin with keyring:, exec:, file: or env:")]
    Scheme,
    /// Nothing follows the word.
    #[error("`credential` names nothing after the colon")]
    Empty,
    /// The path depends on where one stands.
    #[error("`credential` needs an absolute path, or one that begins with ~/, after file:")]
    Relative,
    /// The list of arguments is broken.
    #[error("`credential` needs a program and its arguments after exec:, by words or as a JSON list of strings")]
    Command,
    /// No variable can have that name.
    #[error("`credential` needs the name of an environment variable after env:")]
    Variable,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(PERSONAL) || text.contains(SIGN_IN) {
            return Err(ReferenceError::Literal);
        }
        let (scheme, rest) = text.split_once(':').ok_or(ReferenceError::Scheme)?;
        if !matches!(scheme, "keyring" | "exec" | "file" | "env") {
            return Err(ReferenceError::Scheme);
        }
        if rest.trim().is_empty() {
            return Err(ReferenceError::Empty);
        }
        Ok(match scheme {
            "keyring" => Self::Keyring(rest.to_owned()),
            "file" if rest.starts_with("~/") || PathBuf::from(rest).is_absolute() => Self::File(rest.into()),
            "file" => return Err(ReferenceError::Relative),
            "env" if rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => Self::Env(rest.to_owned()),
            "env" => return Err(ReferenceError::Variable),
            _ if rest.trim_start().starts_with('[') => {
                let words: Vec<String> = serde_json::from_str(rest).map_err(|_| ReferenceError::Command)?;
                if words.first().is_none_or(String::is_empty) {
                    return Err(ReferenceError::Command);
                }
                Self::Exec(words)
            }
            _ => Self::Exec(rest.split_whitespace().map(str::to_owned).collect()),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring(account) => write!(f, "keyring:{account}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Exec(words) => {
                let plain = |word: &String| !word.is_empty() && !word.contains(char::is_whitespace);
                if words.iter().all(plain) && !words.first().is_some_and(|word| word.starts_with('[')) {
                    write!(f, "exec:{}", words.join(" "))
                } else {
                    write!(f, "exec:{}", serde_json::Value::from(words.clone()))
                }
            }
        }
    }
}
