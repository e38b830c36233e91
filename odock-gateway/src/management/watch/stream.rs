//! One watch: its place in the chains, and the events that it sends.

use std::collections::{HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entity::resource::Kind;
use entity::row::audit_event;
use futures_util::stream;
use http::header;
use sea_orm::Condition;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use uuid::Uuid;

use super::hub::{Heads, Hub};
use crate::gateway::Gateway;
use crate::management::access::standing::{Mine, RECHECK, Standing};
use crate::management::collection::ListOf;
use crate::management::engine::word;
use crate::management::problem::{ApiError, Code};
use crate::store;
use crate::store::audit::{DONE, Filter};
use crate::store::kinds::{Found, Scope, Stored};
use crate::store::listing::{Listing, Position, SortKey};

/// How often a watch shows that it lives, and where it stands.
const BOOKMARK: Duration = Duration::from_secs(10);
/// How long a watch rests when the database does not answer.
const REST: Duration = Duration::from_millis(500);
/// Events, or resources, that are read in one go, and so the most that wait for a slow reader.
const STEP: u16 = 200;

/// What is watched.
enum Subject {
    /// A collection: kind by kind the same but for the type, which is in the function.
    Resources(Kind),
    /// The audit log itself.
    Events(Box<Filter>),
}

/// Watches a collection.
pub(in crate::management) async fn open<S: Stored>(
    gateway: Gateway,
    hub: &Hub,
    standing: Standing,
    scope: Scope,
    list: ListOf<S>,
) -> Result<Response, ApiError> {
    let chain = match scope {
        Scope::Within(organisation) | Scope::Reached(organisation, _) => Some(organisation.0),
        Scope::Nowhere | Scope::Everywhere => None,
    };
    let selective = list.is_narrowed || standing.reach.is_limited();
    let mut watch = Watch::new(gateway, hub, standing, chain, Subject::Resources(S::KIND)).await?;
    (watch.scope, watch.narrowed, watch.selective) = (scope, list.narrowed.clone(), selective);
    match list.since.as_deref().map(position).transpose()? {
        None => {}
        Some(_) if selective || chain.is_none() => watch.begin_anew("this watch cannot go on where another ended"),
        Some(since) => watch.go_on(since),
    }
    Ok(answer(stream::unfold(watch, |mut watch| async {
        let bytes = watch.next::<S>().await?;
        Some((Ok::<_, Infallible>(bytes), watch))
    })))
}

/// Watches the audit log, of one organisation or of all.
pub(in crate::management) async fn open_audit(
    gateway: Gateway,
    hub: &Hub,
    standing: Standing,
    chain: Option<Uuid>,
    filter: Filter,
    since: Option<String>,
) -> Result<Response, ApiError> {
    let mut watch = Watch::new(gateway, hub, standing, chain, Subject::Events(Box::new(filter))).await?;
    watch.listing = None;
    match since.as_deref().map(position).transpose()? {
        None => {}
        Some(_) if chain.is_none() => {
            watch.send("GAP", None, &gap("the log of everything cannot go on where it ended"))
        }
        Some(since) => watch.go_on(since),
    }
    Ok(answer(stream::unfold(watch, |mut watch| async {
        // No kind's resources are read for it.
        let bytes = watch.next::<entity::resource::TeamSpec>().await?;
        Some((Ok::<_, Infallible>(bytes), watch))
    })))
}

fn position(text: &str) -> Result<i64, ApiError> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| ApiError::new(Code::BadRequest, "`since` is not the id of an event of this watch"))
}

fn answer(events: impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache, no-store")];
    (headers, [("x-accel-buffering", "no")], Body::from_stream(events)).into_response()
}

struct Watch {
    gateway: Gateway,
    standing: Standing,
    heads: watch::Receiver<Heads>,
    subject: Subject,
    /// The one chain that is followed, or all of them.
    chain: Option<Uuid>,
    /// The number of the last event that was told, of each chain.
    told: HashMap<Uuid, i64>,
    scope: Scope,
    narrowed: Condition,
    /// Whether there is more than is shown, so that what is shown must be remembered.
    selective: bool,
    known: HashSet<Uuid>,
    mine: Option<Mine>,
    /// Where the first list goes on; `None` once it is told.
    listing: Option<Option<Position>>,
    pending: VecDeque<Bytes>,
    bookmark: Interval,
    recheck: Interval,
}

