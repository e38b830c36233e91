//! What failures are counted by, and how long they make one wait.

use std::time::Duration;

use crate::credential;
use crate::hot::attempts::Tally;

/// What failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Address(String),
    Account(String),
    Both(String, String),
    Code(String),
}

impl Slot {
    /// Failures without a wait, and the longest wait after those.
    const fn bounds(&self) -> (u32, Duration) {
        match self {
            Self::Address(_) => (10, Duration::from_secs(60)),
            Self::Account(_) => (20, Duration::from_secs(30)),
            Self::Both(..) => (5, Duration::from_secs(15 * 60)),
            Self::Code(_) => (30, Duration::from_secs(60)),
        }
    }

    /// Whether many people may stand behind it, so that time forgives: one failure a minute.
    pub(super) const fn is_shared(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Code(_))
    }

    /// The wait after so many failures. `scripts/attempts.lua` does the same sum.
    pub(super) fn wait(&self, failures: u32) -> Duration {
        let (free, most) = self.bounds();
        match failures.checked_sub(free) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1_u64 << more.min(20)).min(most),
        }
    }

    /// Its name where nodes share it: of one length, and without anybody's name in it.
    pub(super) fn key(&self) -> String {
        let (kind, first, second) = match self {
            Self::Address(address) => ("address", address.as_str(), ""),
            Self::Account(account) => ("account", account.as_str(), ""),
            Self::Both(account, address) => ("both", account.as_str(), address.as_str()),
            Self::Code(address) => ("code", address.as_str(), ""),
        };
        let digest = credential::hash_bytes(&format!("{first}\0{second}"));
        let half: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}:{half}")
    }

    pub(super) fn tally(&self, counts: bool) -> Tally {
        let (free, most) = self.bounds();
        Tally { key: self.key(), free, most, forgives: self.is_shared(), counts }
    }
}

/// What an address belongs to: whoever has an IPv6 address has the 64 bits below it.
pub(super) fn network(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => address.to_owned(),
    }
}
