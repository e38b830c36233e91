//! The process as the operating system and the runtime see it, read at every scrape.

use std::sync::OnceLock;
use std::time::Instant;

use metrics::{Gauge, Recorder};
use tokio::runtime::Handle;

use super::metrics::Family;

pub(super) struct ProcessMetrics {
    started: Instant,
    runtimes: OnceLock<Vec<Handle>>,
    uptime: Gauge,
    tasks: Gauge,
    queue: Gauge,
    memory: Gauge,
    cpu: Gauge,
    files: Gauge,
    threads: Gauge,
}

impl ProcessMetrics {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        Family::BuildInfo.gauge(recorder, &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        Self {
            started: Instant::now(),
            runtimes: OnceLock::new(),
            uptime: Family::Uptime.gauge(recorder, &[]),
            tasks: Family::RuntimeTasks.gauge(recorder, &[]),
            queue: Family::RuntimeQueueDepth.gauge(recorder, &[]),
            memory: Family::ResidentMemory.gauge(recorder, &[]),
            cpu: Family::CpuSeconds.gauge(recorder, &[]),
            files: Family::OpenFiles.gauge(recorder, &[]),
            threads: Family::Threads.gauge(recorder, &[]),
        }
    }

    pub(super) fn count_tasks_of(&self, runtimes: Vec<Handle>) {
        // Whoever was told already goes on with what it was told.
        let _ = self.runtimes.set(runtimes);
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges need not be exact beyond 2^53")]
    pub(super) fn sample(&self) {
        self.uptime.set(self.started.elapsed().as_secs_f64());
        let current: Vec<Handle> = Handle::try_current().into_iter().collect();
        let runtimes = self.runtimes.get().unwrap_or(&current);
        self.tasks.set(runtimes.iter().map(|it| it.metrics().num_alive_tasks()).sum::<usize>() as f64);
        self.queue.set(runtimes.iter().map(|it| it.metrics().global_queue_depth()).sum::<usize>() as f64);
        // Linux only; elsewhere the gauges stay at zero.
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.files.set(files.count().saturating_sub(1) as f64);
        }
        if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
            self.memory.set(field(&status, "VmRSS:") * 1024.0);
            self.threads.set(field(&status, "Threads:"));
        }
        if let Ok(stat) = std::fs::read_to_string("/proc/self/stat") {
            self.cpu.set(cpu_seconds(&stat));
        }
    }
}

fn field(status: &str, name: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// Adds up user and system time. The second field, the program's name, may hold spaces, so counting starts after it.
fn cpu_seconds(stat: &str) -> f64 {
    // Linux reports in ticks of 10 ms on every architecture that we build for.
    const TICKS_PER_SECOND: f64 = 100.0;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_spaces_and_brackets() {
        let stat = "42 (odd ) name) S 1 42 42 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 3 0";
        assert!((cpu_seconds(stat) - 4.0).abs() < f64::EPSILON);
        assert!(cpu_seconds("").abs() < f64::EPSILON);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_scrape_tells_the_memory_and_the_version() {
        let text = crate::telemetry::Telemetry::new(None).render();
        let memory = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
        assert!(memory.parse::<f64>().unwrap() > 1_000_000.0, "{memory}");
        assert!(text.contains(concat!("gateway_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")));
    }
}
