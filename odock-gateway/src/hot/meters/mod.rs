//! Meters: the counters behind rate limits. A step asks any number of them at once, and takes from all or from none.
//!
//! [`LocalMeters`] counts for one process, Redis (`hot/redis/meters.rs`) for many; both follow the same rules.
//!
//! - **Windows** (`rps`, `rpm`, `tpm`) slide. They are counted in slots, 50 ms for a second and one second for a minute, and
//!   the oldest slot counts in full until all of it has left the window: no span of a second or a minute, wherever it
//!   begins, ever holds more than the limit. The price is that a place comes free up to one slot late.
//! - A **bucket** (`burst`) holds so many requests and fills up again at a steady rate. It is kept as what is missing from
//!   it, so that a bucket that nobody has used needs no state, and a changed size keeps what was taken.
//! - **Places** (`concurrency`) are leases. In Redis each has an end, which its node puts off while the request lives.

mod bucket;
mod local;
mod window;

use entity::vocab::ScopeType;
use uuid::Uuid;

pub use self::local::LocalMeters;
use super::HotError;

/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;

/// Whose meters: a scope of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    /// What kind of scope.
    pub kind: ScopeType,
    /// Which.
    pub id: Uuid,
}

/// What a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// Requests at once.
    Concurrency = 0,
    /// Requests out of a bucket.
    Burst = 1,
    /// Requests in a second.
    Rps = 2,
    /// Requests in a minute.
    Rpm = 3,
    /// Tokens in a minute.
    Tpm = 4,
}

impl Module {
    /// Every module.
    pub const ALL: [Self; 5] = [Self::Concurrency, Self::Burst, Self::Rps, Self::Rpm, Self::Tpm];

    /// The slot's length in microseconds, and the slots of a window.
    pub(crate) const fn slots(self) -> (i64, i64) {
        match self {
            Self::Rps => (50_000, 20),
            _ => (1_000_000, 60),
        }
    }
}

/// A step's demand on one meter, and what the meter says to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    /// Whose meter. The meters of a scope stand next to each other.
    pub counter: Counter,
    /// What it counts.
    pub module: Module,
    /// Whether the scope only decides, and refuses nobody.
    pub shadow: bool,
    /// The limit: the window's, the bucket's size, the number of places.
    pub of: u64,
    /// What the step takes.
    pub cost: u64,
    /// For a bucket what it gains a minute, for places the milliseconds of a lease.
    pub rate: u64,
    /// What the meter said.
    pub reading: Reading,
}

/// What a meter said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What is left: after the step if it took something, else as it is.
    pub left: u64,
    /// How long until there is room for the step.
    pub wait: Wait,
    /// Microseconds until the meter is as if nobody had ever taken anything.
    pub reset_us: u64,
    /// Whether the step took its cost.
    pub taken: bool,
}

/// How long until there is room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// There is.
    #[default]
    None,
    /// So many microseconds, if nobody else takes it.
    Us(u64),
    /// There never will be: the step costs more than the limit.
    Never,
}

impl Meter {
    /// Whether the meter has room for the step.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.reading.wait == Wait::None
    }

    /// Whether the meter refuses the step.
    #[must_use]
    pub fn refuses(&self) -> bool {
        !self.shadow && !self.has_room()
    }
}

/// The end of the scope whose meters begin at `from`, and whether all of them have room: a scope takes as a whole.
fn scope(meters: &[Meter], from: usize) -> Option<(usize, bool)> {
    let first = meters.get(from)?;
    let scope = meters[from..].iter().take_while(|meter| meter.counter == first.counter);
    let (length, has_room) = scope.fold((0, true), |(length, room), meter| (length + 1, room && meter.has_room()));
    Some((from + length, has_room))
}

/// The name of the leases that a request took in one step.
pub type LeaseId = Uuid;

/// A place to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Whose place.
    pub counter: Counter,
    /// The lease.
    pub lease: LeaseId,
}

/// A correction of what a step took from a window or a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Whose meter.
    pub counter: Counter,
    /// Which meter.
    pub module: Module,
    /// When the step was, by the meters' clock, in microseconds.
    pub at_us: i64,
    /// What is added; negative gives back. Nothing happens once the moment has left the window.
    pub by: i64,
}

/// What a node has to tell the shared meters, besides asking them.
#[derive(Debug, Default)]
pub struct Chores {
    /// Places of requests that have ended.
    pub releases: Vec<Release>,
    /// Corrections.
    pub corrections: Vec<Correction>,
}

impl Chores {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.releases.is_empty() && self.corrections.is_empty()
    }
}

/// Meters that many nodes share.
#[async_trait::async_trait]
pub trait SharedMeters: Send + Sync {
    /// Does the chores, then checks all meters and takes from all or from none, in one step. Gives the moment by the
    /// meters' own clock, in microseconds.
    async fn take(&self, lease: LeaseId, meters: &mut [Meter], chores: &Chores) -> Result<i64, HotError>;

    /// Reads the meters as they are, and takes nothing.
    async fn look(&self, meters: &mut [Meter]) -> Result<(), HotError>;

    /// Puts off the end of leases that have not ended, each by so many milliseconds from now.
    async fn renew(&self, leases: &[(Release, u64)]) -> Result<(), HotError>;
}
