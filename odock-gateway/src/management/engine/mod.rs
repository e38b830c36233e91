//! Declares resources: the one way in which create, patch and apply change anything, so that they cannot disagree.
//!
//! A change goes through four steps, all inside one transaction:
//! [`prepare`] reads what is there and what is wanted, and checks each spec by itself; [`refs`] finds what the specs refer
//! to, by name; [`plan`] compares, checks what binds resources together, and collects writes, events and subjects; then the
//! batch is written. A dry run is the same with a rollback at the end.

mod claim;
mod kinds;
mod merge;
mod place;
mod plan;
mod prepare;
mod prune;
mod refs;
mod remove;
mod renaming;
mod shared;
mod stale;

use std::collections::HashMap;

use entity::OrganisationId;
use entity::manifest::{KeySecret, PlanBase, Seen};
use entity::ownership::MANUAL;
use entity::plan::Change;
use entity::resource::{
    ApiKeySpec, BudgetSpec, Kind, ModelSpec, OrganisationSpec, OverlaySpec, ProviderSpec, QuotaSpec, Resource,
    ServiceAccountSpec, TeamSpec, UserSpec,
};
use sea_orm::DatabaseTransaction;
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

pub(super) use self::claim::Meta;
pub(super) use self::kinds::PENDING;
pub(super) use self::merge::{IfMatch, if_match};
pub(super) use self::place::Place;
pub(super) use self::plan::Planned;
use self::plan::Planner;
use self::prepare::{Item, prepare};
pub(in crate::management) use self::prune::{MAX_DELETES, Prune};
pub(super) use self::remove::{Remove, remove};
use super::access::bounds::Bounds;
use super::access::caller::{Caller, Reached, Tenant};
use super::problem::ApiError;
use crate::gateway::Gateway;
use crate::store;
use crate::store::kinds::{Scope, Stored};
use crate::store::reach::Reach;

/// Where resources are declared.
#[derive(Clone, Debug)]
pub(super) enum Space {
    /// In an organisation.
    Tenant(Tenant),
    /// In an organisation that the same change creates.
    New(String),
    /// In no organisation: organisations themselves, and super admins.
    Nowhere,
}

impl Space {
    /// What is there already. A new organisation has nothing.
    fn scope(&self) -> Option<Scope> {
        match self {
            Self::Tenant(tenant) => Some(Scope::Within(tenant.id)),
            Self::New(_) => None,
            Self::Nowhere => Some(Scope::Nowhere),
        }
    }

    fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Tenant(tenant) => Some(tenant.id),
            Self::New(_) | Self::Nowhere => None,
        }
    }
}

/// Who changes what, and how.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) caller: Caller,
    pub(super) space: Space,
    /// What of the organisation the caller reaches.
    pub(super) reach: Reach,
    /// What becomes of the secrets of new keys.
    pub(super) issue: Issue,
    /// How fields are declared.
    pub(super) manner: Manner,
}

/// What becomes of the secrets of new keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Issue {
    /// They are sealed for one later reveal.
    #[default]
    Sealed,
    /// They are handed out now, and work.
    Revealed,
    /// They are handed out now, and work once it is acknowledged that they arrived.
    Pending,
}

/// How fields are declared.
#[derive(Debug, Default)]
pub(super) enum Manner {
    /// One by one, by hand.
    #[default]
    ByHand,
    /// By manifests.
    Applied(Box<Applied>),
}

/// An apply: under whose name, and what it may do beside creating and updating.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) owner: String,
    pub(super) prune: Option<Prune>,
    pub(super) force: bool,
    pub(super) adopt: bool,
    /// Secrets of keys, by the key's name.
    pub(super) secrets: HashMap<String, KeySecret>,
    /// The plan to carry out and no other.
    pub(super) plan: Option<PlanBase>,
}

impl Setting {
    /// A change in an organisation.
    pub(super) fn within(caller: Caller, tenant: Tenant) -> Self {
        Self {
            caller,
            space: Space::Tenant(tenant),
            reach: Reach::Everything,
            issue: Issue::default(),
            manner: Manner::ByHand,
        }
    }

    /// A change of what the caller reaches in an organisation.
    pub(super) fn reached(caller: Caller, reached: Reached) -> Self {
        Self { reach: reached.reach, ..Self::within(caller, reached.tenant) }
    }

