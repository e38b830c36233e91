//! `odockctl budget` and `odockctl quota`: how much is used, and when it runs out.

use entity::ledger::LimitStatus;
use entity::vocab::LimitKind;

use crate::error::{CliError, Exit};
use crate::session::Session;

/// See how budgets stand.
#[derive(Debug, clap::Subcommand)]
pub enum Budget {
    /// Show what is used, reserved and left, and when it runs out.
    Status(BudgetStatus),
}

/// See how quotas stand.
#[derive(Debug, clap::Subcommand)]
pub enum Quota {
    /// Show what is used, reserved and left, and when it runs out.
    Status(QuotaStatus),
}

/// Show what is used, reserved and left of budgets, and when they run out.
///
/// PER HOUR is what the owner spent in the last hour; RUNS OUT is when the window is spent if that goes on, and empty if it
/// lasts until the window ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl budget status
  odockctl budget status search-monthly -o json")]
pub struct BudgetStatus {
    /// The budgets' names; all of them if none is given.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Show what is used, reserved and left of quotas, and when they run out.
///
/// PER HOUR is what the owner used in the last hour; RUNS OUT is when the window is used up if that goes on, and empty if it
/// lasts until the window ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl quota status
  odockctl quota status ci-tokens -o wide")]
pub struct QuotaStatus {
    /// The quotas' names; all of them if none is given.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Runs `budget`.
///
/// # Errors
/// The gateway refuses.
pub async fn budget(session: &Session, command: Budget) -> Result<Exit, CliError> {
    let Budget::Status(args) = command;
    status(session, LimitKind::Budget, &args.names).await
}

/// Runs `quota`.
///
/// # Errors
/// The gateway refuses.
pub async fn quota(session: &Session, command: Quota) -> Result<Exit, CliError> {
    let Quota::Status(args) = command;
    status(session, LimitKind::Quota, &args.names).await
}

async fn status(session: &Session, kind: LimitKind, names: &[String]) -> Result<Exit, CliError> {
    let mut all = session.api().await?.limits().await?;
    all.retain(|limit| limit.kind == kind);
    let mut shown: Vec<LimitStatus> = Vec::new();
    for name in names {
        let found = all.iter().find(|limit| limit.name == *name).cloned().ok_or_else(|| {
            CliError::new(Exit::NotFound, "not_found", format!("there is no {kind} {name}"))
                .hint(format!("list them: odockctl get {kind}s"))
        })?;
        shown.push(found);
    }
    let shown = if names.is_empty() { all } else { shown };
    match &shown[..] {
        [one] if names.len() == 1 => session.out.one(one)?,
        several => session.out.list(several, None)?,
    }
    if shown.is_empty() {
        session.out.note(&format!("no {kind}s"));
    }
    Ok(Exit::Done)
}
