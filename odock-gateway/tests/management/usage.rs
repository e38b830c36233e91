//! Usage records and their sums, of one organisation only.

use entity::usage::{TokenUsage, UsageRecord};
use entity::vocab::{Outcome, UsageSource};
use entity::{ApiKeyId, ModelId, OrganisationId, Timestamp, UsageRecordId};
use http::Method;
use odock_gateway::store;
use serde_json::{Value, json};

use crate::support::Api;

async fn organisation(api: &Api, name: &str) -> OrganisationId {
    let id = api.get(&format!("/api/organisations/{name}"), Some(&api.root)).await.expect(200).text("/id");
    id.parse().unwrap()
}

fn record(organisation_id: OrganisationId, number: u64, at: Timestamp) -> UsageRecord {
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
    store::usage_records::insert(&api.gateway.database, &records).await.unwrap();
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
    for bad in ["outcome=fine", "status=x", "from=yesterday", "cursor=!!", "limit=0", "modell=fast"] {
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
