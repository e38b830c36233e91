//! `[cache]`: how long facts are kept in memory, and how they are dropped before that.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::check::Check;

/// How long facts are kept in memory, and how they are dropped before that.
#[derive(Clone, Debug)]
pub struct Cache {
    /// How long a virtual key's facts are kept, and with them the policies of key, team and organisation.
    pub auth_ttl: Duration,
    /// How long "no such key" is kept.
    pub auth_negative_ttl: Duration,
    /// How long models, providers and grants are kept, and with them the models' policies.
    pub model_ttl: Duration,
    /// How long an opened provider key is kept.
    pub provider_key_ttl: Duration,
    /// What a caller of the invalidation route must know; without it that route is closed.
    pub invalidation_secret: Option<SecretString>,
    /// The Redis channel over which nodes tell each other what changed.
    pub invalidation_channel: String,
}

impl Cache {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let day = || Duration::ZERO..=Duration::from_secs(86_400);
        let invalidation_secret = check.secret("cache.invalidation_secret");
        if invalidation_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < 16) {
            check.refuse("cache.invalidation_secret", "is shorter than 16 characters, and would be guessed");
        }
        let channel = check.text("cache.invalidation_channel");
        if channel.is_none() {
            check.refuse("cache.invalidation_channel", "is empty");
        }
        // Policies are kept with what they bind, so the shorter time holds for both.
        let policy_ttl = check.duration("cache.policy_ttl", day());
        Self {
            auth_ttl: check.duration("cache.auth_ttl", day()).min(policy_ttl),
            auth_negative_ttl: check.duration("cache.auth_negative_ttl", day()),
            model_ttl: check.duration("cache.model_ttl", day()).min(policy_ttl),
            provider_key_ttl: check.duration("cache.provider_key_ttl", day()),
            invalidation_secret,
            invalidation_channel: channel.unwrap_or_default(),
        }
    }
}
