//! Budgets at work and invoices: what they add up to.

use std::time::Duration;

use entity::usage::UsageRecord;
use entity::vocab::Period;
use entity::{ApiKeyId, TeamId, Timestamp, calendar};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::Api;
use crate::usage::{organisation, record};

#[tokio::test]
async fn an_invoice_is_the_sum_of_its_records() {
    let api = Api::with_organisations().await;
    let (acme, globex) = (organisation(&api, "acme").await, organisation(&api, "globex").await);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let mut records: Vec<UsageRecord> = (0..60)
        .map(|number| {
            let mut record = record(acme, number, at("2026-10-15T12:00:00Z"));
            record.team = [Some("search"), Some("support"), None][usize::try_from(number % 3).unwrap()].map(Into::into);
            record.model = (number % 4 != 0).then(|| if number % 4 == 1 { "fast".into() } else { "large".into() });
            // Nothing round: a rounding anywhere would show.
            record.cost_nanos = (number != 7).then_some(1_000_000_000_000_007 + i64::try_from(number).unwrap() * 13);
            record
        })
        .collect();
    records[0].at = at("2026-10-01T00:00:00Z");
    records[1].at = at("2026-10-31T23:59:59.999999Z");
    // Not in the period, or somebody else's.
    let mut outside = [record(acme, 70, at("2026-11-01T00:00:00Z")), record(globex, 71, at("2026-10-15T12:00:00Z"))];
    outside[0].cost_nanos = Some(5);
    api.keep(&records).await;
    api.keep(&outside).await;

    let path = "invoices/preview?from=2026-10-01T00:00:00Z";
    let invoice = api.acme(Method::GET, path, None).await.expect(200).body;
    let whole = "invoices/preview?from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z";
    assert_eq!(api.acme(Method::GET, whole, None).await.expect(200).body, invoice, "a month, if `to` is not given");
    let sum: i64 = records.iter().filter_map(|record| record.cost_nanos).sum();
    assert_eq!((invoice["totalNanos"].as_i64(), invoice["records"].as_u64()), (Some(sum), Some(60)));
    assert_eq!(invoice["unpriced"], 1);
    let lines = invoice["lines"].as_array().unwrap();
    assert_eq!(lines.iter().map(|line| line["costNanos"].as_i64().unwrap()).sum::<i64>(), sum);
    assert_eq!(lines.iter().map(|line| line["requests"].as_u64().unwrap()).sum::<u64>(), 60);
    let names =
        |line: &Value| ["team", "apiKey", "model"].map(|part| line[part].as_str().unwrap_or("-").to_owned()).join(" ");
    let names: Vec<String> = lines.iter().map(names).collect();
    assert_eq!(
        names,
        [
            "search ci -",
            "search ci large",
            "search laptop fast",
            "search laptop large",
            "support ci -",
            "support ci large",
            "support laptop fast",
            "support laptop large",
            "- ci -",
            "- ci large",
            "- laptop fast",
            "- laptop large",
        ]
    );
    let fast = |line: &&Value| line["team"] == "search" && line["model"] == "fast";
    let expected: i64 = records
        .iter()
        .filter(|record| record.team.as_deref() == Some("search") && record.model.as_deref() == Some("fast"))
        .filter_map(|record| record.cost_nanos)
        .sum();
    assert_eq!(lines.iter().find(fast).unwrap()["costNanos"], expected);
}

