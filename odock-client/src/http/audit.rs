//! The audit log: what of it is wanted, and following it.

use entity::Timestamp;
use entity::audit::AuditEvent;
use serde::{Deserialize, Serialize};

use super::Event;

/// Which audit events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditQuery {
    /// The first instant that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first instant that no longer counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// To what kind of thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// To which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `done`, `refused`, or the code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The handle of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The most items of one page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// [`AuditQuery`] for following the log.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Following {
    #[serde(flatten)]
    query: AuditQuery,
    watch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

impl Following {
    /// What happens from now on, or after the event `since`.
    pub(super) fn new(query: &AuditQuery, since: Option<&str>) -> Self {
        let query = AuditQuery { limit: None, cursor: None, ..query.clone() };
        Self { query, watch: true, since: since.map(str::to_owned) }
    }
}

/// What comes while the log is followed.
#[derive(Clone, Debug, PartialEq)]
pub enum AuditNews {
    /// Something happened; with the id after which one can go on.
    Event(Box<AuditEvent>, Option<String>),
    /// Something may have been missed, for this reason.
    Gap(String),
}

/// Reads one event; `None` for bookmarks, and for kinds that a newer gateway may send.
pub(super) fn decode(event: &Event) -> Result<Option<AuditNews>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Added {
        object: AuditEvent,
    }
    #[derive(Deserialize)]
    struct Gap {
        reason: String,
    }
    Ok(Some(match event.name.as_str() {
        "ADDED" => {
            let Added { object } = serde_json::from_str(&event.data)?;
            AuditNews::Event(Box::new(object), event.id.clone())
        }
        "GAP" => AuditNews::Gap(serde_json::from_str::<Gap>(&event.data)?.reason),
        _ => return Ok(None),
    }))
}
