//! Who is calling, and for which organisation: what the guard found out, for the handlers.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use entity::row::{SecretHash, organisation};
use entity::session::Token;
use entity::vocab::{OrganisationStatus, Role};
use entity::{OrganisationId, ServiceAccountId, UserId};
use http::request::Parts;

use crate::management::problem::{ApiError, Code};
use crate::store::bearers::{self, Holder, OfSession};
use crate::store::kinds::Scope;
use crate::store::reach::{Member, Reach};

/// A caller whose token is good.
#[derive(Clone, Debug)]
pub(in crate::management) struct Caller(Arc<Facts>);

/// What is known about a caller.
#[derive(Debug)]
pub(in crate::management) struct Facts {
    pub(in crate::management) holder: Holder,
    /// What the caller may do.
    pub(in crate::management) role: Role,
    pub(in crate::management) organisation_id: Option<OrganisationId>,
    pub(in crate::management) organisation: Option<String>,
    pub(in crate::management) token: Token,
    /// The session that the token is of, if it is of one.
    pub(in crate::management) session: Option<OfSession>,
    /// What the token is found by.
    pub(in crate::management) credential: (bearers::Kind, SecretHash),
    pub(in crate::management) address: Option<String>,
    pub(in crate::management) request_id: Arc<str>,
}

impl Facts {
    /// What people call the caller: an e-mail address, or `organisation/name` of a service account.
    pub(in crate::management) fn name(&self) -> &str {
        match &self.holder {
            Holder::User { email, .. } => email,
            Holder::ServiceAccount { name, .. } => name,
        }
    }

    /// The user, unless a service account calls.
    pub(in crate::management) fn user_id(&self) -> Option<UserId> {
        match &self.holder {
            Holder::User { id, .. } => Some(*id),
            Holder::ServiceAccount { .. } => None,
        }
    }

    /// The service account, unless a user calls.
    pub(in crate::management) fn service_account_id(&self) -> Option<ServiceAccountId> {
        match &self.holder {
            Holder::User { .. } => None,
            Holder::ServiceAccount { id, .. } => Some(*id),
        }
    }

    /// The user, or the refusal that only people can do this.
    pub(in crate::management) fn person(&self) -> Result<UserId, ApiError> {
        self.user_id().ok_or_else(|| {
            ApiError::new(Code::Forbidden, "that is for people: a service account has none of it")
                .hint("its tokens are made by an administrator, under its own name")
        })
    }
}

impl Caller {
    /// Whose teams, keys and usage a limited reach is about.
    pub(in crate::management) fn member(&self) -> Member {
        match &self.holder {
            Holder::User { id, .. } => Member::User(*id),
            Holder::ServiceAccount { id, .. } => Member::Account(*id),
        }
    }

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

/// The organisation in the path, which the caller may administer as a whole.
///
/// A handler that asks for it honours no smaller reach, and so is not run for those who have one: it asks for [`Reached`]
/// to serve them too.
#[derive(Clone, Debug)]
pub(in crate::management) struct Tenant {
    pub(in crate::management) id: OrganisationId,
    pub(in crate::management) slug: String,
}

/// The organisation in the path, and what of it the caller reaches.
#[derive(Clone, Debug)]
pub(in crate::management) struct Reached {
    pub(in crate::management) tenant: Tenant,
    pub(in crate::management) reach: Reach,
}

impl Reached {
    /// What the caller reaches, for queries.
    pub(in crate::management) fn scope(&self) -> Scope {
        if self.reach.is_limited() { Scope::Reached(self.tenant.id, self.reach) } else { Scope::Within(self.tenant.id) }
    }
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
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Reached { tenant, reach } = Reached::from_request_parts(parts, state).await?;
        if reach.is_limited() {
            return Err(ApiError::internal("a handler that knows no reach was opened to those who have one"));
        }
        Ok(tenant)
    }
}

impl<S: Sync> FromRequestParts<S> for Reached {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match (parts.extensions.get::<MaybeTenant>(), parts.extensions.get::<Reach>()) {
            (Some(MaybeTenant::Known(tenant)), Some(reach)) => Ok(Self { tenant: tenant.clone(), reach: *reach }),
            _ => Err(unguarded()),
        }
    }
}
