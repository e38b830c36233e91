//! How somebody becomes a user: by an invitation, or on the word of an identity provider.

use entity::row::{PasswordHash, organisation_invitation, user};
use entity::vocab::{InvitationStatus, OrganisationStatus, Role, UserStatus};
use entity::{OrganisationId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::{Refused, Stranger};
use crate::config::{IdentityProvider, Unknown};
use crate::gateway::Gateway;
use crate::identity::External;
use crate::management::audit::{DONE, Deed};
use crate::management::problem::{ApiError, Code, shortened};
use crate::store;
use crate::store::batch::Batch;
use crate::store::invitations::status;

/// What a new user brings.
#[derive(Default)]
pub(super) struct Newcomer {
    pub(super) display_name: Option<String>,
    pub(super) password: Option<PasswordHash>,
}

/// Whether an invitation can still be accepted.
pub(super) fn check(row: &organisation_invitation::Model, now: entity::Timestamp) -> Result<(), ApiError> {
    let ask = "ask whoever invited you for a new one";
    match status(row, now) {
        InvitationStatus::Pending => Ok(()),
        InvitationStatus::Accepted => Err(ApiError::new(Code::TokenRevoked, "the invitation was accepted already")),
        InvitationStatus::Revoked => Err(ApiError::new(Code::TokenRevoked, "the invitation was taken back").hint(ask)),
        InvitationStatus::Expired => Err(ApiError::new(Code::TokenExpired, "the invitation has expired").hint(ask)),
    }
}

/// Makes the user that an invitation is for, and the organisation if it drafts one.
pub(super) async fn accept(
    gateway: &Gateway,
    tx: &DatabaseTransaction,
    invitation: &organisation_invitation::Model,
    newcomer: Newcomer,
    stranger: &Stranger,
) -> Result<user::Model, ApiError> {
    let now = gateway.clock.now();
    store::locks::serialise(tx, invitation.organisation_id).await?;
    let taken = |what: &str| {
        ApiError::new(Code::Conflict, what.to_owned()).hint("whoever invited you can invite another address or name")
    };
    if store::identities::user(tx, &invitation.email).await?.is_some() {
        return Err(taken("the invited address is a user's already").hint("sign in instead"));
    }
    let mut batch = Batch::default();
    let actor = stranger.actor(Some(&invitation.email));
    let organisation = match (&invitation.drafts, invitation.organisation_id) {
        (Some(slug), _) => {
            if store::organisations::find(tx, slug).await?.is_some() {
                return Err(taken("there is an organisation of that name by now"));
            }
            let id = OrganisationId::new();
            batch.organisations.new.push(entity::row::organisation::ActiveModel {
                id: Set(id),
                slug: Set(slug.clone()),
                display_name: Set(None),
                contact: Set(Some(invitation.email.clone())),
                status: Set(OrganisationStatus::Active),
                policies: Set(None),
                routing: Set(None),
                revision: Set(1),
                created_at: Set(now),
                updated_at: Set(now),
            });
            let deed = Deed {
                verb: "create",
                resource: "organisation",
                id: Some(id.0),
                name: Some(slug.clone()),
                ..Deed::default()
            };
            batch.audit.push(actor.did(deed, Some(id), now, DONE));
            id
        }
        (None, Some(id)) => id,
        (None, None) => return Err(ApiError::internal("an invitation leads nowhere")),
    };
    let user = user::Model {
        id: UserId::new(),
        organisation_id: Some(organisation),
        email: invitation.email.clone(),
        display_name: newcomer.display_name,
        role: invitation.role,
        status: UserStatus::Active,
        last_sign_in_at: None,
        password_set_at: newcomer.password.is_some().then_some(now),
        password_hash: newcomer.password,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    add(&mut batch, &user);
    let deed = Deed {
        verb: "accept",
        resource: "invitation",
        id: Some(invitation.id.0),
        name: Some(invitation.email.clone()),
        before: None,
        after: Some(json!({"role": invitation.role, "invitedBy": invitation.invited_by})),
    };
    batch.audit.push(actor.did(deed, Some(organisation), now, DONE));
    batch.write(tx).await?;
    if !store::invitations::accept(tx, invitation.id, user.id, now).await? {
        return Err(ApiError::new(Code::TokenRevoked, "the invitation was accepted or taken back at the same moment"));
    }
    Ok(user)
}

fn add(batch: &mut Batch, user: &user::Model) {
    use sea_orm::{ActiveModelTrait, IntoActiveModel};
    batch.users.new.push(user.clone().into_active_model().reset_all());
}

/// The user whom an identity provider means: one who is linked, invited, known by a verified address, or new and waiting.
pub(super) async fn known(
    gateway: &Gateway,
    tx: &DatabaseTransaction,
    provider: &IdentityProvider,
    external: &External,
    invitation: Option<organisation_invitation::Model>,
    stranger: &Stranger,
) -> Result<user::Model, Refused> {
    let now = gateway.clock.now();
    let refuse = |title: String| {
        Refused::of(
            ApiError::new(Code::Forbidden, title),
            external.email.clone().unwrap_or_else(|| format!("{} {}", provider.name, external.subject)),
        )
    };
    if let Some(linked) = store::identities::by_subject(tx, &external.issuer, &external.subject).await? {
        store::identities::used(tx, linked.id, now).await?;
        let user = store::identities::user_by_id(tx, linked.user_id).await?;
        return user.ok_or_else(|| ApiError::internal("an identity without a user").into());
    }
    let domain = external.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
    if !provider.allowed_domains.is_empty()
        && !domain.is_some_and(|domain| provider.allowed_domains.iter().any(|allowed| allowed == domain))
    {
        return Err(refuse(format!("{} is not open to people of that e-mail domain", provider.name)));
    }
    let user = match (invitation, &external.email) {
        (Some(invitation), _) => {
            check(&invitation, now).map_err(|error| Refused::of(error, invitation.email.clone()))?;
            accept(gateway, tx, &invitation, newcomer(external), stranger).await?
        }
        (None, Some(email)) => match store::identities::user(tx, email).await? {
            Some(user) if store::identities::has_one_of(tx, user.id, &external.issuer).await? => {
                return Err(refuse(format!("the user has another identity at {}", provider.name)));
            }
            Some(user) => user,
            None => match store::invitations::pending_for(tx, email, now).await? {
                Some(invitation) => accept(gateway, tx, &invitation, newcomer(external), stranger).await?,
                None => wait(gateway, tx, provider, external, email, stranger).await?,
            },
        },
        (None, None) => {
            return Err(refuse(format!("{} has not verified an e-mail address of this person", provider.name)));
        }
    };
    let subject = [external.issuer.as_str(), external.subject.as_str()];
    store::identities::link(tx, user.id, subject, external.email.as_deref(), now).await?;
    let deed = Deed {
        verb: "link-identity",
        resource: "user",
        id: Some(user.id.0),
        name: Some(user.email.clone()),
        before: None,
        after: Some(json!({"provider": provider.name, "issuer": external.issuer, "subject": external.subject})),
    };
    let event = stranger.actor(Some(&user.email)).did(deed, user.organisation_id, now, DONE);
    store::audit::append(tx, event).await?;
    Ok(user)
}

fn newcomer(external: &External) -> Newcomer {
    Newcomer { display_name: external.name.clone(), password: None }
}

/// Somebody whom nobody invited: refused, or a user who waits for approval, as the provider is configured.
async fn wait(
    gateway: &Gateway,
    tx: &DatabaseTransaction,
    provider: &IdentityProvider,
    external: &External,
    email: &str,
    stranger: &Stranger,
) -> Result<user::Model, Refused> {
    let Unknown::Pending(slug) = &provider.unknown else {
        let error = ApiError::new(Code::Forbidden, format!("{} is no user here", shortened(email)))
            .hint("ask an administrator for an invitation");
        return Err(Refused::of(error, email));
    };
    let organisation = store::organisations::find(tx, slug).await?;
    let organisation = organisation.ok_or_else(|| {
        tracing::error!(provider = provider.name, organisation = slug, "There is no such organisation to wait in");
        Refused::of(ApiError::new(Code::Forbidden, "there is no organisation to wait in"), email)
    })?;
    let wrong = entity::check::check_name(entity::resource::Kind::User, email);
    if let Some(wrong) = wrong.first() {
        return Err(ApiError::new(Code::Forbidden, format!("the e-mail address {}", wrong.message)).into());
    }
    let now = gateway.clock.now();
    let user = user::Model {
        id: UserId::new(),
        organisation_id: Some(organisation.id),
        email: email.to_owned(),
        display_name: external.name.clone(),
        role: Role::User,
        status: UserStatus::Pending,
        last_sign_in_at: None,
        password_hash: None,
        password_set_at: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    let mut batch = Batch::default();
    add(&mut batch, &user);
    let deed = Deed {
        verb: "create",
        resource: "user",
        id: Some(user.id.0),
        name: Some(user.email.clone()),
        before: None,
        after: Some(json!({"role": user.role, "status": user.status, "provider": provider.name})),
    };
    batch.audit.push(stranger.actor(Some(email)).did(deed, Some(organisation.id), now, DONE));
    batch.write(tx).await?;
    Ok(user)
}
