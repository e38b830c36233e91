//! The order of the keys: two criteria, the second for ties of the first, the name last.

use std::cmp::Ordering;

use entity::resource::ApiKey;
use entity::{ApiKeyId, Timestamp};

use super::super::order::{self, Order};
use super::status;
use crate::live::{Activity, KeyRate};

/// What keys can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Name,
    Type,
    Owner,
    Status,
    Expiry,
    Requests,
    Cost,
}

impl order::By for By {
    const ALL: &'static [Self] =
        &[Self::Name, Self::Type, Self::Owner, Self::Status, Self::Expiry, Self::Requests, Self::Cost];

    fn column(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::Owner => "owner",
            Self::Status => "status",
            Self::Expiry => "expires",
            Self::Requests => "req/min",
            Self::Cost => "$/min",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Name => 'n',
            Self::Type => 't',
            Self::Owner => 'o',
            Self::Status => 's',
            Self::Expiry => 'e',
            Self::Requests => 'r',
            Self::Cost => 'c',
        }
    }

    /// Traffic is of interest from the top.
    fn falls(self) -> bool {
        matches!(self, Self::Requests | Self::Cost)
    }
}

/// Whether the order depends on traffic.
pub(super) fn by_traffic(order: &Order<By>) -> bool {
    order.uses(order::By::falls)
}

/// Sorts `rows`, positions in `keys`, which are sorted by name.
pub(super) fn sort(order: &Order<By>, rows: &mut [usize], keys: &[ApiKey], activity: &Activity, now: Timestamp) {
    // Looked up once a key, not once a comparison.
    let rates: Vec<KeyRate> =
        if by_traffic(order) { keys.iter().map(|key| activity.of(ApiKeyId(key.id))).collect() } else { Vec::new() };
    order.sort(rows, |by, a, b| match by {
        By::Requests => rates[a].requests.cmp(&rates[b].requests),
        By::Cost => rates[a].cost.cmp(&rates[b].cost),
        By::Name => a.cmp(&b),
        by => compare(by, &keys[a], &keys[b], now),
    });
}

/// The order of two keys by what is written in them.
fn compare(by: By, a: &ApiKey, b: &ApiKey, now: Timestamp) -> Ordering {
    match by {
        By::Name | By::Requests | By::Cost => a.name.cmp(&b.name),
        By::Type => a.spec.r#type.cmp(&b.spec.r#type),
        By::Owner => owner(a).cmp(&owner(b)),
        By::Status => status::of(a, now).cmp(&status::of(b, now)),
        // Without an expiry it never ends: after all that do.
        By::Expiry => a.spec.expiry.map_or(i64::MAX, |at| at.0).cmp(&b.spec.expiry.map_or(i64::MAX, |at| at.0)),
    }
}

/// The team or user of a key.
pub(super) fn owner(key: &ApiKey) -> Option<&str> {
    key.spec.team.as_deref().or(key.spec.user.as_deref())
}
