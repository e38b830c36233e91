//! Whether a key works, as glyph, word and colour.

use std::time::Duration;

use entity::Timestamp;
use entity::resource::ApiKey;

use crate::theme::Role;

const SOON: Duration = Duration::from_secs(7 * 86_400);

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is refused until it is unrevoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// It works, for less than a week.
    Expiring,
    /// It works, and so does the secret before the last rotation.
    Rotating,
    /// It works, but nobody has seen its secret.
    Unseen,
    /// It works.
    Active,
}

/// The status of a key at an instant.
#[must_use]
pub fn of(key: &ApiKey, now: Timestamp) -> Status {
    if key.status.revoked_at.is_some() {
        return Status::Revoked;
    }
    match key.spec.expiry {
        Some(expiry) if expiry <= now => return Status::Expired,
        Some(expiry) if expiry.since(now) <= SOON => return Status::Expiring,
        _ => {}
    }
    if key.status.previous_valid_until.is_some_and(|until| until > now) {
        Status::Rotating
    } else if !key.status.revealed {
        Status::Unseen
    } else {
        Status::Active
    }
}

impl Status {
    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Expiring => "expiring",
            Self::Rotating => "rotating",
            Self::Unseen => "unseen",
            Self::Active => "active",
        }
    }

    /// The glyph, which alone tells good from bad.
    #[must_use]
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Revoked | Self::Expired => "✖",
            Self::Expiring => "▲",
            Self::Rotating => "◆",
            Self::Unseen => "◌",
            Self::Active => "●",
        }
    }

    /// The colour, which only repeats them.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Revoked | Self::Expired => Role::Bad,
            Self::Expiring => Role::Warn,
            Self::Rotating => Role::Accent,
            Self::Unseen => Role::Muted,
            Self::Active => Role::Ok,
        }
    }
}
