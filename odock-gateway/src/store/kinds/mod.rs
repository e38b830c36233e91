//! The kinds of resource as they are stored: one file a kind, read and shown in the same way.
//!
//! A kind is named by its spec type, so that [`Found<TeamSpec>`] is a team as it stands in the database.

mod api_key;
mod budget;
pub mod holders;
mod links;
mod model;
mod organisation;
mod overlay;
mod provider;
mod quota;
mod service_account;
mod team;
mod user;

use std::collections::{BTreeMap, HashMap};

use entity::health::BreakerStatus;
use entity::resource::{Kind, Resource};
use entity::row::organisation as organisation_row;
use entity::{OrganisationId, ProviderId, Timestamp};
use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub use self::model::types_of;
use super::filters::{self, Filter, filters};
use super::listing::{self, Listing};
use super::reach::{self, Reach};

/// Values in one `IN (…)`, well below the parameters that either database takes.
const IN_LIST: usize = 5_000;

/// Which rows belong to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What is in one organisation.
    Within(OrganisationId),
    /// What a caller reaches in one organisation.
    Reached(OrganisationId, Reach),
    /// What is in no organisation: organisations themselves, and super admins.
    Nowhere,
    /// Everything.
    Everywhere,
}

/// A resource as it stands in the database.
#[derive(Clone, Debug)]
pub struct Found<S: Stored> {
    /// Its organisation; for an organisation, itself.
    pub organisation_id: Option<OrganisationId>,
    /// What the wire shows.
    pub resource: Resource<S, S::State>,
    /// The rows that belong to it, by the name under which its spec lists them.
    pub children: BTreeMap<String, Uuid>,
    /// What it belongs to, whose cached facts hold it: stale when it changes.
    pub holder: Option<Uuid>,
}

/// The row type of a kind.
pub type Row<S> = <<S as Stored>::Entity as EntityTrait>::Model;
/// The column type of a kind.
pub type Column<S> = <<S as Stored>::Entity as EntityTrait>::Column;

/// A kind of resource, named by its spec.
pub trait Stored: Clone + std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind.
    const KIND: Kind;
    /// What the gateway adds to the spec.
    type State: Clone + std::fmt::Debug + Serialize + Send + Sync + 'static;
    /// Its table.
    type Entity: EntityTrait<Model: Send + Sync>;
    /// The column of its id.
    const ID: Column<Self>;
    /// The column of its name.
    const NAME: Column<Self>;
    /// The column of its creation.
    const CREATED: Column<Self>;
    /// The column of its organisation, if it is in one.
    const ORGANISATION: Option<Column<Self>>;

    /// What its list can be narrowed by.
    const FILTERS: &'static [Filter] = &[];

    /// Which rows a caller of that reach gets to see; none unless the kind says so.
    fn reached(reach: Reach) -> Condition {
        if reach.is_limited() { reach::nothing() } else { Condition::all() }
    }

    /// Adds to rows what stands in other tables, in a fixed number of queries.
    fn hydrate(
        db: &impl ConnectionTrait,
        rows: Vec<Row<Self>>,
    ) -> impl Future<Output = Result<Vec<Found<Self>>, DbErr>> + Send;

    /// Adds how the upstreams of a provider have been doing, which no database knows.
    fn with_health(_: &mut [Found<Self>], _: impl Fn(ProviderId) -> Vec<BreakerStatus>) {}

    /// Adds to states what depends on the time.
    fn as_of(
        _db: &impl ConnectionTrait,
        _now: Timestamp,
        _found: &mut [Found<Self>],
    ) -> impl Future<Output = Result<(), DbErr>> + Send {
        std::future::ready(Ok(()))
    }
}

/// A page of a list, and where the next one begins.
pub async fn page<S: Stored>(
    db: &impl ConnectionTrait,
    scope: Scope,
    listing: &Listing,
) -> Result<(Vec<Found<S>>, Option<listing::Position>), DbErr> {
    let mut rows = listing.select::<S>(within::<S>(scope)).all(db).await?;
    let more = rows.len() > listing.limit;
    rows.truncate(listing.limit);
    let found = hydrated::<S>(db, rows).await?;
    let next = found.last().filter(|_| more).map(|last| listing.position(&last.resource));
    Ok((found, next))
}

/// Rows with what stands in other tables.
async fn hydrated<S: Stored>(db: &impl ConnectionTrait, rows: Vec<Row<S>>) -> Result<Vec<Found<S>>, DbErr> {
    let mut found = S::hydrate(db, rows).await?;
    super::metadata::attach(db, &mut found).await?;
    Ok(found)
}

/// The resources of these ids, in no particular order.
pub async fn by_ids<S: Stored>(db: &impl ConnectionTrait, scope: Scope, ids: &[Uuid]) -> Result<Vec<Found<S>>, DbErr> {
    by_ids_among(db, scope, ids, &Condition::all()).await
}

/// The resources of these names, in no particular order.
pub async fn by_names<S: Stored>(
    db: &impl ConnectionTrait,
    scope: Scope,
    names: &[&str],
) -> Result<Vec<Found<S>>, DbErr> {
    let mut found = Vec::new();
    for names in names.chunks(IN_LIST) {
        let rows = within::<S>(scope).filter(S::NAME.is_in(names.iter().copied())).all(db).await?;
        found.extend(hydrated::<S>(db, rows).await?);
    }
    Ok(found)
}

