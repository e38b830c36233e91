//! What comes in: keys, the clock, the live stream, answers to effects.

use entity::Timestamp;
use entity::ledger::LimitStatus;
use entity::live::LiveEvent;
use entity::probe::ProviderTest;
use entity::resource::{ApiKey, Overlay, Provider, Rotation};
use entity::session::{Version, WhoAmI};
use entity::usage::{UsageRecord, UsageSummary};
use secrecy::SecretString;

use crate::effects::{Load, Mutation};
use crate::keys::Press;
use crate::model::{Scope, Session};
use crate::screens::limit::Declared;

/// Something has happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Press),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize(u16, u16),
    /// Time has passed.
    Clock,
    /// Something about the live stream of a generation. Older generations than the current one are ignored.
    Stream(u64, StreamMsg),
    /// What was asked for has come, or not.
    Loaded(u64, Load, Result<Answer, Failure>),
    /// A mutation is over.
    Mutated(u64, Mutation, Result<Mutated, Failure>),
    /// Another context was chosen and can be used, or not.
    Switched(Result<Session, Failure>),
    /// Something was put on the clipboard, or the terminal cannot do that.
    Copied(Result<String, String>),
    /// A line of our own diagnostics.
    Log(LogLine),
}

/// Something about the live stream.
#[derive(Debug)]
pub enum StreamMsg {
    /// The gateway has begun to answer, about whose traffic.
    Opened(Scope),
    /// An event has come.
    Event(LiveEvent),
    /// It has ended, or never began.
    Ended(Failure),
}

/// An answer to a [`Load`].
#[derive(Debug)]
pub enum Answer {
    /// Who the token belongs to.
    WhoAmI(Box<WhoAmI>),
    /// The gateway's version.
    Version(Version),
    /// Every virtual key.
    Keys(Vec<ApiKey>),
    /// One virtual key, with its last use.
    Key(Box<ApiKey>),
    /// The rotations of a virtual key, newest first.
    History(Vec<Rotation>),
    /// Recent requests, newest first, and whether there were more than fit.
    Recent(Vec<UsageRecord>, bool),
    /// One request.
    Record(Box<UsageRecord>),
    /// Usage over a period.
    Summary(Box<UsageSummary>),
    /// Budgets and quotas with their open windows.
    Limits(Vec<LimitStatus>),
    /// Budgets and quotas as they are declared.
    Declared(Vec<Declared>),
    /// The overlays.
    Overlays(Vec<Overlay>),
    /// The providers.
    Providers(Vec<Provider>),
    /// What came of trying a provider.
    Test(Box<ProviderTest>),
    /// The contexts of the configuration file.
    Contexts(Vec<ContextRow>),
}

/// A mutation that succeeded.
#[derive(Debug)]
pub enum Mutated {
    /// A virtual key has changed.
    Key {
        /// The key as it is now.
        key: Box<ApiKey>,
        /// The new secret, after a rotation. Shown once and wiped from memory when its dialog closes.
        secret: Option<SecretString>,
    },
    /// Limits are scaled, or no longer.
    Limits,
}

/// A context of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// The gateway.
    pub url: String,
    /// The organisation, if the context names one.
    pub organisation: Option<String>,
    /// Where the credential comes from: a reference, never a secret.
    pub credential: Option<String>,
    /// Whether changes need the typed name.
    pub protected: bool,
    /// Whether changes are refused.
    pub read_only: bool,
    /// Whether it is what `odockctl` uses when no context is named.
    pub default: bool,
}

/// A line of our own diagnostics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How bad.
    pub level: Level,
    /// What.
    pub text: String,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something did not work, and was dealt with.
    Warn,
    /// Something did not work.
    Error,
}

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The sort of failure, on which behaviour depends.
    pub kind: FailureKind,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The handle of the request in the gateway's logs.
    pub request_id: Option<String>,
}

/// Sorts of failure that the dashboard treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No gateway answers there.
    Unreachable,
    /// The gateway was too slow.
    Timeout,
    /// The stream ended.
    Ended,
    /// There is no token, or it is not accepted.
    SignedOut,
    /// The token may not do that.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The state does not allow it.
    Conflict,
    /// Anything else.
    Other,
}

impl Failure {
    /// A failure with only a sentence.
    #[must_use]
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, request_id: None }
    }

    /// The same failure with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether nobody knows if the request was carried out.
    #[must_use]
    pub fn uncertain(&self) -> bool {
        matches!(self.kind, FailureKind::Timeout | FailureKind::Ended)
    }
}
