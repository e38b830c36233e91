//! Accepting an invitation with a password.

use axum::Json;
use axum::extract::State;
use entity::check::code;
use entity::invitation::AcceptInvitation;
use entity::session::SignedIn;
use entity::vocab::SignInMethod;
use secrecy::ExposeSecret;

use super::joining::{self, Newcomer};
use super::sessions::{self, Way};
use super::{Refused, Stranger, begin_attempt, busy, checked, needed_secret, settle};
use crate::credential;
use crate::gateway::Gateway;
use crate::identity::Passwords;
use crate::management::access::guard;
use crate::management::body::{Document, Fields};
use crate::management::problem::ApiError;
use crate::management::refusals::{BodyRefusals, Refusals};
use crate::store;

/// Accepts an invitation: makes the user with a password, and signs them in.
#[utoipa::path(
    post, path = "/api/invitations/accept", tag = "session", operation_id = "accept_invitation", security(()),
    request_body = AcceptInvitation,
    responses((status = 200, description = "The session, with its tokens.", body = SignedIn), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn accept(
    State(gateway): State<Gateway>,
    stranger: Stranger,
    Document(body): Document,
) -> Result<Json<SignedIn>, ApiError> {
    let mut fields = Fields::of(body)?;
    let token = needed_secret(&mut fields, "token", 512);
    let display_name = fields.line("displayName");
    let password = needed_secret(&mut fields, "password", 4_096);
    let name = fields.line("name");
    if let Some(password) = &password
        && let Some(problem) = Passwords::objection(password.expose_secret(), "\0")
    {
        fields.report::<()>("password", code::INVALID, problem);
    }
    fields.finish()?;
    let (token, password) = (checked(token)?, checked(password)?);
    let attempt = begin_attempt(&gateway, &stranger, "accept", None, false).await?;
    let outcome = join(&gateway, &stranger, token.expose_secret(), (display_name, password, name)).await;
    Ok(Json(settle(&gateway, &stranger, "accept", attempt, outcome).await?))
}

async fn join(
    gateway: &Gateway,
    stranger: &Stranger,
    token: &str,
    (display_name, password, name): (Option<String>, secrecy::SecretString, Option<String>),
) -> Result<SignedIn, Refused> {
    let found = store::invitations::by_hash(gateway.database.reader(), &credential::hash(token)).await?;
    let unknown = || Refused::from(guard::unauthorized("the invitation is not known").hint("a newer one replaces it"));
    let found = found.ok_or_else(unknown)?;
    let refused =
        |error: ApiError| Refused { organisation: found.organisation_id, ..Refused::of(error, found.email.clone()) };
    joining::check(&found, gateway.clock.now()).map_err(refused)?;
    if let Some(problem) = Passwords::objection(password.expose_secret(), &found.email) {
        let field = crate::management::problem::field("/password", code::INVALID, problem);
        return Err(ApiError::fields(vec![field]).into());
    }
    let password = gateway.identity.passwords.hash(password).await.map_err(busy)?;
    let tx = gateway.database.begin().await?;
    // It may have been replaced or taken back meanwhile.
    let invitation = store::invitations::by_hash(&tx, &credential::hash(token)).await?.ok_or_else(unknown)?;
    joining::check(&invitation, gateway.clock.now()).map_err(refused)?;
    let newcomer = Newcomer { display_name, password: Some(password) };
    let user = joining::accept(gateway, &tx, &invitation, newcomer, stranger).await.map_err(refused)?;
    let way = Way { method: SignInMethod::Password, name, stranger };
    let signed_in = sessions::begin(gateway, &tx, &user, way).await?;
    tx.commit().await?;
    Ok(signed_in)
}