/// The resources of these ids that satisfy a condition, in no particular order.
pub async fn by_ids_among<S: Stored>(
    db: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
    narrowed: &Condition,
) -> Result<Vec<Found<S>>, DbErr> {
    let mut found = Vec::new();
    for ids in ids.chunks(IN_LIST) {
        let select = within::<S>(scope).filter(narrowed.clone()).filter(S::ID.is_in(ids.iter().copied()));
        let rows = select.all(db).await?;
        found.extend(hydrated::<S>(db, rows).await?);
    }
    Ok(found)
}

/// Ids and revisions of the resources of these names.
pub async fn heads_of<S: Stored>(
    db: &impl ConnectionTrait,
    scope: Scope,
    names: &[&str],
) -> Result<HashMap<String, (Uuid, i64)>, DbErr> {
    let mut heads = HashMap::new();
    for names in names.chunks(IN_LIST) {
        let select = within::<S>(scope).filter(S::NAME.is_in(names.iter().copied()));
        let rows: Vec<(String, Uuid, i64)> = select
            .select_only()
            .column(S::NAME)
            .column(S::ID)
            // Every kind counts its changes in a column of this name.
            .column_as(Expr::col((S::Entity::default(), Alias::new("revision"))), "revision")
            .into_tuple()
            .all(db)
            .await?;
        heads.extend(rows.into_iter().map(|(name, id, revision)| (name, (id, revision))));
    }
    Ok(heads)
}

/// Gives a resource another name.
pub async fn rename<S: Stored>(db: &impl ConnectionTrait, id: Uuid, name: &str) -> Result<(), DbErr> {
    S::Entity::update_many().col_expr(S::NAME, Expr::value(name)).filter(S::ID.eq(id)).exec(db).await.map(drop)
}

/// Some names of a kind, to suggest one from.
pub async fn some_names<S: Stored>(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<String>, DbErr> {
    within::<S>(scope).select_only().column(S::NAME).limit(1_000).into_tuple().all(db).await
}

/// One resource, by name or id.
pub async fn one<S: Stored>(
    db: &impl ConnectionTrait,
    scope: Scope,
    name_or_id: &str,
) -> Result<Option<Found<S>>, DbErr> {
    // Names that look like an id are refused, so that the two cannot be mistaken for each other.
    let by = match Uuid::try_parse(name_or_id) {
        Ok(id) => S::ID.eq(id),
        Err(_) => S::NAME.eq(name_or_id),
    };
    let Some(row) = within::<S>(scope).filter(by).one(db).await? else { return Ok(None) };
    Ok(hydrated::<S>(db, vec![row]).await?.pop())
}

fn within<S: Stored>(scope: Scope) -> sea_orm::Select<S::Entity> {
    let select = S::Entity::find();
    match (scope, S::ORGANISATION) {
        (Scope::Within(organisation), Some(column)) => select.filter(column.eq(organisation)),
        (Scope::Within(organisation), None) => select.filter(S::ID.eq(organisation)),
        (Scope::Reached(organisation, reach), _) => within::<S>(Scope::Within(organisation)).filter(S::reached(reach)),
        (Scope::Nowhere, Some(column)) => select.filter(column.is_null()),
        (Scope::Nowhere, None) | (Scope::Everywhere, _) => select,
    }
}

/// The slugs of organisations, by id.
async fn slugs(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = OrganisationId>,
) -> Result<HashMap<OrganisationId, String>, DbErr> {
    let ids: std::collections::BTreeSet<OrganisationId> = ids.collect();
    let ids: Vec<OrganisationId> = ids.into_iter().collect();
    let mut slugs = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IN_LIST) {
        let pairs: Vec<(OrganisationId, String)> = organisation_row::Entity::find()
            .select_only()
            .column(organisation_row::Column::Id)
            .column(organisation_row::Column::Slug)
            .filter(organisation_row::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        slugs.extend(pairs);
    }
    Ok(slugs)
}

/// How many rows of `E` refer by `by` to each of `ids`.
async fn counts<E: EntityTrait>(
    db: &impl ConnectionTrait,
    by: E::Column,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, u64>, DbErr> {
    let mut counts = HashMap::new();
    for ids in ids.chunks(IN_LIST) {
        let pairs: Vec<(Uuid, i64)> = E::find()
            .select_only()
            .column(by)
            .column_as(by.count(), "n")
            .filter(by.is_in(ids.iter().copied()))
            .group_by(by)
            .into_tuple()
            .all(db)
            .await?;
        counts.extend(pairs.into_iter().map(|(id, count)| (id, u64::try_from(count).unwrap_or(0))));
    }
    Ok(counts)
}

/// Id and name of everything of a kind.
pub async fn names<S: Stored>(db: &impl ConnectionTrait, scope: Scope) -> Result<Vec<(Uuid, String)>, DbErr> {
    within::<S>(scope).select_only().column(S::ID).column(S::NAME).into_tuple().all(db).await
}
