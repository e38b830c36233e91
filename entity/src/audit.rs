//! Audit events: who did what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuditEventId, Timestamp};

/// One thing that somebody did, or was refused. Append-only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Its id; sorts by time.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// Who: an e-mail address, or `-` before anybody was known.
    pub actor: String,
    /// The name and preview of the token that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The address that the call came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was done, such as `create`, `rotate`, `sign-in`.
    pub verb: String,
    /// To what kind of thing, such as `apikey`.
    pub resource: String,
    /// To which one, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it was before, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// What it is now, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    /// The handle of the call.
    pub request_id: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
}
