//! Whose a token of the management API is: a user's, by a personal token or a session, or a service account's.

use entity::row::{
    SecretHash, access_token, organisation, service_account, service_account_token, session as session_row, user,
};
use entity::session::Token;
use entity::vocab::{Role, TokenKind, UserStatus};
use entity::{AccessTokenId, ServiceAccountId, SessionId, Timestamp, UserId};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

/// Who holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A person.
    User {
        /// Its id.
        id: UserId,
        /// Its e-mail address.
        email: String,
    },
    /// A program.
    ServiceAccount {
        /// Its id.
        id: ServiceAccountId,
        /// `organisation/name`.
        name: String,
    },
}

/// The session that a token belongs to.
#[derive(Clone, Copy, Debug)]
pub struct OfSession {
    /// Its id.
    pub id: SessionId,
    /// When its user last proved who they are.
    pub authenticated_at: Timestamp,
    /// When it ends unless it is renewed.
    pub ends_at: Timestamp,
}

/// A token, whose it is, and what that may do.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Whose.
    pub holder: Holder,
    /// Whether the holder may use tokens at all.
    pub active: bool,
    /// What the holder may do.
    pub role: Role,
    /// The holder's organisation.
    pub organisation: Option<organisation::Model>,
    /// The token.
    pub token: Token,
    /// Its session.
    pub session: Option<OfSession>,
}

/// What kind of token is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A personal token.
    Personal,
    /// A one-time sign-in token.
    SignIn,
    /// The access token of a session.
    Session,
    /// A service account's token.
    Service,
}

/// Finds a token by the hash of its secret, whatever its state.
pub async fn by_hash(db: &impl ConnectionTrait, kind: Kind, hash: &SecretHash) -> Result<Option<Bearer>, DbErr> {
    match kind {
        Kind::Personal => of_user(db, TokenKind::Personal, hash).await,
        Kind::SignIn => of_user(db, TokenKind::SignIn, hash).await,
        Kind::Session => of_session(db, hash).await,
        Kind::Service => of_service_account(db, hash).await,
    }
}

async fn of_user(db: &impl ConnectionTrait, kind: TokenKind, hash: &SecretHash) -> Result<Option<Bearer>, DbErr> {
    use access_token::{Column, Entity};
    let token = Entity::find().filter(Column::TokenHash.eq(hash.clone())).filter(Column::Kind.eq(kind)).one(db).await?;
    let Some(token) = token else { return Ok(None) };
    bearer(db, token.user_id, super::tokens::shown(&token), None).await
}

async fn of_session(db: &impl ConnectionTrait, hash: &SecretHash) -> Result<Option<Bearer>, DbErr> {
    use session_row::{Column, Entity};
    let either =
        Condition::any().add(Column::AccessHash.eq(hash.clone())).add(Column::FormerAccessHash.eq(hash.clone()));
    let Some(session) = Entity::find().filter(either).one(db).await? else { return Ok(None) };
    let expires_at = if session.access_hash == *hash {
        session.access_expires_at
    } else {
        session.former_access_expires_at.unwrap_or(session.created_at)
    };
    let token = Token {
        id: AccessTokenId(session.id.0),
        name: session.name.clone(),
        preview: session.access_preview.clone(),
        scopes: entity::vocab::Scope::ALL.to_vec(),
        created_at: session.created_at,
        expires_at: expires_at.min(session.expires_at),
        last_used_at: session.last_used_at,
        revoked_at: session.revoked_at,
    };
    let of = OfSession { id: session.id, authenticated_at: session.authenticated_at, ends_at: session.expires_at };
    bearer(db, session.user_id, token, Some(of)).await
}

async fn bearer(
    db: &impl ConnectionTrait,
    user: UserId,
    token: Token,
    session: Option<OfSession>,
) -> Result<Option<Bearer>, DbErr> {
    let Some(user) = user::Entity::find_by_id(user).one(db).await? else { return Ok(None) };
    let organisation = match user.organisation_id {
        Some(id) => organisation::Entity::find_by_id(id).one(db).await?,
        None => None,
    };
    let active = user.status == UserStatus::Active;
    let holder = Holder::User { id: user.id, email: user.email };
    Ok(Some(Bearer { holder, active, role: user.role, organisation, token, session }))
}

async fn of_service_account(db: &impl ConnectionTrait, hash: &SecretHash) -> Result<Option<Bearer>, DbErr> {
    use service_account_token::{Column, Entity};
    let token = Entity::find().filter(Column::TokenHash.eq(hash.clone())).one(db).await?;
    let Some(token) = token else { return Ok(None) };
    let account = service_account::Entity::find_by_id(token.service_account_id).one(db).await?;
    let Some(account) = account else { return Ok(None) };
    let organisation = organisation::Entity::find_by_id(account.organisation_id).one(db).await?;
    let Some(organisation) = organisation else { return Ok(None) };
    let mut token = super::service_accounts::shown(&token);
    // What the account has lost since, its tokens have lost, too.
    token.scopes.retain(|scope| account.scopes.0.contains(scope));
    Ok(Some(Bearer {
        holder: Holder::ServiceAccount { id: account.id, name: format!("{}/{}", organisation.slug, account.name) },
        active: !account.disabled,
        role: account.role,
        organisation: Some(organisation),
        token,
        session: None,
    }))
}

/// Notes that a token was used, unless that was noted less than a minute before.
pub async fn touch(db: &impl ConnectionTrait, kind: Kind, token: AccessTokenId, now: Timestamp) -> Result<(), DbErr> {
    macro_rules! touch {
        ($row:ident, $id:expr) => {{
            use $row::{ActiveModel, Column, Entity};
            let stale = Condition::any()
                .add(Column::LastUsedAt.is_null())
                .add(Column::LastUsedAt.lt(now.minus(std::time::Duration::from_secs(60))));
            let used = ActiveModel { last_used_at: sea_orm::ActiveValue::Set(Some(now)), ..Default::default() };
            Entity::update_many().set(used).filter(Column::Id.eq($id)).filter(stale).exec(db).await.map(drop)
        }};
    }
    match kind {
        Kind::Personal | Kind::SignIn => touch!(access_token, token),
        Kind::Session => touch!(session_row, SessionId(token.0)),
        Kind::Service => touch!(service_account_token, token),
    }
}
