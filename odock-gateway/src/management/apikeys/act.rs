//! Something done to one key: found, done, noted and committed in one transaction.

use entity::resource::{ApiKeySpec, ApiKeyState, Kind};
use entity::{ApiKeyId, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::unknown_key_subject;
use crate::credential;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::crud::prelude::*;
use crate::management::engine::{self, find};
use crate::store;
use crate::store::api_keys;

/// Something done to one key that is no change of its spec.
pub(super) struct Act<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) caller: &'a Caller,
    pub(super) reached: &'a Reached,
    pub(super) name: &'a str,
    pub(super) verb: &'static str,
}

pub(super) type Key = Resource<ApiKeySpec, ApiKeyState>;

/// What an act did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) changed: bool,
    pub(super) secret: Option<SecretString>,
    /// What else is stale.
    pub(super) subject: Option<uuid::Uuid>,
}

impl Outcome {
    /// The key has a secret that the answer shows.
    pub(super) fn with(secret: SecretString) -> Self {
        let subject = unknown_key_subject(&credential::hash_bytes(secret.expose_secret()));
        Self { changed: true, secret: Some(secret), subject: Some(subject) }
    }
}

impl Act<'_> {
    /// Finds the key, does it, and notes it, all in one transaction. `act` says whether anything changed.
    pub(super) async fn carry_out(
        self,
        act: impl AsyncFnOnce(&sea_orm::DatabaseTransaction, &Key, Timestamp) -> Result<Outcome, ApiError>,
    ) -> Result<(Key, Option<SecretString>), ApiError> {
        let tx = self.gateway.database.begin().await?;
        match self.within(&tx, act).await {
            Ok((key, Outcome { secret, subject, .. })) => {
                let mut subjects = vec![key.id];
                subjects.extend(subject);
                engine::commit(self.gateway, tx, subjects).await?;
                Ok((key, secret))
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    async fn within(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        act: impl AsyncFnOnce(&sea_orm::DatabaseTransaction, &Key, Timestamp) -> Result<Outcome, ApiError>,
    ) -> Result<(Key, Outcome), ApiError> {
        store::locks::serialise(tx, Some(self.reached.tenant.id)).await?;
        let (scope, now) = (self.reached.scope(), self.gateway.clock.now());
        let before = find::<ApiKeySpec>(tx, scope, self.name).await?.resource;
        let outcome = act(tx, &before, now).await?;
        if !outcome.changed {
            return Ok((before, outcome));
        }
        let after = find::<ApiKeySpec>(tx, scope, &before.name).await?.resource;
        let deed = Deed {
            verb: self.verb,
            resource: engine::word(Kind::ApiKey),
            id: Some(after.id),
            name: Some(after.name.clone()),
            before: Some(crud::value(&before.status)?),
            after: Some(crud::value(&after.status)?),
        };
        let event = Actor::of(self.caller).did(deed, Some(self.reached.tenant.id), now, DONE);
        store::audit::append(tx, event).await?;
        Ok((after, outcome))
    }

    pub(super) async fn set_revoked(self, revoked: bool) -> Result<Shown<ApiKeySpec>, ApiError> {
        let done = self.carry_out(async |tx, key, now| {
            let changed = key.status.revoked_at.is_some() != revoked;
            if changed {
                api_keys::set_revoked(tx, ApiKeyId(key.id), revoked.then_some(now), now).await?;
            }
            Ok(Outcome { changed, ..Outcome::default() })
        });
        Ok(Shown(done.await?.0))
    }
}
