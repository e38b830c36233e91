//! `odockctl secrets`: what is sealed for which of the gateway's keys.

use std::time::Duration;

use crate::error::{CliError, Exit};
use crate::prompt::Act;
use crate::session::{Session, interrupted};

/// See what is sealed for which key, and move it to the newest.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Count what is sealed for each of the gateway's keys.
    List(List),
    /// Move everything that is sealed for older keys to the newest.
    Rewrap(Rewrap),
}

/// Count what is sealed for each of the gateway's keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  odockctl secrets list")]
pub struct List {}

/// Move everything that is sealed for older keys to the newest.
///
/// The gateway opens each secret and seals it anew; nothing is sent. Interrupted, it goes on where it was. When nothing is
/// left for an older key, that key can be taken out of the gateway's configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl secrets rewrap
  odockctl secrets rewrap --batch 500 --yes")]
pub struct Rewrap {
    /// Secrets a call.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
    batch: u32,
}

/// Runs `secrets`.
///
/// # Errors
/// A guard or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::List(List {}) => {
            let found = session.client().await?.admin().sealed_secrets().await?;
            session.out.list(&found.keys, None)?;
            session.out.note(&format!("new secrets are sealed for {}", found.newest));
            Ok(Exit::Done)
        }
        Command::Rewrap(args) => rewrap(session, &args).await,
    }
}

async fn rewrap(session: &Session, args: &Rewrap) -> Result<Exit, CliError> {
    session.must_write()?;
    let admin = session.client().await?.admin();
    let before = admin.sealed_secrets().await?;
    let older: u64 =
        before.keys.iter().filter(|of| of.key_id != before.newest).map(|of| of.provider_keys + of.virtual_keys).sum();
    let mut moved = 0;
    if older > 0 {
        session.confirm(&Act::new(format!("Seal {older} secrets anew, for {}", before.newest))).await?;
        loop {
            if session.is_interrupted() {
                session.out.warn(&format!("moved {moved} of {older}; run it again to go on"));
                return Err(interrupted());
            }
            let batch = admin.rewrap(Some(args.batch)).await?;
            moved += batch.moved;
            if batch.left == 0 {
                break;
            }
            if batch.moved == 0 {
                // Changed at the same moment: they are as they should be in a while, or somebody else rewraps.
                session.pause(Duration::from_secs(1)).await?;
            }
            session.out.note(&format!("moved {moved} of {older}"));
        }
    }
    session.out.note(&format!("moved {moved}; everything is sealed for {}", before.newest));
    if session.out.is_structured() {
        session.out.value(&serde_json::json!({"newest": before.newest, "moved": moved, "left": 0}))?;
    }
    Ok(Exit::Done)
}
