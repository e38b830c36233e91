//! Invitations: how somebody who is not known yet comes in.

use serde::{Deserialize, Serialize};

use crate::vocab::{InvitationStatus, Role};
use crate::{InvitationId, Timestamp};

/// The body that issues an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// Who is invited.
    pub email: String,
    /// What they will be able to do; never more than who invites. `USER` when left out, `ORG_ADMIN` of a new organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The slug of an organisation that comes to be when the invitation is accepted. Only for super admins, and only where
    /// the invitation is not into an organisation that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// When it lapses; 7 days from now when absent, 90 days at the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    pub email: String,
    /// What they will be able to do.
    pub role: Role,
    /// The organisation that it leads into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Whether that organisation comes to be with it.
    pub drafts: bool,
    /// What became of it.
    pub status: InvitationStatus,
    /// Who invited.
    pub invited_by: String,
    /// The first and last few characters of its token.
    pub preview: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it lapses.
    pub expires_at: Timestamp,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
}

/// An invitation with its token: the one time that it is shown.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IssuedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The token: `odock-inv-…`.
    pub token: String,
}

impl std::fmt::Debug for IssuedInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedInvitation").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// The body of `POST /api/invitations/accept`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The invitation's token.
    pub token: String,
    /// What people will call the new user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The new user's password.
    pub password: String,
    /// What the session is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
