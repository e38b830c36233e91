//! `odockctl usage`: what was used, and what is being used.

mod top;

use std::time::Duration;

use entity::Timestamp;
use entity::live::{LiveEvent, Threshold, Tick};
use entity::usage::{Breakdown, Bucket, UsageRecord};
use entity::vocab::Outcome;
use odock_client::http::{LiveQuery, OrganisationApi, SummaryQuery, UsageQuery};
use odock_client::{Client, ClientError};

use super::tail::{self, Events, Tailed};
use crate::error::{CliError, Exit};
use crate::output::{Format, Style, count, instant, latency, money, one_line};
use crate::session::Session;
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
    /// Only requests that cost at least this much, in dollars.
    #[arg(long, value_name = "USD", value_parser = dollars)]
    min_cost: Option<i64>,
    /// Only requests that took at least this long, such as 2s.
    #[arg(long, value_name = "SPAN", value_parser = span::duration)]
    min_latency: Option<Duration>,
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
  odockctl usage summary --bucket day --timezone Europe/Paris --from 30d --team search
  odockctl usage summary --by team --from 2027-06-01 --to 2027-07-01 -o json")]
pub struct Summary {
    /// The first instant that counts: a date, a time, or a span before now such as 7d; a day ago if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
    /// What the rows are about: model, key, team, user, provider, class, status or error; model if nothing else is asked.
    #[arg(long, value_name = "WHAT", value_parser = breakdown)]
    by: Option<Breakdown>,
    /// Rows for spans of time: minute, hour, day or month.
    #[arg(long, value_name = "SPAN", value_parser = bucket)]
    bucket: Option<Bucket>,
    /// Where days and months begin, such as Europe/Paris; UTC if not given.
    #[arg(long, value_name = "ZONE", requires = "bucket")]
    timezone: Option<String>,
    /// Only usage of this key.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Only usage of this team.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Only usage of this user.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Only usage of this model.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only usage of this provider.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Of how many there are rows at the most: of those that cost most, at most 1 000.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
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
    #[arg(short = 'A', long)]
    all_organisations: bool,
}

fn breakdown(text: &str) -> Result<Breakdown, String> {
    serde_json::from_value(text.into())
        .map_err(|_| "it is one of model, key, team, user, provider, class, status, error".to_owned())
}

fn bucket(text: &str) -> Result<Bucket, String> {
    serde_json::from_value(text.into()).map_err(|_| "it is one of minute, hour, day, month".to_owned())
}

fn dollars(text: &str) -> Result<i64, String> {
    let money: entity::Money = text.parse().map_err(|_| "it is an amount such as 0.25".to_owned())?;
    Ok(money.nanos())
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
        min_cost_nanos: args.min_cost,
        min_latency_us: args.min_latency.map(|span| i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
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
    let query = SummaryQuery {
        from: args.from,
        to: args.to,
        by: args.by.or_else(|| args.bucket.is_none().then(Breakdown::default)),
        bucket: args.bucket,
        timezone: args.timezone,
        key: args.key,
        team: args.team,
        user: args.user,
        model: args.model,
        provider: args.provider,
        limit: Some(args.limit),
    };
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
        if let Some(took) = &summary.latency_us {
            let of = |us| latency(us);
            session.out.note(&format!("latency p50 {}, p95 {}, p99 {}", of(took.p50), of(took.p95), of(took.p99)));
        }
        if total.unpriced > 0 {
            session.out.note(&format!("{} without a price not in the sum", count(total.unpriced, "request")));
        }
    }
    Ok(Exit::Done)
}

/// Where the live stream comes from.
enum Source {
    One(OrganisationApi),
    All(Client),
}

struct Follower {
    source: Source,
    query: LiveQuery,
    ticks: bool,
}

impl Tailed for Follower {
    type Event = LiveEvent;

    const AGAIN: Option<&'static str> = Some("connected again; requests in between are in: odockctl usage list");

    async fn open(&self) -> Result<Events<LiveEvent>, ClientError> {
        Ok(match &self.source {
            Source::One(api) => Box::pin(api.live(&self.query).await?),
            Source::All(client) => Box::pin(client.admin().live(&self.query).await?),
        })
    }

    fn tell(&mut self, session: &Session, event: LiveEvent) -> Result<bool, CliError> {
        match event {
            LiveEvent::Request(record) if !self.ticks => print(session, &record)?,
            LiveEvent::Tick(tick) if self.ticks => print_tick(session, &tick)?,
            LiveEvent::Threshold(reached) => {
                session.out.note(&threshold(&reached));
                return Ok(false);
            }
            LiveEvent::Gap(gap) => {
                let count = gap.missed.map_or_else(|| "some".to_owned(), |missed| missed.to_string());
                session.out.warn(&format!(
                    "{count} requests are missing here: this terminal was too slow, or the source broke off"
                ));
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// That a budget or quota has reached a threshold, in a line.
fn threshold(reached: &Threshold) -> String {
    let amount = |value| crate::output::amount(reached.metric, value);
    format!(
        "{} {} has reached {} %: {} of {}, until {}",
        reached.kind.as_str(),
        crate::output::clean(&reached.name),
        reached.threshold,
        amount(reached.used),
        amount(reached.limit),
        crate::output::instant(reached.ends_at),
    )
}

async fn tail(session: &Session, args: Tail) -> Result<Exit, CliError> {
    tail::check(session)?;
    let source = match args.all_organisations {
        true => Source::All(session.client().await?),
        false => Source::One(session.api().await?),
    };
    let query = LiveQuery { key: args.key, model: args.model, team: args.team, requests: args.ticks.then_some(false) };
    tail::run(session, Follower { source, query, ticks: args.ticks }, args.limit).await
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
