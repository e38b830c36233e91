//! Records on local disk until the database has them.
//!
//! The journal is a row of segment files. A line is in the operating system's hands when `append` returns, so it survives
//! `kill -9`; the writer calls `fsync` every second, so a power cut costs a second at the most. A segment is deleted when
//! the database has committed all of its records and none of its answers is still open. Reading a record twice does no
//! harm: the database keeps one row an id.
//!
//! The newest records are kept in memory besides (`recent`), so that the writer, as long as it keeps up, reads no file.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entity::UsageRecordId;
use entity::usage::UsageRecord;
use foldhash::fast::RandomState;

use super::line::{self, Read, Word};
use super::written::Written;

/// A segment is closed when it has grown to this size.
const SEGMENT_BYTES: u64 = 4 << 20;
/// A segment that an open answer has kept for this many further ones is forgotten all the same; the note of the answer
/// moves to the newest. Otherwise a stream of many hours would fill the journal.
const MAX_KEPT: u64 = 8;
/// Records held in memory while the disk takes none. Requests are refused meanwhile: these are those under way.
const MAX_HELD: usize = 10_000;
/// Records kept in memory for the writer. Those that find no room are read from the file.
const MAX_RECENT: usize = 4_096;

/// A megabyte at a time is enough for a batch and bounds what a long outage brings into memory.
const READ_BYTES: u64 = 1 << 20;

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file could not be read or written.
    #[error("the usage journal at {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// Another process uses the same data directory.
    #[error("the usage journal at {} is in use by another process: give each gateway a data directory of its own", .0.display())]
    InUse(PathBuf),
    /// A record could not be written as JSON.
    #[error("a usage record could not be encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// What is appended.
pub(super) enum Entry<'a> {
    /// An answer begins; if nothing more is heard of it, this is its record.
    Opened(&'a UsageRecord),
    /// A request has ended.
    Closed(&'a UsageRecord),
}

/// An entry in its written form.
enum Line {
    Opened(UsageRecordId, String),
    Closed(Arc<Written>),
}

impl Line {
    fn new(entry: &Entry<'_>) -> serde_json::Result<Self> {
        Ok(match entry {
            Entry::Opened(record) => Self::Opened(record.id, line::write(Word::Opened, record)?.0),
            Entry::Closed(record) => Self::Closed(Arc::new(Written::new(record)?)),
        })
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Opened(_, line) => line.as_bytes(),
            Self::Closed(record) => record.line(),
        }
    }
}

/// What the disk did not take.
#[derive(Debug)]
pub(super) struct Unwritten {
    /// Why.
    pub(super) error: JournalError,
    /// Whether it is held in memory until the disk does.
    pub(super) held: bool,
}

/// Records on local disk.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    max_bytes: u64,
    bytes: AtomicU64,
    waiting: AtomicU64,
    /// The last append failed.
    failing: AtomicBool,
    state: Mutex<State>,
    /// Held for the life of the journal, so that no second process appends.
    _lock: File,
}

#[derive(Debug)]
struct State {
    segments: BTreeMap<u64, Segment>,
    active: u64,
    open: HashMap<UsageRecordId, u64, RandomState>,
    /// Records that the disk did not take.
    held: VecDeque<Arc<Written>>,
    /// The newest closed records, oldest first, without a gap from the first to the last.
    recent: VecDeque<Recent>,
    /// Where the last closed record ends.
    closed_to: Position,
    /// Up to where the database has everything.
    written_to: Position,
}

/// A closed record that is still in memory.
#[derive(Debug)]
struct Recent {
    record: Arc<Written>,
    /// Where the closed record before it ends.
    from: Position,
    /// Where its line ends.
    to: Position,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    len: u64,
    /// Answers that began in this segment and have not ended.
    open: u64,
    synced: u64,
}

/// Where the writer has got to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

