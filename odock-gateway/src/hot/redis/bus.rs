//! One connection that listens: to changes, to other nodes' finished requests, and to its own heartbeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use redis::RedisResult;
use redis::aio::{ConnectionManager, PubSubSink, PubSubStream};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};

use crate::hot::{Signal, Subject};

/// How often a node sends itself a heartbeat.
const BEAT: Duration = Duration::from_millis(500);
/// The bus counts as down when the heartbeat was not heard for this long: a silent connection looks like a dead one.
const SILENCE: Duration = Duration::from_millis(1_500);
/// How long joining may take.
const JOIN: Duration = Duration::from_secs(5);
/// The pause between attempts to join again.
const RETRY: Duration = Duration::from_millis(250);

pub(super) struct Bus {
    pub(super) client: redis::Client,
    pub(super) commands: ConnectionManager,
    pub(super) changes: String,
    pub(super) live: String,
    pub(super) ledger: String,
    pub(super) beat: String,
    pub(super) generation: String,
    pub(super) node: String,
    pub(super) signals: broadcast::Sender<Signal>,
    pub(super) is_up: Arc<AtomicBool>,
    /// How often it was lost and joined again.
    pub(super) rejoined: Arc<AtomicU64>,
    pub(super) live_wanted: Arc<AtomicBool>,
    pub(super) want_live: watch::Receiver<bool>,
}

type Joined = (PubSubSink, PubSubStream);

impl Bus {
    /// Subscribes, so that every change from now on is heard.
    pub(super) async fn join(&mut self) -> RedisResult<Joined> {
        let timed_out = || redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let joining = async {
            let (mut sink, stream) = self.client.get_async_pubsub().await?.split();
            sink.subscribe(&[&self.changes, &self.beat, &self.ledger]).await?;
            if *self.want_live.borrow_and_update() {
                sink.subscribe(&self.live).await?;
            }
            Ok::<Joined, redis::RedisError>((sink, stream))
        };
        timeout(JOIN, joining).await.map_err(|_| timed_out())?
    }

    /// Joins after the bus was lost. Changes may have been missed in between, by this node and by the server too, whose
    /// cached facts would else outlive them: both begin anew before anything is trusted again.
    async fn rejoin(&mut self) -> RedisResult<Joined> {
        let joined = self.join().await?;
        let timed_out = || redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let mut begin = redis::cmd("INCR");
        begin.arg(&self.generation);
        timeout(JOIN, begin.query_async::<()>(&mut self.commands)).await.map_err(|_| timed_out())??;
        let _ = self.signals.send(Signal::AllChanged);
        self.rejoined.fetch_add(1, Ordering::Release);
        self.is_up.store(true, Ordering::Release);
        Ok(joined)
    }

    /// Listens until the store is dropped, joining again whenever the connection is lost.
    pub(super) async fn run(mut self, mut joined: Joined) {
        loop {
            self.listen(joined).await;
            self.is_up.store(false, Ordering::Release);
            tracing::warn!("lost the bus: changes made on other nodes are not heard until it is back");
            joined = loop {
                tokio::time::sleep(RETRY).await;
                match self.rejoin().await {
                    Ok(joined) => break joined,
                    Err(error) => tracing::debug!(%error, "could not join the bus"),
                }
            };
            tracing::info!("the bus is back");
        }
    }

    async fn listen(&mut self, (mut sink, mut stream): Joined) {
        let mut heard = Instant::now();
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = stream.next() => match message {
                    Some(message) => {
                        heard = Instant::now();
                        self.hear(message.get_channel_name(), message.get_payload_bytes());
                    }
                    None => return,
                },
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return;
                    }
                    self.beat().await;
                }
                changed = self.want_live.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let wanted = *self.want_live.borrow_and_update();
                    let telling = async { if wanted { sink.subscribe(&self.live).await } else { sink.unsubscribe(&self.live).await } };
                    // A dead connection answers nothing, and nobody would notice its silence from in here.
                    if !matches!(timeout(SILENCE, telling).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }

    /// Sends the heartbeat and learns whether another node watches. A failure shows as silence.
    async fn beat(&mut self) {
        let mut ask = redis::pipe();
        ask.publish(&self.beat, "").ignore().cmd("PUBSUB").arg("NUMSUB").arg(&self.live);
        let answer = timeout(BEAT, ask.query_async::<((String, u64),)>(&mut self.commands)).await;
        if let Ok(Ok(((_, watchers),))) = answer {
            let own = u64::from(*self.want_live.borrow());
            self.live_wanted.store(watchers > own, Ordering::Relaxed);
        }
    }

    fn hear(&self, channel: &str, payload: &[u8]) {
        if channel == self.changes {
            let signal = subjects(payload).map_or(Signal::AllChanged, |subjects| Signal::Changed(subjects.into()));
            let _ = self.signals.send(signal);
        } else if channel == self.ledger
            && let Some((node, word)) = payload.split_at_checked(self.node.len())
            && node != self.node.as_bytes()
        {
            let _ = self.signals.send(Signal::Ledger(String::from_utf8_lossy(word).into_owned()));
        } else if channel == self.live
            && let Some((node, records)) = payload.split_at_checked(self.node.len())
            && node != self.node.as_bytes()
        {
            let _ = self.signals.send(Signal::Live(Bytes::copy_from_slice(records)));
        }
    }
}

/// Reads `{"subjects":["…"]}`. Anything else, such as `{"all":true}` from an outside writer, means that all may have changed.
fn subjects(message: &[u8]) -> Option<Vec<Subject>> {
    #[derive(serde::Deserialize)]
    struct Message {
        subjects: Vec<Subject>,
    }
    serde_json::from_slice::<Message>(message).ok().map(|message| message.subjects)
}
