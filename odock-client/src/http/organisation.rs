//! Calls within one organisation.

use entity::audit::{AuditEvent, AuditVerification};
use entity::ledger::{Invoice, LimitStatus, LimitStatuses, Verification};
use entity::live::LiveEvent;
use entity::manifest::ApplyRequest;
use entity::page::Page;
use entity::plan::{FieldOwner, FieldOwners, Plan};
use entity::probe::ProviderTest;
use entity::resource::{
    AcknowledgeSecret, ApiKey, ApiKeySpec, Budget, BudgetSpec, Create, CreateApiKey, IssuedApiKey, Kind, Model,
    ModelSpec, Organisation, OrganisationSpec, Overlay, OverlaySpec, Provider, ProviderKeySpec, ProviderSpec, Quota,
    QuotaSpec, RotateApiKey, Rotation, ServiceAccount, ServiceAccountSpec, Team, TeamMember, TeamSpec, User, UserSpec,
};
use entity::usage::{UsageRecord, UsageSummary};
use futures_util::Stream;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::audit::{self, Following};
use super::query::NoQuery;
use super::{
    AuditNews, AuditQuery, Client, ClientError, InvoiceQuery, ListQuery, LiveQuery, Path, Request, SummaryQuery,
    TopQuery, UsageQuery, Watched, live, watch,
};

/// A resource that has a kind: the type says which collection it is in.
pub trait Wire: Serialize + DeserializeOwned + Send {
    /// Its kind.
    const KIND: Kind;
    /// Its name.
    fn name(&self) -> &str;
    /// What it is declared to be.
    type Spec: Serialize + DeserializeOwned + Send;
}

macro_rules! wires {
    ($($wire:ident is $spec:ident,)*) => {$(
        impl Wire for $wire {
            const KIND: Kind = Kind::$wire;
            type Spec = $spec;
            fn name(&self) -> &str {
                &self.name
            }
        }
    )*};
}

wires! {
    Organisation is OrganisationSpec,
    User is UserSpec,
    Team is TeamSpec,
    ServiceAccount is ServiceAccountSpec,
    Provider is ProviderSpec,
    Model is ModelSpec,
    ApiKey is ApiKeySpec,
    Budget is BudgetSpec,
    Quota is QuotaSpec,
    Overlay is OverlaySpec,
}

/// The routes below `/api/organisations/{organisation}`.
#[derive(Clone, Debug)]
pub struct OrganisationApi {
    pub(super) client: Client,
    organisation: String,
}

impl OrganisationApi {
    pub(super) fn new(client: Client, organisation: &str) -> Self {
        Self { client, organisation: organisation.to_owned() }
    }

    /// The organisation's slug or id, as it was given.
    #[must_use]
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    fn root(&self) -> Result<Path, ClientError> {
        Path::fixed("api/organisations").name(&self.organisation)
    }

    pub(super) fn at(&self, text: &'static str) -> Result<Path, ClientError> {
        Ok(self.root()?.join(text))
    }

    fn item(&self, kind: Kind, name: &str) -> Result<Path, ClientError> {
        match kind {
            Kind::Organisation => Path::fixed("api/organisations").name(name),
            _ => self.at(kind.plural())?.name(name),
        }
    }

    /// The organisation itself.
    ///
    /// # Errors
    /// The call failed.
    pub async fn show(&self) -> Result<Organisation, ClientError> {
        self.client.get(&self.root()?, &NoQuery {}).await
    }

    /// Resources of one kind, up to `most`, with the cursor of what is left.
    ///
    /// # Errors
    /// A call failed.
    pub async fn page<T: Wire>(&self, query: &ListQuery, most: usize) -> Result<Page<T>, ClientError> {
        self.client.pages(&self.at(T::KIND.plural())?, query, most).await
    }

    /// Resources of one kind as they change: one connection, which the caller renews, after the id `since`.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn watch<T: Wire>(
        &self,
        query: &ListQuery,
        since: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Watched<T>, ClientError>> + Send + Unpin + use<T>, ClientError> {
        watch::open(&self.client, &self.at(T::KIND.plural())?, query, since).await
    }

    /// Every resource of one kind.
    ///
    /// # Errors
    /// A call failed.
    pub async fn list<T: Wire>(&self, query: &ListQuery) -> Result<Vec<T>, ClientError> {
        self.client.list_all(&self.at(T::KIND.plural())?, query).await
    }

