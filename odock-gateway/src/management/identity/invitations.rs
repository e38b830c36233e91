//! Invitations: into an organisation, or to draft a new one.

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use entity::check::{self, code};
use entity::invitation::{Invitation, Invite, IssuedInvitation};
use entity::page::Page;
use entity::resource::Kind;
use entity::row::organisation_invitation;
use entity::vocab::{InvitationStatus, Role};
use entity::{InvitationId, OrganisationId, Timestamp};
use http::StatusCode;
use http::request::Parts;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::checked;
use crate::credential::{self, CredentialKind};
use crate::gateway::Gateway;
use crate::management::access::caller::{Caller, Tenant};
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::body::{Document, Fields, path_params};
use crate::management::problem::{ApiError, Code, FORBIDDEN, TAKEN};
use crate::management::query::{ListParams, Params};
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;
use crate::store::invitations::shown;

const USUAL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Where an invitation leads.
enum Into<'a> {
    Organisation(&'a Tenant),
    Anywhere,
}

impl Into<'_> {
    fn id(&self) -> Option<OrganisationId> {
        match self {
            Self::Organisation(tenant) => Some(tenant.id),
            Self::Anywhere => None,
        }
    }
}

/// Lists the invitations into an organisation, newest first.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/invitations", tag = "invitations", operation_id = "list_invitations",
    params(("organisation" = String, Path, description = "Slug or id."), ListParams),
    responses((status = 200, description = "A page.", body = Page<Invitation>), Refusals)
)]
pub(in crate::management) async fn list(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Invitation>>, ApiError> {
    let all = store::invitations::list(gateway.database.reader(), Some(tenant.id), gateway.clock.now()).await?;
    Ok(Json(params.page(all, |invitation| &invitation.email)?))
}

/// Lists every invitation, newest first.
#[utoipa::path(
    get, path = "/api/admin/invitations", tag = "admin", operation_id = "list_all_invitations", params(ListParams),
    responses((status = 200, description = "A page.", body = Page<Invitation>), Refusals)
)]
pub(in crate::management) async fn list_all(
    State(gateway): State<Gateway>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Invitation>>, ApiError> {
    let all = store::invitations::list(gateway.database.reader(), None, gateway.clock.now()).await?;
    Ok(Json(params.page(all, |invitation| &invitation.email)?))
}

/// Invites somebody into an organisation. The token is shown this once.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/invitations", tag = "invitations", operation_id = "invite",
    params(("organisation" = String, Path, description = "Slug or id.")), request_body = Invite,
    responses((status = 201, description = "The invitation, with its token.", body = IssuedInvitation), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn invite(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Document(body): Document,
) -> Result<(StatusCode, Json<IssuedInvitation>), ApiError> {
    issue(&gateway, &caller, Into::Organisation(&tenant), body).await
}

/// Invites somebody to draft an organisation, which comes to be when they accept. The token is shown this once.
#[utoipa::path(
    post, path = "/api/admin/invitations", tag = "admin", operation_id = "invite_organisation", request_body = Invite,
    responses((status = 201, description = "The invitation, with its token.", body = IssuedInvitation), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn invite_organisation(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<(StatusCode, Json<IssuedInvitation>), ApiError> {
    issue(&gateway, &caller, Into::Anywhere, body).await
}

async fn issue(
    gateway: &Gateway,
    caller: &Caller,
    into: Into<'_>,
    body: Value,
) -> Result<(StatusCode, Json<IssuedInvitation>), ApiError> {
    let now = gateway.clock.now();
    let Invite { email, role, organisation, expires_at } = read(body, caller, &into, now)?;
    let tx = gateway.database.begin().await?;
    store::locks::serialise(&tx, into.id()).await?;
    refuse_taken(&tx, &into, &email, organisation.as_deref(), now).await?;
    let secret = credential::generate(CredentialKind::InvitationToken)?;
    let token = secret.expose_secret();
    let row = organisation_invitation::Model {
        id: InvitationId::new(),
        organisation_id: into.id(),
        drafts: organisation,
        email,
        role: role.unwrap_or(match into {
            Into::Organisation(_) => Role::User,
            Into::Anywhere => Role::OrgAdmin,
        }),
        token_hash: credential::hash(token),
        preview: credential::preview(token),
        status: InvitationStatus::Pending,
        invited_by: caller.name().to_owned(),
        accepted_by: None,
        accepted_at: None,
        expires_at: expires_at.unwrap_or_else(|| now.plus(USUAL)),
        created_at: now,
        updated_at: now,
    };
    let slug = match &into {
        Into::Organisation(tenant) => Some(tenant.slug.as_str()),
        Into::Anywhere => None,
    };
    let invitation = shown(&row, slug, now);
    store::invitations::insert(&tx, row).await?;
    note(&tx, caller, "create", &into, &invitation, now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(IssuedInvitation { invitation, token: token.to_owned() })))
}

fn read(body: Value, caller: &Caller, into: &Into<'_>, now: Timestamp) -> Result<Invite, ApiError> {
    let mut fields = Fields::of(body)?;
    let email = fields.line("email").map(|email| email.trim().to_lowercase());
    match &email {
        None if !fields.has_error("email") => drop(fields.report::<()>("email", code::MISSING, "`email` is missing")),
        Some(email) => {
            let wrong = check::check_name(Kind::User, email);
            fields.extend(wrong.into_iter().map(|violation| violation.under("/email").into_field_error()));
        }
        None => {}
    }
    let role = fields.text("role").and_then(|word| match word.parse::<Role>() {
        Ok(Role::SuperAdmin) => {
            fields.report("role", code::INVALID, "a SUPER_ADMIN belongs to no organisation, and is not invited")
        }
        Ok(role) if role < caller.role => {
            let message = format!("your own role is {}, and nobody invites to more than they hold", caller.role);
            fields.report("role", FORBIDDEN, message)
        }
        Ok(role) => Some(role),
        Err(error) => fields.report("role", code::INVALID, error.to_string()),
    });
    let organisation = fields.text("organisation");
    match (into, &organisation) {
        (Into::Organisation(_), Some(_)) => {
            let message = "the invitation is into the organisation of the path";
            fields.report::<()>("organisation", code::INVALID, message);
        }
        (Into::Anywhere, None) if !fields.has_error("organisation") => {
            fields.report::<()>("organisation", code::MISSING, "`organisation` is missing: which is to come to be?");
        }
        (Into::Anywhere, Some(slug)) => {
            let wrong = check::check_name(Kind::Organisation, slug);
            fields.extend(wrong.into_iter().map(|violation| violation.under("/organisation").into_field_error()));
        }
        _ => {}
    }
    let expires_at = fields.time("expiresAt");
    if expires_at.is_some_and(|end| end <= now) {
        fields.report::<()>("expiresAt", code::INVALID, "is over already");
    }
    if expires_at.is_some_and(|end| end > now.plus(LONGEST)) {
        fields.report::<()>("expiresAt", code::INVALID, "is more than 90 days away");
    }
    fields.finish()?;
    Ok(Invite { email: checked(email)?, role, organisation, expires_at })
}

async fn refuse_taken(
    tx: &sea_orm::DatabaseTransaction,
    into: &Into<'_>,
    email: &str,
    drafts: Option<&str>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let taken = |pointer: &str, message: String| {
        ApiError::fields(vec![crate::management::problem::field(pointer, TAKEN, message)])
    };
    let user = store::identities::user(tx, email).await?;
    // Of users elsewhere nothing is said.
    let here = |user: &entity::row::user::Model| into.id().is_none() || user.organisation_id == into.id();
    if user.as_ref().is_some_and(here) {
        return Err(taken("/email", format!("`{email}` is a user already")));
    }
    if let Some(slug) = drafts
        && store::organisations::find(tx, slug).await?.is_some()
    {
        return Err(taken("/organisation", format!("the organisation `{slug}` exists already")));
    }
    let pending = store::invitations::pending_for(tx, email, now).await?;
    if pending.is_some_and(|pending| pending.organisation_id == into.id()) {
        let error = taken("/email", format!("`{email}` is invited already"));
        return Err(error.hint("resend the invitation, or revoke it first"));
    }
    Ok(())
}

async fn note(
    tx: &sea_orm::DatabaseTransaction,
    caller: &Caller,
    verb: &'static str,
    into: &Into<'_>,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<(), ApiError> {
    let deed = Deed {
        verb,
        resource: "invitation",
        id: Some(invitation.id.0),
        name: Some(invitation.email.clone()),
        before: None,
        after: Some(serde_json::to_value(invitation).map_err(ApiError::internal)?),
    };
    let event = Actor::of(caller).did(deed, into.id(), now, DONE);
    Ok(store::audit::append(tx, event).await?)
}

/// The id in the path.
pub(in crate::management) struct Id(String);

impl<S: Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let params = path_params(parts).await?;
        let id = params.iter().find(|(param, _)| *param == "id").map(|(_, id)| id.to_owned());
        id.map(Self).ok_or_else(|| ApiError::internal("the route has no id in its path"))
    }
}

/// Makes a new token for an invitation that waits; the one before no longer works.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/invitations/{id}/resend", tag = "invitations", operation_id = "resend_invitation",
    params(("organisation" = String, Path, description = "Slug or id."), ("id" = InvitationId, Path, description = "The invitation's id.")),
    responses((status = 200, description = "The invitation, with its token.", body = IssuedInvitation), Refusals)
)]
pub(in crate::management) async fn resend(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Id(id): Id,
) -> Result<Json<IssuedInvitation>, ApiError> {
    resend_in(&gateway, &caller, &Into::Organisation(&tenant), &id).await
}

