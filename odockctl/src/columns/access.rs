//! Tokens, identities and contexts as tables.

use entity::invitation::Invitation;
use entity::session::{Session, Token, Version, WhoAmI};
use entity::vocab::{InvitationStatus, Role, Scope, SignInMethod};
use entity::{AccessTokenId, InvitationId, ServiceAccountId, SessionId, Timestamp, UserId};
use serde::Serialize;

use super::{at, id, or_dash};
use crate::output::{Column, Show, instant, yes_no};

fn scopes(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

impl Show for Token {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", |t| t.name.clone()),
                Column::new("TOKEN", "preview", |t| t.preview.clone()),
                Column::new("SCOPES", "scopes", |t| scopes(&t.scopes)),
                Column::new("STATE", "", |t| {
                    match t.revoked_at {
                        Some(_) => "revoked",
                        None if t.expires_at <= Timestamp::now() => "expired",
                        None => "active",
                    }
                    .to_owned()
                }),
                Column::new("EXPIRES", "expiresAt", |t| instant(t.expires_at)),
                Column::new("LAST USED", "lastUsedAt", |t| or_dash(t.last_used_at.map(instant))),
                Column::wide("CREATED", "createdAt", |t| instant(t.created_at)),
                Column::wide("REVOKED", "revokedAt", |t| or_dash(t.revoked_at.map(instant))),
                Column::new("ID", "id", |t| t.id.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            id: AccessTokenId(id()),
            name: "laptop".into(),
            preview: "odock-pat-3kF…9Qz".into(),
            scopes: vec![Scope::Read, Scope::Write],
            created_at: at(),
            expires_at: at(),
            last_used_at: Some(at()),
            revoked_at: Some(at()),
        }
    }

    fn handle(&self) -> String {
        format!("token/{}", self.id)
    }
}

impl Show for WhoAmI {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("EMAIL", "email", |w| or_dash(w.email.as_ref())),
                Column::new("ROLE", "role", |w| w.role.to_string()),
                Column::new("ORGANISATION", "organisation", |w| or_dash(w.organisation.as_ref())),
                Column::new("TOKEN", "token.name", |w| w.token.name.clone()),
                Column::new("SCOPES", "token.scopes", |w| scopes(&w.token.scopes)),
                Column::new("EXPIRES", "token.expiresAt", |w| instant(w.token.expires_at)),
                Column::wide("SERVICE ACCOUNT", "serviceAccount", |w| or_dash(w.service_account.as_ref())),
                Column::wide("SESSION", "session", |w| or_dash(w.session)),
                Column::wide("USER ID", "userId", |w| or_dash(w.user_id)),
                Column::wide("SERVICE ACCOUNT ID", "serviceAccountId", |w| or_dash(w.service_account_id)),
            ]
        }
    }

    fn example() -> Self {
        Self {
            user_id: Some(UserId(id())),
            email: Some("ada@acme.example".into()),
            service_account_id: Some(ServiceAccountId(id())),
            service_account: Some("acme/deploy".into()),
            session: Some(SessionId(id())),
            role: Role::OrgAdmin,
            organisation: Some("acme".into()),
            token: Token::example(),
        }
    }

    fn handle(&self) -> String {
        match &self.service_account {
            Some(name) if self.email.is_none() => format!("service-account/{name}"),
            _ => format!("user/{}", self.name()),
        }
    }
}

impl Show for Session {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", |s| s.name.clone()),
                Column::new("CURRENT", "current", |s| if s.current { "*" } else { " " }.to_owned()),
                Column::new("METHOD", "method", |s| s.method.to_string()),
                Column::new("ADDRESS", "address", |s| s.address.clone()),
                Column::new("BEGAN", "createdAt", |s| instant(s.created_at)),
                Column::new("LAST USED", "lastUsedAt", |s| or_dash(s.last_used_at.map(instant))),
                Column::new("ENDS", "expiresAt", |s| instant(s.expires_at)),
                Column::new("ID", "id", |s| s.id.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            id: SessionId(id()),
            name: "laptop".into(),
            method: SignInMethod::Device,
            address: "192.0.2.7".into(),
            created_at: at(),
            expires_at: at(),
            last_used_at: Some(at()),
            current: true,
        }
    }

    fn handle(&self) -> String {
        format!("session/{}", self.id)
    }
}

