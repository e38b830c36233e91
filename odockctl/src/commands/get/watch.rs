//! `get --watch`: what is there, and then what changes.

use futures_util::StreamExt as _;
use odock_client::ClientError;
use odock_client::http::{Backoff, ListQuery, WatchEvent, Watched, Wire};
use serde_json::json;

use crate::error::{CliError, Exit};
use crate::output::{Format, Lines, Show};
use crate::session::{Session, interrupted};

/// What is watched.
pub(super) struct Subject<'a> {
    /// Only these names; all if there are none.
    pub names: &'a [String],
    /// Whether of every organisation.
    pub everywhere: bool,
    /// Which part of the collection.
    pub query: ListQuery,
    /// Whether only changes are wanted, and not what is there at first.
    pub changes_only: bool,
    /// How many events are wanted; endless if not given.
    pub most: Option<u32>,
}

/// Refuses formats that a stream without an end cannot have.
pub(super) fn check(session: &Session) -> Result<(), CliError> {
    match session.out.format {
        Format::Table | Format::Wide | Format::Jsonl | Format::Name => Ok(()),
        _ => Err(CliError::usage("a watch has no end, and so no single document")
            .hint("use -o jsonl, name, or no format at all")),
    }
}

/// Follows a collection until Ctrl-C, across connections.
pub(super) async fn run<T: Wire + Show>(session: &Session, subject: &Subject<'_>) -> Result<Exit, CliError> {
    let mut told = Teller { session, subject, lines: Lines::new(), since: None, first: true, counted: 0 };
    let backoff = Backoff::default();
    let mut attempt = 0;
    loop {
        let ended = tokio::select! {
            ended = one_connection::<T>(session, subject, &mut told, &mut attempt) => ended,
            () = session.interruption() => return Err(interrupted()),
        };
        match ended {
            Ok(true) => return Ok(Exit::Done),
            Ok(false) => session.out.note("the gateway ended the stream; connecting again"),
            Err(Ended::Output(error)) => return Err(error),
            // What can never work is not tried again, and neither is the first connection: something is wrong then.
            Err(Ended::Call(error)) if !error.retryable() || (told.first && attempt > session.global.retries) => {
                return Err(error.into());
            }
            Err(Ended::Call(error)) => session.out.note(&format!("{error}; connecting again")),
        }
        session.pause(backoff.wait(attempt)).await?;
        attempt = attempt.saturating_add(1);
    }
}

enum Ended {
    Call(ClientError),
    Output(CliError),
}

/// Reads one connection. Says whether as much as was wanted was told.
async fn one_connection<T: Wire + Show>(
    session: &Session,
    subject: &Subject<'_>,
    told: &mut Teller<'_>,
    attempt: &mut u32,
) -> Result<bool, Ended> {
    let client = session.client().await.map_err(Ended::Output)?;
    let since = told.since.clone();
    let mut events = if subject.everywhere || T::KIND == entity::Kind::Organisation {
        client.admin().watch::<T>(&subject.query, since.as_deref()).await.map_err(Ended::Call)?.boxed()
    } else {
        let organisation = session.organisation().map_err(Ended::Output)?;
        let api = client.organisation(&organisation);
        api.watch::<T>(&subject.query, since.as_deref()).await.map_err(Ended::Call)?.boxed()
    };
    while let Some(event) = events.next().await {
        let event = event.map_err(Ended::Call)?;
        *attempt = 0;
        if told.tell(event).map_err(Ended::Output)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes events down.
struct Teller<'a> {
    session: &'a Session,
    subject: &'a Subject<'a>,
    lines: Lines,
    since: Option<String>,
    /// Whether what was there when the watch began is still being told.
    first: bool,
    counted: u32,
}

impl Teller<'_> {
    /// Tells one event, and says whether it was the last.
    fn tell<T: Wire + Show>(&mut self, watched: Watched<T>) -> Result<bool, CliError> {
        if watched.id.is_some() {
            self.since = watched.id;
        }
        match watched.event {
            WatchEvent::Added(item) if self.first && self.subject.changes_only => drop(item),
            WatchEvent::Added(item) => self.item("ADDED", &item)?,
            WatchEvent::Modified(item) => self.item("MODIFIED", &item)?,
            WatchEvent::Deleted { id, name } => self.gone::<T>(&id, name.as_deref())?,
            WatchEvent::Bookmark => self.first = false,
            WatchEvent::Gap(reason) => {
                self.session.out.warn(&format!("changes may be missing here: {reason}; everything is listed again"));
                if self.session.out.format == Format::Jsonl {
                    self.session.out.value(&json!({ "type": "GAP", "reason": reason }))?;
                }
            }
        }
        Ok(self.subject.most.is_some_and(|most| self.counted >= most))
    }

    fn wants(&self, name: &str) -> bool {
        self.subject.names.is_empty() || self.subject.names.iter().any(|wanted| wanted == name)
    }

    fn item<T: Wire + Show>(&mut self, word: &'static str, item: &T) -> Result<(), CliError> {
        if !self.wants(item.name()) {
            return Ok(());
        }
        self.counted += 1;
        let out = &self.session.out;
        match out.format {
            Format::Jsonl => out.value(&json!({ "type": word, "object": item })),
            Format::Name => out.raw(&format!("{}\n", crate::output::one_line(&item.handle()))),
            format => {
                let columns = T::columns().iter().filter(|column| !column.wide || format == Format::Wide);
                let cells = columns.clone().map(|column| (column.text)(item));
                let cells: Vec<String> = std::iter::once(word.to_owned()).chain(cells).collect();
                let headings = std::iter::once("EVENT").chain(columns.map(|column| column.heading));
                out.raw(&self.lines.line(headings, &cells))
            }
        }
    }

    fn gone<T: Wire + Show>(&mut self, id: &str, name: Option<&str>) -> Result<(), CliError> {
        let name = name.unwrap_or(id);
        if !self.wants(name) {
            return Ok(());
        }
        self.counted += 1;
        let out = &self.session.out;
        match out.format {
            Format::Jsonl => out.value(&json!({ "type": "DELETED", "object": { "id": id, "name": name } })),
            // A name that is gone is of no use to whoever reads names.
            Format::Name => Ok(()),
            _ => {
                let cells = ["DELETED".to_owned(), name.to_owned()];
                let headings = std::iter::once("EVENT").chain(T::columns().iter().map(|column| column.heading));
                out.raw(&self.lines.line(headings, &cells))
            }
        }
    }
}