    /// One resource, by name or id.
    ///
    /// # Errors
    /// The call failed.
    pub async fn get<T: Wire>(&self, name: &str) -> Result<T, ClientError> {
        self.client.get(&self.item(T::KIND, name)?, &NoQuery {}).await
    }

    /// Creates a resource. Virtual keys are created by [`ApiKeys::create`].
    ///
    /// # Errors
    /// The call failed.
    pub async fn create<T: Wire>(&self, name: &str, spec: T::Spec) -> Result<T, ClientError> {
        self.client.post(&self.at(T::KIND.plural())?, &Create { name: name.to_owned(), spec }).await
    }

    /// Changes a resource by a merge patch (RFC 7396) of its spec, if it still is at `revision`.
    ///
    /// # Errors
    /// The call failed; `stale_revision` when the resource moved on.
    pub async fn patch<T: Wire>(&self, name: &str, patch: &Value, revision: Option<i64>) -> Result<T, ClientError> {
        let request = Request::new(&self.client, Method::PATCH, &self.item(T::KIND, name)?);
        request.merge_patch(revision).json(patch)?.read(&self.client).await
    }

    /// Deletes a resource; with `cascade` also what refers to it.
    ///
    /// # Errors
    /// The call failed; `conflict` when something refers to it.
    pub async fn delete(&self, kind: Kind, name: &str, cascade: bool) -> Result<(), ClientError> {
        delete(&self.client, &self.item(kind, name)?, cascade).await
    }

    /// Virtual keys and what is done with them.
    #[must_use]
    pub fn apikeys(&self) -> ApiKeys {
        ApiKeys { of: self.clone() }
    }

    /// Tries a provider with the named credential, or with the one that its models use. No tokens are spent.
    ///
    /// # Errors
    /// The call failed. That the provider does not answer as it should is no failure of the call.
    pub async fn test_provider(&self, name: &str, key: Option<&str>) -> Result<ProviderTest, ClientError> {
        #[derive(Serialize)]
        struct Which<'a> {
            key: Option<&'a str>,
        }
        let path = self.item(Kind::Provider, name)?.join("test");
        Request::new(&self.client, Method::POST, &path).query(&Which { key })?.read(&self.client).await
    }

    /// The members of a team.
    #[must_use]
    pub fn members(&self, team: &str) -> TeamMembers {
        TeamMembers { of: self.clone(), team: team.to_owned() }
    }

    /// The credentials of a provider.
    #[must_use]
    pub fn provider_keys(&self, provider: &str) -> ProviderKeys {
        ProviderKeys { of: self.clone(), provider: provider.to_owned() }
    }

    /// Usage records, newest first, up to `most`, with the cursor of what is left.
    ///
    /// # Errors
    /// A call failed.
    pub async fn usage(&self, query: &UsageQuery, most: usize) -> Result<Page<UsageRecord>, ClientError> {
        self.client.pages(&self.at("usage")?, query, most).await
    }

    /// The record of one request.
    ///
    /// # Errors
    /// The call failed.
    pub async fn usage_record(&self, request_id: &str) -> Result<UsageRecord, ClientError> {
        self.client.get(&self.at("usage")?.name(request_id)?, &NoQuery {}).await
    }

    /// Sums over usage records.
    ///
    /// # Errors
    /// The call failed.
    pub async fn usage_summary(&self, query: &SummaryQuery) -> Result<UsageSummary, ClientError> {
        self.client.get(&self.at("usage/summary")?, query).await
    }

    /// Ranks what caused usage.
    ///
    /// # Errors
    /// The call failed.
    pub async fn usage_top(&self, query: &TopQuery) -> Result<UsageSummary, ClientError> {
        self.client.get(&self.at("usage/top")?, query).await
    }

    /// Budgets and quotas with their open windows, by kind, then name.
    ///
    /// # Errors
    /// The call failed.
    pub async fn limits(&self) -> Result<Vec<LimitStatus>, ClientError> {
        let statuses: LimitStatuses = self.client.get(&self.at("limits")?, &NoQuery {}).await?;
        Ok(statuses.items)
    }

    /// Who declared which field of the resource with this id.
    ///
    /// # Errors
    /// The call failed.
    pub async fn owners(&self, resource: &str) -> Result<Vec<FieldOwner>, ClientError> {
        #[derive(Serialize)]
        struct Of<'a> {
            resource: &'a str,
        }
        let owners: FieldOwners = self.client.get(&self.at("owners")?, &Of { resource }).await?;
        Ok(owners.items)
    }

    /// What the organisation owes for a period.
    ///
    /// # Errors
    /// The call failed.
    pub async fn invoice(&self, query: &InvoiceQuery) -> Result<Invoice, ClientError> {
        self.client.get(&self.at("invoices/preview")?, query).await
    }

    /// Recomputes every window and rollup from the usage records.
    ///
    /// # Errors
    /// The call failed.
    pub async fn verify_ledger(&self) -> Result<Verification, ClientError> {
        self.client.get(&self.at("ledger/verify")?, &NoQuery {}).await
    }

    /// The live stream: one connection, which the caller renews when it ends.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn live(
        &self,
        query: &LiveQuery,
    ) -> Result<impl Stream<Item = Result<LiveEvent, ClientError>> + Send + Unpin + use<>, ClientError> {
        live::open(&self.client, &self.at("live")?, query).await
    }

    /// Audit events, newest first, up to `most`.
    ///
    /// # Errors
    /// A call failed.
    pub async fn audit(&self, query: &AuditQuery, most: usize) -> Result<Page<AuditEvent>, ClientError> {
        self.client.pages(&self.at("audit")?, query, most).await
    }

    /// What happens from now on, or after the event `since`: one connection, which the caller renews.
    ///
    /// # Errors
    /// The stream could not be opened.
    pub async fn follow_audit(
        &self,
        query: &AuditQuery,
        since: Option<&str>,
    ) -> Result<impl Stream<Item = Result<AuditNews, ClientError>> + Send + Unpin + use<>, ClientError> {
        live::events(&self.client, &self.at("audit")?, &Following::new(query, since), audit::decode).await
    }

    /// Looks at every event of the organisation's log, and names the first that is missing or altered.
    ///
    /// # Errors
    /// The call failed.
    pub async fn verify_audit(&self, anchor: Option<&str>) -> Result<AuditVerification, ClientError> {
        #[derive(Serialize)]
        struct Anchor<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            anchor: Option<&'a str>,
        }
        self.client.get(&self.at("audit")?.join("verify"), &Anchor { anchor }).await
    }

    /// Makes manifests true in one transaction, or says what that would do.
    ///
    /// # Errors
    /// The call failed; nothing was changed.
    pub async fn apply(&self, request: &ApplyRequest, dry_run: bool) -> Result<Plan, ClientError> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct DryRun {
            dry_run: bool,
        }
        let call = Request::new(&self.client, Method::POST, &self.at("apply")?).query(&DryRun { dry_run })?;
        // What was applied is found done by the next apply: nothing is done twice.
        let call = if dry_run { call.harmless() } else { call.repeatable() };
        call.json(request)?.read(&self.client).await
    }
}