impl Watch {
    async fn new(
        gateway: Gateway,
        hub: &Hub,
        standing: Standing,
        chain: Option<Uuid>,
        subject: Subject,
    ) -> Result<Self, ApiError> {
        let every = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        let told = store::audit::heads(gateway.database.reader()).await?;
        let mut watch = Self {
            heads: hub.subscribe(&gateway),
            mine: Mine::of(&gateway, standing.reach).await?,
            gateway,
            standing,
            subject,
            chain,
            told: told.into_iter().filter(|(id, _)| chain.is_none_or(|chain| chain == *id)).collect(),
            scope: Scope::Everywhere,
            narrowed: Condition::all(),
            selective: false,
            known: HashSet::new(),
            listing: Some(None),
            pending: VecDeque::new(),
            bookmark: every(BOOKMARK),
            recheck: every(RECHECK),
        };
        // Sent at once, so that whoever connects knows that it has.
        watch.pending.push_back(Bytes::from_static(b": connected\n\n"));
        Ok(watch)
    }

    /// Goes on after an event, unless there is no such event.
    fn go_on(&mut self, since: i64) {
        let Some(chain) = self.chain else { return };
        let head = self.told.get(&chain).copied().unwrap_or(0);
        if since > head {
            return self
                .begin_anew("there is no such event: the log was restored from a backup, or it is another gateway");
        }
        self.told.insert(chain, since);
        self.listing = None;
    }

    /// Says that something may have been missed, and lists from the beginning.
    fn begin_anew(&mut self, reason: &str) {
        self.send("GAP", None, &gap(reason));
        if matches!(self.subject, Subject::Resources(_)) {
            self.known.clear();
            self.listing = Some(None);
        }
    }

    fn send(&mut self, word: &str, id: Option<i64>, data: &impl Serialize) {
        // JSON on one line holds no line breaks.
        let Ok(data) = serde_json::to_string(data) else { return };
        let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
        self.pending.push_back(Bytes::from(format!("event: {word}\n{id}data: {data}\n\n")));
    }

    fn send_bookmark(&mut self) {
        let at = self.chain.map(|chain| self.told.get(&chain).copied().unwrap_or(0));
        self.send("BOOKMARK", at, &json!({"type": "BOOKMARK", "revision": at.map(|at| at.to_string())}));
    }

