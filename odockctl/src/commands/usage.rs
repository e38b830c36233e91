//! `odockctl usage`: what was used, and what is being used.

mod top;

use std::time::Duration;

use entity::Timestamp;
use entity::live::{LiveEvent, Tick};
use entity::usage::{Breakdown, UsageRecord};
use entity::vocab::Outcome;
use futures_util::StreamExt as _;
use odock_client::http::{Backoff, LiveQuery, OrganisationApi, SummaryQuery, UsageQuery};
use odock_client::{Client, ClientError};

use crate::error::{CliError, Exit};
use crate::output::{Format, Style, count, instant, latency, money, one_line};
use crate::session::{Session, interrupted};
use crate::span;

/// See what was used, and what is being used.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List usage records, newest first.
    List(Box<List>),
    /// Sum up usage by model, key, team, user, provider, status or error.
    Summary(Summary),
    /// Rank what caused usage.
    Top(top::Top),
    /// Follow requests as they end.
    Tail(Tail),
}

/// List usage records, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl usage list
  odockctl usage list --from 24h --key ci --outcome denied
  odockctl usage list --from 2027-06-01 --to 2027-07-01 --all -o csv")]
pub struct List {
    /// The first instant that counts: a date, a time, or a span before now such as 24h.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
    /// Only requests with this key.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Only requests of this team.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only requests of this user.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Only requests for this model.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only requests to this provider.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only requests that ended so: ok, denied, failed or cancelled.
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<Outcome>,
    /// Only requests answered with this HTTP status.
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(100..600))]
    status: Option<u16>,
    /// Only requests that ended with this error code.
    #[arg(long, value_name = "CODE")]
    error_code: Option<String>,
    /// Only this request.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// As many as there are.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Sum up usage by model, key, team, user, provider, status or error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl usage summary
  odockctl usage summary --by key --from 7d
  odockctl usage summary --by team --from 2027-06-01 --to 2027-07-01 -o json")]
pub struct Summary {
    /// The first instant that counts: a date, a time, or a span before now such as 7d; a day ago if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
    /// What the rows are about: model, key, team, user, provider, status or error.
    #[arg(long, value_name = "WHAT", default_value = "model", value_parser = breakdown)]
    by: Breakdown,
}

/// Follow requests as they end.
///
/// Survives the gateway going away: it connects again, and says what it missed. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl usage tail
  odockctl usage tail --key ci -o jsonl
  odockctl usage tail --ticks
  odockctl usage tail --all-organisations --limit 10")]
pub struct Tail {
    /// Only requests with this key.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Only requests for this model.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only requests of this team.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// One line a second with sums, instead of one a request.
    #[arg(long)]
    ticks: bool,
    /// End after this many lines.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// The requests of every organisation; for super admins.
    #[arg(short = 'A', long, conflicts_with = "organisation")]
    all_organisations: bool,
}

fn breakdown(text: &str) -> Result<Breakdown, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "it is one of model, key, team, user, provider, status, error".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::List(args) => list(session, *args).await,
        Command::Summary(args) => summary(session, args).await,
        Command::Top(args) => top::run(session, args).await,
        Command::Tail(args) => tail(session, args).await,
    }
}

async fn list(session: &Session, args: List) -> Result<Exit, CliError> {
    let most = if args.all { usize::MAX } else { usize::try_from(args.limit).unwrap_or(usize::MAX) };
    let query = UsageQuery {
        from: args.from,
        to: args.to,
        key: args.key,
        team: args.team,
        user: args.user,
        model: args.model,
        provider: args.provider,
        outcome: args.outcome,
        status: args.status,
        error_code: args.error_code,
        request_id: args.request_id,
        limit: None,
        cursor: args.cursor,
    };
    let api = session.api().await?;
    if args.all && session.out.format == Format::Jsonl {
        return stream_all(session, &api, query).await;
    }
    let page = api.usage(&query, most).await?;
    session.out.list(&page.items, page.next_cursor.as_deref())?;
    if page.items.is_empty() {
        session.out.note("no usage records");
    }
    if let (Some(cursor), false) = (&page.next_cursor, session.out.is_structured()) {
        session.out.note(&format!("there are more; go on with --cursor {cursor}, or list --all"));
    }
    Ok(Exit::Done)
}

/// Page by page: there may be millions.
async fn stream_all(session: &Session, api: &OrganisationApi, mut query: UsageQuery) -> Result<Exit, CliError> {
    loop {
        let page = api.usage(&query, 1_000).await?;
        session.out.list(&page.items, None)?;
        match page.next_cursor {
            Some(cursor) if !page.items.is_empty() => query.cursor = Some(cursor),
            _ => return Ok(Exit::Done),
        }
    }
}

