//! The ledger against a model of it: random schedules of reserve, grow, settle, release, edit, idle and crash on three nodes that
//! share a database. Whatever happens, what is admitted fits, what fits is admitted, and the books equal the records.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use entity::row::{ledger_lease, ledger_window};
use entity::usage::UsageRecord;
use entity::vocab::{Enforcement, LimitKind, Metric, OwnerType, Period};
use entity::{Timestamp, UsageRecordId};
use odock_gateway::hot::once::{self, Begun, Outcome};
use odock_gateway::hot::{HotError, HotStore, Mark, MemoryStore, Signal, Subject};
use odock_gateway::ledger::{Claim, Hold, Ledger, Limit, Refused};
use odock_gateway::store::{Database, ledger as books, usage_records};
use odock_gateway::usage::Written;
use sea_orm::EntityTrait;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::support::{TestGateway, eventually};

/// Carries words between ledgers of one process.
#[derive(Default)]
struct Wire {
    rest: MemoryStore,
    own: OnceLock<entity::NodeId>,
    others: OnceLock<Arc<Mutex<Vec<Weak<Ledger>>>>>,
}

#[async_trait::async_trait]
impl HotStore for Wire {
    fn kind(&self) -> &'static str {
        "wire"
    }
    async fn ping(&self) -> Result<(), HotError> {
        self.rest.ping().await
    }
    async fn mark(&self) -> Result<Mark, HotError> {
        self.rest.mark().await
    }
    async fn recall(&self, key: &str) -> Result<Option<Bytes>, HotError> {
        self.rest.recall(key).await
    }
    async fn remember(&self, _: &str, _: Bytes, _: &[Subject], _: Mark, _: Duration) -> Result<(), HotError> {
        Ok(())
    }
    async fn claim(&self, key: &str, ttl: Duration) -> Result<bool, HotError> {
        self.rest.claim(key, ttl).await
    }
    async fn begin(&self, key: &str, claim: once::Claim<'_>) -> Result<Begun, HotError> {
        self.rest.begin(key, claim).await
    }
    async fn finish(&self, key: &str, owner: &str, outcome: &Outcome, ttl: Duration) -> Result<(), HotError> {
        self.rest.finish(key, owner, outcome, ttl).await
    }
    async fn release(&self, key: &str, owner: &str) -> Result<(), HotError> {
        self.rest.release(key, owner).await
    }
    async fn turn(&self, _: &str) -> Result<Option<u64>, HotError> {
        Ok(None)
    }

    async fn changed(&self, subjects: &[Subject]) -> Result<(), HotError> {
        self.rest.changed(subjects).await
    }
    async fn all_changed(&self) -> Result<(), HotError> {
        self.rest.all_changed().await
    }
    async fn share_live(&self, records: Bytes) -> Result<(), HotError> {
        self.rest.share_live(records).await
    }
    async fn tell(&self, word: &str) -> Result<(), HotError> {
        let others: Vec<Arc<Ledger>> = self
            .others
            .get()
            .map(|others| others.lock().unwrap().iter().filter_map(Weak::upgrade).collect())
            .unwrap_or_default();
        for other in others.iter().filter(|other| Some(&other.node) != self.own.get()) {
            other.heard(word);
        }
        Ok(())
    }
    fn live_wanted(&self) -> bool {
        false
    }
    fn want_live(&self, _: bool) {}
    fn listen(&self) -> broadcast::Receiver<Signal> {
        self.rest.listen()
    }
    fn bus_is_up(&self) -> bool {
        true
    }
}

/// A small generator, so that a schedule can be run again by its seed (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 1).unwrap() % sides
    }
}

struct Node {
    ledger: Arc<Ledger>,
    alive: CancellationToken,
    /// Requests under way, with what they set aside.
    open: Vec<(Hold, Arc<UsageRecord>, i64)>,
}

struct World {
    database: Database,
    config: odock_gateway::config::Ledger,
    words: Arc<Mutex<Vec<Weak<Ledger>>>>,
    nodes: Vec<Node>,
    limit: Arc<Limit>,
    template: UsageRecord,
    /// The instant at which it all happens, so that every window of whatever terms holds every record.
    at: Timestamp,
    used: i64,
    dice: Dice,
    counts: HashMap<&'static str, u32>,
}

