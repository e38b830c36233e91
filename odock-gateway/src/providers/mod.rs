//! Wire formats of the upstreams: pure, no I/O.

mod address;
pub mod openai;
pub mod unified;

pub use self::address::{Address, AddressError, is_link_local};

use entity::vocab::ProviderType;

/// The protocol that a route or a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OpenAI's, which Azure OpenAI, vLLM and many others speak too.
    OpenAi,
}

/// The family of a provider, if this version speaks it.
#[must_use]
pub const fn family(provider: ProviderType) -> Option<Family> {
    match provider {
        ProviderType::OpenAi | ProviderType::AzureOpenAi | ProviderType::Vllm | ProviderType::Custom => {
            Some(Family::OpenAi)
        }
        ProviderType::Anthropic | ProviderType::Google | ProviderType::Mistral | ProviderType::HuggingFace => None,
    }
}

/// The public address of a family, for providers that name none.
#[must_use]
pub const fn default_base_url(provider: ProviderType) -> Option<&'static str> {
    match provider {
        ProviderType::OpenAi => Some("https://api.openai.com"),
        _ => None,
    }
}
