//! `odockctl tui`: becomes the dashboard.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::error::{CliError, Exit};
use crate::session::Session;

/// Open the dashboard on the same context.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl tui
  odockctl tui --context prod --read-only")]
pub struct Args {
    /// Arguments for odock-tui.
    #[arg(last = true, value_name = "ARGUMENT")]
    rest: Vec<OsString>,
}

/// Runs the command. On Unix this program becomes the dashboard and does not return.
///
/// # Errors
/// There is no dashboard, or it failed.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let mut dashboard = Command::new(program());
    dashboard.args(&args.rest);
    // By environment: the dashboard reads the same variables as this program.
    let global = &session.global;
    let texts = [
        ("ODOCK_CONTEXT", global.context.clone().map(OsString::from)),
        ("ODOCK_ORGANISATION", global.organisation.clone().map(OsString::from)),
        ("ODOCK_URL", global.url.as_ref().map(|url| url.as_str().into())),
        ("ODOCK_TOKEN_FILE", global.token_file.clone().map(OsString::from)),
        ("ODOCK_CA_FILE", global.ca_file.clone().map(OsString::from)),
        ("ODOCK_READ_ONLY", global.read_only.then(|| "true".into())),
    ];
    dashboard.envs(texts.into_iter().filter_map(|(name, value)| Some((name, value?))));
    if global.token_file.is_some() {
        // It stands before a file, and was not asked for.
        dashboard.env_remove("ODOCK_TOKEN");
    }
    if global.token_stdin {
        return Err(CliError::usage("the dashboard needs standard input for its keys").hint("use --token-file FILE"));
    }
    start(&mut dashboard)
}

/// The dashboard beside this program, or by name in `PATH`.
fn program() -> PathBuf {
    const NAME: &str = if cfg!(windows) { "odock-tui.exe" } else { "odock-tui" };
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(NAME)));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| NAME.into())
}

#[cfg(unix)]
fn start(dashboard: &mut Command) -> Result<Exit, CliError> {
    use std::os::unix::process::CommandExt as _;
    Err(failed(&dashboard.exec()))
}

#[cfg(not(unix))]
fn start(dashboard: &mut Command) -> Result<Exit, CliError> {
    let status = dashboard.status().map_err(|error| failed(&error))?;
    Ok(if status.success() { Exit::Done } else { Exit::Failed })
}

fn failed(error: &std::io::Error) -> CliError {
    CliError::new(Exit::Failed, "no_dashboard", format!("odock-tui cannot be started: {error}"))
        .hint("install odock-tui beside odockctl or in PATH")
}
