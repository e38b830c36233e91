//! Changes at the gateway.

use entity::policy::Factor;

use super::{KeyRef, ScopeRef};

/// A change at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A virtual key changes.
    Key {
        /// Which.
        key: KeyRef,
        /// How.
        change: Change,
    },
    /// The limits of a scope are scaled for a while.
    Overlay {
        /// Whose.
        scope: ScopeRef,
        /// By how much.
        factor: Factor,
        /// For how long.
        seconds: u32,
        /// Why.
        reason: Option<String>,
    },
    /// An overlay ends before its time.
    EndOverlay {
        /// The organisation's slug.
        organisation: String,
        /// The overlay's name.
        name: String,
    },
}

impl Mutation {
    /// The slug of the organisation in which something changes.
    #[must_use]
    pub fn organisation(&self) -> &str {
        match self {
            Self::Key { key, .. } => &key.organisation,
            Self::Overlay { scope, .. } => &scope.organisation,
            Self::EndOverlay { organisation, .. } => organisation,
        }
    }

    /// The verb.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Key { change, .. } => change.verb(),
            Self::Overlay { factor, .. } if factor.thousandths() > 1_000 => "boost",
            Self::Overlay { .. } => "brake",
            Self::EndOverlay { .. } => "end",
        }
    }

    /// What has been done, once it is.
    #[must_use]
    pub fn past(&self) -> &'static str {
        match self {
            Self::Key { change, .. } => change.past(),
            Self::Overlay { factor, .. } if factor.thousandths() > 1_000 => "boosted",
            Self::Overlay { .. } => "braked",
            Self::EndOverlay { .. } => "ended",
        }
    }

    /// What changes, as a sentence calls it.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::Key { key, .. } => format!("key {}", key.name),
            Self::Overlay { scope, .. } => scope.what(),
            Self::EndOverlay { name, .. } => format!("overlay {name}"),
        }
    }
}

/// How a virtual key changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new secret; the old one works for so many seconds more.
    Rotate {
        /// The overlap.
        overlap_seconds: u32,
    },
    /// The key is refused from now on.
    Revoke,
    /// A revoked key works again.
    Unrevoke,
}

impl Change {
    /// The verb, as `odockctl key` spells it.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotate",
            Self::Revoke => "revoke",
            Self::Unrevoke => "unrevoke",
        }
    }

    /// What has been done, once it is.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotated",
            Self::Revoke => "revoked",
            Self::Unrevoke => "unrevoked",
        }
    }
}
