//! A whole run: the parties are started, measured in turns, and stopped, whatever happens.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::measure::start::{self, Started};
use crate::measure::{Cell, held, ledger, procfs, rounds};
use crate::parties::servers::Servers;
use crate::parties::{Launch, Target, UPSTREAM_KEY, gateway, provision};
use crate::report::{Footprint, Report, print};
use crate::{Only, Plan};

/// The direct call.
pub(crate) const DIRECT: &str = "direct";
/// The bare pass-through.
pub(crate) const PASS_THROUGH: &str = "pass-through";
/// The gateway on its embedded defaults.
pub(crate) const EMBEDDED: &str = "gateway, embedded";
/// The gateway on Postgres and Redis.
pub(crate) const SERVERS: &str = "gateway, Postgres + Redis";
/// The same, for a caller with limits at five scopes, two hard budgets and a quota.
pub(crate) const GOVERNED_EMBEDDED: &str = "governed, embedded";
/// The same on Postgres and Redis.
pub(crate) const GOVERNED_SERVERS: &str = "governed, Postgres + Redis";

/// Measures everything that the plan asks for.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    // One thread: the generator's own hand-overs between cores would be measured as the target's time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build, whose figures mean nothing; use --release");
    }
    runtime.block_on(async {
        let mut servers = Vec::new();
        for name in [SERVERS, GOVERNED_SERVERS] {
            servers.extend(self::servers(plan, name == GOVERNED_SERVERS).await?.map(|servers| (name, servers)));
        }
        let measured = tokio::select! {
            report = Box::pin(measure(plan, &servers)) => report,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        };
        // By now every process has ended, and nobody holds the database.
        for (_, servers) in servers {
            if let Err(error) = servers.remove().await {
                eprintln!("warning: {error:#}");
            }
        }
        let report = measured?;
        print(&report);
        report.write(&plan.json)?;
        eprintln!("\nAll figures: {}", plan.json.display());
        Ok(())
    })
}

/// Postgres and Redis, where both can be reached and the plan has use for them.
async fn servers(plan: &Plan, governed: bool) -> anyhow::Result<Option<Servers>> {
    if plan.only == Some(Only::Embedded) || (plan.governed_only && !governed) {
        return Ok(None);
    }
    match Servers::create(&plan.database_url, &plan.redis_url, governed).await {
        Ok(servers) => Ok(Some(servers)),
        Err(error) if plan.only == Some(Only::Servers) => Err(error),
        Err(error) => {
            eprintln!("without Postgres and Redis: {error:#}");
            Ok(None)
        }
    }
}

async fn measure(plan: &Plan, servers: &[(&'static str, Servers)]) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("odock-bench-").tempdir().context("cannot make a directory")?;
    let cast = Cast::assemble(plan, servers, scratch.path()).await?;
    let targets = cast.targets();
    let cells = Cell::all(&plan.connections);
    let readings = rounds(&targets, &cells, plan.rounds, plan.seconds).await?;
    let footprints = cast.footprints()?;
    let mut ledgers = Vec::new();
    for target in targets.iter().filter(|target| [GOVERNED_EMBEDDED, GOVERNED_SERVERS].contains(&target.name)) {
        ledgers.push(ledger::count(target, plan.seconds).await?);
    }
    let mut held = Vec::new();
    if plan.held_streams > 0 {
        for target in &targets[1..] {
            eprintln!("{} streams through {}", plan.held_streams, target.name);
            held.push(held::hold(target, plan.held_streams, plan.held_seconds).await?);
        }
    }
    let names = targets.iter().map(|target| target.name).collect();
    Ok(Report::new(plan, names, readings, footprints, held, ledgers))
}

/// Everyone who takes part, the simulated upstream first.
struct Cast(Vec<(Started, String)>);

impl Cast {
    async fn assemble(plan: &Plan, servers: &[(&'static str, Servers)], scratch: &Path) -> anyhow::Result<Self> {
        let sim = Launch::new(DIRECT, "__sim");
        let sim = start::start(&sim, scratch, UPSTREAM_KEY).await.context("the simulated upstream did not start")?;
        let upstream = sim.party.address();
        let mut cast = vec![(sim, UPSTREAM_KEY.to_owned())];

        let through = Launch::new(PASS_THROUGH, "__passthrough").args(["--upstream", &format!("http://{upstream}")]);
        let through = start::start(&through, scratch, UPSTREAM_KEY).await.context("the pass-through did not start")?;
        cast.push((through, UPSTREAM_KEY.to_owned()));

        let embedded = [EMBEDDED, GOVERNED_EMBEDDED].map(|name| (name, None));
        let embedded = embedded
            .into_iter()
            .filter(|(name, _)| plan.only != Some(Only::Servers) && !(plan.governed_only && *name == EMBEDDED));
        let on_servers = servers.iter().map(|(name, servers)| (*name, Some(servers)));
        for (number, (name, servers)) in embedded.chain(on_servers).enumerate() {
            let governed = [GOVERNED_EMBEDDED, GOVERNED_SERVERS].contains(&name);
            let launch = gateway::launch(name, &scratch.join(format!("gateway-{number}")), servers, governed);
            let key = provisioned(&launch, scratch, upstream, governed).await;
            let key = key.with_context(|| format!("{name}: cannot provision"))?;
            let started =
                start::start(&launch, scratch, &key).await.with_context(|| format!("{name} did not start"))?;
            cast.push((started, key));
        }
        if cast.len() < 3 {
            bail!("there is no gateway to measure");
        }
        Ok(Self(cast))
    }

    fn targets(&self) -> Vec<Target> {
        self.0.iter().map(|(started, key)| started.party.target(key)).collect()
    }

    /// What every process but the upstream used; to be called after the load.
    fn footprints(&self) -> anyhow::Result<Vec<Footprint>> {
        let footprint = |(started, key): &(Started, String)| {
            let target = started.party.target(key);
            let after = procfs::resident(target.pid)?;
            Ok(Footprint { target: target.name, start_ms: started.start_ms, idle: started.idle, after })
        };
        self.0.iter().skip(1).map(footprint).collect()
    }
}

/// Starts a fresh gateway once, to provision it, and returns the secret of a virtual key.
async fn provisioned(
    launch: &Launch,
    scratch: &Path,
    upstream: std::net::SocketAddr,
    governed: bool,
) -> anyhow::Result<String> {
    let mut party = launch.start(scratch)?;
    start::listening(&mut party).await?;
    let key = provision::provision(party.address(), upstream, governed).await;
    let key = key.with_context(|| format!("it wrote:\n{}", party.last_words()))?;
    party.stop()?;
    Ok(key)
}
