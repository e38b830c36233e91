//! Tokens that are renewed while they are used.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use secrecy::SecretString;

use crate::http::{Client, ClientError};

/// The token of a source, when it comes.
pub type Coming<'a> = Pin<Box<dyn Future<Output = Result<SecretString, ClientError>> + Send + 'a>>;

/// Gives a token that works now.
pub trait TokenSource: Send + Sync {
    /// The token. `refused` is one that the gateway has just called expired: it is not given again. `gateway` is not signed
    /// in.
    fn token<'a>(&'a self, gateway: &'a Client, refused: Option<&'a SecretString>) -> Coming<'a>;
}

/// What a client calls with.
#[derive(Clone)]
pub enum Credential {
    /// A token that stays the same.
    Token(SecretString),
    /// A token that is renewed.
    Renewed(Arc<dyn TokenSource>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token(..)",
            Self::Renewed(_) => "Renewed(..)",
        })
    }
}
