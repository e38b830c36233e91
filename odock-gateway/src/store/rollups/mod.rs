//! Sums over usage records by minute, hour and day, kept in the transaction that writes the records.

pub mod days;
mod sheet;

use std::collections::BTreeMap;

use entity::Timestamp;
use sea_orm::{DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

use self::sheet::Sheet;
use crate::usage::Written;

/// Spans of buckets in seconds. A negative one is as long, and leaves out keys and users: there are few of those, so that sums
/// over months are quick.
pub const SPANS: [i32; 5] = [60, 3_600, 86_400, -3_600, -86_400];
/// Upper bounds of the latency histogram's buckets in milliseconds; the last bucket has none.
pub const LATENCY_MS: [u64; 15] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384];

/// What a bucket is about. What a record does not have is the nil id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    span: i32,
    starts_at: i64,
    organisation: Uuid,
    team: Uuid,
    user: Uuid,
    api_key: Uuid,
    provider: Uuid,
    model: Uuid,
    status_class: i32,
}

/// What a bucket sums, in the order of [`SUMS`].
#[derive(Clone, Debug, Default)]
struct Sums<'a> {
    names: [Option<&'a str>; 5],
    sums: [i64; 9],
    latency: [i64; 16],
}

const KEY: [&str; 9] = [
    "organisation_id",
    "span",
    "starts_at",
    "api_key_id",
    "model_id",
    "provider_id",
    "team_id",
    "user_id",
    "status_class",
];
const NAMES: [&str; 5] = ["team", "user", "api_key", "provider", "model"];
const SUMS: [&str; 9] =
    ["requests", "errors", "tokens_in", "tokens_out", "units", "bytes", "cost_nanos", "unpriced", "latency_us"];
/// The histogram's columns.
pub(super) const LATENCY: [&str; 16] = [
    "latency_1",
    "latency_2",
    "latency_4",
    "latency_8",
    "latency_16",
    "latency_32",
    "latency_64",
    "latency_128",
    "latency_256",
    "latency_512",
    "latency_1024",
    "latency_2048",
    "latency_4096",
    "latency_8192",
    "latency_16384",
    "latency_more",
];

const COLUMNS: [&str; 42] = {
    let mut columns = ["id"; 42];
    let mut at = 1;
    while at < columns.len() {
        columns[at] = match at {
            1 => "created_at",
            2 => "updated_at",
            3..12 => KEY[at - 3],
            12..17 => NAMES[at - 12],
            17..26 => SUMS[at - 17],
            _ => LATENCY[at - 26],
        };
        at += 1;
    }
    columns
};
const REPLACED: [&str; 6] = ["updated_at", "team", "user", "api_key", "provider", "model"];
const SUMMED: [&str; 25] = {
    let mut summed = ["id"; 25];
    let mut at = 0;
    while at < summed.len() {
        summed[at] = COLUMNS[at + 17];
        at += 1;
    }
    summed
};

static SHEET: Sheet = Sheet::new("usage", &COLUMNS, &KEY, &REPLACED, &SUMMED, |_| Vec::new());

/// Adds records to their buckets. To be called in the transaction that writes them.
pub async fn add(tx: &DatabaseTransaction, records: &[&Written]) -> Result<(), DbErr> {
    let mut buckets: BTreeMap<Key, Sums<'_>> = BTreeMap::new();
    for record in records {
        for span in SPANS {
            buckets.entry(key(record, span)).or_default().add(record, span < 0);
        }
    }
    let now = Timestamp::now();
    // In order of keys: two nodes that write at once never wait for each other in a circle.
    let rows: Vec<Vec<Value>> = buckets.iter().map(|(key, sums)| values(key, sums, now)).collect();
    SHEET.add(tx, &rows).await?;
    days::add(tx, records).await
}

fn key(record: &Written, span: i32) -> Key {
    let width = i64::from(span.abs()) * 1_000_000;
    let is_coarse = span < 0;
    let nil = |id: Option<Uuid>| id.unwrap_or(Uuid::nil());
    Key {
        span,
        starts_at: record.at.0.div_euclid(width) * width,
        organisation: record.organisation_id.0,
        team: nil(record.team_id.map(|id| id.0)),
        user: nil(record.user_id.map(|id| id.0).filter(|_| !is_coarse)),
        api_key: nil(Some(record.api_key_id.0).filter(|_| !is_coarse)),
        provider: nil(record.provider_id.map(|id| id.0)),
        model: nil(record.model_id.map(|id| id.0)),
        status_class: i32::from(record.status / 100),
    }
}

impl<'a> Sums<'a> {
    fn add(&mut self, record: &'a Written, is_coarse: bool) {
        self.names = [
            record.team(),
            record.user().filter(|_| !is_coarse),
            Some(record.api_key()).filter(|_| !is_coarse),
            record.provider(),
            record.model().filter(|_| record.model_id.is_some()),
        ];
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let more = [
            1,
            i64::from(record.status >= 400),
            count(record.tokens_in),
            count(record.tokens_out),
            count(record.units),
            0,
            record.cost_nanos.unwrap_or(0),
            i64::from(record.model_id.is_some() && record.cost_nanos.is_none()),
            count(record.latency_us),
        ];
        for (sum, more) in self.sums.iter_mut().zip(more) {
            *sum = sum.saturating_add(more);
        }
        let bucket = LATENCY_MS.iter().position(|bound| record.latency_us <= bound * 1_000).unwrap_or(LATENCY_MS.len());
        self.latency[bucket] += 1;
    }
}

fn values(key: &Key, sums: &Sums<'_>, now: Timestamp) -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        Uuid::now_v7().into(),
        now.into(),
        now.into(),
        key.organisation.into(),
        key.span.into(),
        key.starts_at.into(),
        key.api_key.into(),
        key.model.into(),
        key.provider.into(),
        key.team.into(),
        key.user.into(),
        key.status_class.into(),
    ];
    values.extend(sums.names.map(|name| Value::from(name.map(str::to_owned))));
    values.extend(sums.sums.iter().chain(&sums.latency).map(|sum| Value::from(*sum)));
    values
}
