//! The audit log: appended to in chains, and read newest first.

mod hash;
mod verify;

use std::collections::{BTreeMap, HashMap};

use entity::audit::AuditEvent;
use entity::row::audit_chain;
use entity::row::audit_event::{ActiveModel, Column, Entity, Model};
use entity::{OrganisationId, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, TryIntoModel,
};
use uuid::Uuid;

pub use self::verify::verify;
use super::listing::earlier;

/// Rows in one statement: at 21 columns, below the 32 766 parameters that SQLite takes.
const ROWS: usize = 1_000;
/// The outcome of what was done.
pub const DONE: &str = "done";

/// Appends one event to its chain.
pub async fn append(tx: &DatabaseTransaction, event: ActiveModel) -> Result<(), DbErr> {
    append_all(tx, vec![event]).await
}

/// Appends events to their chains, in the order given.
///
/// The head of a chain is locked until the transaction ends, so that events of one organisation have an order on any number
/// of nodes. To be called last: nobody waits for more than a commit. Chains are taken in the order of their ids, so that two
/// transactions never wait for each other in a circle.
pub async fn append_all(tx: &DatabaseTransaction, events: Vec<ActiveModel>) -> Result<(), DbErr> {
    let mut chains: BTreeMap<Uuid, Vec<Model>> = BTreeMap::new();
    for event in events {
        // What is not set is null.
        let event = ActiveModel { chain: Set(None), seq: Set(None), hash: Set(None), ..event }.try_into_model()?;
        chains.entry(chain(event.organisation_id)).or_default().push(event);
    }
    for (chain, events) in chains {
        link(tx, chain, events).await?;
    }
    Ok(())
}

/// The chain of an organisation, or of what is in none.
#[must_use]
pub fn chain(organisation: Option<OrganisationId>) -> Uuid {
    organisation.map_or(Uuid::nil(), |id| id.0)
}

async fn link(tx: &DatabaseTransaction, chain: Uuid, events: Vec<Model>) -> Result<(), DbErr> {
    let (mut seq, mut hash) = head_for_update(tx, chain).await?;
    let mut rows: Vec<ActiveModel> = Vec::with_capacity(events.len().min(ROWS));
    for mut event in events {
        seq += 1;
        hash = hash::of(chain, seq, &hash, &event);
        (event.chain, event.seq, event.hash) = (Some(chain), Some(seq), Some(hash.clone()));
        rows.push(ActiveModel::from(event).reset_all());
        if rows.len() == ROWS {
            Entity::insert_many(rows.drain(..)).exec_without_returning(tx).await?;
        }
    }
    if !rows.is_empty() {
        Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let backend = tx.get_database_backend();
    let moved = super::numbered(backend, "UPDATE audit_chain SET seq = $1, hash = $2 WHERE id = $3");
    tx.execute_raw(Statement::from_sql_and_values(backend, moved, [seq.into(), hash.into(), chain.into()])).await?;
    Ok(())
}

/// The head of a chain, locked until the transaction ends. The chain begins if there is none.
async fn head_for_update(tx: &DatabaseTransaction, chain: Uuid) -> Result<(i64, String), DbErr> {
    let (backend, now) = (tx.get_database_backend(), Timestamp::now());
    let sql = super::numbered(
        backend,
        "INSERT INTO audit_chain (id, seq, hash, created_at, updated_at) VALUES ($1, 0, '', $2, $3) \
         ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at RETURNING seq, hash",
    );
    let values = [chain.into(), now.into(), now.into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the head of an audit chain".into()))?;
    Ok((row.try_get("", "seq")?, row.try_get("", "hash")?))
}

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is the event's field of its name")]
pub struct Filter {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub actor: Option<String>,
    pub verb: Option<String>,
    pub resource: Option<String>,
    pub resource_id: Option<Uuid>,
    pub name: Option<String>,
    /// `done`, `refused` for anything else, or one code.
    pub outcome: Option<String>,
    pub request_id: Option<String>,
    pub address: Option<String>,
}

impl Filter {
    fn condition(&self) -> Condition {
        let text = |column: Column, value: &Option<String>| value.as_ref().map(|value| column.eq(value.as_str()));
        let outcome = self.outcome.as_deref().map(|outcome| match outcome {
            "refused" => Column::Outcome.ne(DONE),
            exact => Column::Outcome.eq(exact),
        });
        Condition::all()
            .add_option(self.from.map(|from| Column::At.gte(from)))
            .add_option(self.to.map(|to| Column::At.lt(to)))
            .add_option(text(Column::Actor, &self.actor))
            .add_option(text(Column::Verb, &self.verb))
            .add_option(text(Column::Resource, &self.resource))
            .add_option(self.resource_id.map(|id| Column::ResourceId.eq(id)))
            .add_option(text(Column::Name, &self.name))
            .add_option(outcome)
            .add_option(text(Column::RequestId, &self.request_id))
            .add_option(text(Column::Address, &self.address))
    }
}

/// Events of one organisation, or of all, newest first, after `before` and at most `limit`.
pub async fn page(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<AuditEvent>, DbErr> {
    let mut select =
        Entity::find().filter(filter.condition()).order_by_desc(Column::At).order_by_desc(Column::Id).limit(limit);
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    if let Some((at, id)) = before {
        select = select.filter(earlier(Column::At, Column::Id, at, id));
    }
    Ok(select.all(db).await?.into_iter().map(shown).collect())
}

/// Events of a chain after number `after`, in their order, and at most `limit`.
pub async fn following(
    db: &impl ConnectionTrait,
    chain: Uuid,
    after: i64,
    filter: &Filter,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Chain.eq(chain))
        .filter(Column::Seq.gt(after))
        .filter(filter.condition())
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await
}

/// The number of the last event of every chain.
pub async fn heads(db: &impl ConnectionTrait) -> Result<HashMap<Uuid, i64>, DbErr> {
    let heads: Vec<(Uuid, i64)> = audit_chain::Entity::find()
        .select_only()
        .columns([audit_chain::Column::Id, audit_chain::Column::Seq])
        .into_tuple()
        .all(db)
        .await?;
    Ok(heads.into_iter().collect())
}

/// An event as the wire shows it.
#[must_use]
pub fn shown(row: Model) -> AuditEvent {
    AuditEvent {
        id: row.id,
        at: row.at,
        actor: row.actor,
        token: row.token,
        address: row.address,
        verb: row.verb,
        resource: row.resource,
        name: row.name,
        before: row.before,
        after: row.after,
        request_id: row.request_id,
        outcome: row.outcome,
        seq: row.seq,
        hash: row.hash,
    }
}
