//! What goes into the audit log, and in which words.

use std::time::Duration;

use entity::row::audit_event;
use entity::{AuditEventId, OrganisationId, Timestamp};
use http::request::Parts;
use sea_orm::ActiveValue::Set;
use serde_json::Value;
use uuid::Uuid;

use super::access::caller::Caller;
use crate::gateway::Gateway;
use crate::store;

/// The outcome of what was done.
pub(super) const DONE: &str = store::audit::DONE;
/// How long the note of a refusal may hold up the refusal.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something that somebody did, or was refused.
#[derive(Debug, Default)]
pub(super) struct Deed {
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
    pub(super) id: Option<Uuid>,
    pub(super) name: Option<String>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// Who did it, as the log names them.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    user_id: Option<entity::UserId>,
    pub(super) email: String,
    token_id: Option<entity::AccessTokenId>,
    token: Option<String>,
    address: Option<String>,
    request_id: String,
}

impl Actor {
    /// Somebody whose token is good.
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            user_id: caller.user_id(),
            email: caller.name().to_owned(),
            token_id: Some(caller.token.id),
            token: Some(format!("{} {}", caller.token.name, caller.token.preview)),
            address: caller.address.clone(),
            request_id: caller.request_id.to_string(),
        }
    }

    /// Somebody who has no token yet.
    pub(super) fn signing_in(email: Option<&str>, address: Option<String>, request_id: &str) -> Self {
        Self {
            user_id: None,
            email: email.unwrap_or("-").to_owned(),
            token_id: None,
            token: None,
            address,
            request_id: request_id.to_owned(),
        }
    }

    /// The row of a deed.
    pub(super) fn did(
        &self,
        deed: Deed,
        organisation: Option<OrganisationId>,
        now: Timestamp,
        outcome: &str,
    ) -> audit_event::ActiveModel {
        audit_event::ActiveModel {
            id: Set(AuditEventId::new()),
            at: Set(now),
            organisation_id: Set(organisation),
            actor_user_id: Set(self.user_id),
            actor: Set(self.email.clone()),
            token_id: Set(self.token_id),
            token: Set(self.token.clone()),
            address: Set(self.address.clone()),
            verb: Set(deed.verb.to_owned()),
            resource: Set(deed.resource.to_owned()),
            resource_id: Set(deed.id),
            name: Set(deed.name),
            before: Set(deed.before.map(masked)),
            after: Set(deed.after.map(masked)),
            request_id: Set(self.request_id.clone()),
            outcome: Set(outcome.to_owned()),
            created_at: Set(now),
            updated_at: Set(now),
            // Its place in the chain is given when it is appended.
            ..Default::default()
        }
    }
}

/// Notes a refusal. That it cannot be noted does not turn it into anything else.
pub(super) async fn refused(gateway: &Gateway, caller: Option<&Caller>, deed: Deed, outcome: &str) {
    let Some(caller) = caller else { return };
    note(gateway, &Actor::of(caller), deed, caller.organisation_id, outcome).await;
}

/// Notes something outside any transaction.
pub(super) async fn note(
    gateway: &Gateway,
    actor: &Actor,
    deed: Deed,
    organisation: Option<OrganisationId>,
    outcome: &str,
) {
    let event = actor.did(deed, organisation, gateway.clock.now(), outcome);
    let written = async {
        let tx = gateway.database.begin().await?;
        store::audit::append(&tx, event).await?;
        tx.commit().await
    };
    let written = tokio::time::timeout(PATIENCE, written).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::warn!(request.id = actor.request_id, outcome, "Could not note a refusal in the audit log");
    }
}

/// The address that a call comes from.
pub(super) fn address(gateway: &Gateway, parts: &Parts) -> String {
    crate::http::address::of_client(parts, &gateway.config.http.trusted_proxies).to_string()
}

/// A spec without anything that opens, proves or recognises a secret.
fn masked(mut value: Value) -> Value {
    mask(&mut value);
    value
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("preview") {
                fields.remove("sealed");
                fields.remove("fingerprint");
            }
            fields.values_mut().for_each(mask);
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let spec =
            json!({"keys": [{"name": "a", "secret": {"preview": "sk…9", "fingerprint": "f", "sealed": {"iv": "x"}}}]});
        assert_eq!(masked(spec), json!({"keys": [{"name": "a", "secret": {"preview": "sk…9"}}]}));
    }
}
