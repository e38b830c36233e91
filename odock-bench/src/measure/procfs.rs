//! What the kernel's books say about a process.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Ticks a second of the times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 on every architecture that this runs on.
const TICKS: u64 = 100;

/// How long the CPU must stay idle for a process to count as quiet, and how long that is waited for.
const QUIET: Duration = Duration::from_millis(120);
const PATIENCE: Duration = Duration::from_secs(5);

/// CPU time, user and system, of all threads, those that have ended too.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let ticks = cpu_ticks(&stat).with_context(|| format!("{path} is not as expected"))?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS))
}

fn cpu_ticks(stat: &str) -> Option<u64> {
    // The name in brackets may hold spaces and brackets. After it, utime and stime are the 12th and 13th fields.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Waits until the process does nothing any more: work that it does after answering belongs to the load before.
pub(crate) async fn quiet(pid: u32) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut before = cpu(pid)?;
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(QUIET).await;
        let now = cpu(pid)?;
        if now.saturating_sub(before) < Duration::from_millis(1_000 / TICKS) {
            return Ok(now);
        }
        before = now;
    }
    Ok(before)
}

/// Resident memory in bytes: now, what of it is the program's own rather than a file's, and at its highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Resident {
    pub(crate) now: u64,
    pub(crate) anonymous: u64,
    pub(crate) peak: u64,
}

/// Resident memory of a process.
pub(crate) fn resident(pid: u32) -> anyhow::Result<Resident> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let field = |name| Some(kilobytes(&status, name)? * 1_024);
    let field = |name| field(name).with_context(|| format!("{path} has no {name}"));
    Ok(Resident { now: field("VmRSS:")?, anonymous: field("RssAnon:")?, peak: field("VmHWM:")? })
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 250 50 7 8 20 0 3 0 100 1000 200";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(cpu_ticks("42 (cut"), None);
    }

    #[test]
    fn resident_memory_is_read_with_its_peak() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!((kilobytes(status, "VmRSS:"), kilobytes(status, "VmHWM:")), (Some(1_024), Some(2_048)));
    }

    #[test]
    fn this_process_has_books() {
        let pid = std::process::id();
        let memory = resident(pid).unwrap();
        assert!(memory.now > 100_000 && memory.peak >= memory.now / 2);
        assert!(cpu(pid).is_ok());
    }
}
