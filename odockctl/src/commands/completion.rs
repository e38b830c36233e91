//! `odockctl completion`: scripts for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl completion bash > ~/.local/share/bash-completion/completions/odockctl
  odockctl completion zsh > ~/.zfunc/_odockctl
  odockctl completion fish > ~/.config/fish/completions/odockctl.fish")]
pub struct Args {
    /// bash, zsh, fish, powershell or elvish.
    #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// stdout is closed.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "odockctl", &mut script);
    session.out.raw(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