    /// The next piece of the stream; `None` at its end.
    async fn next<S: Stored>(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.pending.pop_front() {
                return Some(piece);
            }
            let step = match self.listing.clone() {
                Some(after) => self.list::<S>(after).await,
                None => self.catch_up::<S>().await,
            };
            match step {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "A watch waits for the database");
                    tokio::time::sleep(REST).await;
                }
            }
            tokio::select! {
                () = self.gateway.stopping.cancelled() => return None,
                _ = self.recheck.tick() => if !self.may_go_on().await { return None },
                _ = self.bookmark.tick() => self.send_bookmark(),
                changed = self.heads.changed() => if changed.is_err() { return None },
            }
        }
    }

    async fn may_go_on(&mut self) -> bool {
        if !self.standing.holds(&self.gateway).await {
            return false;
        }
        // What cannot be asked stays as it was.
        if let Ok(mine) = Mine::of(&self.gateway, self.standing.reach).await
            && mine != self.mine
        {
            self.mine = mine;
            self.begin_anew("you manage other teams than before");
        }
        true
    }

    /// Tells a page of what is there, and says that there is more to do.
    async fn list<S: Stored>(&mut self, after: Option<Position>) -> Result<bool, ApiError> {
        let listing = Listing {
            limit: STEP.into(),
            after,
            q: None,
            sort: SortKey::CreatedAt,
            descending: false,
            narrowed: self.narrowed.clone(),
        };
        let (found, next) = store::kinds::page::<S>(self.gateway.database.reader(), self.scope, &listing).await?;
        for found in self.complete(found).await? {
            if self.selective {
                self.known.insert(found.resource.id);
            }
            self.send("ADDED", None, &json!({"type": "ADDED", "object": found.resource}));
        }
        self.listing = next.map(Some);
        if self.listing.is_none() {
            self.send_bookmark();
        }
        Ok(true)
    }

    async fn complete<S: Stored>(&self, mut found: Vec<Found<S>>) -> Result<Vec<Found<S>>, ApiError> {
        S::as_of(self.gateway.database.reader(), self.gateway.clock.now(), &mut found).await?;
        S::with_health(&mut found, |provider| self.gateway.health.of_provider(provider));
        Ok(found)
    }

    /// Tells what has happened since. Says whether there may be more to do.
    async fn catch_up<S: Stored>(&mut self) -> Result<bool, ApiError> {
        let heads = self.heads.borrow_and_update().clone();
        let behind = |chain: &Uuid, head: i64, told: &HashMap<Uuid, i64>| told.get(chain).copied().unwrap_or(0) < head;
        let grown: Vec<(Uuid, i64)> = heads
            .iter()
            .filter(|(chain, _)| self.chain.is_none_or(|only| only == **chain))
            .map(|(chain, head)| (*chain, *head))
            .filter(|(chain, head)| behind(chain, *head, &self.told))
            .collect();
        let mut is_more = false;
        for (chain, head) in grown {
            let told = self.told.get(&chain).copied().unwrap_or(0);
            let filter = match &self.subject {
                Subject::Events(filter) => (**filter).clone(),
                Subject::Resources(kind) => {
                    Filter { resource: Some(word(*kind).into()), outcome: Some(DONE.into()), ..Filter::default() }
                }
            };
            let db = self.gateway.database.reader();
            let events = store::audit::following(db, chain, told, &filter, STEP.into()).await?;
            let last = events.last().and_then(|event| event.seq).unwrap_or(head);
            // A full step may have left some out; else everything up to the head was looked at.
            let is_full = events.len() == usize::from(STEP);
            match self.subject {
                Subject::Events(_) => self.tell_events(events),
                Subject::Resources(_) => self.tell_changes::<S>(events).await?,
            }
            self.told.insert(chain, if is_full { last } else { head.max(last) });
            is_more |= is_full;
        }
        Ok(is_more || !self.pending.is_empty())
    }

    fn tell_events(&mut self, events: Vec<audit_event::Model>) {
        for event in events {
            let id = event.seq.filter(|_| self.chain.is_some());
            self.send("ADDED", id, &json!({"type": "ADDED", "object": store::audit::shown(event)}));
        }
    }

    /// Tells what the resources are now that events are about, each once.
    async fn tell_changes<S: Stored>(&mut self, events: Vec<audit_event::Model>) -> Result<(), ApiError> {
        let mut about: HashMap<Uuid, (i64, bool, Option<String>)> = HashMap::new();
        for event in events {
            let (Some(id), Some(seq)) = (event.resource_id, event.seq) else { continue };
            let entry = about.entry(id).or_insert((seq, false, None));
            *entry = (seq, entry.1 || event.verb == "create", event.name);
        }
        let ids: Vec<Uuid> = about.keys().copied().collect();
        let db = self.gateway.database.reader();
        let found = store::kinds::by_ids_among::<S>(db, self.scope, &ids, &self.narrowed).await?;
        let mut now: HashMap<Uuid, Value> = HashMap::with_capacity(found.len());
        for found in self.complete(found).await? {
            let object = serde_json::to_value(&found.resource).map_err(ApiError::internal)?;
            now.insert(found.resource.id, object);
        }
        let mut about: Vec<_> = about.into_iter().collect();
        about.sort_by_key(|(_, (seq, ..))| *seq);
        for (id, (seq, created, name)) in about {
            let at = self.chain.map(|_| seq);
            match now.remove(&id) {
                Some(object) => {
                    let is_new = if self.selective { self.known.insert(id) } else { created };
                    let word = if is_new { "ADDED" } else { "MODIFIED" };
                    self.send(word, at, &json!({"type": word, "object": object}));
                }
                // What was never shown is not said to be gone.
                None if self.selective && !self.known.remove(&id) => {}
                None => self.send("DELETED", at, &json!({"type": "DELETED", "object": {"id": id, "name": name}})),
            }
        }
        Ok(())
    }
}

fn gap(reason: &str) -> Value {
    json!({"type": "GAP", "reason": reason})
}
