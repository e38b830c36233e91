//! `odock-gateway migrate`.

use std::fmt::Write;

use anyhow::Context;
use clap::Subcommand;

use crate::config::Config;
use crate::data_dir;
use crate::store::{Database, migrate};

use super::{Misuse, print};

/// What to do with the schema.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Action {
    /// Applies every migration that is missing
    #[command(after_help = "Example:\n  odock-gateway migrate up")]
    Up,
    /// Takes back the last migrations, and with them the data in the tables that they made
    #[command(after_help = "Example:\n  odock-gateway migrate down --steps 1 --yes")]
    Down {
        /// How many to take back
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
        /// Confirms that the data may go
        #[arg(long)]
        yes: bool,
    },
    /// Lists every migration, and whether it is applied
    #[command(after_help = "Example:\n  odock-gateway migrate status")]
    Status,
}

impl Action {
    /// Refuses what would lose data unasked.
    pub(super) fn confirmed(self) -> Result<Self, Misuse> {
        match self {
            Self::Down { yes: false, .. } => {
                Err(Misuse("taking back a migration deletes the data in its tables; add --yes to do it".to_owned()))
            }
            action => Ok(action),
        }
    }
}

/// Does it.
pub(super) async fn run(action: Action, config: &Config) -> anyhow::Result<()> {
    if !config.database.url.is_postgres() {
        data_dir::prepare(&config.data.dir)?;
    }
    let address = config.database.url.redacted();
    let database = Database::connect(&config.database).await.with_context(|| format!("cannot connect to {address}"))?;
    match action {
        Action::Up => migrate::up(&database).await.context("a migration failed")?,
        Action::Down { steps, .. } => migrate::down(&database, steps).await.context("a migration failed")?,
        Action::Status => {}
    }
    print(&table(&migrate::status(&database).await.context("the state of the schema cannot be read")?))
}

fn table(migrations: &[(String, bool)]) -> String {
    migrations.iter().fold(String::new(), |mut out, (name, applied)| {
        let _ = writeln!(out, "{}  {name}", if *applied { "applied" } else { "missing" });
        out
    })
}
