//! Looks for every watcher of this process whether chains have grown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::store;

/// How often.
const PERIOD: Duration = Duration::from_millis(250);

/// The heads of all chains: the number of the last event of each.
pub(in crate::management) type Heads = Arc<HashMap<Uuid, i64>>;

/// What watchers wait for. Looks while anybody watches, and not otherwise.
#[derive(Clone, Debug, Default)]
pub(in crate::management) struct Hub(Arc<Mutex<Option<watch::Sender<Heads>>>>);

impl Hub {
    /// What is told whenever a chain has grown.
    pub(in crate::management) fn subscribe(&self, gateway: &Gateway) -> watch::Receiver<Heads> {
        let mut sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = sender.as_ref().filter(|sender| !sender.is_closed()) {
            return sender.subscribe();
        }
        let (new, receiver) = watch::channel(Heads::default());
        *sender = Some(new.clone());
        tokio::spawn(look(gateway.clone(), new));
        receiver
    }
}

async fn look(gateway: Gateway, heads: watch::Sender<Heads>) {
    // This task's own sender does not keep it alive: it ends with the last receiver.
    while !heads.is_closed() && !gateway.stopping.is_cancelled() {
        match store::audit::heads(gateway.database.reader()).await {
            Ok(found) => {
                heads.send_if_modified(|heads| {
                    let is_new = **heads != found;
                    if is_new {
                        *heads = Arc::new(found);
                    }
                    is_new
                });
            }
            // Watchers wait until it is back; they follow numbers, so that they miss nothing.
            Err(error) => tracing::debug!(%error, "Could not look for changes"),
        }
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = heads.closed() => return,
            () = gateway.stopping.cancelled() => return,
        }
    }
}