impl World {
    fn node(&self) -> Node {
        let wire = Arc::new(Wire::default());
        let ledger = Ledger::new(self.config.clone(), self.database.clone(), wire.clone());
        wire.own.set(ledger.node).unwrap();
        assert!(wire.others.set(Arc::clone(&self.words)).is_ok());
        self.words.lock().unwrap().push(Arc::downgrade(&ledger));
        let alive = CancellationToken::new();
        let at = self.at;
        tokio::spawn(Arc::clone(&ledger).keep(alive.clone(), move || at));
        Node { ledger, alive, open: Vec::new() }
    }

    fn record(&self, cost: i64) -> Arc<UsageRecord> {
        let id = UsageRecordId::new();
        let (request_id, at) = (id.to_string(), self.at);
        Arc::new(UsageRecord { id, request_id, at, dispatched: true, cost_nanos: Some(cost), ..self.template.clone() })
    }

    /// What is set aside on all nodes.
    fn held(&self) -> i64 {
        self.nodes.iter().flat_map(|node| &node.open).map(|(_, _, amount)| amount).sum()
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    async fn reserve(&mut self) {
        let (node, amount) = (self.any_node(), 1 + self.dice.roll(40));
        let claim = [Claim { limit: Arc::clone(&self.limit), amount }];
        let ledger = Arc::clone(&self.nodes[node].ledger);
        let room = self.limit.amount - self.used - self.held();
        let mut answer = ledger.reserve(&claim, self.at).await;
        if amount <= room && answer.is_err() {
            // A refusal is remembered for a tenth of a second, in which somebody may have given something back.
            tokio::time::sleep(Duration::from_millis(120)).await;
            answer = ledger.reserve(&claim, self.at).await;
        }
        match answer {
            Ok((hold, _)) => {
                assert!(amount <= room, "{amount} admitted where {room} was left");
                let record = self.record(amount);
                hold.sent(&record);
                self.nodes[node].open.push((hold, record, amount));
                self.count("admitted");
            }
            Err(Refused::Spent { left, .. }) => {
                assert!(amount > room, "{amount} refused where {room} was left, of which the node knew {left}");
                self.count("refused");
            }
            Err(Refused::Unknown(error)) => panic!("{error}"),
        }
    }

    async fn end(&mut self) {
        let node = self.any_node();
        if self.nodes[node].open.is_empty() {
            return;
        }
        let which = usize::try_from(self.dice.roll(i64::try_from(self.nodes[node].open.len()).unwrap())).unwrap();
        let (hold, record, amount) = self.nodes[node].open.swap_remove(which);
        if self.dice.roll(4) == 0 {
            drop(hold);
            return self.count("released");
        }
        // Usually less than was set aside; sometimes, as a standard budget allows, more.
        let cost = self.dice.roll(amount + 1) + if self.dice.roll(10) == 0 { 5 } else { 0 };
        let record = Arc::new(UsageRecord { cost_nanos: Some(cost), ..UsageRecord::clone(&record) });
        hold.settle(&record);
        self.commit(node, &[record]).await;
        self.used += cost;
        self.count("settled");
    }

    /// A request that is under way turns out to need more.
    async fn grow(&mut self) {
        let node = self.any_node();
        let room = self.limit.amount - self.used - self.held();
        let (more, at, limit) = (1 + self.dice.roll(20), self.at, Arc::clone(&self.limit));
        let ledger = Arc::clone(&self.nodes[node].ledger);
        let Some((hold, _, amount)) = self.nodes[node].open.last_mut() else { return };
        let wanted = *amount + more;
        ledger.take_up(&limit, at).await.unwrap();
        let mut answer = hold.top_up(|_| wanted);
        if let Err(lack) = &answer {
            ledger.fetch(lack, at).await.unwrap();
            answer = hold.top_up(|_| wanted);
        }
        if answer.is_ok() {
            assert!(more <= room, "{more} more admitted where {room} was left");
            *amount = wanted;
            self.count("grown");
        }
    }

    async fn commit(&mut self, node: usize, records: &[Arc<UsageRecord>]) {
        let ledger = Arc::clone(&self.nodes[node].ledger);
        let records: Vec<Arc<Written>> = records.iter().map(|record| Arc::new(Written::new(record).unwrap())).collect();
        let ids = || records.iter().map(|record| record.id);
        usage_records::commit(&self.database, &ledger, &records).await.unwrap();
        ledger.committed(ids());
        if self.dice.roll(5) == 0 {
            // As after a crash between the commit and the note of it: the same batch again changes nothing.
            usage_records::commit(&self.database, &ledger, &records).await.unwrap();
            ledger.committed(ids());
        }
    }

    fn edit(&mut self) {
        let amount = 50 + self.dice.roll(400);
        let revision = self.limit.revision + 1;
        let mut limit = Limit { amount, revision, ..Limit::clone(&self.limit) };
        if self.dice.roll(2) == 0 {
            limit.period =
                [Period::Daily, Period::Weekly, Period::Monthly][usize::try_from(self.dice.roll(3)).unwrap()];
            limit.timezone =
                ["UTC", "Asia/Kolkata", "America/New_York"][usize::try_from(self.dice.roll(3)).unwrap()].into();
            self.count("moved");
        }
        self.limit = Arc::new(limit);
        self.count("edited");
    }

    /// The process is gone. It comes back, reads its journal, and charges what it had sent.
    async fn crash(&mut self) {
        let node = self.any_node();
        let fresh = self.node();
        let dead = std::mem::replace(&mut self.nodes[node], fresh);
        dead.alive.cancel();
        let records: Vec<_> = dead.open.iter().map(|(_, record, _)| Arc::clone(record)).collect();
        self.words.lock().unwrap().retain(|other| other.upgrade().is_some_and(|it| it.node != dead.ledger.node));
        std::mem::forget(dead.open);
        self.commit(node, &records).await;
        self.used += records.iter().filter_map(|record| record.cost_nanos).sum::<i64>();
        books::bury(&self.database, dead.ledger.node).await.unwrap();
        self.count("crashed");
    }

    fn any_node(&mut self) -> usize {
        let nodes = i64::try_from(self.nodes.len()).unwrap();
        usize::try_from(self.dice.roll(nodes)).unwrap()
    }
}

async fn schedule(seed: u64, steps: u32) {
    let gw = TestGateway::start().await;
    assert_eq!(gw.chat(&crate::support::chat("fast")).await.status, 200);
    let template = UsageRecord { model_id: None, bill: None, ..gw.record_on_the_wire().await };
    let gateway = &gw.running.gateway;
    let limit = Limit {
        kind: LimitKind::Budget,
        id: uuid::Uuid::now_v7(),
        name: "model".into(),
        organisation_id: gw.fleet.organisation,
        owner_type: OwnerType::ApiKey,
        owner_id: template.api_key_id.0,
        metric: Metric::Cost,
        enforcement: Enforcement::Standard,
        period: Period::Monthly,
        timezone: "UTC".into(),
        starts_at: None,
        ends_at: None,
        amount: 300,
        rollover: false,
        thresholds: Vec::new(),
        created_at: Timestamp::now(),
        revision: 1,
    };
    let mut config = gateway.config.ledger.clone();
    config.patience = Duration::from_secs(10);
    let mut world = World {
        database: gateway.database.clone(),
        config,
        words: Arc::default(),
        nodes: Vec::new(),
        limit: Arc::new(limit),
        at: template.at,
        template,
        used: 0,
        dice: Dice(seed),
        counts: HashMap::new(),
    };
    for _ in 0..3 {
        let node = world.node();
        world.nodes.push(node);
    }
    for _ in 0..steps {
        match world.dice.roll(100) {
            0..44 => world.reserve().await,
            44..48 => world.grow().await,
            48..90 => world.end().await,
            90..94 => world.edit(),
            94..97 => world.crash().await,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    for node in 0..world.nodes.len() {
        while !world.nodes[node].open.is_empty() {
            world.end().await;
        }
    }
    for what in ["admitted", "refused", "settled", "released", "edited", "moved", "grown", "crashed"] {
        assert!(
            world.counts.get(what).is_some_and(|count| *count > 0),
            "seed {seed}: nothing was {what}: {:?}",
            world.counts
        );
    }
    let database = world.database.clone();
    eventually("every lease to be given back", || async {
        let leases = ledger_lease::Entity::find().all(database.reader()).await.unwrap();
        leases.is_empty().then_some(())
    })
    .await;
    let windows = ledger_window::Entity::find().all(database.reader()).await.unwrap();
    assert!(windows.iter().all(|window| window.used == world.used), "seed {seed}: {} {windows:?}", world.used);
    let verified = books::verify(&database, None, None).await.unwrap();
    assert_eq!(verified.differences, [], "seed {seed}");
    for node in &world.nodes {
        node.alive.cancel();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_schedules_keep_the_books() {
    for seed in [1, 0x5eed, 0xc0ffee] {
        Box::pin(schedule(seed, 300)).await;
    }
}
