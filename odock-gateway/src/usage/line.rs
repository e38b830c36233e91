//! The journal's lines: a checksum, a space, an entry as JSON, a line feed.

use std::sync::Arc;

use entity::usage::UsageRecord;
use serde::{Deserialize, Serialize};

/// What is appended.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry<'a> {
    /// An answer begins; if nothing more is heard of it, this is its record.
    Opened(&'a Arc<UsageRecord>),
    /// A request has ended.
    Closed(&'a Arc<UsageRecord>),
}

/// What is read back.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Read {
    Opened(Box<UsageRecord>),
    Closed(Box<UsageRecord>),
}

const CHECKSUM: usize = 8;

/// A line as it is appended.
pub(super) fn write(entry: &Entry<'_>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(2_048);
    line.extend_from_slice(b"00000000 ");
    serde_json::to_writer(&mut line, entry)?;
    let checksum = format!("{:08x}", crc32fast::hash(&line[CHECKSUM + 1..]));
    line[..CHECKSUM].copy_from_slice(checksum.as_bytes());
    line.push(b'\n');
    Ok(line)
}

/// Reads a line without its line feed; `None` if it is torn or foreign.
pub(super) fn read(line: &[u8]) -> Option<Read> {
    let (checksum, entry) = line.split_at_checked(CHECKSUM)?;
    let entry = entry.strip_prefix(b" ")?;
    let expected = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if crc32fast::hash(entry) != expected {
        return None;
    }
    serde_json::from_slice(entry).ok()
}
