//! `odockctl version`.

use crate::error::{CliError, Exit};
use crate::session::Session;
use entity::session::Version;
use serde::Serialize;

/// Show the version of this program, and of the gateway if asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl version
  odockctl version --gateway -o json")]
pub struct Args {
    /// Ask the gateway, too.
    #[arg(long)]
    gateway: bool,
}

#[derive(Serialize)]
struct Versions {
    odockctl: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<Version>,
}

/// Runs the command.
///
/// # Errors
/// The gateway cannot be asked.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    session.out.has_no_columns()?;
    let gateway = match args.gateway {
        true => Some(session.anonymous(&session.context()?)?.version().await?),
        false => None,
    };
    if session.out.is_structured() {
        session.out.value(&Versions { odockctl: env!("CARGO_PKG_VERSION"), gateway })?;
        return Ok(Exit::Done);
    }
    session.out.text(concat!("odockctl ", env!("CARGO_PKG_VERSION"), "\n"))?;
    if let Some(Version { version, database, hot_store }) = gateway {
        session.out.text(&format!("gateway {version} ({database}, {hot_store})\n"))?;
    }
    Ok(Exit::Done)
}
