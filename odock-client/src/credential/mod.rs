//! Where the management token comes from, and where it is kept.
//!
//! In order: `--token-file` or `--token-stdin`, `ODOCK_TOKEN`, `ODOCK_TOKEN_FILE`, a pipeline's OpenID token where a service
//! account is named, the context's reference.
//! Never from an argument, where every user of the machine can read it.

pub mod file;
#[cfg(feature = "keyring")]
mod keyring;
pub mod oidc;
mod reference;
mod session;
mod source;
mod store;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use zeroize::Zeroizing;

#[cfg(feature = "keyring")]
pub use keyring::Keyring;
pub use oidc::{Oidc, OidcSource};
pub use reference::{Reference, ReferenceError};
pub use session::{KeptSession, SessionTokens};
pub use source::{Coming, Credential, TokenSource};
pub use store::{CredentialStore, MemoryStore, NoStore, StoreError, bounded};

/// What personal tokens begin with.
pub const PERSONAL: &str = "odock-pat-";
/// What one-time sign-in tokens begin with.
pub const SIGN_IN: &str = "odock-signin-";

/// What invitations begin with.
pub const INVITATION: &str = "odock-inv-";
/// What a service account's tokens begin with.
pub const SERVICE: &str = "odock-sat-";

/// How long a helper program may take.
const HELPER_LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of a token.
const MAX_TOKEN: u64 = 16 * 1024;

/// A credential and where it came from.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The credential.
    pub credential: Credential,
    /// Where it came from.
    pub source: Source,
    /// The context's own credential, when something stronger stood before it.
    pub shadowed: Option<Reference>,
}

/// Where a token came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file that `--token-file` named.
    TokenFile(PathBuf),
    /// Standard input, by `--token-stdin`.
    Stdin,
    /// `ODOCK_TOKEN`.
    Environment,
    /// The file that `ODOCK_TOKEN_FILE` named.
    EnvironmentFile(PathBuf),
    /// A pipeline's OpenID token, exchanged for a service account's.
    Oidc(Oidc),
    /// The context's reference.
    Context(Reference),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TokenFile(path) => write!(f, "--token-file {}", path.display()),
            Self::Stdin => f.write_str("--token-stdin"),
            Self::Environment => f.write_str("ODOCK_TOKEN"),
            Self::EnvironmentFile(path) => write!(f, "ODOCK_TOKEN_FILE {}", path.display()),
            Self::Oidc(oidc) => write!(f, "{}, as {}", oidc.source, oidc.account),
            Self::Context(reference) => write!(f, "the context's {reference}"),
        }
    }
}

impl Source {
    /// How the token is protected while it is kept, in words.
    #[must_use]
    pub const fn storage(&self) -> &'static str {
        match self {
            Self::TokenFile(_) | Self::EnvironmentFile(_) | Self::Context(Reference::File(_)) => "file",
            Self::Stdin | Self::Oidc(_) => "not stored",
            Self::Environment | Self::Context(Reference::Env(_)) => "environment",
            Self::Context(Reference::Keyring(_)) => "keyring",
            Self::Context(Reference::Exec(_)) => "helper program",
        }
    }
}

/// Why there is no usable token.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A source is there, and holds no token.
    #[error("{from} holds no token")]
    Empty {
        /// The source.
        from: String,
    },
    /// A source holds something that is no token.
    #[error("{from} holds something that is no token: a token is one line of visible ASCII characters")]
    Malformed {
        /// The source.
        from: String,
    },
    /// A source cannot be read.
    #[error("{from}: {reason}")]
    Unreadable {
        /// The source.
        from: String,
        /// Why.
        reason: String,
    },
    /// Other people can read the file.
    #[error("{} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The keyring failed.
    #[error("{from}: {error}")]
    Store {
        /// The source.
        from: String,
        /// What failed.
        error: StoreError,
    },
}

/// Everything that decides which token is used.
pub struct Lookup<'a> {
    /// `--token-file`.
    pub token_file: Option<&'a Path>,
    /// `--token-stdin`.
    pub token_stdin: bool,
    /// The environment.
    pub env: &'a (dyn Fn(&str) -> Option<OsString> + Sync),
    /// A pipeline's identity, if it says which service account it wants to be.
    pub oidc: Option<Oidc>,
    /// Where programs take turns to renew a session.
    pub locks: PathBuf,
    /// The context's reference.
    pub reference: Option<&'a Reference>,
    /// The keyring.
    pub store: Arc<dyn CredentialStore>,
}