/// Virtual keys of an organisation.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    pub(super) of: OrganisationApi,
}

impl ApiKeys {
    pub(super) fn key(&self, name: &str) -> Result<Path, ClientError> {
        self.of.item(Kind::ApiKey, name)
    }

    /// Creates a virtual key.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create(&self, key: &CreateApiKey) -> Result<IssuedApiKey, ClientError> {
        self.of.client.post(&self.of.at(Kind::ApiKey.plural())?, key).await
    }

    /// Deletes a virtual key.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete(&self, name: &str) -> Result<(), ClientError> {
        self.of.delete(Kind::ApiKey, name, false).await
    }

    /// Shows the secret of a key that was created without showing it. Works once.
    ///
    /// # Errors
    /// The call failed; `conflict` when it was shown before.
    pub async fn reveal(&self, name: &str) -> Result<IssuedApiKey, ClientError> {
        Request::new(&self.of.client, Method::POST, &self.key(name)?.join("reveal")).read(&self.of.client).await
    }

    /// Says that a secret reached its place, which puts it in force. Saying it twice is saying it once.
    ///
    /// # Errors
    /// The call failed; `conflict` when the time is over, or another secret was drawn since.
    pub async fn acknowledge(&self, name: &str, hash: &str) -> Result<ApiKey, ClientError> {
        let body = AcknowledgeSecret { hash: hash.to_owned() };
        let call = Request::new(&self.of.client, Method::POST, &self.key(name)?.join("ack")).repeatable();
        call.json(&body)?.read(&self.of.client).await
    }

    /// Ends the overlap of a rotation at once.
    ///
    /// # Errors
    /// The call failed.
    pub async fn finish_rotation(&self, name: &str) -> Result<ApiKey, ClientError> {
        let call = Request::new(&self.of.client, Method::POST, &self.key(name)?.join("finish-rotation")).repeatable();
        call.read(&self.of.client).await
    }

    /// Gives a key a new secret.
    ///
    /// # Errors
    /// The call failed.
    pub async fn rotate(&self, name: &str, how: &RotateApiKey) -> Result<IssuedApiKey, ClientError> {
        self.of.client.post(&self.key(name)?.join("rotate"), how).await
    }

    /// Stops a key from working.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke(&self, name: &str) -> Result<ApiKey, ClientError> {
        Request::new(&self.of.client, Method::POST, &self.key(name)?.join("revoke")).read(&self.of.client).await
    }

    /// Lets a revoked key work again.
    ///
    /// # Errors
    /// The call failed.
    pub async fn unrevoke(&self, name: &str) -> Result<ApiKey, ClientError> {
        Request::new(&self.of.client, Method::POST, &self.key(name)?.join("unrevoke")).read(&self.of.client).await
    }

    /// The rotations of a key, newest first.
    ///
    /// # Errors
    /// A call failed.
    pub async fn history(&self, name: &str) -> Result<Vec<Rotation>, ClientError> {
        self.of.client.list_all(&self.key(name)?.join("history"), &ListQuery::default()).await
    }

    /// Lets a key call a model.
    ///
    /// # Errors
    /// The call failed.
    pub async fn grant(&self, name: &str, model: &str) -> Result<(), ClientError> {
        let path = self.key(name)?.join("models").name(model)?;
        Request::new(&self.of.client, Method::PUT, &path).done(&self.of.client).await
    }

    /// Stops a key from calling a model.
    ///
    /// # Errors
    /// The call failed.
    pub async fn ungrant(&self, name: &str, model: &str) -> Result<(), ClientError> {
        self.of.client.delete(&self.key(name)?.join("models").name(model)?).await
    }
}