    /// A change of what is in no organisation.
    pub(super) fn nowhere(caller: Caller) -> Self {
        Self {
            caller,
            space: Space::Nowhere,
            reach: Reach::Everything,
            issue: Issue::default(),
            manner: Manner::ByHand,
        }
    }

    /// What may be changed: of what is there, what the caller reaches.
    fn scope(&self) -> Option<Scope> {
        match &self.space {
            Space::Tenant(tenant) if self.reach.is_limited() => Some(Scope::Reached(tenant.id, self.reach)),
            space => space.scope(),
        }
    }

    /// What the caller holds, unless that is everything.
    async fn bounds(&self, tx: &DatabaseTransaction) -> Result<Option<Bounds>, ApiError> {
        match &self.space {
            Space::Tenant(tenant) => Bounds::load(tx, tenant.id, self.reach).await,
            Space::New(_) | Space::Nowhere => Ok(None),
        }
    }

    /// The apply that this is.
    fn applied(&self) -> Option<&Applied> {
        match &self.manner {
            Manner::ByHand => None,
            Manner::Applied(applied) => Some(applied),
        }
    }

    /// Whose the fields are that are declared.
    fn owner(&self) -> &str {
        self.applied().map_or(MANUAL, |applied| &applied.owner)
    }
}

/// What is wanted of one resource.
pub(super) struct Declaration {
    pub(super) kind: Kind,
    /// The resource's name; for what must exist already, its name or id.
    pub(super) name: String,
    pub(super) intent: Intent,
    pub(super) place: Place,
}

/// What a declaration does to the spec.
pub(super) enum Intent {
    /// The resource shall be so, whether or not it exists.
    Declare(Declared),
    /// The resource shall come to be so; it must not exist.
    Create(Value),
    /// A merge patch of the resource's spec; it must exist.
    Merge(Value, IfMatch),
    /// An edit of the resource's spec, under its own verb in the audit log; it must exist.
    Edit(&'static str, Edit),
}

/// A resource as a manifest declares it.
pub(super) struct Declared {
    pub(super) spec: Value,
    pub(super) meta: Meta,
    /// The name that it has until now.
    pub(super) renamed_from: Option<String>,
}

/// Changes a spec, or says why not.
pub(super) type Edit = Box<dyn FnOnce(&mut Value) -> Result<(), ApiError> + Send + Sync>;

/// What a change did, or would do.
pub(super) struct Done {
    pub(super) changes: Vec<Change>,
    /// What was read, as it was.
    pub(super) base: Vec<Seen>,
    /// What the changes come to.
    pub(super) digest: String,
    subjects: Vec<Uuid>,
    issued: HashMap<Uuid, SecretString>,
}

/// Carries out any number of declarations, all or nothing.
pub(super) async fn apply(
    gateway: &Gateway,
    setting: &Setting,
    declarations: Vec<Declaration>,
    dry_run: bool,
) -> Result<Done, ApiError> {
    let tx = gateway.database.begin().await?;
    let mut done = match declare(gateway, setting, declarations, &tx).await {
        Ok(done) => done,
        Err(error) => {
            tx.rollback().await?;
            return Err(error);
        }
    };
    if dry_run {
        tx.rollback().await?;
    } else {
        commit(gateway, tx, std::mem::take(&mut done.subjects)).await?;
    }
    Ok(done)
}

/// Carries out one declaration and returns the resource as it is now, with the secret of a new key that was revealed.
pub(super) async fn one<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    name: String,
    intent: Intent,
    place: Place,
) -> Result<(Resource<S, S::State>, Option<SecretString>), ApiError> {
    let tx = gateway.database.begin().await?;
    let declared = async {
        let declaration = Declaration { kind: S::KIND, name, intent, place };
        let done = declare(gateway, setting, vec![declaration], &tx).await?;
        let name = done.changes.first().map(|change| change.name.clone()).unwrap_or_default();
        let scope = setting.space.scope().unwrap_or(Scope::Nowhere);
        let found = store::kinds::one::<S>(&tx, scope, &name).await?;
        let mut found = found.ok_or_else(|| ApiError::internal("what was just written is not there"))?;
        S::as_of(&tx, gateway.clock.now(), std::slice::from_mut(&mut found)).await?;
        Ok((done, found.resource))
    };
    let (mut done, resource) = match declared.await {
        Ok(declared) => declared,
        Err(error) => {
            tx.rollback().await?;
            return Err(error);
        }
    };
    let secret = done.issued.remove(&resource.id);
    commit(gateway, tx, done.subjects).await?;
    Ok((resource, secret))
}

