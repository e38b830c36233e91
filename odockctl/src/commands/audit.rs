//! `odockctl audit`: who did what.

use entity::Timestamp;
use entity::audit::{AuditEvent, ChainVerification};
use odock_client::http::{AuditNews, AuditQuery, OrganisationApi};
use odock_client::{Client, ClientError};

use super::tail::{self, Events, Tailed};
use crate::error::{CliError, Exit};
use crate::output::{Format, Style, instant, one_line};
use crate::session::Session;
use crate::span;

/// See who did what.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List audit events, newest first.
    List(List),
    /// Follow audit events as they happen.
    Tail(Tail),
    /// Check that no event was altered or taken away.
    Verify(Verify),
}

/// Which events.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Only what this person did; `gateway` for what it did by itself.
    #[arg(long, value_name = "EMAIL")]
    actor: Option<String>,
    /// Only this, such as create, rotate or sign-in.
    #[arg(long, value_name = "VERB")]
    verb: Option<String>,
    /// Only what was done to this kind of thing, such as apikey.
    #[arg(long, value_name = "KIND")]
    resource: Option<String>,
    /// Only what was done to the thing of this name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only what ended so: done, refused, or the code of a refusal.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only this call.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The events of every organisation; for super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
}

/// List audit events, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl audit list
  odockctl audit list --from 24h --verb rotate --resource apikey
  odockctl audit list --outcome refused -o wide
  odockctl audit list --all-organisations --limit 500 -o jsonl")]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// The first instant that counts: a date, a time, or a span before now such as 24h.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Follow audit events as they happen.
///
/// Survives the gateway going away: it connects again and goes on after the last event it saw. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl audit tail
  odockctl audit tail --resource apikey -o jsonl
  odockctl audit tail --outcome refused --limit 10")]
pub struct Tail {
    #[command(flatten)]
    which: Which,
    /// Begin after the event of this number, instead of now.
    #[arg(long, value_name = "SEQ", conflicts_with = "all_organisations")]
    since: Option<u64>,
    /// End after this many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// Check that no event was altered or taken away.
///
/// Every event carries a number and a hash over itself and the event before. The gateway recomputes them all and names the
/// first that does not fit; then this ends with 1. Note the head that is printed somewhere else: given back with --anchor it
/// shows that the log was not written anew either.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl audit verify
  odockctl audit verify --anchor 812:9f2c5d3be07a48e6ab9c12f4d6e8a0b35c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f
  odockctl audit verify --all-organisations -o json")]
pub struct Verify {
    /// An event that was noted earlier: its number, a colon and its hash.
    #[arg(long, value_name = "SEQ:HASH", conflicts_with = "all_organisations")]
    anchor: Option<String>,
    /// The events of every organisation, and those of none; for super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::List(args) => list(session, args).await,
        Command::Tail(args) => tail(session, args).await,
        Command::Verify(args) => verify(session, args).await,
    }
}

impl Which {
    fn query(&self) -> AuditQuery {
        AuditQuery {
            actor: self.actor.clone(),
            verb: self.verb.clone(),
            resource: self.resource.clone(),
            name: self.name.clone(),
            outcome: self.outcome.clone(),
            request_id: self.request_id.clone(),
            ..AuditQuery::default()
        }
    }
}

async fn list(session: &Session, args: List) -> Result<Exit, CliError> {
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let query = AuditQuery { from: args.from, to: args.to, cursor: args.cursor, ..args.which.query() };
    let page = match args.which.all_organisations {
        true => session.client().await?.admin().audit(&query, most).await?,
        false => session.api().await?.audit(&query, most).await?,
    };
    session.out.list(&page.items, page.next_cursor.as_deref())?;
    if let (Some(cursor), false) = (&page.next_cursor, session.out.is_structured()) {
        session.out.note(&format!("there are more; go on with --cursor {cursor}"));
    }
    Ok(Exit::Done)
}

/// Where audit events come from.
enum Source {
    One(OrganisationApi),
    All(Client),
}

struct Follower {
    source: Source,
    query: AuditQuery,
    /// The last event that was told.
    since: Option<String>,
}

impl Tailed for Follower {
    type Event = AuditNews;

    async fn open(&self) -> Result<Events<AuditNews>, ClientError> {
        Ok(match &self.source {
            Source::One(api) => Box::pin(api.follow_audit(&self.query, self.since.as_deref()).await?),
            Source::All(client) => Box::pin(client.admin().follow_audit(&self.query).await?),
        })
    }

    fn tell(&mut self, session: &Session, event: AuditNews) -> Result<bool, CliError> {
        match event {
            AuditNews::Event(event, id) => {
                print(session, &event)?;
                self.since = id.or(self.since.take());
                Ok(true)
            }
            AuditNews::Gap(reason) => {
                session.out.warn(&format!("events may be missing here: {reason}"));
                Ok(false)
            }
        }
    }
}

async fn tail(session: &Session, args: Tail) -> Result<Exit, CliError> {
    tail::check(session)?;
    let source = match args.which.all_organisations {
        true => Source::All(session.client().await?),
        false => Source::One(session.api().await?),
    };
    let since = args.since.map(|since| since.to_string());
    tail::run(session, Follower { source, query: args.which.query(), since }, args.limit).await
}

fn print(session: &Session, event: &AuditEvent) -> Result<(), CliError> {
    if session.out.is_structured() {
        let line = serde_json::to_string(event).map_err(|error| CliError::internal(error.to_string()))?;
        return session.out.text(&format!("{line}\n"));
    }
    let style = if event.outcome == "done" { Style::Green } else { Style::Red };
    let mut line = format!(
        "{}  {}  {:<24}  {:<12} {:<12} {}",
        instant(event.at),
        session.out.paint(style, &format!("{:<9}", one_line(&event.outcome))),
        one_line(&event.actor),
        one_line(&event.verb),
        one_line(&event.resource),
        one_line(event.name.as_deref().unwrap_or("-")),
    );
    if session.out.format == Format::Wide {
        line.push_str(&format!("  {}  {}", one_line(event.address.as_deref().unwrap_or("-")), event.request_id));
    }
    session.out.raw(&format!("{line}\n"))
}

async fn verify(session: &Session, args: Verify) -> Result<Exit, CliError> {
    let found = match args.all_organisations {
        true => session.client().await?.admin().verify_audit().await?,
        false => session.api().await?.verify_audit(args.anchor.as_deref()).await?,
    };
    if session.out.is_structured() {
        session.out.value(&found)?;
    } else {
        let text: String = found.chains.iter().map(told).collect();
        session.out.text(&text)?;
    }
    Ok(if found.ok { Exit::Done } else { Exit::Failed })
}

fn told(chain: &ChainVerification) -> String {
    let whose = match &chain.organisation {
        Some(organisation) => one_line(organisation),
        None if chain.chain.is_nil() => "the gateway".to_owned(),
        None => format!("a former organisation, {}", chain.chain),
    };
    let mut text = match &chain.broken {
        None => format!("{whose}: {} events, none altered or missing\n", chain.events),
        Some(broken) => {
            let at = broken.at.map(|at| format!(" ({})", instant(at))).unwrap_or_default();
            format!("{whose}: BROKEN at {}{at}: {}\n", broken.seq, one_line(&broken.what))
        }
    };
    if chain.unchained > 0 {
        text.push_str(&format!("  {} older events stand outside the chain\n", chain.unchained));
    }
    text.push_str(&format!("  head {}:{}\n", chain.head, chain.head_hash));
    text
}
