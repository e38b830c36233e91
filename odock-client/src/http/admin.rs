//! Calls of super admins, across organisations.

use entity::audit::{AuditEvent, AuditVerification};
use entity::envelope::{Rewrap, Rewrapped, SealedSecrets};
use entity::page::Page;
use entity::resource::{Create, Organisation, OrganisationSpec, User, UserSpec};
use futures_util::Stream;
use reqwest::Method;
use serde_json::Value;

use super::audit::{self, Following};
use super::query::NoQuery;
use super::{AuditNews, AuditQuery, Client, ClientError, ListQuery, LiveQuery, Path, Request, Wire, live};

/// The routes below `/api/admin`.
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

impl Admin {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    fn path(text: &'static str) -> Path {
        Path::fixed("api/admin").join(text)
    }

    fn organisation_path(name: &str) -> Result<Path, ClientError> {
        Self::path("organisations").name(name)
    }

    fn user_path(email: &str) -> Result<Path, ClientError> {
        Self::path("users").name(email)
    }

    /// Resources of one kind in all organisations, up to `most`.
    ///
    /// # Errors
    /// A call failed.
    pub async fn list<T: Wire>(&self, query: &ListQuery, most: usize) -> Result<Page<T>, ClientError> {
        self.client.pages(&Self::path(T::KIND.plural()), query, most).await
    }

    /// Resources of one kind in all organisations as they change: one connection, which the caller renews.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn watch<T: Wire>(
        &self,
        query: &ListQuery,
        since: Option<&str>,
    ) -> Result<impl Stream<Item = Result<super::Watched<T>, ClientError>> + Send + Unpin + use<T>, ClientError> {
        super::watch::open(&self.client, &Self::path(T::KIND.plural()), query, since).await
    }

    /// One organisation.
    ///
    /// # Errors
    /// The call failed.
    pub async fn organisation(&self, name: &str) -> Result<Organisation, ClientError> {
        self.client.get(&Self::organisation_path(name)?, &NoQuery {}).await
    }

    /// Creates an organisation.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create_organisation(&self, name: &str, spec: OrganisationSpec) -> Result<Organisation, ClientError> {
        self.client.post(&Self::path("organisations"), &Create { name: name.to_owned(), spec }).await
    }

    /// Changes an organisation by a merge patch of its spec.
    ///
    /// # Errors
    /// The call failed.
    pub async fn patch_organisation(
        &self,
        name: &str,
        patch: &Value,
        revision: Option<i64>,
    ) -> Result<Organisation, ClientError> {
        let request = Request::new(&self.client, Method::PATCH, &Self::organisation_path(name)?);
        request.merge_patch(revision).json(patch)?.read(&self.client).await
    }

    /// Deletes an organisation; with `cascade` everything in it too.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete_organisation(&self, name: &str, cascade: bool) -> Result<(), ClientError> {
        super::organisation::delete(&self.client, &Self::organisation_path(name)?, cascade).await
    }

    /// One user of any organisation or of none.
    ///
    /// # Errors
    /// The call failed.
    pub async fn user(&self, email: &str) -> Result<User, ClientError> {
        self.client.get(&Self::user_path(email)?, &NoQuery {}).await
    }

    /// Creates a user of no organisation.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create_user(&self, email: &str, spec: UserSpec) -> Result<User, ClientError> {
        self.client.post(&Self::path("users"), &Create { name: email.to_owned(), spec }).await
    }

    /// Changes a user by a merge patch of its spec.
    ///
    /// # Errors
    /// The call failed.
    pub async fn patch_user(&self, email: &str, patch: &Value, revision: Option<i64>) -> Result<User, ClientError> {
        let request = Request::new(&self.client, Method::PATCH, &Self::user_path(email)?);
        request.merge_patch(revision).json(patch)?.read(&self.client).await
    }

    /// Deletes a user.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete_user(&self, email: &str, cascade: bool) -> Result<(), ClientError> {
        super::organisation::delete(&self.client, &Self::user_path(email)?, cascade).await
    }

    /// How many secrets are sealed for each of the gateway's keys.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sealed_secrets(&self) -> Result<SealedSecrets, ClientError> {
        self.client.get(&Self::path("secrets"), &NoQuery {}).await
    }

    /// Moves up to `limit` secrets to the newest key.
    ///
    /// # Errors
    /// The call failed; what was moved before stays moved.
    pub async fn rewrap(&self, limit: Option<u32>) -> Result<Rewrapped, ClientError> {
        let call = Request::new(&self.client, Method::POST, &Self::path("secrets/rewrap")).repeatable();
        call.json(&Rewrap { limit })?.read(&self.client).await
    }

    /// Audit events of every organisation, newest first, up to `most`.
    ///
    /// # Errors
    /// A call failed.
    pub async fn audit(&self, query: &AuditQuery, most: usize) -> Result<Page<AuditEvent>, ClientError> {
        self.client.pages(&Self::path("audit"), query, most).await
    }

    /// What happens from now on in every organisation: one connection, which the caller renews.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn follow_audit(
        &self,
        query: &AuditQuery,
    ) -> Result<impl Stream<Item = Result<AuditNews, ClientError>> + Send + Unpin + use<>, ClientError> {
        live::events(&self.client, &Self::path("audit"), &Following::new(query, None), audit::decode).await
    }

    /// Looks at every event of every chain, and names the first of each that is missing or altered.
    ///
    /// # Errors
    /// The call failed.
    pub async fn verify_audit(&self) -> Result<AuditVerification, ClientError> {
        self.client.get(&Self::path("audit").join("verify"), &NoQuery {}).await
    }

    /// The live stream of every organisation: one connection, which the caller renews.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn live(
        &self,
        query: &LiveQuery,
    ) -> Result<impl Stream<Item = Result<entity::live::LiveEvent, ClientError>> + Send + Unpin + use<>, ClientError>
    {
        live::open(&self.client, &Self::path("live"), query).await
    }
}
