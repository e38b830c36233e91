//! One thread a core, each with a runtime of its own, for the connections of callers.
//!
//! A connection stays on the thread that it was given to, or of HTTP/2 each of its streams, and so do its requests, their
//! timers and the connections to providers that they use. Nothing of a request is handed from core to core, no idle thread is
//! woken to look for work, and what a request touches is in its core's caches. Work that takes long belongs elsewhere: a
//! request that computes for a millisecond holds up its neighbours for as long, which is why the control plane runs on the
//! program's main runtime.

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
    crew: Crew,
    threads: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

/// Whom to give connections to. Does not keep the threads alive.
#[derive(Clone)]
pub struct Crew(Arc<[Worker]>);

struct Worker {
    runtime: Handle,
    /// Connections, and streams of HTTP/2, that it serves at present.
    load: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts so many threads, at least one.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(count: usize) -> io::Result<Self> {
        let mut started = Self { crew: Crew(Arc::new([])), threads: Vec::new(), stop: CancellationToken::new() };
        let mut crew = Vec::new();
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            crew.push(Worker { runtime: runtime.handle().clone(), load: Arc::default() });
            let stop = started.stop.clone();
            let work = move || {
                WORKER.set(Some(number));
                runtime.block_on(stop.cancelled());
                // A blocking call, such as a name being resolved, is not waited for.
                runtime.shutdown_background();
            };
            started.threads.push(std::thread::Builder::new().name(format!("odock-worker-{number}")).spawn(work)?);
        }
        started.crew = Crew(crew.into());
        Ok(started)
    }

    /// Whom to give connections to.
    #[must_use]
    pub fn crew(&self) -> Crew {
        self.crew.clone()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            // A worker that panicked has ended too.
            let _ = thread.join();
        }
    }
}

impl Crew {
    /// Has the worker that has the least to do serve a connection, or a stream of one.
    pub fn spawn(&self, serving: impl Future<Output = ()> + Send + 'static) {
        let least = self.0.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        let Some(worker) = least else { return };
        let place = Place::new(&worker.load);
        worker.runtime.spawn(async move {
            let _place = place;
            serving.await;
        });
    }

    /// The runtimes of the workers.
    pub fn runtimes(&self) -> impl Iterator<Item = &Handle> {
        self.0.iter().map(|worker| &worker.runtime)
    }
}

/// Runs the streams of a connection that speaks HTTP/2: on all workers, for a proxy may bring all its callers on one
/// connection. Without workers, on the runtime that serves the connection.
#[derive(Clone)]
pub struct StreamExecutor(pub Option<Crew>);

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        match &self.0 {
            Some(crew) => crew.spawn(stream),
            None => drop(tokio::spawn(stream)),
        }
    }
}

/// A place at a worker, left when this is dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn new(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
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
            workers.crew.spawn(async move {
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
        let load = || workers.crew.0.iter().map(|it| it.load.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let open = CancellationToken::new();
        let waiting = open.clone();
        workers.crew.spawn(async move { waiting.cancelled().await });
        workers.crew.spawn(async { panic!("a request's own fault, which its connection does not survive") });
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
        workers.crew.spawn(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        drop(workers);
        assert_eq!(ended.recv().await, None);
    }

    #[tokio::test]
    async fn the_streams_of_one_connection_are_shared_out() {
        let workers = Workers::start(2).unwrap();
        let (told, mut heard) = mpsc::unbounded_channel();
        let open = CancellationToken::new();
        for _ in 0..6 {
            let (told, open) = (told.clone(), open.clone());
            let stream = async move {
                told.send(current()).unwrap();
                open.cancelled().await;
            };
            hyper::rt::Executor::execute(&StreamExecutor(Some(workers.crew())), stream);
        }
        let mut each = BTreeMap::new();
        for _ in 0..6 {
            *each.entry(heard.recv().await.unwrap()).or_insert(0) += 1;
        }
        assert_eq!(each, BTreeMap::from([(Some(0), 3), (Some(1), 3)]));
        hyper::rt::Executor::execute(&StreamExecutor(None), async move { told.send(current()).unwrap() });
        assert_eq!(heard.recv().await.unwrap(), None, "where there are no workers, here");
    }
}
