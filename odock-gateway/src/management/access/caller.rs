//! Who is calling, and for which organisation: what the guard found out, for the handlers.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use entity::row::{access_token, organisation};
use entity::session::Token;
use entity::vocab::{OrganisationStatus, Role};
use entity::{OrganisationId, UserId};
use http::request::Parts;

use crate::management::problem::ApiError;

/// A caller whose token is good.
#[derive(Clone, Debug)]
pub(in crate::management) struct Caller(Arc<Facts>);

/// What is known about a caller.
#[derive(Debug)]
pub(in crate::management) struct Facts {
    pub(in crate::management) user_id: UserId,
    pub(in crate::management) email: String,
    pub(in crate::management) role: Role,
    pub(in crate::management) organisation_id: Option<OrganisationId>,
    pub(in crate::management) organisation: Option<String>,
    pub(in crate::management) token: access_token::Model,
    pub(in crate::management) address: Option<String>,
    pub(in crate::management) request_id: Arc<str>,
}

impl Caller {
    pub(super) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    pub(in crate::management) fn is_super_admin(&self) -> bool {
        self.role == Role::SuperAdmin
    }
}

impl std::ops::Deref for Caller {
    type Target = Facts;
    fn deref(&self) -> &Facts {
        &self.0
    }
}

/// A token as it is shown.
pub(in crate::management) fn shown(token: &access_token::Model) -> Token {
    Token {
        id: token.id,
        name: token.name.clone(),
        preview: token.preview.clone(),
        scopes: token.scopes.0.clone(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}

/// The organisation in the path, which the caller may administer.
#[derive(Clone, Debug)]
pub(in crate::management) struct Tenant {
    pub(in crate::management) id: OrganisationId,
    pub(in crate::management) slug: String,
}

/// The organisation in the path, or the name of one that is still to be created.
#[derive(Clone, Debug)]
pub(in crate::management) enum MaybeTenant {
    Known(Tenant),
    New(String),
}

impl Tenant {
    pub(in crate::management) fn new(id: OrganisationId, slug: String) -> Self {
        Self { id, slug }
    }

    pub(super) fn of(row: &organisation::Model) -> Self {
        Self { id: row.id, slug: row.slug.clone() }
    }
}

/// Whether an organisation's own people may administer it.
pub(super) fn is_served(row: &organisation::Model) -> bool {
    row.status == OrganisationStatus::Active
}

fn unguarded() -> ApiError {
    ApiError::internal("a handler was reached around the guard")
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unguarded)
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeTenant {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(unguarded)
    }
}

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<MaybeTenant>() {
            Some(MaybeTenant::Known(tenant)) => Ok(tenant.clone()),
            _ => Err(unguarded()),
        }
    }
}
