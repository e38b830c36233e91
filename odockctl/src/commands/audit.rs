//! `odockctl audit`: who did what.

use odock_client::http::AuditQuery;

use crate::error::{CliError, Exit};
use crate::session::Session;

/// See who did what.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List audit events, newest first.
    List(List),
}

/// List audit events, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl audit list
  odockctl audit list --limit 500 -o jsonl
  odockctl audit list --all-organisations -o wide")]
pub struct List {
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// The events of every organisation; for super admins.
    #[arg(short = 'A', long, conflicts_with = "organisation")]
    all_organisations: bool,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    let Command::List(args) = command;
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let query = AuditQuery { limit: None, cursor: args.cursor };
    let page = match args.all_organisations {
        true => session.client().await?.admin().audit(&query, most).await?,
        false => session.api().await?.audit(&query, most).await?,
    };
    session.out.list(&page.items, page.next_cursor.as_deref())?;
    if let (Some(cursor), false) = (&page.next_cursor, session.out.is_structured()) {
        session.out.note(&format!("there are more; go on with --cursor {cursor}"));
    }
    Ok(Exit::Done)
}
