//! How everything that can be listed looks as a table.

mod access;
mod catalogue;
mod doctor;
mod ledger;
mod limits;
mod probe;
mod resources;
mod secrets;
mod service_account;
mod usage;

pub use access::ContextRow;
pub use doctor::{Finding, Verdict};
pub use limits::owner;

use entity::Timestamp;
use entity::policy::{Concurrency, IpPolicy, PayloadLimits, Policies, RateLimit, RequestLimits, TokenLimits};
use uuid::Uuid;

/// The instant of every example.
fn at() -> Timestamp {
    Timestamp(1_814_313_600_000_000)
}

/// The id of every example.
fn id() -> Uuid {
    Uuid::nil()
}

/// Text of something that may be absent.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Policies with every field set.
fn policies() -> Policies {
    let network: Vec<_> = "192.0.2.0/24".parse().into_iter().collect();
    Policies {
        ip: IpPolicy { allowlist: network.clone(), blocklist: network },
        ratelimit: RateLimit {
            requests: RequestLimits { per_second: Some(20), per_minute: Some(1_200), burst: Some(50) },
            tokens: TokenLimits { per_minute: Some(120_000) },
            concurrency: Some(Concurrency { max: 40, lease_ttl_seconds: 30 }),
            payload: PayloadLimits { max_request_bytes: Some(2_097_152), max_tokens: Some(8_192) },
        },
        shadow: true,
    }
}
