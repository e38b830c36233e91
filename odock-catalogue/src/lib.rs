//! Known models: what they can do, and what their providers list them for.
//!
//! Dated data in `data/`, one file a provider, compiled into the command line and the gateway. No rule depends on it: a model
//! that it does not know is declared like any other.

mod merge;

use std::collections::BTreeSet;

use entity::catalogue::{KnownModel, Modality};
use entity::check::nearest;
use entity::pricing::Pricing;
use entity::resource::{ModelConfig, ModelSpec, PriceChange};
use entity::vocab::{Capability, ModelType, ProviderType};
use serde::Deserialize;

pub use merge::{as_of, merged};

/// The providers that have a catalogue: the word for each on the command line, and its data.
const FILES: [(&str, ProviderType, &str); 7] = [
    ("openai", ProviderType::OpenAi, include_str!("../data/openai.toml")),
    ("anthropic", ProviderType::Anthropic, include_str!("../data/anthropic.toml")),
    ("google", ProviderType::Google, include_str!("../data/google.toml")),
    ("mistral", ProviderType::Mistral, include_str!("../data/mistral.toml")),
    ("huggingface", ProviderType::HuggingFace, include_str!("../data/huggingface.toml")),
    ("azure-openai", ProviderType::AzureOpenAi, include_str!("../data/azure-openai.toml")),
    ("vllm", ProviderType::Vllm, include_str!("../data/vllm.toml")),
];

/// The words for the providers, in order.
#[must_use]
pub fn words() -> [&'static str; 7] {
    FILES.map(|(word, ..)| word)
}

/// The provider of a word.
#[must_use]
pub fn provider(word: &str) -> Option<ProviderType> {
    FILES.iter().find(|(known, ..)| *known == word).map(|(_, provider, _)| *provider)
}

/// The models of one provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Whose models they are.
    pub provider: ProviderType,
    /// The day on which the facts were read from their sources.
    pub taken: String,
    /// The day up to which the sources had followed the provider's price list.
    pub prices_as_of: Option<String>,
    /// Where the facts are from.
    pub sources: Vec<String>,
    /// The models.
    pub models: Vec<Entry>,
}

/// One known model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the provider calls it.
    pub slug: String,
    /// What it is for. `reasoning` is for models that are sold for their reasoning alone.
    pub r#type: ModelType,
    /// What it can do beyond text.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// Tokens that fit into prompt and answer together.
    pub context_window: Option<u32>,
    /// Tokens that one answer can have.
    pub max_output_tokens: Option<u32>,
    /// What it reads.
    pub input: Vec<Modality>,
    /// What it writes.
    pub output: Vec<Modality>,
    /// Its list price; absent where there is none, empty where it is free.
    pub pricing: Option<Pricing>,
    /// Price lists that are announced.
    #[serde(default)]
    pub price_changes: Vec<PriceChange>,
    /// What the fields cannot say.
    pub note: Option<String>,
}

/// Data of a catalogue that cannot be read: a defect of whoever was built with it.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue of {provider} is damaged: {reason}")]
pub struct Damaged {
    /// Whose.
    pub provider: ProviderType,
    /// Why.
    #[source]
    pub reason: toml::de::Error,
}

impl Catalogue {
    /// The catalogue of a provider; none for `CUSTOM`, which may be anything.
    ///
    /// # Errors
    /// Its data cannot be read.
    pub fn of(provider: ProviderType) -> Result<Option<Self>, Damaged> {
        let file = FILES.iter().find(|(_, known, _)| *known == provider);
        file.map(|(_, provider, text)| Self::read(*provider, text)).transpose()
    }

    /// Every catalogue.
    ///
    /// # Errors
    /// As [`Catalogue::of`].
    pub fn all() -> Result<Vec<Self>, Damaged> {
        FILES.iter().map(|(_, provider, text)| Self::read(*provider, text)).collect()
    }

    fn read(provider: ProviderType, text: &str) -> Result<Self, Damaged> {
        toml::from_str(text).map_err(|reason| Damaged { provider, reason })
    }

    /// Finds a model by what its provider calls it, or by the name that an import gives it; case does not matter.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.models.iter().find(|entry| entry.is_called(name))
    }

    /// The model whose name is nearest to one that is not known.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.models.iter().map(|entry| entry.slug.as_str()))
    }

    /// A model as it is shown, with where its facts are from.
    #[must_use]
    pub fn known(&self, entry: &Entry) -> KnownModel {
        let Entry { slug, r#type, capabilities, context_window, max_output_tokens, input, output, .. } = entry.clone();
        KnownModel {
            provider: self.provider,
            name: entry.default_name(),
            slug,
            r#type,
            capabilities,
            context_window,
            max_output_tokens,
            input,
            output,
            pricing: entry.pricing.clone(),
            price_changes: entry.price_changes.clone(),
            note: entry.note.clone(),
            prices_as_of: self.prices_as_of.clone().filter(|_| entry.pricing.is_some()),
            taken: self.taken.clone(),
            sources: self.sources.clone(),
        }
    }
}

impl Entry {
    /// The name that an import gives it: what its provider calls it, without what stands before a slash, for names of
    /// resources have none.
    #[must_use]
    pub fn default_name(&self) -> String {
        let last = self.slug.rsplit_once('/').map_or(self.slug.as_str(), |(_, last)| last);
        last.replace(':', "-")
    }

    /// Whether this is its slug, or the name that an import gives it; case does not matter.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.slug.eq_ignore_ascii_case(name) || self.default_name().eq_ignore_ascii_case(name)
    }

    /// The model as it is declared: served by `provider`, under `name`, called `slug` there.
    #[must_use]
    pub fn spec(&self, provider: &str, name: &str, slug: &str) -> ModelSpec {
        ModelSpec {
            r#type: self.r#type,
            slug: Some(slug.to_owned()).filter(|slug| slug != name),
            provider: provider.to_owned(),
            provider_key: None,
            capabilities: self.capabilities.clone(),
            config: ModelConfig { context_window: self.context_window, max_output_tokens: self.max_output_tokens },
            pricing: self.pricing.clone(),
            price_changes: self.price_changes.clone(),
            policies: entity::policy::Policies::default(),
        }
    }

    /// Whether a text stands in what it is called or in its note; case does not matter.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let within = |field: &str| field.to_lowercase().contains(&text);
        within(&self.slug) || self.note.as_deref().is_some_and(within)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests;
