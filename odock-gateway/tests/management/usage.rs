//! Usage records and their sums, of one organisation only.

use entity::usage::{TokenUsage, UsageRecord};
use entity::vocab::{Outcome, UsageSource};
use entity::{ApiKeyId, ModelId, OrganisationId, Timestamp, UsageRecordId};
use http::Method;
use serde_json::{Value, json};

use crate::support::Api;

pub(crate) async fn organisation(api: &Api, name: &str) -> OrganisationId {
    let id = api.get(&format!("/api/organisations/{name}"), Some(&api.root)).await.expect(200).text("/id");
    id.parse().unwrap()
}

pub(crate) fn record(organisation_id: OrganisationId, number: u64, at: Timestamp) -> UsageRecord {
    let failed = number.is_multiple_of(5);
    UsageRecord {
        id: UsageRecordId::new(),
        request_id: format!("{organisation_id}-{number}"),
        trace_id: None,
        at,
        organisation_id,
        organisation: "x".into(),
        team_id: None,
        team: None,
        user_id: None,
        user: None,
        api_key_id: ApiKeyId::new(),
        api_key: if number.is_multiple_of(2) { "ci".into() } else { "laptop".into() },
        provider_id: None,
        provider: Some("openai".into()),
        model_id: Some(ModelId::new()),
        model: Some("fast".into()),
        endpoint: "/v1/chat/completions".into(),
        stream: false,
        outcome: if failed { Outcome::Failed } else { Outcome::Ok },
        dispatched: true,
        status: if failed { 502 } else { 200 },
        error_code: failed.then(|| "upstream_error".into()),
        tokens: TokenUsage { input_text: 10, output_text: number, total: 10 + number, ..Default::default() },
        usage_source: UsageSource::Reported,
        bill: None,
        cost_nanos: (number != 3).then_some(1_000),
        latency_us: 100,
        first_byte_us: Some(50),
        overhead_us: 5,
        provider_request_id: None,
        provider_usage: Some(json!({"total_tokens": 3})),
        routing: Default::default(),
        metadata: Default::default(),
    }
}

/// Twenty requests of `acme`, a second apart, the last one now; and one of `globex`.
async fn with_usage() -> Api {
    let api = Api::with_organisations().await;
    let (acme, globex) = (organisation(&api, "acme").await, organisation(&api, "globex").await);
    let now = odock_gateway::clock::Clock::now(&api.clock);
    let at = |number: u64| now.minus(std::time::Duration::from_secs(20 - number));
    // Two records a second share their instant, so that pages must cut between them.
    let mut records: Vec<UsageRecord> = (0..20).map(|number| record(acme, number, at(number / 2 * 2))).collect();
    records.push(record(globex, 1, at(1)));
    api.keep(&records).await;
    api
}

