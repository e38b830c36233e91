//! Logs: one JSON object a line on standard output, or lines for people on a terminal, and JSON in a file if asked.
//!
//! Requests never wait for a sink: lines go into a bounded queue that a thread of its own empties, and what does not fit
//! is dropped and counted.

mod json;
mod queue;
mod stats;

use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry, reload};

use crate::config::{Log, LogFormat};

pub use self::json::JsonLayer;
pub use self::queue::{Queue, QueueWriter};
pub(super) use self::stats::LogMetrics;
pub use self::stats::{LogStats, SinkStats};

/// How long shutdown waits for sinks to take what is queued.
const DRAIN: Duration = Duration::from_secs(2);

/// The process's log pipeline. Dropping it writes out what is queued.
#[must_use = "dropping it ends the log"]
pub struct LogGuard {
    queues: Vec<Arc<Queue>>,
}

/// What the process's pipeline counts: there is one log, as there is one standard output.
static STATS: OnceLock<Arc<LogStats>> = OnceLock::new();

/// Changes what is logged; nothing before [`install`].
static REFILTER: OnceLock<Box<Refilter>> = OnceLock::new();
type Refilter = dyn Fn(Targets) -> anyhow::Result<()> + Send + Sync;

/// Goes on with another level, or another filter by target.
///
/// # Errors
/// It is no filter.
pub fn refilter(filter: &str) -> anyhow::Result<()> {
    let filter: Targets = filter.parse()?;
    REFILTER.get().map_or(Ok(()), |refilter| refilter(filter))
}

/// What the process's log pipeline counts, for [`Telemetry::new`](super::Telemetry::new); nothing before [`install`].
pub fn stats() -> Option<Arc<LogStats>> {
    STATS.get().cloned()
}

impl LogGuard {
    /// Waits, for a bounded time, until everything logged so far is written.
    pub fn flush(&self) {
        for queue in &self.queues {
            queue.flush(DRAIN);
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Sets up logging for the whole process.
///
/// # Errors
/// When the log file cannot be opened, or logging was set up before.
pub fn install(log: &Log) -> anyhow::Result<LogGuard> {
    let pretty = match log.format {
        LogFormat::Json => false,
        LogFormat::Pretty => true,
        LogFormat::Auto => io::stdout().is_terminal(),
    };
    let stdout = Queue::start("stdout", Box::new(io::stdout()))?;
    let mut queues = vec![Arc::clone(&stdout)];
    let mut layers = vec![if pretty { people(stdout) } else { JsonLayer::new(stdout).boxed() }];
    if let Some(path) = &log.file {
        let file = Queue::start("file", Box::new(queue::LogFile::open(path)?))?;
        queues.push(Arc::clone(&file));
        layers.push(JsonLayer::new(file).boxed());
    }
    let stats = Arc::new(LogStats(queues.iter().map(|queue| queue.stats()).collect()));
    let (filter, handle) = reload::Layer::new(log.filter.parse::<Targets>()?);
    registry().with(layers).with(filter).try_init()?;
    let _ = REFILTER.set(Box::new(move |filter| Ok(handle.reload(filter)?)));
    std::panic::set_hook(Box::new(report_panic));
    let _ = STATS.set(stats);
    Ok(LogGuard { queues })
}

fn people<S: Subscriber + for<'a> LookupSpan<'a>>(queue: Arc<Queue>) -> Box<dyn Layer<S> + Send + Sync> {
    let ansi = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    fmt::layer().with_ansi(ansi).with_target(false).with_writer(move || QueueWriter(Arc::clone(&queue))).boxed()
}

/// Logs where a panic happened. Its message stays out, for it may quote what was being handled.
fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(panic.place = %place, panic.thread = thread, "A task panicked at {place}");
}
