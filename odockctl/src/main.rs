//! The Odock command line. `cli` is the command tree, `session` one run, `commands` what it can do, `catalogue` the models
//! that it knows.

#![allow(unreachable_pub, reason = "a program has no outside; `pub` marks what a module offers to its siblings")]

mod catalogue;
mod cli;
mod columns;
mod commands;
mod delivery;
mod error;
mod merge;
mod output;
mod plan_file;
mod plan_view;
mod prompt;
mod session;
mod sink;
mod span;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use cli::Cli;
use commands::help::Impact;
use error::{CliError, Exit};
use session::{Session, interrupted};

fn main() -> ExitCode {
    let exit = commands::completion::answer().unwrap_or_else(|| match parse() {
        Ok((cli, impact)) => start(cli, impact),
        Err(exit) => exit,
    });
    ExitCode::from(exit.code())
}

/// Reads the command line. Help and version are printed here, mistakes too.
fn parse() -> Result<(Cli, Impact), Exit> {
    let wish = Cli::command().color(color_of_help());
    let parsed = wish.try_get_matches().and_then(|matches| {
        let names = std::iter::successors(matches.subcommand(), |(_, below)| below.subcommand());
        let path: Vec<&str> = names.map(|(name, _)| name).collect();
        let impact = Impact::of(&path);
        Cli::from_arg_matches(&matches).map(|cli| (cli, impact))
    });
    parsed.map_err(|error| {
        if !error.use_stderr() {
            // A closed stdout means that the reader has seen enough.
            let _ = error.print();
            return Exit::Done;
        }
        if wants_json() {
            let text = error.render().to_string();
            let message = text.trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned();
            let made = CliError::usage(message).hint("see: odockctl help");
            output::talk(&format!("{}\n", made.json()));
        } else {
            let _ = error.print();
        }
        Exit::Usage
    })
}

/// `--color`, before the command line is understood.
fn color_of_help() -> clap::ColorChoice {
    let words: Vec<String> = std::env::args().collect();
    let after = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1).cloned());
    let joined = words.iter().find_map(|word| word.strip_prefix("--color=").map(str::to_owned));
    match joined.or_else(|| after("--color")).or_else(|| std::env::var("ODOCK_COLOR").ok()).as_deref() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Whether programs read the output, before the command line is understood.
fn wants_json() -> bool {
    const FORMATS: [&str; 4] = ["json", "jsonl", "yaml", "toml"];
    let words: Vec<String> = std::env::args().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "-o" || pair[0] == "--output").map(|pair| pair[1].as_str());
    let joined = words.iter().filter_map(|word| word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o")));
    let named: Vec<&str> = pairs.chain(joined.filter(|rest| !rest.is_empty())).collect();
    let variable = std::env::var("ODOCK_OUTPUT").unwrap_or_default();
    named.last().copied().or(Some(variable.as_str())).is_some_and(|format| FORMATS.contains(&format))
}

fn start(cli: Cli, impact: Impact) -> Exit {
    let verbose = cli.global.verbose;
    let session = Session::new(cli.global);
    listen(verbose, session.out.colors_talk());
    if let Err(error) = session.out.check() {
        session.out.error(&error);
        return error.exit();
    }
    // One thread: starting more would cost more time than a command takes.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(supervised(&session, cli.command, impact));
            // A thread may still wait for the terminal; nobody waits for it.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CliError::internal(format!("the runtime cannot be started: {error}"))),
    };
    match result {
        Ok(exit) => exit,
        Err(error) => {
            if error.exit() != Exit::Done {
                session.out.error(&error);
            }
            error.exit()
        }
    }
}

/// Runs a command until it is done. Ctrl-C ends what only reads at once; a change in flight is finished first, unless
/// Ctrl-C comes again.
async fn supervised(session: &Session, command: cli::Command, impact: Impact) -> Result<Exit, CliError> {
    let mut work = std::pin::pin!(commands::run(session, command));
    tokio::select! {
        result = &mut work => return result,
        _ = tokio::signal::ctrl_c() => session.interrupt(),
    }
    if impact == Impact::Read {
        return Err(interrupted());
    }
    session.out.note("finishing the request in flight; press Ctrl-C again to stop at once");
    tokio::select! {
        result = &mut work => result,
        _ = tokio::signal::ctrl_c() => Err(interrupted().hint("whether the last request was carried out is not known")),
    }
}

/// Writes what goes over the wire to stderr, if asked to.
fn listen(verbose: u8, colored: bool) {
    let filter = match verbose {
        0 => return,
        1 => "odock_client=debug,odockctl=debug",
        _ => "odock_client=trace,odockctl=trace,reqwest=debug,hyper_util=debug,rustls=debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(colored)
        .with_target(false)
        .init();
}