/// Takes an invitation back that waits.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/invitations/{id}/revoke", tag = "invitations", operation_id = "revoke_invitation",
    params(("organisation" = String, Path, description = "Slug or id."), ("id" = InvitationId, Path, description = "The invitation's id.")),
    responses((status = 200, description = "The invitation.", body = Invitation), Refusals)
)]
pub(in crate::management) async fn revoke(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Id(id): Id,
) -> Result<Json<Invitation>, ApiError> {
    revoke_in(&gateway, &caller, &Into::Organisation(&tenant), &id).await
}

/// Makes a new token for an invitation that waits; the one before no longer works.
#[utoipa::path(
    post, path = "/api/admin/invitations/{id}/resend", tag = "admin", operation_id = "resend_any_invitation",
    params(("id" = InvitationId, Path, description = "The invitation's id.")),
    responses((status = 200, description = "The invitation, with its token.", body = IssuedInvitation), Refusals)
)]
pub(in crate::management) async fn resend_any(
    State(gateway): State<Gateway>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<IssuedInvitation>, ApiError> {
    resend_in(&gateway, &caller, &Into::Anywhere, &id).await
}

/// Takes an invitation back that waits.
#[utoipa::path(
    post, path = "/api/admin/invitations/{id}/revoke", tag = "admin", operation_id = "revoke_any_invitation",
    params(("id" = InvitationId, Path, description = "The invitation's id.")),
    responses((status = 200, description = "The invitation.", body = Invitation), Refusals)
)]
pub(in crate::management) async fn revoke_any(
    State(gateway): State<Gateway>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Invitation>, ApiError> {
    revoke_in(&gateway, &caller, &Into::Anywhere, &id).await
}

async fn resend_in(
    gateway: &Gateway,
    caller: &Caller,
    into: &Into<'_>,
    id: &str,
) -> Result<Json<IssuedInvitation>, ApiError> {
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    let row = waiting(&tx, into, id).await?;
    if row.role < caller.role {
        return Err(ApiError::new(Code::Forbidden, "the invitation is to more than you hold"));
    }
    let secret = credential::generate(CredentialKind::InvitationToken)?;
    let token = secret.expose_secret();
    let renewed = (credential::hash(token), credential::preview(token));
    // One that had lapsed is good again.
    if !store::invitations::renew(&tx, row.id, renewed, now.plus(USUAL), now).await? {
        return Err(over());
    }
    let invitation = again(&tx, into, &row, now).await?;
    note(&tx, caller, "resend", into, &invitation, now).await?;
    tx.commit().await?;
    Ok(Json(IssuedInvitation { invitation, token: token.to_owned() }))
}

async fn revoke_in(
    gateway: &Gateway,
    caller: &Caller,
    into: &Into<'_>,
    id: &str,
) -> Result<Json<Invitation>, ApiError> {
    let now = gateway.clock.now();
    let tx = gateway.database.begin().await?;
    let row = waiting(&tx, into, id).await?;
    if !store::invitations::revoke(&tx, row.id, now).await? {
        return Err(over());
    }
    let invitation = again(&tx, into, &row, now).await?;
    note(&tx, caller, "revoke", into, &invitation, now).await?;
    tx.commit().await?;
    Ok(Json(invitation))
}

fn over() -> ApiError {
    ApiError::new(Code::Conflict, "the invitation was accepted or revoked already")
}

/// An invitation that nobody has accepted and nobody taken back.
async fn waiting(
    tx: &sea_orm::DatabaseTransaction,
    into: &Into<'_>,
    id: &str,
) -> Result<organisation_invitation::Model, ApiError> {
    let missing = || ApiError::not_found("invitation", id);
    let parsed: InvitationId = id.parse().map_err(|_| missing())?;
    let row = store::invitations::one(tx, into.id(), parsed).await?.ok_or_else(missing)?;
    if row.status == InvitationStatus::Pending { Ok(row) } else { Err(over()) }
}

/// An invitation as it is after a change.
async fn again(
    tx: &sea_orm::DatabaseTransaction,
    into: &Into<'_>,
    row: &organisation_invitation::Model,
    now: Timestamp,
) -> Result<Invitation, ApiError> {
    let row = store::invitations::one(tx, None, row.id).await?;
    let row = row.ok_or_else(|| ApiError::internal("what was just written is not there"))?;
    let organisation = match (into, row.organisation_id) {
        (Into::Organisation(tenant), _) => Some(tenant.slug.clone()),
        (Into::Anywhere, Some(id)) => store::organisations::find(tx, &id.to_string()).await?.map(|found| found.slug),
        (Into::Anywhere, None) => None,
    };
    Ok(shown(&row, organisation.as_deref(), now))
}
