//! A bounded queue of log lines in front of a sink that may be slow.
//!
//! Lines are appended to one buffer under a short lock; the sink's thread swaps it for an empty one and writes all of it
//! at once. A request therefore pays for a copy, and seldom for a wake-up.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::stats::SinkStats;

/// How many bytes may wait for a sink.
const CAPACITY: usize = 4 << 20;
/// Above this many waiting bytes the sink's thread does not wait for more.
const EAGER: usize = 64 << 10;
/// How long lines may wait for company.
const LINGER: Duration = Duration::from_millis(10);
/// A buffer that grew beyond this in a burst is given back.
const KEEP: usize = 256 << 10;

/// A queue and the thread that empties it.
pub struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    written: Condvar,
    stats: Arc<SinkStats>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// A batch is in the sink's hands.
    writing: bool,
    /// Somebody waits for everything to be written.
    flushing: usize,
}

impl Queue {
    /// Starts a thread that writes to `sink`. The thread lives as long as the process.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(name: &'static str, sink: Box<dyn Write + Send>) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            written: Condvar::new(),
            stats: Arc::new(SinkStats::new(name)),
        });
        let emptied = Arc::clone(&queue);
        thread::Builder::new().name(format!("log-{name}")).spawn(move || emptied.run(sink))?;
        Ok(queue)
    }

    /// What the queue has counted.
    pub fn stats(&self) -> Arc<SinkStats> {
        Arc::clone(&self.stats)
    }

    /// Queues one line, or drops it if the sink has fallen too far behind. Never waits for the sink.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > CAPACITY {
            drop(state);
            self.stats.dropped();
            return;
        }
        let (before, after) = (state.waiting.len(), state.waiting.len() + line.len());
        state.waiting.extend_from_slice(line);
        drop(state);
        self.stats.queued(after);
        if before == 0 || (before < EAGER && after >= EAGER) {
            self.filled.notify_one();
        }
    }

    /// Waits until everything queued so far is written, or `limit` has passed.
    pub fn flush(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        state.flushing += 1;
        self.filled.notify_one();
        while state.writing || !state.waiting.is_empty() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            state = self.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.flushing -= 1;
    }

    fn run(&self, mut sink: Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        loop {
            self.take(&mut batch);
            let since = Instant::now();
            let result = sink.write_all(&batch).and_then(|()| sink.flush());
            self.stats.wrote(since.elapsed(), result.is_ok());
            batch.clear();
            batch.shrink_to(KEEP);
            let mut state = self.lock();
            state.writing = false;
            self.stats.waiting(state.waiting.len());
            self.written.notify_all();
        }
    }

    /// Waits for lines and takes all there are.
    fn take(&self, batch: &mut Vec<u8>) {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let deadline = Instant::now() + LINGER;
        while state.waiting.len() < EAGER && state.flushing == 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            state = self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut state.waiting, batch);
        state.writing = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets anything that writes whole lines write to a queue.
pub struct QueueWriter(pub Arc<Queue>);

impl Write for QueueWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log file that is opened anew when a rotating tool has moved it away.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    checked: Instant,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = append(path)?;
        Ok(Self { path: path.to_owned(), file, checked: Instant::now() })
    }

    #[cfg(unix)]
    fn was_moved(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let ours = self.file.metadata()?;
        Ok(std::fs::metadata(&self.path).map_or(true, |there| there.ino() != ours.ino() || there.dev() != ours.dev()))
    }

    #[cfg(not(unix))]
    fn was_moved(&self) -> io::Result<bool> {
        Ok(!self.path.exists())
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path).map_err(|error| {
        io::Error::new(error.kind(), format!("the log file {} cannot be opened: {error}", path.display()))
    })
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.checked.elapsed() >= Duration::from_secs(1) {
            self.checked = Instant::now();
            if self.was_moved()? {
                self.file = append(&self.path)?;
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// A sink that takes a batch only when the test lets it.
    struct Gate {
        entered: SyncSender<()>,
        open: Receiver<()>,
        out: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.entered.send(()).ok();
            self.open.recv().ok();
            self.out.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flush_waits_until_all_lines_are_written_in_order() {
        let out = Arc::new(Mutex::new(Vec::new()));
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl Write for Shared {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let queue = Queue::start("test", Box::new(Shared(Arc::clone(&out)))).unwrap();
        let expected: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        for line in expected.lines() {
            queue.push(format!("{line}\n").as_bytes());
        }
        queue.flush(Duration::from_secs(60));
        assert_eq!(String::from_utf8(out.lock().unwrap().clone()).unwrap(), expected);
        let stats = queue.stats();
        assert_eq!((stats.lines(), stats.dropped_lines(), stats.queue_bytes()), (1_000, 0, 0));
    }

    #[test]
    fn a_blocked_sink_costs_lines_but_never_blocks_who_logs() {
        let (entered, has_entered) = sync_channel(16);
        let (let_through, open) = sync_channel(16);
        let out = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate { entered, open, out: Arc::clone(&out) };
        let queue = Queue::start("test", Box::new(gate)).unwrap();
        queue.push(b"first\n");
        has_entered.recv().unwrap();
        // The sink holds a batch and does not come back: from here on lines can only gather, then drop.
        let line = vec![b'x'; 1 << 20];
        for _ in 0..6 {
            queue.push(&line);
        }
        let stats = queue.stats();
        assert_eq!((stats.lines(), stats.dropped_lines(), stats.queue_bytes()), (5, 2, 4 << 20));
        queue.flush(Duration::ZERO);
        let_through.send(()).unwrap();
        let_through.send(()).unwrap();
        queue.flush(Duration::from_secs(60));
        assert_eq!(out.lock().unwrap().len(), 6 + (4 << 20));
        queue.push(b"after\n");
        let_through.send(()).unwrap();
        queue.flush(Duration::from_secs(60));
        assert!(out.lock().unwrap().ends_with(b"after\n"));
    }

    #[test]
    fn a_sink_that_refuses_is_counted_and_tried_again() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let queue = Queue::start("test", Box::new(Full)).unwrap();
        for _ in 0..2 {
            queue.push(b"lost\n");
            queue.flush(Duration::from_secs(60));
        }
        assert_eq!(queue.stats().write_errors(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_log_file_that_was_moved_away_is_opened_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("odock.log");
        let mut file = LogFile::open(&path).unwrap();
        file.write_all(b"old\n").unwrap();
        std::fs::rename(&path, dir.path().join("odock.log.1")).unwrap();
        file.checked = file.checked.checked_sub(Duration::from_secs(2)).unwrap();
        file.write_all(b"new\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
    }
}
