//! How upstreams have been doing, as one node of the gateway knows it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::vocab::BreakerState;

/// How one model has been doing at its provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakerStatus {
    /// The provider's name.
    pub provider: String,
    /// The model's name.
    pub model: String,
    /// Whether routed calls go there.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// When its rest ends, if it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting_until: Option<Timestamp>,
    /// The class of its last failure, as attempts name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
