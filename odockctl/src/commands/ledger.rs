//! `odockctl ledger`: whether the books agree with the records.

use entity::ledger::Verification;

use crate::error::{CliError, Exit};
use crate::output::money;
use crate::session::Session;

/// See whether the books agree with the usage records.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Recompute every budget, quota and sum from the usage records, and name what differs.
    Verify(Verify),
}

/// Recompute every budget, quota and sum from the usage records, and name what differs.
///
/// Works in one snapshot of the database, so that traffic does not disturb it. The exit code is 1 when anything differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl ledger verify
  odockctl ledger verify -o json")]
pub struct Verify {}

/// Runs `ledger`.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    let Command::Verify(Verify {}) = command;
    let found: Verification = session.api().await?.verify_ledger().await?;
    session.out.list(&found.differences, None)?;
    let Verification { windows, rollups, records, cost_nanos, differences } = &found;
    let cost = money(*cost_nanos);
    session.out.note(&format!("{records} records of {cost} in all; {windows} windows and {rollups} sums recomputed"));
    match differences.len() {
        0 => session.out.note("everything adds up"),
        1 => session.out.note("1 figure differs"),
        several => session.out.note(&format!("{several} figures differ")),
    }
    Ok(if differences.is_empty() { Exit::Done } else { Exit::Failed })
}
