//! The first start: a super admin, and the one-time token by which somebody becomes it.

use std::time::Duration;

use entity::resource::UserSpec;
use entity::row::audit_event;
use entity::row::user::ActiveModel as NewUser;
use entity::vocab::{Role, TokenKind, UserStatus};
use entity::{AuditEventId, Timestamp, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseTransaction, DbErr};
use secrecy::{ExposeSecret, SecretString};

use crate::credential::{self, CredentialKind, NoRandomness};
use crate::gateway::Gateway;
use crate::store::batch::Batch;
use crate::store::kinds::Scope;
use crate::store::{bearers, kinds, locks, tokens};

/// The first super admin.
pub const ADMIN: &str = "admin@localhost";
/// How long the token works.
const VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// Why the first super admin cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] DbErr),
    /// No token can be drawn.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Creates the first super admin and a one-time sign-in token, unless somebody has signed in already.
///
/// Every start before that makes a new token and voids the one before. The token is returned to be shown, once; one that
/// was configured is known already, and `None` is returned.
///
/// # Errors
/// When the database or the random source fails; nothing has changed then.
pub async fn bootstrap(gateway: &Gateway) -> Result<Option<SecretString>, BootstrapError> {
    if tokens::anybody_signed_in(gateway.database.reader()).await? {
        return Ok(None);
    }
    let configured = gateway.config.data.bootstrap_token.as_ref();
    let secret = match configured {
        Some(token) => token.clone(),
        None => credential::generate(CredentialKind::SignInToken)?,
    };
    let tx = gateway.database.begin().await?;
    // Of several nodes that start at once, one creates and the others find.
    locks::serialise(&tx, None).await?;
    let issued = issue(&tx, &secret, gateway.clock.now()).await;
    match issued {
        Ok(true) => tx.commit().await?,
        other => {
            tx.rollback().await?;
            return other.map(|_| None).map_err(Into::into);
        }
    }
    Ok(configured.is_none().then_some(secret))
}

/// Makes the token the only one that signs in; false if somebody signed in meanwhile.
async fn issue(tx: &DatabaseTransaction, secret: &SecretString, now: Timestamp) -> Result<bool, DbErr> {
    if tokens::anybody_signed_in(tx).await? {
        return Ok(false);
    }
    let found = kinds::one::<UserSpec>(tx, Scope::Nowhere, ADMIN).await?;
    let user = match found {
        Some(found) => UserId(found.resource.id),
        None => create(tx, now).await?,
    };
    tokens::revoke_sign_ins(tx, user, now).await?;
    let hash = credential::hash(secret.expose_secret());
    let expires_at = now.plus(VALID);
    // A configured token is the same at every start.
    if let Some(known) = bearers::by_hash(tx, bearers::Kind::SignIn, &hash).await? {
        tokens::renew(tx, known.token.id, expires_at, now).await?;
        return Ok(true);
    }
    let new = tokens::NewToken {
        user,
        kind: TokenKind::SignIn,
        name: "first sign-in".into(),
        hash,
        preview: credential::preview(secret.expose_secret()),
        scopes: Vec::new(),
        expires_at,
    };
    tokens::insert(tx, new, now).await?;
    Ok(true)
}

async fn create(tx: &DatabaseTransaction, now: Timestamp) -> Result<UserId, DbErr> {
    let id = UserId::new();
    let mut batch = Batch::default();
    batch.users.new.push(NewUser {
        id: Set(id),
        organisation_id: Set(None),
        email: Set(ADMIN.into()),
        display_name: Set(Some("First administrator".into())),
        role: Set(Role::SuperAdmin),
        status: Set(UserStatus::Active),
        last_sign_in_at: Set(None),
        password_hash: Set(None),
        password_set_at: Set(None),
        revision: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    });
    batch.audit.push(audit_event::ActiveModel {
        id: Set(AuditEventId::new()),
        at: Set(now),
        organisation_id: Set(None),
        actor_user_id: Set(None),
        actor: Set("-".into()),
        token_id: Set(None),
        token: Set(None),
        address: Set(None),
        verb: Set("bootstrap".into()),
        resource: Set("user".into()),
        resource_id: Set(Some(id.0)),
        name: Set(Some(ADMIN.into())),
        before: Set(None),
        after: Set(None),
        request_id: Set("-".into()),
        outcome: Set("done".into()),
        created_at: Set(now),
        updated_at: Set(now),
        // Its place in the chain is given when it is appended.
        ..Default::default()
    });
    batch.write(tx).await?;
    Ok(id)
}
