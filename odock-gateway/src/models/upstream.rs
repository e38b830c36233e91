//! Where a provider is, which credential it gets and how long it may take: its row, and where that is silent the
//! configuration of its family.

use std::time::Duration;

use entity::row::provider;
use entity::vocab::ProviderType;

use super::target::{KeyRef, Problem};
use crate::config::{Config, ProviderDefaults};
use crate::providers::{Address, AddressError};
use crate::store::targets::ProviderKeyRow;

/// The address of a provider.
///
/// # Errors
/// It has none, or one that is not called.
pub(crate) fn address(config: &Config, provider: &provider::Model) -> Result<Address, Problem> {
    let configured = || defaults(config, provider.kind).base_url.as_ref().map(url::Url::to_string);
    let base = provider.base_url.clone().or_else(configured);
    let base = base.or_else(|| provider.kind.public_address().map(Into::into)).ok_or(Problem::NotConfigured)?;
    Address::parse(&base, config.upstream.allow_link_local).map_err(|error| match error {
        AddressError::Malformed => Problem::NotConfigured,
        AddressError::LinkLocal => Problem::AddressRefused,
    })
}

/// The credential that a provider gets: its own, or that of the configuration, or none where servers want none.
///
/// # Errors
/// There is none, or it was revoked.
pub(crate) fn key(config: &Config, provider: ProviderType, own: Option<ProviderKeyRow>) -> Result<KeyRef, Problem> {
    match own {
        Some(key) if key.revoked => Err(Problem::KeyRevoked),
        Some(key) => Ok(KeyRef::Sealed(key.id, Box::new(key.sealed))),
        None => match defaults(config, provider).api_key.clone() {
            Some(secret) => Ok(KeyRef::Configured(secret)),
            None if matches!(provider, ProviderType::Vllm | ProviderType::Custom) => Ok(KeyRef::None),
            None => Err(Problem::NoKey),
        },
    }
}

/// How long connecting may take.
pub(crate) fn connect_timeout(config: &Config, provider: &provider::Model) -> Duration {
    let own = provider.config.connect_timeout_ms;
    own.map_or(config.upstream.connect_timeout, |ms| Duration::from_millis(ms.into()))
}

/// How long a whole unary call may take.
pub(crate) fn total_timeout(config: &Config, provider: &provider::Model) -> Duration {
    let family = || defaults(config, provider.kind).timeout;
    let own = provider.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    own.or_else(family).unwrap_or(config.upstream.total_timeout)
}

const fn defaults(config: &Config, provider: ProviderType) -> &ProviderDefaults {
    let families = &config.providers;
    match provider {
        ProviderType::OpenAi => &families.openai,
        ProviderType::Anthropic => &families.anthropic,
        ProviderType::Google => &families.gemini,
        ProviderType::AzureOpenAi => &families.azure_openai,
        ProviderType::Vllm => &families.vllm,
        ProviderType::Mistral => &families.mistral,
        ProviderType::HuggingFace => &families.huggingface,
        ProviderType::Custom => &families.custom,
    }
}