impl Journal {
    /// Opens the journal in `dir`, with the records that earlier processes left there still to be written, and returns
    /// the answers that began and never ended.
    pub(super) fn open(dir: &Path, max_bytes: u64) -> Result<(Self, Vec<UsageRecord>), JournalError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        std::fs::create_dir_all(dir).map_err(failed(dir))?;
        let lock_path = dir.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        if lock.try_lock().is_err() {
            return Err(JournalError::InUse(dir.to_owned()));
        }
        let mut segments = BTreeMap::new();
        let (mut interrupted, mut waiting) = (HashMap::new(), 0);
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
            let path = entry.map_err(failed(dir))?.path();
            if let Some(number) = number(&path) {
                found.insert(number, path);
            }
        }
        // In order: what closes an answer comes after what opened it.
        for (number, path) in found {
            let file = OpenOptions::new().read(true).append(true).open(&path).map_err(failed(&path))?;
            let content = std::fs::read(&path).map_err(failed(&path))?;
            for text in content.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
                match line::read(text) {
                    Some(Read::Opened(record)) => {
                        interrupted.insert(record.id, *record);
                    }
                    Some(Read::Closed(record)) => {
                        waiting += 1;
                        interrupted.remove(&record.id);
                    }
                    None => tracing::warn!(file = %path.display(), "skipped a torn line of the usage journal"),
                }
            }
            segments.insert(number, Segment { path, file, len: content.len() as u64, open: 0, synced: 0 });
        }
        let active = segments.keys().next_back().map_or(1, |last| last + 1);
        let bytes = segments.values().map(|segment| segment.len).sum();
        let journal = Self {
            dir: dir.to_owned(),
            max_bytes,
            bytes: AtomicU64::new(bytes),
            waiting: AtomicU64::new(waiting),
            failing: AtomicBool::new(false),
            state: Mutex::new(State {
                segments,
                active,
                open: HashMap::default(),
                held: VecDeque::new(),
                recent: VecDeque::new(),
                closed_to: Position { segment: active, offset: 0 },
                written_to: Position::default(),
            }),
            _lock: lock,
        };
        let mut state = journal.state();
        let first = journal.create(active).map_err(failed(&journal.path(active)))?;
        state.segments.insert(active, first);
        drop(state);
        Ok((journal, interrupted.into_values().collect()))
    }

    /// Whether the journal is below its bound.
    pub fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < self.max_bytes && !self.failing.load(Ordering::Relaxed)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Where the last record ends that was appended.
    pub(super) fn end(&self) -> Position {
        self.state().closed_to
    }

    /// Up to where the database has everything.
    pub(super) fn written(&self) -> Position {
        self.state().written_to
    }

    /// Records that the database does not have yet and the disk does.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Records that not even the disk has yet.
    pub(super) fn held(&self) -> u64 {
        self.state().held.len() as u64
    }

    /// Appends an entry. A record that the disk does not take is held in memory until it does, and until then the
    /// journal has no room.
    ///
    /// # Errors
    /// When the disk does not take it, and whether it is held.
    pub(super) fn append(&self, entry: &Entry<'_>) -> Result<(), Unwritten> {
        // Encoded before the lock is taken: others write meanwhile.
        let line = Line::new(entry).map_err(|error| Unwritten { error: error.into(), held: false })?;
        let mut state = self.state();
        let written = self.write(&mut state, &line);
        written.map_err(|error| {
            self.failing.store(true, Ordering::Relaxed);
            let held = match line {
                Line::Closed(record) if state.held.len() < MAX_HELD => {
                    state.held.push_back(record);
                    true
                }
                Line::Closed(_) | Line::Opened(..) => false,
            };
            Unwritten { error, held }
        })
    }

    /// Tries again to append what the disk did not take.
    pub(super) fn retry(&self) {
        if !self.failing.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state();
        while let Some(record) = state.held.pop_front() {
            if self.write(&mut state, &Line::Closed(Arc::clone(&record))).is_err() {
                state.held.push_front(record);
                return;
            }
        }
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Whether the journal holds the note of an answer that has begun and not ended.
    pub(super) fn is_open(&self, id: UsageRecordId) -> bool {
        self.state().open.contains_key(&id)
    }

    fn write(&self, state: &mut State, line: &Line) -> Result<(), JournalError> {
        if state.segments.get(&state.active).is_none_or(|segment| segment.len >= SEGMENT_BYTES) {
            let next = state.active + 1;
            let segment = self.create(next).map_err(|source| JournalError::Io { path: self.path(next), source })?;
            state.segments.insert(next, segment);
            state.active = next;
        }
        let Some(segment) = state.segments.get_mut(&state.active) else {
            return Err(JournalError::Io { path: self.dir.clone(), source: io::ErrorKind::NotFound.into() });
        };
        let bytes = line.bytes();
        if let Err(source) = segment.file.write_all(bytes) {
            // Half a line must not glue itself to the next one. If even that fails, the checksum tells.
            if segment.file.set_len(segment.len).is_err() {
                // What is appended there now would stand behind what the reader takes for the end.
                state.active += 1;
            }
            return Err(JournalError::Io { path: segment.path.clone(), source });
        }
        segment.len += bytes.len() as u64;
        let to = Position { segment: state.active, offset: segment.len };
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        match line {
            Line::Opened(id, _) => {
                segment.open += 1;
                // A request that goes on to another upstream is opened again; the last word counts.
                let before = state.open.insert(*id, state.active);
                if let Some(segment) = before.and_then(|number| state.segments.get_mut(&number)) {
                    segment.open -= 1;
                }
            }
            Line::Closed(record) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let from = std::mem::replace(&mut state.closed_to, to);
                if state.recent.len() < MAX_RECENT && state.recent.back().is_none_or(|last| last.to == from) {
                    state.recent.push_back(Recent { record: Arc::clone(record), from, to });
                }
                if let Some(opened_in) = state.open.remove(&record.id)
                    && let Some(segment) = state.segments.get_mut(&opened_in)
                {
                    segment.open -= 1;
                }
            }
        }
        Ok(())
    }

    /// Reads up to `most` closed records from `position` on, and says where the next read begins.
    pub(super) fn read(&self, mut position: Position, most: usize) -> io::Result<(Vec<Arc<Written>>, Position)> {
        let mut records = Vec::new();
        let mut window = READ_BYTES;
        loop {
            let (number, file, len) = {
                let state = self.state();
                let Some((number, segment)) = state.segments.range(position.segment..).next() else {
                    return Ok((records, position));
                };
                (*number, segment.file.try_clone()?, segment.len)
            };
            if number != position.segment {
                position = Position { segment: number, offset: 0 };
            }
            let left = len.saturating_sub(position.offset);
            let size = usize::try_from(left.min(window)).unwrap_or(1 << 20);
            if size == 0 {
                let is_last = self.state().segments.range(number + 1..).next().is_none();
                if is_last || records.len() >= most {
                    return Ok((records, position));
                }
                position = Position { segment: number + 1, offset: 0 };
                continue;
            }
            let mut chunk = vec![0; size];
            file.read_exact_at(&mut chunk, position.offset)?;
            let mut used = 0;
            while let Some(end) = memchr::memchr(b'\n', &chunk[used..]).map(|end| used + end) {
                if records.len() >= most {
                    break;
                }
                if let Some(Read::Closed(record)) = line::read(&chunk[used..end]) {
                    records.push(Arc::new(Written::new(&record)?));
                }
                used = end + 1;
            }
            if used == 0 && records.len() < most {
                if left > window {
                    // A line that is longer than the window.
                    window *= 4;
                    continue;
                }
                // A line without an end: torn by a crash. What follows is in the next segment.
                used = size;
            }
            window = READ_BYTES;
            position.offset += used as u64;
            if records.len() >= most {
                return Ok((records, position));
            }
        }
    }

    /// The next records after `position`, if they are still in memory.
    pub(super) fn recent(&self, position: Position, most: usize) -> Option<(Vec<Arc<Written>>, Position)> {
        let mut state = self.state();
        while state.recent.front().is_some_and(|first| first.to <= position) {
            state.recent.pop_front();
        }
        // Up to the first of them there may be lines in the file that nobody read yet.
        if state.recent.front()?.from > position {
            return None;
        }
        let count = state.recent.len().min(most);
        let records: Vec<Recent> = state.recent.drain(..count).collect();
        let to = records.last()?.to;
        Some((records.into_iter().map(|recent| recent.record).collect(), to))
    }

    /// Forgets everything before `position`, of which the database has now committed `records` more records.
    pub(super) fn committed(&self, position: Position, records: u64) {
        self.waiting.fetch_sub(records.min(self.waiting()), Ordering::Relaxed);
        let active = {
            let mut state = self.state();
            state.written_to = position;
            state.active
        };
        self.forget(position, active);
        if let Err(error) = self.carry(position) {
            tracing::warn!(%error, "could not carry an open answer over to a new segment of the usage journal");
        }
    }

    /// Notes answers that have been open for long once more, in the newest segment, so that their old one can go.
    fn carry(&self, position: Position) -> Result<(), JournalError> {
        let (number, path) = {
            let state = self.state();
            let Some((&number, first)) = state.segments.iter().next() else { return Ok(()) };
            if first.open == 0 || number + MAX_KEPT > state.active || number >= position.segment {
                return Ok(());
            }
            (number, first.path.clone())
        };
        // It is full, so nobody writes to it.
        let content = std::fs::read(&path).map_err(|source| JournalError::Io { path, source })?;
        // From the end: of an answer that was opened more than once, the last word counts.
        for text in content.rsplit(|byte| *byte == b'\n') {
            let Some(Read::Opened(record)) = line::read(text) else { continue };
            let mut state = self.state();
            if state.open.get(&record.id) != Some(&number) {
                continue;
            }
            self.write(&mut state, &Line::new(&Entry::Opened(&record))?)?;
        }
        let active = self.state().active;
        self.forget(position, active);
        Ok(())
    }

    /// Forgets everything before `position`, the segment that grows included: for the end of an orderly shutdown.
    pub(super) fn retire(&self, position: Position) {
        self.forget(position, u64::MAX);
    }

    fn forget(&self, position: Position, below: u64) {
        let mut state = self.state();
        let read_up = |number: u64, segment: &Segment| {
            number < position.segment || (number == position.segment && segment.len <= position.offset)
        };
        // In order, so that what closed an answer is never forgotten before what opened it.
        while let Some((&number, segment)) = state.segments.iter().next()
            && number < below
            && segment.open == 0
            && read_up(number, segment)
        {
            if let Err(error) = std::fs::remove_file(&segment.path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, file = %segment.path.display(), "could not delete a segment of the usage journal");
                return;
            }
            self.bytes.fetch_sub(segment.len, Ordering::Relaxed);
            state.segments.remove(&number);
        }
    }

    /// Forces what was appended to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let dirty: Vec<(u64, File, u64)> = {
            let state = self.state();
            let dirty = state.segments.iter().filter(|(_, segment)| segment.synced < segment.len);
            dirty
                .map(|(number, segment)| segment.file.try_clone().map(|file| (*number, file, segment.len)))
                .collect::<io::Result<_>>()?
        };
        for (number, file, len) in dirty {
            file.sync_data()?;
            if let Some(segment) = self.state().segments.get_mut(&number) {
                segment.synced = len;
            }
        }
        Ok(())
    }

    fn create(&self, number: u64) -> io::Result<Segment> {
        let path = self.path(number);
        let file = OpenOptions::new().create_new(true).read(true).append(true).mode(0o600).open(&path)?;
        Ok(Segment { path, file, len: 0, open: 0, synced: 0 })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:012}.journal"))
    }

    /// Sets records aside that the database refuses for what they are, so that they do not hold up the others.
    pub(super) fn reject(&self, record: &Written, reason: &str) -> Result<PathBuf, JournalError> {
        let path = self.dir.join("rejected.jsonl");
        // As it was written: what cannot be read back must not hold up the others either.
        let line = format!("{{\"reason\":{},\"record\":{}}}\n", serde_json::to_string(reason)?, record.json());
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()).and_then(|()| file.sync_data()));
        written.map(|()| path.clone()).map_err(|source| JournalError::Io { path, source })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number(path: &Path) -> Option<u64> {
    (path.extension()? == "journal").then(|| path.file_stem()?.to_str()?.parse().ok())?
}

#[cfg(test)]
mod tests;
