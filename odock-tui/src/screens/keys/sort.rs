//! The order of the keys: two criteria, the second for ties of the first, the name last.

use std::cmp::Ordering;

use entity::resource::ApiKey;
use entity::{ApiKeyId, Timestamp};

use super::status;
use crate::live::{Activity, KeyRate};
use crate::overlay::menu::{Item, Pick};

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

impl By {
    pub(super) const ALL: &'static [Self] =
        &[Self::Name, Self::Type, Self::Owner, Self::Status, Self::Expiry, Self::Requests, Self::Cost];

    /// The header of the column that shows it.
    pub(super) const fn column(self) -> &'static str {
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

    const fn letter(self) -> char {
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
    const fn falls(self) -> bool {
        matches!(self, Self::Requests | Self::Cost)
    }
}

/// The choices of the sort menu.
pub(super) fn items() -> Vec<Item> {
    By::ALL
        .iter()
        .enumerate()
        .map(|(at, by)| Item { letter: by.letter(), label: by.column().to_owned(), pick: Pick::SortKeys(at) })
        .collect()
}

/// An order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    first: (By, bool),
    second: Option<(By, bool)>,
}

impl Default for Order {
    fn default() -> Self {
        Self { first: (By::Name, false), second: None }
    }
}

impl Order {
    pub(super) fn by(&mut self, by: By) {
        if self.first.0 == by {
            self.reverse();
        } else {
            self.second = Some(self.first);
            self.first = (by, by.falls());
        }
    }

    pub(super) fn reverse(&mut self) {
        self.first.1 = !self.first.1;
    }

    pub(super) fn by_traffic(&self) -> bool {
        let traffic = |(by, _): (By, bool)| by.falls();
        traffic(self.first) || self.second.is_some_and(traffic)
    }

    /// The arrow and number behind the header of a column.
    pub(super) fn mark(&self, column: &str) -> &'static str {
        let of =
            |criterion: Option<(By, bool)>| criterion.filter(|(by, _)| by.column() == column).map(|(_, falls)| falls);
        match (of(Some(self.first)), of(self.second), self.second.is_some()) {
            (Some(false), _, false) => "▴",
            (Some(true), _, false) => "▾",
            (Some(false), _, true) => "▴1",
            (Some(true), _, true) => "▾1",
            (None, Some(false), _) => "▴2",
            (None, Some(true), _) => "▾2",
            (None, None, _) => "",
        }
    }

    /// Sorts `rows`, positions in `keys` in rising order. The keys themselves are sorted by name, and the sort is stable:
    /// where both criteria agree, names decide without being compared.
    pub(super) fn sort(&self, rows: &mut [usize], keys: &[ApiKey], activity: &Activity, now: Timestamp) {
        // Looked up once a key, not once a comparison.
        let rates: Vec<KeyRate> =
            if self.by_traffic() { keys.iter().map(|key| activity.of(ApiKeyId(key.id))).collect() } else { Vec::new() };
        let order = |(by, falls): (By, bool), a: usize, b: usize| {
            let ordering = match by {
                By::Requests => rates[a].requests.cmp(&rates[b].requests),
                By::Cost => rates[a].cost.cmp(&rates[b].cost),
                By::Name => a.cmp(&b),
                by => order(by, &keys[a], &keys[b], now),
            };
            if falls { ordering.reverse() } else { ordering }
        };
        rows.sort_by(|a, b| {
            order(self.first, *a, *b).then_with(|| self.second.map_or(Ordering::Equal, |second| order(second, *a, *b)))
        });
    }
}

/// The order of two keys by what is written in them.
fn order(by: By, a: &ApiKey, b: &ApiKey, now: Timestamp) -> Ordering {
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
