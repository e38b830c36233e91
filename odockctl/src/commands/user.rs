//! `odockctl user`: people who wait for an administrator's word.

use crate::error::{CliError, Exit};
use crate::prompt::Act;
use crate::session::Session;

/// Let people in who wait, or turn them away.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Let users in who wait.
    Approve(Approve),
    /// Turn users away who wait.
    Decline(Decline),
}

/// Let users in who wait.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl user approve lin@acme.example
  odockctl user approve lin@acme.example mallory@acme.example")]
pub struct Approve {
    /// E-mail addresses or ids.
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
}

/// Turn users away who wait.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl user decline mallory@acme.example
  odockctl user decline mallory@acme.example --yes")]
pub struct Decline {
    /// E-mail addresses or ids.
    #[arg(required = true, value_name = "USER")]
    users: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A guard or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    session.must_write()?;
    let (users, approve) = match command {
        Command::Approve(args) => (args.users, true),
        Command::Decline(args) => {
            session.confirm(&Act::new(format!("Turn away {}", args.users.join(", ")))).await?;
            (args.users, false)
        }
    };
    let api = session.api().await?;
    let mut decided = Vec::new();
    for user in &users {
        let user = api.decide_user(user, approve).await.map_err(|error| CliError::from(error).about(user))?;
        session.out.note(&format!("{} {}", if approve { "let in" } else { "turned away" }, user.name));
        decided.push(user);
    }
    if session.out.is_structured() {
        session.out.list(&decided, None)?;
    }
    Ok(Exit::Done)
}