impl Lookup<'_> {
    /// Finds the token; `None` when no source is set.
    ///
    /// The first source that is set counts, even if it turns out to be unusable: falling through to a weaker one would
    /// act as somebody else than was asked for.
    ///
    /// # Errors
    /// The source that counts holds no usable token.
    pub async fn resolve(&self) -> Result<Option<Resolved>, CredentialError> {
        let Some(source) = self.source()? else { return Ok(None) };
        let credential = match &source {
            Source::Oidc(oidc) => Credential::Renewed(Arc::new(oidc::ExchangedTokens::new(oidc.clone(), self.env))),
            source => self.renewed(source, self.read(source).await?),
        };
        let shadowed = match source {
            Source::Context(_) => None,
            _ => self.reference.cloned(),
        };
        Ok(Some(Resolved { credential, source, shadowed }))
    }

    /// A session is renewed where it is kept; one that came from elsewhere works until its access token expires.
    fn renewed(&self, source: &Source, kept: SecretString) -> Credential {
        let Some(session) = KeptSession::read(&kept) else { return Credential::Token(kept) };
        match source {
            Source::Context(reference @ (Reference::Keyring(_) | Reference::File(_))) => {
                let path = match reference {
                    Reference::File(path) => self.at_home(path),
                    _ => PathBuf::new(),
                };
                let (reference, store, locks) = (reference.clone(), Arc::clone(&self.store), self.locks.clone());
                let place = session::Place { reference, path, store, locks };
                Credential::Renewed(Arc::new(SessionTokens::new(place, session)))
            }
            _ => Credential::Token(session.access()),
        }
    }

    /// What is kept at the source that counts, as it is kept.
    ///
    /// # Errors
    /// The source that counts holds no usable token.
    pub async fn kept(&self) -> Result<Option<SecretString>, CredentialError> {
        match self.source()? {
            None | Some(Source::Oidc(_)) => Ok(None),
            Some(source) => self.read(&source).await.map(Some),
        }
    }

    /// Which source counts, without reading it.
    ///
    /// # Errors
    /// `ODOCK_TOKEN_FILE` is set to nothing.
    pub fn source(&self) -> Result<Option<Source>, CredentialError> {
        if let Some(path) = self.token_file {
            return Ok(Some(Source::TokenFile(path.to_owned())));
        }
        if self.token_stdin {
            return Ok(Some(Source::Stdin));
        }
        // A variable that is set to nothing is how CI systems spell "not set".
        let set = |name| (self.env)(name).filter(|value| !value.is_empty());
        if set("ODOCK_TOKEN").is_some() {
            return Ok(Some(Source::Environment));
        }
        if let Some(path) = set("ODOCK_TOKEN_FILE") {
            return Ok(Some(Source::EnvironmentFile(path.into())));
        }
        if let Some(oidc) = &self.oidc {
            return Ok(Some(Source::Oidc(oidc.clone())));
        }
        Ok(self.reference.cloned().map(Source::Context))
    }

    async fn read(&self, source: &Source) -> Result<SecretString, CredentialError> {
        let from = source.to_string();
        match source {
            Source::TokenFile(path) | Source::EnvironmentFile(path) => file::read_plain(path, &from),
            Source::Stdin => read_stdin(&from).await,
            Source::Environment => self.variable("ODOCK_TOKEN", &from),
            Source::Oidc(_) => Err(CredentialError::Empty { from }),
            Source::Context(Reference::Env(name)) => self.variable(name, &from),
            Source::Context(Reference::File(path)) => file::read(&self.at_home(path), &from),
            Source::Context(Reference::Exec(command)) => run_helper(command, &from).await,
            Source::Context(Reference::Keyring(account)) => {
                let (store, account) = (Arc::clone(&self.store), account.clone());
                let found = bounded(move || store.get(&account)).await;
                match found.map_err(|error| CredentialError::Store { from: from.clone(), error })? {
                    Some(token) => Ok(token),
                    None => Err(CredentialError::Empty { from }),
                }
            }
        }
    }

    fn variable(&self, name: &str, from: &str) -> Result<SecretString, CredentialError> {
        let value = (self.env)(name).unwrap_or_default();
        let text = value.into_string().map_err(|_| CredentialError::Malformed { from: from.to_owned() })?;
        token(Zeroizing::new(text), from)
    }

    fn at_home(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), (self.env)("HOME")) {
            (Ok(rest), Some(home)) => Path::new(&home).join(rest),
            _ => path.to_owned(),
        }
    }
}

/// Reads a token from standard input, without blocking the runtime.
///
/// # Errors
/// Standard input cannot be read or holds no token.
pub async fn read_stdin(from: &str) -> Result<SecretString, CredentialError> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = Zeroizing::new(String::new());
        std::io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut text).map(|_| text)
    });
    let unreadable = |reason: String| CredentialError::Unreadable { from: from.to_owned(), reason };
    let text = read.await.map_err(|e| unreadable(e.to_string()))?.map_err(|e| unreadable(e.to_string()))?;
    token(text, from)
}

/// Runs a helper program, never through a shell, and takes its output as the token.
async fn run_helper(command: &[String], from: &str) -> Result<SecretString, CredentialError> {
    let unreadable = |reason: String| CredentialError::Unreadable { from: from.to_owned(), reason };
    let Some((program, arguments)) = command.split_first() else {
        return Err(unreadable("there is no program".into()));
    };
    let mut helper = tokio::process::Command::new(program);
    helper.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = match tokio::time::timeout(HELPER_LIMIT, helper.output()).await {
        Err(_) => return Err(unreadable(format!("no answer within {} s", HELPER_LIMIT.as_secs()))),
        Ok(Err(error)) => return Err(unreadable(format!("{program} cannot be run: {error}"))),
        Ok(Ok(output)) => output,
    };
    let text = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(unreadable(format!("{program} failed ({})", output.status)));
    }
    let text = std::str::from_utf8(&text).map_err(|_| CredentialError::Malformed { from: from.to_owned() })?;
    token(Zeroizing::new(text.to_owned()), from)
}

/// Takes the white space around a token away and refuses what cannot be one.
fn token(text: Zeroizing<String>, from: &str) -> Result<SecretString, CredentialError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(CredentialError::Empty { from: from.to_owned() });
    }
    if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) || trimmed.len() as u64 >= MAX_TOKEN {
        return Err(CredentialError::Malformed { from: from.to_owned() });
    }
    Ok(SecretString::from(trimmed))
}

#[cfg(test)]
mod tests;
