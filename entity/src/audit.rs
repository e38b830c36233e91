//! Audit events: who did what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use uuid::Uuid;

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
    /// Its number in its organisation's chain; absent from before there were chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// SHA-256 over itself and the hash of the event before, in lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What became of looking at every event of every chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// Whether every chain is whole.
    pub ok: bool,
    /// Each chain.
    pub chains: Vec<ChainVerification>,
}

/// One chain, looked at from its first event to its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChainVerification {
    /// Whose it is: an organisation's id, or nil for what is in none.
    pub chain: Uuid,
    /// The organisation's slug, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// How many events were looked at.
    pub events: i64,
    /// The number of the last event.
    pub head: i64,
    /// The hash of the last event. Noted elsewhere, it shows later that the log was not rewritten: see `anchor`.
    pub head_hash: String,
    /// Events from before there were chains, which nothing vouches for.
    pub unchained: i64,
    /// The first thing that is wrong; absent when the chain is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<BrokenLink>,
}

/// Where a chain is broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BrokenLink {
    /// The number at which it is.
    pub seq: i64,
    /// The event that stands there, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<AuditEventId>,
    /// When that event says it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What is wrong, in a sentence.
    pub what: String,
}
