//! Looks at every event of a chain, and names the first that is not what it was.

use std::collections::BTreeMap;

use entity::audit::{AuditVerification, BrokenLink, ChainVerification};
use entity::row::audit_event::{Column, Entity, Model};
use entity::row::{audit_chain, organisation};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IsolationLevel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, TransactionTrait,
};
use uuid::Uuid;

use super::{Filter, following, hash};
use crate::store::Database;

/// Events looked at in one go.
const STEP: u64 = 2_000;

/// Looks at one chain, or at all, in one snapshot, so that what happens meanwhile disturbs nothing. With an `anchor`, the
/// number and the hash of an event that somebody noted earlier, that event must still be the same.
pub async fn verify(
    database: &Database,
    chain: Option<Uuid>,
    anchor: Option<&(i64, String)>,
) -> Result<AuditVerification, DbErr> {
    let snapshot = (database.backend() == DbBackend::Postgres).then_some(IsolationLevel::RepeatableRead);
    let tx = database.reader().begin_with_config(snapshot, snapshot.map(|_| AccessMode::ReadOnly)).await?;
    let mut select = audit_chain::Entity::find().order_by_asc(audit_chain::Column::Id);
    if let Some(chain) = chain {
        select = select.filter(audit_chain::Column::Id.eq(chain));
    }
    let mut heads: BTreeMap<Uuid, Option<audit_chain::Model>> =
        select.all(&tx).await?.into_iter().map(|head| (head.id, Some(head))).collect();
    // A chain whose head is gone shows by its events.
    let mut orphans = Entity::find().select_only().column(Column::Chain).distinct().filter(Column::Chain.is_not_null());
    if let Some(chain) = chain {
        orphans = orphans.filter(Column::Chain.eq(chain));
        heads.entry(chain).or_default();
    }
    let known: Vec<Uuid> = orphans.into_tuple().all(&tx).await?;
    for chain in known {
        heads.entry(chain).or_default();
    }
    let mut chains = Vec::with_capacity(heads.len());
    for (chain, head) in heads {
        chains.push(one(&tx, chain, head, anchor).await?);
    }
    tx.rollback().await?;
    Ok(AuditVerification { ok: chains.iter().all(|chain| chain.broken.is_none()), chains })
}

async fn one(
    db: &impl ConnectionTrait,
    chain: Uuid,
    head: Option<audit_chain::Model>,
    anchor: Option<&(i64, String)>,
) -> Result<ChainVerification, DbErr> {
    let slug = organisation::Entity::find_by_id(entity::OrganisationId(chain)).one(db).await?;
    let (head_seq, head_hash) = head.as_ref().map_or((0, String::new()), |head| (head.seq, head.hash.clone()));
    let mut found = ChainVerification {
        chain,
        organisation: slug.map(|organisation| organisation.slug),
        events: 0,
        head: head_seq,
        head_hash,
        unchained: 0,
        broken: None,
    };
    let (mut seq, mut previous) = (0, String::new());
    'chain: loop {
        let events = following(db, chain, seq, &Filter::default(), STEP).await?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            found.events += 1;
            if let Some(what) = wrong(chain, seq + 1, &previous, event, anchor) {
                found.broken = Some(at(event, seq + 1, what));
                break 'chain;
            }
            seq += 1;
            previous = event.hash.clone().unwrap_or_default();
        }
    }
    if found.broken.is_none() {
        found.broken = end(seq, &previous, &found, anchor);
    }
    outside(db, chain, head.as_ref(), &mut found).await?;
    Ok(found)
}

/// What is wrong with the event that should be number `seq`.
fn wrong(chain: Uuid, seq: i64, previous: &str, event: &Model, anchor: Option<&(i64, String)>) -> Option<String> {
    if event.seq != Some(seq) {
        return Some(format!("event {seq} is missing"));
    }
    if event.hash.as_deref() != Some(hash::of(chain, seq, previous, event).as_str()) {
        return Some(format!("event {seq} was altered: its hash is not that of what stands there"));
    }
    let noted = anchor.filter(|(at, _)| *at == seq);
    noted
        .filter(|(_, hash)| event.hash.as_deref() != Some(hash))
        .map(|_| format!("event {seq} is not the one that was noted: the chain was rewritten"))
}

/// What is wrong with where the chain ends.
fn end(seq: i64, last: &str, found: &ChainVerification, anchor: Option<&(i64, String)>) -> Option<BrokenLink> {
    let what = if seq < found.head {
        format!("event {} is missing: the chain ends at {seq}, and its head says {}", seq + 1, found.head)
    } else if seq > found.head || last != found.head_hash {
        format!("the head of the chain says {} {}, and its last event {seq} {last}", found.head, found.head_hash)
    } else if let Some((noted, _)) = anchor.filter(|(noted, _)| *noted > seq) {
        format!("event {noted}, which was noted, is missing: the chain ends at {seq}")
    } else {
        return None;
    };
    Some(BrokenLink { seq: seq.saturating_add(1), event: None, at: None, what })
}

/// Counts what stands outside the chain. What was put there after the chain began is not from before it.
async fn outside(
    db: &impl ConnectionTrait,
    chain: Uuid,
    head: Option<&audit_chain::Model>,
    found: &mut ChainVerification,
) -> Result<(), DbErr> {
    let of_chain = if chain.is_nil() { Column::OrganisationId.is_null() } else { Column::OrganisationId.eq(chain) };
    let unchained = Entity::find().filter(Column::Seq.is_null()).filter(of_chain);
    found.unchained = i64::try_from(unchained.clone().count(db).await?).unwrap_or(i64::MAX);
    let Some(head) = head.filter(|_| found.unchained > 0 && found.broken.is_none()) else { return Ok(()) };
    let late = unchained.filter(Column::CreatedAt.gt(head.created_at)).order_by_asc(Column::CreatedAt).one(db).await?;
    if let Some(event) = late {
        let what = "an event stands outside the chain that is younger than the chain".to_owned();
        found.broken = Some(at(&event, 0, what));
    }
    Ok(())
}

fn at(event: &Model, seq: i64, what: String) -> BrokenLink {
    BrokenLink { seq, event: Some(event.id), at: Some(event.at), what }
}
