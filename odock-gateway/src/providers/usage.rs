//! What a provider says that a call consumed.

use entity::usage::TokenUsage;
use serde_json::Value;

/// What a provider reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reported {
    /// The counts by class.
    pub tokens: TokenUsage,
    /// The object as it came, if it is fit to be kept.
    pub raw: Option<Value>,
}

/// How a family's usage object is read; `None` if it is none.
pub type Normalise = fn(&str) -> Option<Reported>;

/// More than any call has. A larger count is a fault, and sums over records must not overflow because of it.
pub const MAX_COUNT: u64 = u32::MAX as u64;
/// Web searches that a request may have its provider make, where it does not bound them.
pub const USUAL_SEARCHES: u64 = 10;
/// The largest usage object that is kept beside the counts. Real ones have a few hundred bytes.
const MAX_RAW: usize = 8 << 10;
/// How deep it may be nested. Real ones have two levels.
const MAX_DEPTH: usize = 16;

/// Takes a part out of the count that contains it. A part that exceeds the whole is cut down to it.
pub fn take(from: &mut u64, part: Option<u64>) -> u64 {
    let part = part.unwrap_or(0).min(*from);
    *from -= part;
    part
}

/// The object as a value, unless it is too large or too deep for a record, or has the one character that Postgres cannot
/// store. The counts are read all the same.
pub fn keepable(raw: &str) -> Option<Value> {
    if raw.len() > MAX_RAW || raw.contains("\\u0000") {
        return None;
    }
    // Brackets within strings count too: that only makes the bound stricter.
    let mut depth = 0_usize;
    for byte in raw.bytes() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return None;
        }
    }
    serde_json::from_str(raw).ok()
}