#[tokio::test]
async fn an_invoice_of_nothing_is_empty_and_a_period_backwards_is_refused() {
    let api = Api::with_organisations().await;
    let empty = api.acme(Method::GET, "invoices/preview", None).await.expect(200).body;
    assert_eq!((empty["lines"].clone(), empty["totalNanos"].clone()), (json!([]), json!(0)));
    let now = api.gateway.clock.now().to_string();
    assert!(empty["from"].as_str().unwrap() <= now.as_str() && now.as_str() < empty["to"].as_str().unwrap());
    let backwards = "invoices/preview?from=2026-10-02T00:00:00Z&to=2026-10-01T00:00:00Z";
    api.acme(Method::GET, backwards, None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn limits_tell_how_fast_they_are_used() {
    let api = Api::with_organisations().await;
    let acme = organisation(&api, "acme").await;
    let team = api.create("teams", "search", json!({})).await.expect(201).text("/id");
    let key = api.create("apikeys", "ci", json!({"type": "TEAM", "team": "search"})).await.expect(201).text("/key/id");
    let (team, key): (Uuid, Uuid) = (team.parse().unwrap(), key.parse().unwrap());
    for (collection, name, spec) in [
        (
            "budgets",
            "team",
            json!({"owner": {"type": "TEAM", "name": "search"}, "period": "QUARTERLY", "amountUsd": "1"}),
        ),
        (
            "budgets",
            "over",
            json!({"owner": {"type": "ORG"}, "period": "QUARTERLY", "amountUsd": "1",
            "start": "2000-01-01T00:00:00Z", "end": "2001-01-01T00:00:00Z"}),
        ),
        ("budgets", "off", json!({"owner": {"type": "ORG"}, "period": "QUARTERLY", "amountUsd": "1", "active": false})),
        (
            "quotas",
            "requests",
            json!({"owner": {"type": "APIKEY", "name": "ci"}, "metric": "REQUESTS", "limit": 10, "period": "QUARTERLY"}),
        ),
        ("quotas", "errors", json!({"owner": {"type": "ORG"}, "metric": "ERRORS", "limit": 10, "period": "QUARTERLY"})),
        (
            "quotas",
            "tokens",
            json!({"owner": {"type": "ORG"}, "metric": "TOKENS", "limit": 200, "period": "QUARTERLY"}),
        ),
    ] {
        api.create(collection, name, spec).await.expect(201);
    }
    // Not just after a quarter has begun, when what is older belongs to the one before.
    let quarter =
        calendar::window(Period::Quarterly, &calendar::zone("UTC").unwrap(), api.gateway.clock.now()).unwrap();
    if api.gateway.clock.now().since(quarter.0) < Duration::from_secs(7_200) {
        api.clock.advance(Duration::from_secs(7_200));
    }
    let now = api.gateway.clock.now();
    let of = |number: u64, ago: u64, dispatched: bool| UsageRecord {
        team_id: Some(TeamId(team)),
        api_key_id: ApiKeyId(key),
        dispatched,
        cost_nanos: dispatched.then_some(100),
        ..record(acme, number, now.minus(Duration::from_secs(ago)))
    };
    let mut records: Vec<UsageRecord> = (1..=4).map(|number| of(number, 600, true)).collect();
    records.push(of(5, 600, true));
    records.push(of(6, 4_000, true));
    records.push(of(7, 600, false));
    let mut other = record(acme, 8, now.minus(Duration::from_secs(60)));
    other.cost_nanos = Some(1);
    records.push(other);
    api.keep(&records).await;

    let items = api.acme(Method::GET, "limits", None).await.expect(200).body["items"].clone();
    let line = |item: &Value| {
        let window = item.get("window").map(|window| window["left"].clone()).unwrap_or_default();
        format!(
            "{} {} {} {} left {window}",
            item["kind"].as_str().unwrap(),
            item["name"].as_str().unwrap(),
            item["owner"]["name"].as_str().unwrap_or("-"),
            item["usedLastHour"]
        )
    };
    let lines: Vec<String> = items.as_array().unwrap().iter().map(line).collect();
    // In the last hour five by the key, of which one failed, and one by another key. Another one is older, and one that was
    // refused counts nowhere.
    let tokens: u64 = (1..=5).chain([8]).map(|number| 10 + number).sum();
    assert_eq!(
        lines,
        [
            "budget off - 501 left 999999399".to_owned(),
            "budget over - 501 left null".to_owned(),
            "budget team search 500 left 999999400".to_owned(),
            "quota errors - 1 left 9".to_owned(),
            "quota requests ci 5 left 4".to_owned(),
            format!("quota tokens - {tokens} left {}", 200 - tokens - 16),
        ]
    );
    let runs_out = |name: &str| {
        let item = items.as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
        item.get("runsOutAt").map(|at| at.as_str().unwrap().parse::<Timestamp>().unwrap())
    };
    assert_eq!(runs_out("requests"), Some(now.plus(Duration::from_secs(48 * 60))));
    assert_eq!((runs_out("off"), runs_out("over"), runs_out("team")), (None, None, None));
}