#[tokio::test]
async fn records_are_listed_newest_first_and_paged_without_gaps() {
    let api = with_usage().await;
    let whole = api.acme(Method::GET, "usage", None).await.expect(200);
    let ids = |items: &Value| {
        items.as_array().unwrap().iter().map(|item| item["requestId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&whole.body["items"]);
    assert_eq!(all.len(), 20);
    let times: Vec<&str> =
        whole.body["items"].as_array().unwrap().iter().map(|item| item["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.acme(Method::GET, &format!("usage?limit=3{cursor}"), None).await.expect(200);
        paged.extend(ids(&page.body["items"]));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn records_are_filtered() {
    let api = with_usage().await;
    let count = async |query: &str| {
        let page = api.acme(Method::GET, &format!("usage?{query}"), None).await.expect(200);
        page.body["items"].as_array().unwrap().len()
    };
    let now = odock_gateway::clock::Clock::now(&api.clock);
    let ago = |seconds| now.minus(std::time::Duration::from_secs(seconds));
    assert_eq!(count("key=ci").await, 10);
    assert_eq!(count("key=ci&outcome=failed").await, 2);
    assert_eq!(count("status=502").await, 4);
    assert_eq!(count("errorCode=upstream_error&provider=openai&model=fast").await, 4);
    assert_eq!(count("team=none").await, 0);
    assert_eq!(count(&format!("from={}", ago(10))).await, 10);
    assert_eq!(count(&format!("from={}&to={}", ago(10), ago(8))).await, 2);
    for bad in ["outcome=fine", "status=x", "from=yesterday", "cursor=!!", "limit=0", "modell=fast", "minCostNanos=-1"]
    {
        api.acme(Method::GET, &format!("usage?{bad}"), None).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn one_record_is_found_in_its_own_organisation_only() {
    let api = with_usage().await;
    let globex = organisation(&api, "globex").await;
    let acme = organisation(&api, "acme").await;
    let shown = api.acme(Method::GET, &format!("usage/{acme}-7"), None).await.expect(200);
    assert_eq!(
        (shown.body["tokens"]["output_text"].clone(), shown.body["tokens"]["outputText"].clone()),
        (Value::Null, json!(7))
    );
    assert_eq!(shown.body["providerUsage"], json!({"total_tokens": 3}));
    api.acme(Method::GET, &format!("usage/{globex}-1"), None).await.problem(404, "not_found");
}

#[tokio::test]
async fn sums_add_up() {
    let api = with_usage().await;
    let summary = api.acme(Method::GET, "usage/summary?by=key", None).await.expect(200).body;
    let total = json!({"requests": 20, "errors": 4, "tokensIn": 200, "tokensOut": 190, "costNanos": 19_000, "unpriced": 1, "meanLatencyUs": 100});
    assert_eq!(summary["total"], total);
    let names: Vec<&str> =
        summary["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ci", "laptop"], "rows fall by cost");
    assert_eq!(summary["rows"][1]["unpriced"], 1);
    for (by, names) in [
        ("model", vec!["fast"]),
        ("status", vec!["200", "502"]),
        ("error", vec!["-", "upstream_error"]),
        ("class", vec!["2xx", "5xx"]),
        ("team", vec!["-"]),
    ] {
        let rows =
            api.acme(Method::GET, &format!("usage/summary?by={by}"), None).await.expect(200).body["rows"].clone();
        let found: Vec<String> =
            rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, names, "{by}");
    }
    let nothing = api
        .acme(Method::GET, "usage/summary?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z", None)
        .await
        .expect(200)
        .body;
    assert_eq!(
        (nothing["total"]["requests"].clone(), nothing["rows"].clone(), nothing["by"].clone()),
        (json!(0), json!([]), json!("model"))
    );
    api.acme(Method::GET, "usage/summary?from=2002-01-01T00:00:00Z&to=2001-01-02T00:00:00Z", None)
        .await
        .problem(400, "bad_request");
    api.acme(Method::GET, "usage/summary?by=colour", None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn rankings_go_by_what_was_asked() {
    let api = with_usage().await;
    let acme = organisation(&api, "acme").await;
    // Cheap and chatty, against dear and silent; and one without a price, whose sum is nothing at all.
    let now = odock_gateway::clock::Clock::now(&api.clock).minus(std::time::Duration::from_secs(30));
    let of = |number, key: &str, cost: Option<i64>, tokens_in| {
        let mut record = record(acme, number, now);
        (record.request_id, record.api_key) = (format!("top-{number}"), key.to_owned());
        (record.status, record.cost_nanos, record.tokens.input_text) = (200, cost, tokens_in);
        record
    };
    let records = [of(100, "dear", Some(5_000_000), 1), of(101, "chatty", Some(1), 90_000), of(102, "free", None, 5)];
    api.keep(&records).await;
    let top = async |query: &str| {
        let answer = api.acme(Method::GET, &format!("usage/top?by=key&{query}"), None).await.expect(200).body;
        assert_eq!(answer["total"]["requests"], 23, "the total is of everything: {query}");
        let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
        answer["rows"].as_array().unwrap().iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(top("metric=cost&limit=2").await, ["dear", "ci"]);
    assert_eq!(top("").await, ["dear", "ci", "laptop", "chatty", "free"]);
    assert_eq!(top("metric=tokens&limit=1").await, ["chatty"]);
    assert_eq!(top("metric=requests&limit=2").await, ["ci", "laptop"]);
    assert_eq!(top("metric=errors&limit=3").await, ["ci", "laptop", "chatty"]);
    for bad in ["metric=colour", "limit=0", "limit=1001", "by=colour", "order=asc"] {
        api.acme(Method::GET, &format!("usage/top?{bad}"), None).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn sums_are_those_of_the_records_however_the_period_is_cut() {
    let api = Api::with_organisations().await;
    let acme = organisation(&api, "acme").await;
    let now = odock_gateway::clock::Clock::now(&api.clock);
    // One every 37 minutes and some seconds, over three days.
    let at = |number: u64| now.minus(std::time::Duration::from_millis(number * 2_221_777 + 500));
    let records: Vec<UsageRecord> = (0..120)
        .map(|number| {
            let mut record = record(acme, number, at(number));
            record.latency_us = 1_000 * (number + 1);
            record.tokens.units = number;
            record
        })
        .collect();
    api.keep(&records).await;
    for (from, to) in [(0, 259_200), (1_234, 98_765), (3_600, 3_661), (7, 7_200), (100_000, 200_000), (50, 50)] {
        let ago = |seconds| now.minus(std::time::Duration::from_secs(seconds));
        let (from, to) = (ago(to), ago(from));
        let inside: Vec<&UsageRecord> = records.iter().filter(|record| record.at >= from && record.at < to).collect();
        let expected = (
            inside.len() as u64,
            inside.iter().map(|record| record.cost_nanos.unwrap_or(0)).sum::<i64>(),
            inside.iter().map(|record| record.tokens.output()).sum::<u64>(),
            inside.iter().map(|record| record.tokens.units).sum::<u64>(),
        );
        let of = |row: &Value| {
            let number = |field: &str| row[field].as_u64().unwrap();
            (number("requests"), row["costNanos"].as_i64().unwrap(), number("tokensOut"), number("units"))
        };
        let add = |rows: &Value| {
            let rows: Vec<_> = rows.as_array().unwrap().iter().map(of).collect();
            rows.into_iter().fold((0, 0, 0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1, sum.2 + row.2, sum.3 + row.3))
        };
        for query in [
            "by=key",
            "bucket=hour",
            "bucket=day&timezone=Asia/Kolkata&by=model",
            "bucket=month&timezone=Europe/Paris",
            "by=class",
        ] {
            let path = format!("usage/summary?from={from}&to={to}&{query}");
            let summary = api.acme(Method::GET, &path, None).await.expect(200).body;
            let mut total = summary["total"].clone();
            total["units"] = summary["units"].clone();
            assert_eq!(of(&total), expected, "{query} {from} {to}");
            assert_eq!(add(&summary["rows"]), expected, "{query} {from} {to}");
        }
    }
    // The sums by hour stay when minutes and records are gone.
    let path = format!("usage/summary?from={}&to={}&by=team", now.minus(std::time::Duration::from_secs(400_000)), now);
    let whole = api.acme(Method::GET, &path, None).await.expect(200).body;
    let latency = &whole["latencyUs"];
    let (p50, p99) = (latency["p50"].as_u64().unwrap(), latency["p99"].as_u64().unwrap());
    assert!((32_000..=64_000).contains(&p50) && (64_000..=128_000).contains(&p99), "{latency}");
    for bad in
        ["bucket=week", "bucket=minute&from=2001-01-01T00:00:00Z", "bucket=day&timezone=Mars", "by=error&bucket=day"]
    {
        api.acme(Method::GET, &format!("usage/summary?{bad}"), None).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn what_is_gone_with_its_records_is_still_in_the_sums() {
    use sea_orm::ConnectionTrait;
    let api = with_usage().await;
    let now = odock_gateway::clock::Clock::now(&api.clock);
    let hour = 3_600_000_000;
    let (from, to) = (Timestamp((now.0 / hour - 1) * hour), Timestamp((now.0 / hour + 1) * hour));
    let path = format!("usage/summary?from={from}&to={to}&by=key");
    let before = api.acme(Method::GET, &path, None).await.expect(200).body;
    assert_eq!(before["total"]["requests"], 20);
    let db = api.gateway.database.writer();
    db.execute_unprepared("DELETE FROM usage_record").await.unwrap();
    db.execute_unprepared("DELETE FROM \"usage\" WHERE span = 60").await.unwrap();
    assert_eq!(api.acme(Method::GET, &path, None).await.expect(200).body, before);
}

#[tokio::test]
async fn records_are_searched_by_what_they_cost_and_took() {
    let api = with_usage().await;
    let count = async |query: &str| {
        let page = api.acme(Method::GET, &format!("usage?{query}"), None).await.expect(200);
        page.body["items"].as_array().unwrap().len()
    };
    assert_eq!(count("minCostNanos=1000").await, 19, "one has no price");
    assert_eq!(count("minCostNanos=1001").await, 0);
    assert_eq!(count("minLatencyUs=100&endpoint=/v1/chat/completions").await, 20);
    assert_eq!(count("traceId=none").await, 0);
    let all = api.get("/api/admin/usage?limit=100", Some(&api.root)).await.expect(200).body;
    assert_eq!(all["items"].as_array().unwrap().len(), 21, "of both organisations");
    let sum = api.get("/api/admin/usage/summary", Some(&api.root)).await.expect(200).body;
    assert!(sum["total"]["requests"].as_u64().unwrap() >= 20, "{sum:#}");
    api.get("/api/admin/usage/top?by=key&metric=requests", Some(&api.root)).await.expect(200);
}

#[tokio::test]
async fn months_and_settings_are_shown() {
    let api = with_usage().await;
    let months = api.acme(Method::GET, "invoices", None).await.expect(200).body;
    let month = &months["items"][0];
    let preview = api.acme(Method::GET, "invoices/preview", None).await.expect(200).body;
    for field in ["from", "to", "totalNanos", "records", "unpriced"] {
        assert_eq!(month[field], preview[field], "{field}");
    }
    let settings = api.acme(Method::GET, "settings", None).await.expect(200).body;
    assert_eq!(settings["gateway"]["idempotencyTtlSeconds"], 3_600, "{settings:#}");
    assert_eq!(settings["safety"]["active"], false, "what screens nothing says so: {settings:#}");
    assert_eq!(settings["plugins"]["active"], false);
    assert_eq!(settings["gateway"]["rateLimitFailureMode"], "local");
    assert_eq!(settings["gateway"]["globalPolicy"], false);
    assert!(settings["routing"].is_object() && settings["policies"].is_object(), "{settings:#}");
}