/// Commits, and tells every cache. A caller who hangs up in between stops neither: a change that is committed is heard.
pub(super) async fn commit(gateway: &Gateway, tx: DatabaseTransaction, subjects: Vec<Uuid>) -> Result<(), ApiError> {
    let gateway = gateway.clone();
    let committed = tokio::spawn(async move {
        tx.commit().await?;
        gateway.invalidate(&subjects).await;
        Ok(())
    });
    committed.await.map_err(ApiError::internal)?
}

async fn declare(
    gateway: &Gateway,
    setting: &Setting,
    declarations: Vec<Declaration>,
    tx: &DatabaseTransaction,
) -> Result<Done, ApiError> {
    store::locks::serialise(tx, setting.space.organisation()).await?;
    let mut by_kind: HashMap<Kind, Vec<Declaration>> = HashMap::new();
    for declaration in declarations {
        by_kind.entry(declaration.kind).or_default().push(declaration);
    }
    let mut planner = Planner::new(gateway, setting);
    let mut wanted = |kind| by_kind.remove(&kind).unwrap_or_default();
    let organisations: Vec<Item<OrganisationSpec>> = prepare(&mut planner, wanted(Kind::Organisation), tx).await?;
    let users: Vec<Item<UserSpec>> = prepare(&mut planner, wanted(Kind::User), tx).await?;
    let teams: Vec<Item<TeamSpec>> = prepare(&mut planner, wanted(Kind::Team), tx).await?;
    let service_accounts: Vec<Item<ServiceAccountSpec>> =
        prepare(&mut planner, wanted(Kind::ServiceAccount), tx).await?;
    let providers: Vec<Item<ProviderSpec>> = prepare(&mut planner, wanted(Kind::Provider), tx).await?;
    let models: Vec<Item<ModelSpec>> = prepare(&mut planner, wanted(Kind::Model), tx).await?;
    let api_keys: Vec<Item<ApiKeySpec>> = prepare(&mut planner, wanted(Kind::ApiKey), tx).await?;
    let budgets: Vec<Item<BudgetSpec>> = prepare(&mut planner, wanted(Kind::Budget), tx).await?;
    let quotas: Vec<Item<QuotaSpec>> = prepare(&mut planner, wanted(Kind::Quota), tx).await?;
    let overlays: Vec<Item<OverlaySpec>> = prepare(&mut planner, wanted(Kind::Overlay), tx).await?;
    refs::load(&mut planner, tx).await?;
    shared::load(&mut planner, &users, &teams, tx).await?;
    planner.bounds = setting.bounds(tx).await?;
    if let Some(applied) = setting.applied().filter(|applied| !applied.secrets.is_empty()) {
        let there = api_keys.iter().filter(|item| item.found.is_some() && applied.secrets.contains_key(&item.name));
        planner.key_hashes = store::api_keys::secret_hashes(tx, there.map(|item| item.id)).await?;
    }
    if let Some(prune) = setting.applied().and_then(|applied| applied.prune) {
        prune::plan(&mut planner, prune, tx).await?;
    }
    renaming::refuse_if_routed(&mut planner, tx).await?;
    planner.refuse_if_moved()?;

    planner.plan(organisations)?;
    planner.plan(users)?;
    planner.plan(teams)?;
    planner.plan(service_accounts)?;
    planner.plan(providers)?;
    planner.plan(models)?;
    planner.plan(api_keys)?;
    planner.plan(budgets)?;
    planner.plan(quotas)?;
    planner.plan(overlays)?;
    shared::check_removed_provider_keys(&mut planner, tx).await?;
    planner.write(tx).await
}

/// The word for a kind in the audit log.
pub(super) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Organisation => "organisation",
        Kind::User => "user",
        Kind::Team => "team",
        Kind::ServiceAccount => "service-account",
        Kind::Provider => "provider",
        Kind::Model => "model",
        Kind::ApiKey => "apikey",
        Kind::Budget => "budget",
        Kind::Quota => "quota",
        Kind::Overlay => "overlay",
    }
}

/// A resource by name or id, or the refusal that there is none.
pub(super) async fn find<S: Stored>(
    db: &impl sea_orm::ConnectionTrait,
    scope: Scope,
    name: &str,
) -> Result<store::kinds::Found<S>, ApiError> {
    store::kinds::one(db, scope, name).await?.ok_or_else(|| ApiError::not_found(word(S::KIND), name))
}
