//! Runs effects in tasks; what comes of them returns as messages.

use std::sync::Arc;

use futures_util::StreamExt as _;
use odock_client::Client;
use odock_client::http::LiveQuery;
use odock_tui::effects::{Load, Mutation};
use odock_tui::model::Scope;
use odock_tui::msg::{Failure, FailureKind, Msg, StreamMsg};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::args::Args;
use super::calls::{self, failure};
use super::target::Target;

/// What tasks send to the loop.
pub(crate) enum Inner {
    /// A message for the core.
    Msg(Msg),
    /// Another gateway to use from now on.
    Target(Box<Target>),
}

/// Runs effects.
pub(crate) struct Runner {
    args: Args,
    target: Arc<Target>,
    to: Sender<Inner>,
    stream: Option<JoinHandle<()>>,
}

impl Runner {
    /// A runner that calls `target` and sends what comes of it to `to`.
    pub(crate) fn new(args: Args, target: Target, to: Sender<Inner>) -> Self {
        Self { args, target: Arc::new(target), to, stream: None }
    }

    /// Uses another gateway from now on. What is under way with the old one is ignored by the core.
    pub(crate) fn retarget(&mut self, target: Target) -> Msg {
        self.disconnect();
        let session = target.session.clone();
        self.target = Arc::new(target);
        Msg::Switched(Ok(session))
    }

    fn disconnect(&mut self) {
        if let Some(stream) = self.stream.take() {
            stream.abort();
        }
    }

    /// Opens the live stream, ending the one before.
    pub(crate) fn connect(&mut self, generation: u64, renew: bool) {
        self.disconnect();
        let (target, to) = (Arc::clone(&self.target), self.to.clone());
        self.stream = Some(tokio::spawn(async move {
            let failure = match follow(&target, &to, generation, renew).await {
                Ok(()) => Failure::new(FailureKind::Ended, "the gateway closed the stream"),
                Err(failure) => failure,
            };
            let _ = to.send(Inner::Msg(Msg::Stream(generation, StreamMsg::Ended(failure)))).await;
        }));
    }

    /// Fetches something.
    pub(crate) fn load(&self, epoch: u64, load: Load) {
        let (target, to) = (Arc::clone(&self.target), self.to.clone());
        tokio::spawn(async move {
            let result = calls::load(&target, load.clone()).await;
            let _ = to.send(Inner::Msg(Msg::Loaded(epoch, load, result))).await;
        });
    }

    /// Changes something.
    pub(crate) fn mutate(&self, id: u64, mutation: Mutation) {
        let (target, to) = (Arc::clone(&self.target), self.to.clone());
        tokio::spawn(async move {
            let result = calls::mutate(target, &mutation).await;
            let _ = to.send(Inner::Msg(Msg::Mutated(id, mutation, result))).await;
        });
    }

    /// Finds out how to use another context.
    pub(crate) fn switch(&self, name: String) {
        let (args, to) = (self.args.clone(), self.to.clone());
        tokio::task::spawn_blocking(move || {
            let inner = match Target::named(&args, &name) {
                Ok(target) => Inner::Target(Box::new(target)),
                Err(failure) => Inner::Msg(Msg::Switched(Err(failure))),
            };
            let _ = to.blocking_send(inner);
        });
    }
}

/// Opens the stream and passes its events on until it ends. The bounded channel is what slows a flood down: then the
/// gateway sees a slow reader and tells of a gap.
async fn follow(target: &Target, to: &Sender<Inner>, generation: u64, renew: bool) -> Result<(), Failure> {
    let client: Client = target.client(renew).await?;
    let scope = target.scope(&client).await?;
    let query = LiveQuery::default();
    let mut events = match &scope {
        Scope::Organisation(slug) => {
            client.organisation(slug).live(&query).await.map_err(|error| failure(&error))?.boxed()
        }
        Scope::Everything => client.admin().live(&query).await.map_err(|error| failure(&error))?.boxed(),
    };
    let tell = |msg| to.send(Inner::Msg(Msg::Stream(generation, msg)));
    if tell(StreamMsg::Opened(scope)).await.is_err() {
        return Ok(());
    }
    while let Some(event) = events.next().await {
        let event = event.map_err(|error| failure(&error))?;
        if tell(StreamMsg::Event(event)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}
