//! The command line: arguments, then configuration, then logging, then one of the subcommands.

mod healthcheck;
mod launch;
mod migrate;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigErrors, DEFAULTS, Flags, Loaded};
use crate::telemetry::log;

/// Something failed while running.
const FAILURE: u8 = 1;
/// The command line was wrong (`EX_USAGE`).
const USAGE: u8 = 64;
/// The configuration was wrong (`EX_CONFIG`).
const CONFIG: u8 = 78;

/// The Odock gateway: governs the LLM traffic of applications.
///
/// Without a subcommand it serves. Settings come from built-in defaults, odock.toml, the environment and flags, each
/// winning over the one before; `odock-gateway config` shows the result.
#[derive(Debug, Parser)]
#[command(
    name = "odock-gateway",
    version,
    after_help = "Examples:\n  odock-gateway\n  odock-gateway demo\n  DATABASE_URL=postgres://odock@localhost/odock odock-gateway serve --port 9000"
)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the data plane and the management API (the default)
    #[command(after_help = "Example:\n  odock-gateway serve --data-dir /var/lib/odock --host 0.0.0.0")]
    Serve,
    /// Shows it all at work on this machine, with a simulated provider, and needs nothing
    ///
    /// Starts a gateway on built-in defaults in a directory of its own, which goes away at the end; a sample
    /// organisation; and light traffic. Prints what to try next. Ignores odock.toml and the environment, apart from
    /// HTTP_HOST, HTTP_PORT and LOG_*.
    #[command(after_help = "Example:\n  odock-gateway demo --port 9000")]
    Demo(DemoArgs),
    /// Changes or shows the state of the database's schema
    #[command(subcommand, after_help = "Example:\n  odock-gateway migrate status")]
    Migrate(migrate::Action),
    /// Prints the settings in effect as TOML, each with its source, secrets masked
    #[command(after_help = "Examples:\n  odock-gateway config\n  odock-gateway config --defaults > odock.toml")]
    Config(ConfigArgs),
    /// Asks the gateway that these settings describe whether it is ready: exit code 0 if it is, else 1
    #[command(after_help = "Example:\n  odock-gateway healthcheck --timeout 5")]
    Healthcheck(HealthcheckArgs),
    /// Prints the OpenAPI document of the management API
    #[command(after_help = "Example:\n  odock-gateway openapi > openapi.json")]
    Openapi,
}

/// How the demo behaves.
#[derive(Clone, Debug, Default, Args)]
pub struct DemoArgs {
    /// Sends no sample traffic
    #[arg(long)]
    pub no_traffic: bool,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Prints the documented defaults instead, ready to be edited
    #[arg(long)]
    defaults: bool,
}

#[derive(Debug, Args)]
struct HealthcheckArgs {
    /// Gives up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

/// The command line asks for something that is not done that way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Misuse(String);

/// Runs the program with these arguments, the first of which is its name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    // reqwest and rustls take the first provider that was installed; without one they panic.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::from(code(&error))
        }
    }
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigErrors>() {
        CONFIG
    } else if error.is::<Misuse>() {
        USAGE
    } else {
        FAILURE
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    let Cli { flags, command } = cli;
    match command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let loaded = load(&flags)?;
            let _log = start_log(&loaded)?;
            runtime()?.block_on(launch::serve(loaded, move || load(&flags)))
        }
        Command::Demo(args) => demo(args, flags),
        Command::Migrate(action) => {
            let action = action.confirmed()?;
            let (config, _log) = start(&quieter(flags))?;
            runtime()?.block_on(migrate::run(action, &config))
        }
        Command::Config(ConfigArgs { defaults: true }) => print(DEFAULTS),
        Command::Config(ConfigArgs { defaults: false }) => {
            let loaded = load(&flags)?;
            for warning in &loaded.warnings {
                let _ = writeln!(io::stderr(), "warning: {warning}");
            }
            print(&loaded.effective)
        }
        Command::Healthcheck(args) => healthcheck::run(&load(&flags)?.config.http, Duration::from_secs(args.timeout)),
        Command::Openapi => print(&format!("{}\n", launch::openapi()?)),
    }
}

fn load(flags: &Flags) -> Result<Loaded, ConfigErrors> {
    Config::load(flags, std::env::vars_os())
}

/// Loads the configuration and starts the log, in which the configuration's warnings come first.
fn start(flags: &Flags) -> anyhow::Result<(Config, log::LogGuard)> {
    start_with(load(flags)?)
}

fn start_with(loaded: Loaded) -> anyhow::Result<(Config, log::LogGuard)> {
    let guard = start_log(&loaded)?;
    Ok((loaded.config, guard))
}

fn start_log(loaded: &Loaded) -> anyhow::Result<log::LogGuard> {
    let guard = log::install(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(guard)
}

/// Logs warnings only, unless told otherwise: what a subcommand prints should not drown in its log.
fn quieter(mut flags: Flags) -> Flags {
    if flags.log_level.is_none() && std::env::var_os("LOG_LEVEL").is_none_or(|level| level.is_empty()) {
        flags.log_level = Some("warn".to_owned());
    }
    flags
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Runs the demo in a data directory of its own, unless one was named.
fn demo(args: DemoArgs, mut flags: Flags) -> anyhow::Result<()> {
    const HEEDED: [&str; 6] = ["HOME", "HTTP_HOST", "HTTP_PORT", "LOG_LEVEL", "LOG_FORMAT", "LOG_FILE"];
    let env: Vec<_> = std::env::vars_os().filter(|(name, _)| HEEDED.iter().any(|heeded| name == heeded)).collect();
    flags = quieter(flags);
    let scratch = match &flags.data_dir {
        Some(_) => None,
        None => Some(Scratch::new()?),
    };
    if let Some(scratch) = &scratch {
        flags.data_dir = Some(scratch.0.clone());
    }
    // An odock.toml of the working directory belongs to a real gateway; only a named one counts.
    let nowhere = flags.data_dir.clone().unwrap_or_default();
    let (config, _log) = start_with(Config::load_from(&flags, env, &nowhere)?)?;
    runtime()?.block_on(launch::demo(args, config))
}

/// A directory that goes away with the demo.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("odock-demo-{}", uuid::Uuid::new_v4().simple()));
        crate::data_dir::prepare(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Prints to standard output; that its reader has gone away, as with `| head`, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