/// Members of a team.
#[derive(Clone, Debug)]
pub struct TeamMembers {
    of: OrganisationApi,
    team: String,
}

impl TeamMembers {
    fn path(&self) -> Result<Path, ClientError> {
        Ok(self.of.item(Kind::Team, &self.team)?.join("members"))
    }

    /// Who belongs to the team.
    ///
    /// # Errors
    /// A call failed.
    pub async fn list(&self) -> Result<Vec<TeamMember>, ClientError> {
        self.of.client.list_all(&self.path()?, &ListQuery::default()).await
    }

    /// Adds a member, or changes its place.
    ///
    /// # Errors
    /// The call failed.
    pub async fn add(&self, member: &TeamMember) -> Result<(), ClientError> {
        Request::new(&self.of.client, Method::POST, &self.path()?).json(member)?.done(&self.of.client).await
    }

    /// Removes a member.
    ///
    /// # Errors
    /// The call failed.
    pub async fn remove(&self, email: &str) -> Result<(), ClientError> {
        self.of.client.delete(&self.path()?.name(email)?).await
    }
}

/// Credentials of a provider.
#[derive(Clone, Debug)]
pub struct ProviderKeys {
    of: OrganisationApi,
    provider: String,
}

impl ProviderKeys {
    fn path(&self) -> Result<Path, ClientError> {
        Ok(self.of.item(Kind::Provider, &self.provider)?.join("keys"))
    }

    /// The provider's credentials, without their secrets.
    ///
    /// # Errors
    /// A call failed.
    pub async fn list(&self) -> Result<Vec<ProviderKeySpec>, ClientError> {
        self.of.client.list_all(&self.path()?, &ListQuery::default()).await
    }

    /// Adds a credential, whose secret must be sealed.
    ///
    /// # Errors
    /// The call failed.
    pub async fn add(&self, key: &ProviderKeySpec) -> Result<(), ClientError> {
        Request::new(&self.of.client, Method::POST, &self.path()?).json(key)?.done(&self.of.client).await
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// The call failed.
    pub async fn remove(&self, name: &str) -> Result<(), ClientError> {
        self.of.client.delete(&self.path()?.name(name)?).await
    }

    /// Stops a credential from being used.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke(&self, name: &str) -> Result<(), ClientError> {
        let path = self.path()?.name(name)?.join("revoke");
        Request::new(&self.of.client, Method::POST, &path).done(&self.of.client).await
    }
}

pub(super) async fn delete(client: &Client, path: &Path, cascade: bool) -> Result<(), ClientError> {
    #[derive(Serialize)]
    struct Cascade {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        cascade: bool,
    }
    Request::new(client, Method::DELETE, path).query(&Cascade { cascade })?.done(client).await
}