impl Show for Invitation {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("EMAIL", "email", |i| i.email.clone()),
                Column::new("ROLE", "role", |i| i.role.to_string()),
                Column::new("ORGANISATION", "organisation", |i| or_dash(i.organisation.as_ref())),
                Column::new("STATUS", "status", |i| i.status.to_string()),
                Column::new("EXPIRES", "expiresAt", |i| instant(i.expires_at)),
                Column::new("INVITED BY", "invitedBy", |i| i.invited_by.clone()),
                Column::wide("NEW", "drafts", |i| yes_no(i.drafts)),
                Column::wide("TOKEN", "preview", |i| i.preview.clone()),
                Column::wide("CREATED", "createdAt", |i| instant(i.created_at)),
                Column::wide("ACCEPTED", "acceptedAt", |i| or_dash(i.accepted_at.map(instant))),
                Column::new("ID", "id", |i| i.id.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self {
            id: InvitationId(id()),
            email: "grace@acme.example".into(),
            role: Role::User,
            organisation: Some("acme".into()),
            drafts: true,
            status: InvitationStatus::Pending,
            invited_by: "ada@acme.example".into(),
            preview: "odock-inv-3kF…9Qz".into(),
            created_at: at(),
            expires_at: at(),
            accepted_at: Some(at()),
        }
    }

    fn handle(&self) -> String {
        format!("invitation/{}", self.id)
    }
}

/// A named gateway, as `context list` shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextRow {
    /// Its name.
    pub name: String,
    /// Whether it is the one in use.
    pub current: bool,
    /// The gateway's address.
    pub url: String,
    /// The organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Where the token is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Its colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Whether destructive acts need its name.
    pub protected: bool,
    /// Whether nothing may be changed.
    pub read_only: bool,
    /// Who signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// When the token stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Show for ContextRow {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("CURRENT", "current", |c| if c.current { "*" } else { " " }.to_owned()),
                Column::new("NAME", "name", |c| c.name.clone()),
                Column::new("URL", "url", |c| c.url.clone()),
                Column::new("ORGANISATION", "organisation", |c| or_dash(c.organisation.as_ref())),
                Column::new("CREDENTIAL", "credential", |c| or_dash(c.credential.as_ref())),
                Column::new("PROTECTED", "protected", |c| yes_no(c.protected)),
                Column::new("READ-ONLY", "readOnly", |c| yes_no(c.read_only)),
                Column::wide("COLOR", "color", |c| or_dash(c.color.as_ref())),
                Column::wide("EMAIL", "email", |c| or_dash(c.email.as_ref())),
                Column::wide("EXPIRES", "expiresAt", |c| or_dash(c.expires_at.map(instant))),
            ]
        }
    }

    fn example() -> Self {
        Self {
            name: "prod".into(),
            current: true,
            url: "https://odock.acme.example/".into(),
            organisation: Some("acme".into()),
            credential: Some("keyring:prod".into()),
            color: Some("red".into()),
            protected: true,
            read_only: true,
            email: Some("ada@acme.example".into()),
            expires_at: Some(at()),
        }
    }

    fn handle(&self) -> String {
        format!("context/{}", self.name)
    }
}

/// The versions of this program and of a gateway.
impl Show for Version {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("VERSION", "version", |v| v.version.clone()),
                Column::new("DATABASE", "database", |v| v.database.clone()),
                Column::new("HOT STORE", "hotStore", |v| v.hot_store.clone()),
            ]
        }
    }

    fn example() -> Self {
        Self { version: "0.1.0".into(), database: "sqlite".into(), hot_store: "memory".into() }
    }

    fn handle(&self) -> String {
        format!("version/{}", self.version)
    }
}
