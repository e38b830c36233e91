//! Signing in and out, passwords, tokens, invitations, service accounts.

use entity::identity::{BeginDevice, DevicePrompt, DeviceState, Exchange, Exchanged, IdentityProviders, PollDevice};
use entity::invitation::{AcceptInvitation, Invitation, Invite, IssuedInvitation};
use entity::resource::User;
use entity::session::{CreateToken, IssuedToken, Refresh, Session, SetPassword, SignIn, SignedIn, Token, WhoAmI};
use entity::{AccessTokenId, InvitationId, SessionId};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::query::NoQuery;
use super::{Client, ClientError, ListQuery, OrganisationApi, Path, Request};

impl Client {
    /// Posts what signs somebody in: never repeated, and sent by read-only clients, too.
    async fn of_the_session<T: DeserializeOwned>(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        Request::new(self, Method::POST, &Path::fixed(path)).of_the_session().json(body)?.read(self).await
    }

    /// Who the token belongs to.
    ///
    /// # Errors
    /// The call failed.
    pub async fn whoami(&self) -> Result<WhoAmI, ClientError> {
        self.get(&Path::fixed("api/whoami"), &NoQuery {}).await
    }

    /// Signs in with a one-time token.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sign_in(&self, token: &SecretString, name: Option<&str>) -> Result<SignedIn, ClientError> {
        let body = SignIn {
            token: Some(token.expose_secret().to_owned()),
            name: name.map(str::to_owned),
            ..SignIn::default()
        };
        self.of_the_session("api/auth/sign-in", &body).await
    }

    /// Signs in with a password.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sign_in_by_password(
        &self,
        email: &str,
        password: &SecretString,
        name: Option<&str>,
    ) -> Result<SignedIn, ClientError> {
        let body = SignIn {
            email: Some(email.to_owned()),
            password: Some(password.expose_secret().to_owned()),
            name: name.map(str::to_owned),
            ..SignIn::default()
        };
        self.of_the_session("api/auth/sign-in", &body).await
    }

    /// Renews a session. The refresh token is used up, whatever comes of it.
    ///
    /// # Errors
    /// The call failed.
    pub async fn refresh(&self, token: &SecretString) -> Result<SignedIn, ClientError> {
        let body = Refresh { refresh_token: token.expose_secret().to_owned() };
        self.of_the_session("api/auth/refresh", &body).await
    }

    /// The identity providers that people can sign in with. Needs no token.
    ///
    /// # Errors
    /// The call failed.
    pub async fn identity_providers(&self) -> Result<IdentityProviders, ClientError> {
        self.get(&Path::fixed("api/auth/providers"), &NoQuery {}).await
    }

    /// Begins a sign-in with a code in a browser.
    ///
    /// # Errors
    /// The call failed.
    pub async fn begin_device(&self, begin: &BeginDevice) -> Result<DevicePrompt, ClientError> {
        self.of_the_session("api/auth/device", begin).await
    }

    /// Asks how a sign-in with a code stands.
    ///
    /// # Errors
    /// The call failed.
    pub async fn poll_device(&self, handle: &str) -> Result<DeviceState, ClientError> {
        self.of_the_session("api/auth/device/poll", &PollDevice { handle: handle.to_owned() }).await
    }

    /// Exchanges a pipeline's OpenID token for a service account's.
    ///
    /// # Errors
    /// The call failed.
    pub async fn exchange(&self, account: &str, token: &SecretString) -> Result<Exchanged, ClientError> {
        let body = Exchange {
            grant_type: None,
            subject_token: token.expose_secret().to_owned(),
            subject_token_type: None,
            service_account: account.to_owned(),
        };
        self.of_the_session("api/auth/exchange", &body).await
    }

    /// Revokes the token, or ends the session, that this client calls with.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        Request::new(self, Method::POST, &Path::fixed("api/auth/sign-out")).of_the_session().done(self).await
    }

    /// Where the caller is signed in.
    ///
    /// # Errors
    /// A call failed.
    pub async fn sessions(&self) -> Result<Vec<Session>, ClientError> {
        self.list_all(&Path::fixed("api/auth/sessions"), &ListQuery::default()).await
    }

    /// Signs the caller out somewhere.
    ///
    /// # Errors
    /// The call failed.
    pub async fn end_session(&self, id: SessionId) -> Result<(), ClientError> {
        self.delete(&Path::fixed("api/auth/sessions").name(&id.to_string())?).await
    }

    /// Sets the caller's password.
    ///
    /// # Errors
    /// The call failed.
    pub async fn set_password(&self, new: &SecretString, current: Option<&SecretString>) -> Result<(), ClientError> {
        let body = SetPassword {
            current: current.map(|current| current.expose_secret().to_owned()),
            new: new.expose_secret().to_owned(),
        };
        Request::new(self, Method::PUT, &Path::fixed("api/auth/password")).json(&body)?.done(self).await
    }

    /// The caller's own personal tokens.
    ///
    /// # Errors
    /// A call failed.
    pub async fn tokens(&self) -> Result<Vec<Token>, ClientError> {
        self.list_all(&Path::fixed("api/auth/tokens"), &ListQuery::default()).await
    }

    /// Makes a personal token for the caller.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create_token(&self, token: &CreateToken) -> Result<IssuedToken, ClientError> {
        self.post(&Path::fixed("api/auth/tokens"), token).await
    }

    /// Revokes one of the caller's own tokens.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke_token(&self, id: AccessTokenId) -> Result<(), ClientError> {
        self.delete(&Path::fixed("api/auth/tokens").name(&id.to_string())?).await
    }

    /// Accepts an invitation with a password.
    ///
    /// # Errors
    /// The call failed.
    pub async fn accept_invitation(&self, accept: &AcceptInvitation) -> Result<SignedIn, ClientError> {
        self.of_the_session("api/invitations/accept", accept).await
    }

    /// Invitations into an organisation, or all of them, newest first.
    ///
    /// # Errors
    /// A call failed.
    pub async fn invitations(&self, organisation: Option<&str>) -> Result<Vec<Invitation>, ClientError> {
        self.list_all(&invitations(organisation)?, &ListQuery::default()).await
    }

    /// Invites somebody into an organisation, or to draft one.
    ///
    /// # Errors
    /// The call failed.
    pub async fn invite(&self, organisation: Option<&str>, invite: &Invite) -> Result<IssuedInvitation, ClientError> {
        self.post(&invitations(organisation)?, invite).await
    }

    /// Gives an invitation a new token.
    ///
    /// # Errors
    /// The call failed.
    pub async fn resend_invitation(
        &self,
        organisation: Option<&str>,
        id: InvitationId,
    ) -> Result<IssuedInvitation, ClientError> {
        let path = invitations(organisation)?.name(&id.to_string())?.join("resend");
        Request::new(self, Method::POST, &path).read(self).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke_invitation(
        &self,
        organisation: Option<&str>,
        id: InvitationId,
    ) -> Result<Invitation, ClientError> {
        let path = invitations(organisation)?.name(&id.to_string())?.join("revoke");
        Request::new(self, Method::POST, &path).read(self).await
    }
}

