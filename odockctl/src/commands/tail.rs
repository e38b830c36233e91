//! Following a stream that has no end, across connections: what `usage tail` and `audit tail` share.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use odock_client::ClientError;
use odock_client::http::Backoff;

use crate::error::{CliError, Exit};
use crate::output::Format;
use crate::session::{Session, interrupted};

/// The events of one connection.
pub(super) type Events<E> = Pin<Box<dyn Stream<Item = Result<E, ClientError>>>>;

/// Something that happens all the time.
pub(super) trait Tailed {
    /// What comes.
    type Event;

    /// What to say when there is a connection again.
    const AGAIN: Option<&'static str> = None;

    /// Connects, where the last connection ended if that can be.
    async fn open(&self) -> Result<Events<Self::Event>, ClientError>;

    /// Writes an event, and says whether it is one of those that were asked for.
    fn tell(&mut self, session: &Session, event: Self::Event) -> Result<bool, CliError>;
}

/// Refuses formats that a stream without an end cannot have.
pub(super) fn check(session: &Session) -> Result<(), CliError> {
    let has_lines = matches!(session.out.format, Format::Table | Format::Wide | Format::Json | Format::Jsonl);
    if has_lines && session.global.fields.is_none() {
        return Ok(());
    }
    Err(CliError::usage("a stream has lines only: use -o table, wide or jsonl, without --fields"))
}

/// Tells events until there were as many as are wanted, or Ctrl-C.
pub(super) async fn run<T: Tailed>(session: &Session, mut tailed: T, most: Option<u64>) -> Result<Exit, CliError> {
    let mut left = most.unwrap_or(u64::MAX);
    let backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(15) };
    let (mut failures, mut connected_before) = (0, false);
    loop {
        let ended = match tailed.open().await {
            Ok(events) => {
                if let Some(again) = T::AGAIN.filter(|_| connected_before) {
                    session.out.note(again);
                }
                (connected_before, failures) = (true, 0);
                follow(session, events, &mut tailed, &mut left).await?
            }
            Err(error) => Some(error),
        };
        match ended {
            _ if left == 0 => return Ok(Exit::Done),
            // The first connection has to stand: the address or the token may be wrong.
            Some(error) if !connected_before || !error.retryable() => return Err(error.into()),
            Some(error) => session.out.note(&format!("the stream broke: {error}")),
            None => session.out.note("the gateway ended the stream"),
        }
        session.pause(backoff.wait(failures).max(Duration::from_millis(100))).await?;
        failures += 1;
    }
}

/// Tells events until the stream ends, with the reason if there is one.
async fn follow<T: Tailed>(
    session: &Session,
    mut events: Events<T::Event>,
    tailed: &mut T,
    left: &mut u64,
) -> Result<Option<ClientError>, CliError> {
    while *left > 0 {
        let event = tokio::select! {
            event = events.next() => event,
            () = session.interruption() => return Err(interrupted()),
        };
        match event {
            Some(Ok(event)) => *left -= u64::from(tailed.tell(session, event)?),
            Some(Err(error)) => return Ok(Some(error)),
            None => return Ok(None),
        }
    }
    Ok(None)
}
