//! `odockctl usage top`: rankings.

use entity::Timestamp;
use entity::usage::{Breakdown, Ranking};
use odock_client::http::TopQuery;

use super::breakdown;
use crate::error::{CliError, Exit};
use crate::output::{Format, instant, money};
use crate::session::Session;
use crate::span;

/// Rank keys, models, teams, users, providers, status codes or errors by what they caused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl usage top --by key --metric cost
  odockctl usage top --by model --metric tokens --from 7d --limit 5
  odockctl usage top --by team --metric errors -o csv")]
pub struct Top {
    /// What the rows are about: model, key, team, user, provider, class, status or error.
    #[arg(long, value_name = "WHAT", default_value = "key", value_parser = breakdown)]
    by: Breakdown,
    /// What the ranking goes by: cost, requests, tokens or errors.
    #[arg(long, value_name = "METRIC", default_value = "cost", value_parser = ranking)]
    metric: Ranking,
    /// The first instant that counts: a date, a time, or a span before now such as 7d; a day ago if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    from: Option<Timestamp>,
    /// The first instant that no longer counts; now if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::past)]
    to: Option<Timestamp>,
    /// At most this many rows.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
}

fn ranking(text: &str) -> Result<Ranking, String> {
    serde_json::from_value(text.into()).map_err(|_| "it is one of cost, requests, tokens, errors".to_owned())
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub(super) async fn run(session: &Session, args: Top) -> Result<Exit, CliError> {
    let query = TopQuery {
        from: args.from,
        to: args.to,
        by: Some(args.by),
        metric: Some(args.metric),
        limit: Some(args.limit),
    };
    let top = session.api().await?.usage_top(&query).await?;
    match session.out.format {
        // The document has more than its rows: the period and the sums.
        Format::Json | Format::Yaml | Format::Toml if session.global.fields.is_none() => session.out.value(&top)?,
        _ => session.out.list(&top.rows, None)?,
    }
    if !session.out.is_structured() {
        let (rows, total) = (&top.rows, &top.total);
        let cost: i64 = rows.iter().map(|row| row.totals.cost_nanos).sum();
        session.out.note(&format!(
            "{} to {}: {} of {}, and {} of {} requests",
            instant(top.from),
            instant(top.to),
            money(cost),
            money(total.cost_nanos),
            rows.iter().map(|row| row.totals.requests).sum::<u64>(),
            total.requests
        ));
    }
    Ok(Exit::Done)
}
