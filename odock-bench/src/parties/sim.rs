//! The simulated upstream as a process.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use odock_sim::{Options, Script, Sim};

use super::UPSTREAM_KEY;

/// Content chunks of a stream.
pub(crate) const CHUNKS: usize = 40;

/// Wait between two of them.
pub(crate) const CHUNK_DELAY: Duration = Duration::from_millis(2);

/// How the upstream is started.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    listen: SocketAddr,
}

/// Answers until the process is ended.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    super::runtime()?.block_on(async {
        let sim = Sim::with(Options { listen: args.listen, record: false })
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        sim.script(script());
        std::future::pending::<anyhow::Result<()>>().await
    })
}

/// An answer of an ordinary length.
fn script() -> Script {
    let sentence =
        "The limits of a key hold on every node, because every node asks the same counters before it calls. ";
    Script::default().text(sentence.repeat(6)).chunks(CHUNKS).chunk_delay(CHUNK_DELAY).expect_key(UPSTREAM_KEY)
}
