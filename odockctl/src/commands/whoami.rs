//! `odockctl whoami`.

use crate::error::{CliError, Exit};
use crate::session::Session;

/// Show who the token belongs to, as the gateway sees it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl whoami
  odockctl whoami -o json")]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, _: Args) -> Result<Exit, CliError> {
    session.out.one(&session.client().await?.whoami().await?)?;
    Ok(Exit::Done)
}
