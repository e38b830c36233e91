//! The shell around the core.

pub(crate) mod args;
mod background;
mod calls;
mod clipboard;
mod diagnostics;
mod input;
mod run;
mod runner;
mod target;
mod terminal;

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::shell::args::Args;

/// The exit code when arguments or configuration are wrong.
pub(crate) const USAGE: u8 = 64;

/// Checks what can be checked before the terminal is taken, then runs the dashboard.
pub(crate) fn start(args: Args) -> anyhow::Result<ExitCode> {
    let target = target::Target::first(&args).context("nothing was started")?;
    if !std::io::stdout().is_terminal() {
        bail!("the dashboard needs a terminal; for scripts there is `odockctl usage tail -o jsonl`");
    }
    if std::env::var_os("TERM").is_none_or(|term| term == "dumb") {
        bail!("this terminal cannot place text (TERM is unset or `dumb`); for scripts there is `odockctl usage tail`");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(run::run(args, target));
    // A helper program that hangs must not keep the shell from its prompt.
    runtime.shutdown_background();
    Ok(ended.unwrap_or_else(|error| {
        eprintln!("odock-tui: the terminal failed: {error:#}");
        ExitCode::FAILURE
    }))
}
