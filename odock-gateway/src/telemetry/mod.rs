//! What the gateway tells about itself: logs and metrics.
//!
//! Logs are the process's (`log::install`, once); metrics belong to one gateway, so that several can run in one process.

pub mod log;
pub mod metrics;
mod process;

use std::sync::Arc;

use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use tokio::runtime::Handle;

use self::log::LogStats;
use self::metrics::Metrics;
use self::process::ProcessMetrics;

/// The media type of [`Telemetry::render`]'s text.
pub const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One gateway's metrics, and the way to read them.
#[derive(Clone)]
pub struct Telemetry {
    /// The handles through which the gateway records.
    pub metrics: Metrics,
    prometheus: PrometheusHandle,
    sampled: Arc<Sampled>,
}

/// What is read when somebody asks, rather than recorded when it happens.
struct Sampled {
    process: ProcessMetrics,
    log: Option<log::LogMetrics>,
}

impl Telemetry {
    /// Makes metrics that belong to nobody else. `log` is [`log::stats`], or nothing in a test.
    pub fn new(log: Option<Arc<LogStats>>) -> Self {
        let recorder: PrometheusRecorder = metrics::recorder();
        let prometheus = recorder.handle();
        metrics::describe(&recorder);
        let sampled = Sampled {
            process: ProcessMetrics::new(&recorder),
            log: log.map(|stats| log::LogMetrics::new(&recorder, stats)),
        };
        Self { metrics: Metrics::new(recorder), prometheus, sampled: Arc::new(sampled) }
    }

    /// Counts the tasks of these runtimes from now on; the first word counts. Until then those of the runtime that asks for
    /// the metrics are counted.
    pub fn count_tasks_of(&self, runtimes: Vec<Handle>) {
        self.sampled.process.count_tasks_of(runtimes);
    }

    /// Writes every metric as Prometheus text.
    pub fn render(&self) -> String {
        self.sampled.process.sample();
        if let Some(log) = &self.sampled.log {
            log.sample();
        }
        self.prometheus.render()
    }

    /// Folds what histograms have collected into their buckets; call it every [`UPKEEP_INTERVAL`].
    pub fn run_upkeep(&self) {
        self.prometheus.run_upkeep();
    }
}

/// How often [`Telemetry::run_upkeep`] wants to be called. Histograms keep every sample until then, so this bounds
/// memory under load.
pub const UPKEEP_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}
