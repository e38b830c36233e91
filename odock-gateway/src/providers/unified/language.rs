//! Whose wire format a provider speaks, as far as chats are concerned.

use entity::vocab::ProviderType;

/// A wire format of chats. Its name stands in content blocks that only that family understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    OpenAi,
    Mistral,
    Anthropic,
    Gemini,
}

impl Language {
    pub(super) const fn of(provider: ProviderType) -> Self {
        match provider {
            ProviderType::OpenAi
            | ProviderType::AzureOpenAi
            | ProviderType::Vllm
            | ProviderType::HuggingFace
            | ProviderType::Custom => Self::OpenAi,
            ProviderType::Mistral => Self::Mistral,
            ProviderType::Anthropic => Self::Anthropic,
            ProviderType::Google => Self::Gemini,
        }
    }

    /// The name in content blocks.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Mistral => "mistral",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::OpenAi, Self::Mistral, Self::Anthropic, Self::Gemini].into_iter().find(|family| family.name() == name)
    }
}
