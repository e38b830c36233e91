//! What one node does for all: takes back what lost nodes held, raises events at thresholds, deletes what is too old.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use entity::{AuditEventId, NodeId, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::DbErr;
use serde_json::json;
use uuid::Uuid;

use super::Ledger;
use crate::config::{self, NodeLoss};
use crate::live::Hub;
use crate::store::{self, Database, ledger as books, locks};
use crate::telemetry::metrics::Metrics;
use crate::usage::Written;

mod webhook;

pub(crate) use self::webhook::Webhook;

/// Does its rounds on every node; in each round the database lets one of them work.
pub struct Worker {
    ledger: Arc<Ledger>,
    database: Database,
    usage: config::Usage,
    metrics: Metrics,
    live: Arc<Hub>,
    webhook: Option<Webhook>,
    /// Leases that were seen past their end, and since when without a break. Their node may just have been cut off from
    /// the database, as this one may have been: only what stays so for the length of a lease is given up.
    ended: HashMap<Uuid, Instant>,
}

impl Worker {
    /// A worker that does nothing yet.
    #[must_use]
    pub fn new(
        ledger: Arc<Ledger>,
        database: Database,
        config: &config::Config,
        metrics: Metrics,
        live: Arc<Hub>,
    ) -> Self {
        let webhook = config.ledger.webhook.clone().map(Webhook::new);
        Self { ledger, database, usage: config.usage.clone(), metrics, live, webhook, ended: HashMap::new() }
    }

    /// Does its rounds until `stopping` ends. `now` is the gateway's clock.
    pub async fn run(mut self, stopping: tokio_util::sync::CancellationToken, now: impl Fn() -> Timestamp) {
        let mut tick = tokio::time::interval(self.ledger.config.worker_interval);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.round(now()).await {
                // Whatever was seen before the database went away says nothing about after.
                self.ended.clear();
                tracing::warn!(%error, "the worker of the ledger could not do its round");
            }
        }
    }

    async fn round(&mut self, now: Timestamp) -> Result<(), DbErr> {
        self.reclaim().await?;
        let Some(turn) = locks::worker(&self.database).await? else { return Ok(()) };
        self.raise_events().await?;
        if let Some(webhook) = &self.webhook {
            webhook.deliver(&self.database, &self.metrics).await?;
        }
        if let Some(kept) = self.usage.retention {
            store::retention::records(&self.database, before(now, kept)).await?;
        }
        if let Some(kept) = self.usage.minute_retention {
            store::retention::minutes(&self.database, before(now, kept)).await?;
        }
        turn.end().await
    }

    async fn reclaim(&mut self) -> Result<(), DbErr> {
        let ended = books::expired(&self.database).await?;
        let now = Instant::now();
        let ids: BTreeSet<Uuid> = ended.iter().map(|lease| lease.id).collect();
        self.ended.retain(|id, _| ids.contains(id));
        let mut lost: BTreeSet<NodeId> = BTreeSet::new();
        for lease in &ended {
            let since = *self.ended.entry(lease.id).or_insert(now);
            if now.duration_since(since) >= self.ledger.config.lease_ttl && lease.node_id != self.ledger.node {
                lost.insert(lease.node_id);
            }
        }
        for node in lost {
            self.give_up(node).await?;
        }
        Ok(())
    }

    /// Takes back what a lost node held, and charges its requests or not.
    async fn give_up(&self, node: NodeId) -> Result<(), DbErr> {
        let charge = self.ledger.config.on_node_loss == NodeLoss::Charge;
        let tx = self.database.begin().await?;
        let lost = books::reclaim(&tx, node).await?;
        if lost.leases == 0 && lost.records.is_empty() {
            return tx.rollback().await;
        }
        let records: Result<Vec<_>, _> = lost.records.iter().map(Written::new).collect();
        let records = records.map_err(|error| DbErr::Json(error.to_string()))?;
        let known = store::usage_records::known(&tx, records.iter().map(|record| record.id)).await?;
        let mut by_organisation: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for record in records.iter().filter(|record| !known.contains(&record.id)) {
            by_organisation.entry(record.organisation_id).or_default().push(record);
        }
        for (organisation, records) in &by_organisation {
            if charge {
                let all_new = store::usage_records::add(&tx, self.ledger.node, records, &BTreeMap::new()).await?;
                if !all_new {
                    // The node is back, and writes its records at this moment: the next round finds what is left.
                    return tx.rollback().await;
                }
            }
            let cost: i64 = records.iter().filter_map(|record| record.cost_nanos).sum();
            let verb = if charge { "charge-lost" } else { "release-lost" };
            let ids: Vec<&str> = records.iter().map(|record| record.request_id()).take(100).collect();
            let after = json!({"node": node, "requests": records.len(), "costNanos": cost, "requestIds": ids});
            store::audit::append(&tx, event(verb, "ledger", node.0, Some(*organisation), after)).await?;
        }
        tx.commit().await?;
        let requests = by_organisation.values().map(Vec::len).sum::<usize>();
        tracing::warn!(%node, leases = lost.leases, leased = lost.leased, requests, charged = charge, "a node is lost: what it held of budgets and quotas was taken back");
        Ok(())
    }

    async fn raise_events(&self) -> Result<(), DbErr> {
        for raised in store::thresholds::raise(&self.database).await? {
            self.metrics.ledger().threshold(raised.kind);
            tracing::info!(
                kind = %raised.kind,
                name = %raised.name,
                threshold = raised.threshold,
                used = raised.used,
                limit = raised.limit,
                "a window has reached a threshold"
            );
            self.live.reached(raised);
        }
        Ok(())
    }
}

fn before(now: Timestamp, kept: std::time::Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(kept.as_micros()).unwrap_or(i64::MAX)))
}

/// What the gateway itself did, for the audit log.
fn event(
    verb: &str,
    resource: &str,
    id: Uuid,
    organisation: Option<entity::OrganisationId>,
    after: serde_json::Value,
) -> entity::row::audit_event::ActiveModel {
    let now = Timestamp::now();
    entity::row::audit_event::ActiveModel {
        id: Set(AuditEventId::new()),
        at: Set(now),
        organisation_id: Set(organisation),
        actor_user_id: Set(None),
        actor: Set("gateway".to_owned()),
        token_id: Set(None),
        token: Set(None),
        address: Set(None),
        verb: Set(verb.to_owned()),
        resource: Set(resource.to_owned()),
        resource_id: Set(Some(id)),
        name: Set(None),
        before: Set(None),
        after: Set(Some(after)),
        request_id: Set(String::new()),
        outcome: Set("done".to_owned()),
        created_at: Set(now),
        updated_at: Set(now),
        // Its place in the chain is given when it is appended.
        ..Default::default()
    }
}