fn invitations(organisation: Option<&str>) -> Result<Path, ClientError> {
    Ok(match organisation {
        Some(organisation) => Path::fixed("api/organisations").name(organisation)?.join("invitations"),
        None => Path::fixed("api/admin/invitations"),
    })
}

impl OrganisationApi {
    fn service_account_tokens(&self, account: &str) -> Result<Path, ClientError> {
        Ok(self.at("service-accounts")?.name(account)?.join("tokens"))
    }

    /// The tokens of a service account.
    ///
    /// # Errors
    /// A call failed.
    pub async fn tokens_of(&self, account: &str) -> Result<Vec<Token>, ClientError> {
        self.client.list_all(&self.service_account_tokens(account)?, &ListQuery::default()).await
    }

    /// Makes a token of a service account.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create_token_of(&self, account: &str, token: &CreateToken) -> Result<IssuedToken, ClientError> {
        self.client.post(&self.service_account_tokens(account)?, token).await
    }

    /// Revokes a token of a service account.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke_token_of(&self, account: &str, id: AccessTokenId) -> Result<(), ClientError> {
        self.client.delete(&self.service_account_tokens(account)?.name(&id.to_string())?).await
    }

    /// Lets a user in who waits, or turns them away.
    ///
    /// # Errors
    /// The call failed.
    pub async fn decide_user(&self, email: &str, approve: bool) -> Result<User, ClientError> {
        let act = if approve { "approve" } else { "decline" };
        let path = self.at("users")?.name(email)?.join(act);
        Request::new(&self.client, Method::POST, &path).read(&self.client).await
    }
}
