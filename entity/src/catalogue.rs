//! Known models: what they can do, and what their providers list them for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::pricing::Pricing;
use crate::resource::PriceChange;
use crate::vocab::{Capability, ModelType, ProviderType};

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

/// A known model, with where and when its facts are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KnownModel {
    /// Whose model it is.
    pub provider: ProviderType,
    /// What the provider calls it.
    pub slug: String,
    /// The name that an import gives it.
    pub name: String,
    /// What it is for.
    pub r#type: ModelType,
    /// What it can do beyond text.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub capabilities: BTreeSet<Capability>,
    /// Tokens that fit into prompt and answer together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u32>,
    /// Tokens that one answer can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// What it reads.
    pub input: Vec<Modality>,
    /// What it writes.
    pub output: Vec<Modality>,
    /// Its list price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// Price lists that are announced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub price_changes: Vec<PriceChange>,
    /// What the fields cannot say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The day up to which the list price was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_as_of: Option<String>,
    /// The day on which the facts were read.
    pub taken: String,
    /// Where they are from.
    pub sources: Vec<String>,
}
