//! One thread a core, each with a runtime of its own, for the connections of callers.
//!
//! A connection stays on the thread that it was given to, and so do its requests, their timers and the connections to
//! providers that they use. Nothing of a request is handed from core to core, no idle thread is woken to look for work, and
//! what a request touches is in its core's caches. Work that takes long belongs elsewhere: a request that computes for a
//! millisecond holds up its neighbours for as long, which is why the control plane runs on the program's main runtime.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

thread_local! {
    static WORKER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Which of its gateway's workers this thread is, from 0 on, if it is one.
#[must_use]
pub fn current() -> Option<usize> {
    WORKER.get()
}

/// Threads that serve connections. They end when this is dropped, and what they were doing ends with them.
pub struct Workers {
    workers: Vec<Worker>,
    stop: CancellationToken,
}

struct Worker {
    runtime: Handle,
    /// Connections that it serves at present.
    connections: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts so many threads, at least one.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut workers = Self { workers: Vec::with_capacity(count), stop };
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (handle, stop) = (runtime.handle().clone(), workers.stop.clone());
            let work = move || {
                WORKER.set(Some(number));
                runtime.block_on(stop.cancelled());
                // A blocking call, such as a name being resolved, is not waited for.
                runtime.shutdown_background();
            };
            let thread = std::thread::Builder::new().name(format!("odock-worker-{number}")).spawn(work)?;
            workers.workers.push(Worker { runtime: handle, connections: Arc::default(), thread: Some(thread) });
        }
        Ok(workers)
    }

    /// Gives the serving of a connection to the worker that has the fewest.
    pub fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let least = self.workers.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        let Some(worker) = least else { return };
        let place = Place::new(&worker.connections);
        worker.runtime.spawn(async move {
            let _place = place;
            connection.await;
        });
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            // A worker that panicked has ended too.
            let _ = thread.join();
        }
    }
}

/// A connection's place at its worker.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connections))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn connections_are_shared_out_evenly_and_stay_where_they_are() {
        let workers = Workers::start(3).unwrap();
        let (told, mut heard) = mpsc::unbounded_channel();
        let open = CancellationToken::new();
        for _ in 0..12 {
            let (told, open) = (told.clone(), open.clone());
            workers.spawn(async move {
                let first = current();
                tokio::time::sleep(Duration::from_millis(5)).await;
                assert_eq!(tokio::spawn(async { current() }).await.unwrap(), first, "what it spawns stays too");
                told.send((first, current())).unwrap();
                open.cancelled().await;
            });
        }
        let mut each = BTreeMap::new();
        for _ in 0..12 {
            let (first, then) = heard.recv().await.unwrap();
            assert_eq!(first, then);
            *each.entry(first).or_insert(0) += 1;
        }
        assert_eq!(each, BTreeMap::from([(Some(0), 4), (Some(1), 4), (Some(2), 4)]));
        assert_eq!(current(), None, "no worker");
    }

    #[tokio::test]
    async fn a_connection_that_ends_makes_room_however_it_ends() {
        let workers = Workers::start(2).unwrap();
        let load = || workers.workers.iter().map(|it| it.connections.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let open = CancellationToken::new();
        let waiting = open.clone();
        workers.spawn(async move { waiting.cancelled().await });
        workers.spawn(async { panic!("a request's own fault, which its connection does not survive") });
        while load() != [1, 0] {
            tokio::task::yield_now().await;
        }
        open.cancel();
        while load() != [0, 0] {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_is_under_way_ends_with_the_workers() {
        let workers = Workers::start(1).unwrap();
        let (alive, mut ended) = mpsc::channel::<()>(1);
        workers.spawn(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        drop(workers);
        assert_eq!(ended.recv().await, None);
    }
}
