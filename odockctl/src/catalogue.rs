//! Known models: what they can do, and what their providers list them for.
//!
//! Dated data in `catalogue/`, one file a provider, compiled into this program and into nothing else. Nothing depends on
//! it: a model that it does not know is declared like any other.

mod merge;

use std::collections::BTreeSet;

use entity::check::nearest;
use entity::pricing::Pricing;
use entity::resource::{ModelConfig, ModelSpec, PriceChange};
use entity::vocab::{Capability, ModelType, ProviderType};
use serde::{Deserialize, Serialize};

use crate::error::{CliError, Exit};

pub use merge::{as_of, merged};

/// The providers that have a catalogue: the word for each on the command line, and its data.
const FILES: [(&str, ProviderType, &str); 7] = [
    ("openai", ProviderType::OpenAi, include_str!("../catalogue/openai.toml")),
    ("anthropic", ProviderType::Anthropic, include_str!("../catalogue/anthropic.toml")),
    ("google", ProviderType::Google, include_str!("../catalogue/google.toml")),
    ("mistral", ProviderType::Mistral, include_str!("../catalogue/mistral.toml")),
    ("huggingface", ProviderType::HuggingFace, include_str!("../catalogue/huggingface.toml")),
    ("azure-openai", ProviderType::AzureOpenAi, include_str!("../catalogue/azure-openai.toml")),
    ("vllm", ProviderType::Vllm, include_str!("../catalogue/vllm.toml")),
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

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Text.
    Text,
    /// Still pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Documents.
    Pdf,
    /// Numbers that stand for content.
    Vector,
}

impl Modality {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Pdf => "pdf",
            Self::Vector => "vector",
        }
    }
}

impl Catalogue {
    /// The catalogue of a provider; none for `CUSTOM`, which may be anything.
    ///
    /// # Errors
    /// Its data cannot be read: a defect of this program.
    pub fn of(provider: ProviderType) -> Result<Option<Self>, CliError> {
        let file = FILES.iter().find(|(_, known, _)| *known == provider);
        file.map(|(word, _, text)| Self::read(word, text)).transpose()
    }

    /// Every catalogue.
    ///
    /// # Errors
    /// As [`Catalogue::of`].
    pub fn all() -> Result<Vec<Self>, CliError> {
        FILES.iter().map(|(word, _, text)| Self::read(word, text)).collect()
    }

    fn read(word: &str, text: &str) -> Result<Self, CliError> {
        toml::from_str(text).map_err(|error| CliError::internal(format!("the catalogue of {word} is damaged: {error}")))
    }

    /// Finds a model by what its provider calls it, or by the name that an import gives it; case does not matter.
    ///
    /// # Errors
    /// It is not known.
    pub fn find(&self, name: &str) -> Result<&Entry, CliError> {
        self.models.iter().find(|entry| entry.is_called(name)).ok_or_else(|| {
            let provider = self.provider;
            let error =
                CliError::new(Exit::NotFound, "not_found", format!("the catalogue of {provider} has no model `{name}`"));
            match nearest(name, self.models.iter().map(|entry| entry.slug.as_str())) {
                Some(meant) => error.hint(format!("did you mean {meant}?")),
                None => error.hint(
                    "list it: odockctl model catalog; any other model can be declared without it, see: odockctl help apply",
                ),
            }
        })
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
mod tests;
