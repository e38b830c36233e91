//! `odock-bench`: what the gateway costs, beside a bare pass-through and a direct call.
//!
//! Every party is a process of its own (this program again, with a hidden subcommand), so that the kernel's own books say
//! what each one used. The load generator is this process.
//!
//! | module | is |
//! | --- | --- |
//! | [`parties`] | the simulated upstream, the pass-through and the gateway, and how they are started and stopped |
//! | [`measure`] | the load generator and the figures: cells, rounds, memory, start, held streams |
//! | [`report`] | the figures as tables, as JSON, and against the bars |
//! | [`run`] | all of it in order |

mod measure;
mod parties;
mod report;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what the gateway costs, beside a bare pass-through and a direct call
///
/// Starts a simulated upstream, a bare pass-through and the gateway, each in a process of its own, and loads them in
/// turns over several rounds. Uses loopback addresses only. Build it with --release.
#[derive(Debug, Parser)]
#[command(name = "odock-bench", version, after_help = "Example:\n  cargo run --release -p odock-bench -- --rounds 3")]
struct Cli {
    #[command(flatten)]
    plan: Plan,
    #[command(subcommand)]
    party: Option<Party>,
}

/// What to measure, and for how long.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Plan {
    /// Rounds; the figures are medians over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of load for each figure of a round
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Numbers of connections for the unary figures
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 64], value_parser = connections)]
    connections: Vec<usize>,
    /// Two rounds of half a second: shows that everything works, and nothing else
    #[arg(long)]
    quick: bool,
    /// Only the gateway on its embedded defaults, or only the one on Postgres and Redis
    #[arg(long)]
    only: Option<Only>,
    /// Only the gateways whose caller has limits, budgets and a quota
    #[arg(long)]
    governed_only: bool,
    /// Also holds this many streams open at once and watches the memory
    #[arg(long, value_name = "N", default_value_t = 0)]
    held_streams: usize,
    /// For how many seconds to hold them, 600 at the most
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    held_seconds: u64,
    /// A loopback Postgres on which a database may be created, and dropped again
    #[arg(long, value_name = "URL", default_value = "postgres://postgres@127.0.0.1:5432/postgres")]
    database_url: url::Url,
    /// A loopback Redis in which keys may be made, and deleted again
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis_url: url::Url,
    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

/// Which gateway to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// On its embedded defaults.
    Embedded,
    /// On Postgres and Redis.
    Servers,
}

/// The processes that this program starts of itself.
#[derive(Debug, Subcommand)]
enum Party {
    /// The simulated upstream
    #[command(name = "__sim", hide = true)]
    Sim(parties::sim::Args),
    /// The bare pass-through
    #[command(name = "__passthrough", hide = true)]
    PassThrough(parties::passthrough::Args),
    /// The gateway, told by the environment
    #[command(name = "__gateway", hide = true)]
    Gateway,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number of seconds"))?;
    if (0.05..=600.0).contains(&seconds) { Ok(seconds) } else { Err("not from 0.05 to 600 seconds".to_owned()) }
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(connections @ 1..=1_000) => Ok(connections),
        _ => Err(format!("\"{text}\" is not a number of connections from 1 to 1000")),
    }
}

impl Plan {
    /// With `--quick` worked in.
    fn settled(mut self) -> Self {
        if self.quick {
            (self.rounds, self.seconds) = (2, 0.5);
        }
        self
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.party {
        None => run::run(&cli.plan.settled()),
        Some(Party::Sim(args)) => parties::sim::run(args),
        Some(Party::PassThrough(args)) => parties::passthrough::run(args),
        Some(Party::Gateway) => return parties::gateway::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
