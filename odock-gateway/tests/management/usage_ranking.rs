//! Rankings over long periods, which leave out whoever cannot be among the first, against sums over all records.

use std::collections::BTreeMap;
use std::time::Duration;

use entity::Timestamp;
use entity::usage::UsageRecord;
use http::Method;
use serde_json::Value;

use crate::support::Api;
use crate::usage::{organisation, record};

/// Requests of 60 keys and 12 users over 40 days, of which a few cause the most; every fifth failed, some of nobody.
fn requests(acme: entity::OrganisationId, now: Timestamp) -> Vec<UsageRecord> {
    let mut seed = 7_u64;
    let mut draw = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    (0..1_200)
        .map(|number| {
            // The product of two draws: low numbers are much more frequent.
            let key = draw(60) * draw(60) / 60;
            let mut record = record(acme, number, now.minus(Duration::from_secs(1 + draw(40 * 86_400))));
            record.api_key = format!("key-{key:02}");
            record.user = (key % 5 > 0).then(|| format!("user-{:02}@acme.example", key % 12));
            record.cost_nanos = (number % 11 > 0).then(|| i64::try_from((60 - key) * (1 + draw(5_000))).unwrap());
            record.tokens.input_text = draw(900);
            record
        })
        .collect()
}

/// Names by what they come to, the greatest first, as the ranking has them.
fn expected(records: &[&UsageRecord], by: &str, metric: &str, limit: usize) -> Vec<(String, i64)> {
    let mut sums: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for record in records {
        let name = if by == "key" { &record.api_key } else { record.user.as_deref().unwrap_or("-") };
        let worth = match metric {
            "cost" => record.cost_nanos.unwrap_or(0),
            "requests" => 1,
            "tokens" => i64::try_from(record.tokens.input() + record.tokens.output()).unwrap(),
            _ => i64::from(record.status >= 400),
        };
        let sum = sums.entry(name).or_default();
        *sum = (sum.0 + worth, sum.1 + 1);
    }
    let mut ranked: Vec<(&str, (i64, i64))> = sums.into_iter().collect();
    ranked.sort_by(|(a, left), (b, right)| right.cmp(left).then(a.cmp(b)));
    ranked.into_iter().take(limit).map(|(name, (worth, _))| (name.to_owned(), worth)).collect()
}

fn found(row: &Value, metric: &str) -> (String, i64) {
    let number = |field: &str| row[field].as_i64().unwrap();
    let worth = match metric {
        "cost" => number("costNanos"),
        "requests" => number("requests"),
        "tokens" => number("tokensIn") + number("tokensOut"),
        _ => number("errors"),
    };
    (row["name"].as_str().unwrap().to_owned(), worth)
}

#[tokio::test]
async fn rankings_over_days_are_those_of_the_records() {
    let api = Api::with_organisations().await;
    let acme = organisation(&api, "acme").await;
    let now = odock_gateway::clock::Clock::now(&api.clock);
    let records = requests(acme, now);
    // In batches, so that days are added to, and their weights change.
    for some in records.chunks(97) {
        api.keep(some).await;
    }
    // Whatever of a day is in the period: most of it, little, an hour, several hours within one.
    let periods = [
        (41 * 86_400, 0),
        (3_000_000, 400_000),
        (8 * 86_400, 7_777),
        (5 * 86_400 + 40_000, 2 * 86_400 + 55_555),
        (5 * 86_400 + 70_000, 2 * 86_400 + 20_000),
        (86_400, 0),
        (100_000, 90_001),
        (3_600, 0),
    ];
    for (from, to) in periods {
        let ago = |seconds| now.minus(Duration::from_secs(seconds));
        let (from, to) = (ago(from), ago(to));
        let inside: Vec<&UsageRecord> = records.iter().filter(|record| record.at >= from && record.at < to).collect();
        for by in ["key", "user"] {
            for metric in ["cost", "requests", "tokens", "errors"] {
                for limit in [1, 3, 10, 200] {
                    let path = format!("usage/top?by={by}&metric={metric}&limit={limit}&from={from}&to={to}");
                    let answer = api.acme(Method::GET, &path, None).await.expect(200).body;
                    let rows: Vec<(String, i64)> =
                        answer["rows"].as_array().unwrap().iter().map(|row| found(row, metric)).collect();
                    assert_eq!(rows, expected(&inside, by, metric, limit), "{path}");
                    assert_eq!(answer["total"]["requests"], inside.len());
                }
            }
        }
    }
    // A summary has rows of those that cost most in its whole period, and of them in each of its spans.
    let whole = format!("from={}&to={now}&by=key&limit=5", now.minus(Duration::from_secs(41 * 86_400)));
    let of = async |more: &str| {
        api.acme(Method::GET, &format!("usage/summary?{whole}{more}"), None).await.expect(200).body["rows"].clone()
    };
    let (first, daily) = (of("").await, of("&bucket=day").await);
    let first: BTreeMap<String, i64> = first.as_array().unwrap().iter().map(|row| found(row, "cost")).collect();
    assert_eq!(first, expected(&records.iter().collect::<Vec<_>>(), "key", "cost", 5).into_iter().collect());
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (name, cost) in daily.as_array().unwrap().iter().map(|row| found(row, "cost")) {
        *sums.entry(name).or_default() += cost;
    }
    assert_eq!(sums, first);
    let verified = api.acme(Method::GET, "ledger/verify", None).await.expect(200).body;
    assert_eq!(verified["differences"], serde_json::json!([]), "days add up to the records");
    // A day of a key that is wrong is found.
    use sea_orm::ConnectionTrait;
    let db = api.gateway.database.writer();
    let wrong = "UPDATE usage_day SET requests = requests + 1 WHERE subject = 'user' AND name = '' AND starts_at = \
                 (SELECT MAX(starts_at) FROM usage_day WHERE subject = 'user' AND name = '')";
    db.execute_unprepared(wrong).await.unwrap();
    let verified = api.acme(Method::GET, "ledger/verify", None).await.expect(200).body;
    let subjects: Vec<&str> =
        verified["differences"].as_array().unwrap().iter().map(|it| it["subject"].as_str().unwrap()).collect();
    assert!(subjects.len() == 1 && subjects[0].starts_with("usage of a day by user from "), "{subjects:?}");
}
