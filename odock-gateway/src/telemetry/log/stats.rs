//! What the log pipeline counts about itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use metrics::{Counter, Gauge, Recorder};

use crate::telemetry::metrics::Family;

/// The counts of every sink of the process.
#[derive(Debug, Default)]
pub struct LogStats(pub(super) Vec<Arc<SinkStats>>);

/// The counts of one sink.
#[derive(Debug)]
pub struct SinkStats {
    sink: &'static str,
    lines: AtomicU64,
    dropped: AtomicU64,
    batches: AtomicU64,
    write_errors: AtomicU64,
    write_micros: AtomicU64,
    queue_bytes: AtomicUsize,
}

impl SinkStats {
    pub(super) fn new(sink: &'static str) -> Self {
        let count = || AtomicU64::new(0);
        Self {
            sink,
            lines: count(),
            dropped: count(),
            batches: count(),
            write_errors: count(),
            write_micros: count(),
            queue_bytes: AtomicUsize::new(0),
        }
    }

    pub(super) fn queued(&self, waiting: usize) {
        self.lines.fetch_add(1, Relaxed);
        self.waiting(waiting);
    }

    pub(super) fn waiting(&self, bytes: usize) {
        self.queue_bytes.store(bytes, Relaxed);
    }

    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn wrote(&self, took: Duration, ok: bool) {
        self.batches.fetch_add(1, Relaxed);
        self.write_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.write_errors.fetch_add(u64::from(!ok), Relaxed);
    }

    /// Lines that were queued.
    pub fn lines(&self) -> u64 {
        self.lines.load(Relaxed)
    }

    /// Lines that were dropped.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Writes that the sink refused.
    pub fn write_errors(&self) -> u64 {
        self.write_errors.load(Relaxed)
    }

    /// Bytes that wait for the sink.
    pub fn queue_bytes(&self) -> usize {
        self.queue_bytes.load(Relaxed)
    }
}

/// Shows the counts in one gateway's metrics.
pub(in crate::telemetry) struct LogMetrics {
    stats: Arc<LogStats>,
    sinks: Vec<Handles>,
}

struct Handles {
    lines: Counter,
    dropped: Counter,
    batches: Counter,
    write_errors: Counter,
    write_seconds: Counter,
    queue_bytes: Gauge,
}

impl LogMetrics {
    pub(in crate::telemetry) fn new(recorder: &dyn Recorder, stats: Arc<LogStats>) -> Self {
        let sinks = stats.0.iter().map(|sink| {
            let tags = [("sink", sink.sink)];
            Handles {
                lines: Family::LogLines.counter(recorder, &tags),
                dropped: Family::LogDropped.counter(recorder, &tags),
                batches: Family::LogBatches.counter(recorder, &tags),
                write_errors: Family::LogWriteErrors.counter(recorder, &tags),
                write_seconds: Family::LogFlushSeconds.counter(recorder, &tags),
                queue_bytes: Family::LogQueueBytes.gauge(recorder, &tags),
            }
        });
        Self { sinks: sinks.collect(), stats }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges need not be exact beyond 2^53")]
    pub(in crate::telemetry) fn sample(&self) {
        for (stats, handles) in self.stats.0.iter().zip(&self.sinks) {
            handles.lines.absolute(stats.lines());
            handles.dropped.absolute(stats.dropped_lines());
            handles.batches.absolute(stats.batches.load(Relaxed));
            handles.write_errors.absolute(stats.write_errors());
            handles.write_seconds.absolute(stats.write_micros.load(Relaxed) / 1_000_000);
            handles.queue_bytes.set(stats.queue_bytes() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_shows_what_the_log_dropped() {
        let sink = Arc::new(SinkStats::new("stdout"));
        let telemetry = crate::telemetry::Telemetry::new(Some(Arc::new(LogStats(vec![Arc::clone(&sink)]))));
        sink.queued(120);
        sink.dropped();
        let text = telemetry.render();
        for line in
            ["lines_total{sink=\"stdout\"} 1", "dropped_total{sink=\"stdout\"} 1", "queue_bytes{sink=\"stdout\"} 120"]
        {
            assert!(text.contains(&format!("gateway_log_{line}\n")), "{line} is not in\n{text}");
        }
    }
}