async fn summary(session: &Session, args: Summary) -> Result<Exit, CliError> {
    let query = SummaryQuery { from: args.from, to: args.to, by: Some(args.by) };
    let summary = session.api().await?.usage_summary(&query).await?;
    match session.out.format {
        // The document has more than its rows: the period and the sums.
        Format::Json | Format::Yaml | Format::Toml if session.global.fields.is_none() => session.out.value(&summary)?,
        _ => session.out.list(&summary.rows, None)?,
    }
    if !session.out.is_structured() {
        let total = &summary.total;
        session.out.note(&format!(
            "{} to {}: {}, {}, {} tokens in, {} out, {}",
            instant(summary.from),
            instant(summary.to),
            count(total.requests, "request"),
            count(total.errors, "error"),
            total.tokens_in,
            total.tokens_out,
            money(total.cost_nanos)
        ));
        if total.unpriced > 0 {
            session.out.note(&format!("{} without a price not in the sum", count(total.unpriced, "request")));
        }
    }
    Ok(Exit::Done)
}

/// Where the live stream comes from.
enum Stream {
    One(OrganisationApi),
    All(Client),
}

type Events = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<LiveEvent, ClientError>>>>;

impl Stream {
    async fn open(&self, query: &LiveQuery) -> Result<Events, ClientError> {
        Ok(match self {
            Self::One(api) => Box::pin(api.live(query).await?),
            Self::All(client) => Box::pin(client.admin().live(query).await?),
        })
    }
}

async fn tail(session: &Session, args: Tail) -> Result<Exit, CliError> {
    if !matches!(session.out.format, Format::Table | Format::Wide | Format::Json | Format::Jsonl)
        || session.global.fields.is_some()
    {
        return Err(CliError::usage("a stream has lines only: use -o table, wide or jsonl, without --fields"));
    }
    let stream = match args.all_organisations {
        true => Stream::All(session.client().await?),
        false => Stream::One(session.api().await?),
    };
    let query = LiveQuery { key: args.key, model: args.model, team: args.team, requests: args.ticks.then_some(false) };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(15) };
    let mut failures = 0;
    let mut connected_before = false;
    loop {
        let opened = match stream.open(&query).await {
            Ok(events) => {
                if connected_before {
                    session.out.note("connected again; requests in between are in: odockctl usage list");
                }
                (connected_before, failures) = (true, 0);
                follow(session, events, args.ticks, &mut left).await?
            }
            Err(error) => Some(error),
        };
        match opened {
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

/// Prints events until the stream ends, with the reason if there is one.
async fn follow(
    session: &Session,
    mut events: Events,
    ticks: bool,
    left: &mut u64,
) -> Result<Option<ClientError>, CliError> {
    while *left > 0 {
        let event = tokio::select! {
            event = events.next() => event,
            () = session.interruption() => return Err(interrupted()),
        };
        match event {
            Some(Ok(LiveEvent::Request(record))) if !ticks => {
                print(session, &record)?;
                *left -= 1;
            }
            Some(Ok(LiveEvent::Tick(tick))) if ticks => {
                print_tick(session, &tick)?;
                *left -= 1;
            }
            Some(Ok(LiveEvent::Gap(gap))) => {
                let count = gap.missed.map_or_else(|| "some".to_owned(), |missed| missed.to_string());
                session.out.warn(&format!(
                    "{count} requests are missing here: this terminal was too slow, or the source broke off"
                ));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Ok(Some(error)),
            None => return Ok(None),
        }
    }
    Ok(None)
}

fn print(session: &Session, record: &UsageRecord) -> Result<(), CliError> {
    if session.out.is_structured() {
        return session.out.text(&format!("{}\n", json_line(record)?));
    }
    let outcome = match &record.error_code {
        Some(code) => format!("{} {code}", record.outcome),
        None => record.outcome.to_string(),
    };
    let style = match record.outcome {
        Outcome::Ok => Style::Green,
        Outcome::Cancelled => Style::Yellow,
        Outcome::Denied | Outcome::Failed => Style::Red,
    };
    let mut line = format!(
        "{}  {}  {:<16}  {:<20}  {:>6} in {:>6} out  {:>9}  {:>8}",
        instant(record.at),
        session.out.paint(style, &format!("{} {outcome:<8}", record.status)),
        one_line(&record.api_key),
        one_line(record.model.as_deref().unwrap_or("-")),
        record.tokens.input(),
        record.tokens.output(),
        record.cost_nanos.map_or_else(|| "-".to_owned(), money),
        latency(record.latency_us),
    );
    if session.out.format == Format::Wide {
        line.push_str(&format!(
            "  overhead {}  {}  {}",
            latency(record.overhead_us),
            record.endpoint,
            record.request_id
        ));
    }
    session.out.raw(&format!("{line}\n"))
}

fn print_tick(session: &Session, tick: &Tick) -> Result<(), CliError> {
    if session.out.is_structured() {
        return session.out.text(&format!("{}\n", json_line(tick)?));
    }
    session.out.text(&format!(
        "{}  {:>6} requests  {:>4} errors  {:>4} denied  {:>4} in flight  p50 {:>8}  p99 {:>8}  {:>8} in  {:>8} out  {}\n",
        instant(tick.at),
        tick.totals.requests,
        tick.totals.errors,
        tick.denied,
        tick.in_flight,
        latency(tick.latency_us.p50),
        latency(tick.latency_us.p99),
        tick.totals.tokens_in,
        tick.totals.tokens_out,
        money(tick.totals.cost_nanos),
    ))
}

fn json_line(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::internal(error.to_string()))
}
