//! `odockctl request`: everything about one request.

use std::fmt::Write as _;

use entity::usage::UsageRecord;

use crate::error::{CliError, Exit};
use crate::output::{Style, instant, latency, money, one_line, yes_no};
use crate::session::Session;

mod parts;

use self::parts::{AttemptRow, BillRow, StageRow};

/// Look into one request.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show every gate of a request with its numbers, its stages, attempts and bill.
    Show(Show),
}

/// Show every gate of a request with its numbers, its stages, attempts and bill.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl request show 01a1f3c2-7d1e-7b3a-9c55-0242ac120002
  odockctl request show 01a1f3c2-7d1e-7b3a-9c55-0242ac120002 -o json")]
pub struct Show {
    /// The request's id, as X-Request-Id told it.
    #[arg(value_name = "ID")]
    id: String,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    let Command::Show(args) = command;
    session.out.has_no_columns()?;
    let record = session.api().await?.usage_record(&args.id).await.map_err(|error| {
        let missing = error.status() == Some(404);
        let made = CliError::from(error).about(&format!("request {}", args.id));
        if missing { made.or_hint("a record appears when its request has ended: odockctl usage list") } else { made }
    })?;
    if session.out.is_structured() || session.global.fields.is_some() {
        session.out.value(&record)?;
        return Ok(Exit::Done);
    }
    session.out.raw(&head(session, &record))?;
    let metadata = &record.metadata;
    session.out.section("Gates", &metadata.limits)?;
    session.out.section("Budgets and quotas", &metadata.reservations)?;
    session.out.section("Stages", &StageRow::all(&metadata.stages))?;
    session.out.section("Attempts", &AttemptRow::all(&record.routing.attempts))?;
    session.out.section("Bill", &BillRow::all(record.bill.as_ref()))?;
    Ok(Exit::Done)
}

/// What stands above the tables.
fn head(session: &Session, record: &UsageRecord) -> String {
    let title = format!("Request {}", one_line(&record.request_id));
    let mut text = format!("{}\n", session.out.paint(Style::Bold, &title));
    let mut line = |label: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<18} {}", format!("{label}:"), one_line(&value));
        }
    };
    let outcome = match &record.error_code {
        Some(code) => format!("{} ({} {code})", record.outcome, record.status),
        None => format!("{} ({})", record.outcome, record.status),
    };
    let metadata = &record.metadata;
    line("at", Some(instant(record.at)));
    line("outcome", Some(outcome));
    line("message", metadata.error_message.clone());
    line("sent upstream", Some(yes_no(record.dispatched)));
    line("key", Some(record.api_key.clone()));
    line("team", record.team.clone());
    line("user", record.user.clone());
    line("model", record.model.clone());
    line("asked for", record.routing.requested.as_ref().map(|model| format!("{model}, rerouted")));
    line("provider", record.provider.clone());
    line("endpoint", Some(format!("{}{}", record.endpoint, if record.stream { ", streamed" } else { "" })));
    line("caller", metadata.client_address.clone());
    line(
        "tokens",
        Some(format!("{} in, {} out ({})", record.tokens.input(), record.tokens.output(), record.usage_source)),
    );
    line("cost", record.cost_nanos.map(money));
    line("latency", Some(format!("{}, of which gateway {}", latency(record.latency_us), latency(record.overhead_us))));
    line("first byte", record.first_byte_us.map(latency));
    line("answer cut to", metadata.clamped_to.map(|tokens| format!("{tokens} tokens, by a hard budget")));
    line("replay of", metadata.replay_of.clone());
    line("caller's own id", metadata.inbound_request_id.clone());
    line("provider's id", record.provider_request_id.clone());
    line("trace", record.trace_id.clone());
    line("note", metadata.usage_mismatch.then(|| "the provider's counts do not add up to its total".to_owned()));
    text
}
