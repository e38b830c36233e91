//! What came of trying a provider.

use serde::{Deserialize, Serialize};

use crate::vocab::{ProbeOutcome, ProviderType};

/// What came of asking a provider for its list of models, which spends no tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProviderTest {
    /// The provider's name.
    pub provider: String,
    /// The family whose protocol it speaks.
    pub r#type: ProviderType,
    /// The name of the credential that was sent; absent where the gateway's configuration has it, or where none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The address that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How it ended, in a word.
    pub outcome: ProbeOutcome,
    /// Whether anything answered at that address.
    pub reachable: bool,
    /// Whether the credential was taken; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_accepted: Option<bool>,
    /// The HTTP status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Microseconds until the answer began; connecting counts where no connection was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// How many models it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<u64>,
    /// What was found, in a sentence.
    pub detail: String,
    /// The beginning of what the provider said about its refusal, without anything that could be a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
