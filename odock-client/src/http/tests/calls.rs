use entity::page::Page;
use entity::resource::{ApiKey, RotateApiKey, Team, TeamSpec};
use entity::simulation::Verdict;
use entity::usage::{Breakdown, Ranking, UsageSummary};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Gateway, json as answer, reply, version};
use crate::http::{AuditQuery, InvoiceQuery, ListQuery, Simulate, SummaryQuery, TopQuery, UsageQuery};

fn team(name: &str) -> Value {
    json!({
        "id": "00000000-0000-0000-0000-000000000000", "name": name, "organisation": "acme", "revision": 3,
        "createdAt": "2027-06-30T00:00:00Z", "updatedAt": "2027-06-30T00:00:00Z",
        "spec": { "members": [] }, "status": { "slug": name, "keys": 0 }
    })
}

fn page(names: &[&str], next: Option<&str>) -> axum::response::Response {
    answer(&json!({ "items": names.iter().map(|name| team(name)).collect::<Vec<_>>(), "nextCursor": next }))
}

#[tokio::test]
async fn a_call_carries_token_path_and_nothing_else() {
    let gateway = Gateway::start([version()]).await;
    let base = gateway.url.join("odock/").unwrap();
    let client = super::quick(base).build().unwrap();
    client.version().await.unwrap();
    let seen = &gateway.seen()[0];
    assert_eq!(
        (seen.line.as_str(), seen.authorization.as_str()),
        ("GET /odock/api/version", "Bearer odock-pat-canary")
    );
    assert!(!format!("{client:?}").contains("canary"));
}

#[tokio::test]
async fn another_token_leaves_the_first_client_as_it_is() {
    let gateway = Gateway::start([version(), version()]).await;
    let client = gateway.client();
    client.with_token(SecretString::from("other")).version().await.unwrap();
    client.version().await.unwrap();
    let tokens: Vec<_> = gateway.seen().into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(tokens, ["Bearer other", "Bearer odock-pat-canary"]);
}

#[tokio::test]
async fn a_token_with_odd_characters_is_refused_and_not_shown() {
    let gateway = Gateway::start([]).await;
    let error = gateway.client().with_token(SecretString::from("odd\ncanary")).version().await.unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(gateway.lines().is_empty());
}

#[tokio::test]
async fn limits_invoices_rankings_and_simulations_have_their_routes() {
    let invoice = json!({ "organisation": "acme", "from": "2027-06-01T00:00:00Z", "to": "2027-07-01T00:00:00Z", "lines": [],
        "totalNanos": 5, "records": 0, "unpriced": 0 });
    let top =
        json!({ "from": "2027-06-01T00:00:00Z", "to": "2027-07-01T00:00:00Z", "by": "key", "total": {}, "rows": [] });
    let simulation =
        json!({ "verdict": "deny", "gates": [{ "gate": "model", "ok": false, "detail": "no", "code": "x" }] });
    let answers = [answer(&json!({ "items": [] })), answer(&invoice), answer(&top), answer(&simulation)];
    let gateway = Gateway::start(answers).await;
    let acme = gateway.client().organisation("acme");
    assert!(acme.limits().await.unwrap().is_empty());
    let from = "2027-06-01T00:00:00Z".parse().ok();
    assert_eq!(acme.invoice(&InvoiceQuery { from, to: None }).await.unwrap().total_nanos, 5);
    let query =
        TopQuery { by: Some(Breakdown::Key), metric: Some(Ranking::Errors), limit: Some(3), ..TopQuery::default() };
    assert!(acme.usage_top(&query).await.unwrap().rows.is_empty());
    let told = acme.apikeys().simulate("ci/x", &Simulate::Model("fast".into())).await.unwrap();
    assert_eq!((told.verdict, told.gates[0].code.as_deref()), (Verdict::Deny, Some("x")));
    assert_eq!(
        gateway.lines(),
        [
            "GET /api/organisations/acme/limits",
            "GET /api/organisations/acme/invoices/preview?from=2027-06-01T00%3A00%3A00Z",
            "GET /api/organisations/acme/usage/top?by=key&limit=3&metric=errors",
            "POST /api/organisations/acme/apikeys/ci%2Fx/simulate",
        ]
    );
}

#[tokio::test]
async fn every_page_of_a_list_is_followed() {
    let gateway = Gateway::start([page(&["a", "b"], Some("x y")), page(&["c"], None)]).await;
    let query = ListQuery { q: Some("é&".into()), sort: Some("-name".into()), ..ListQuery::default() };
    let teams: Vec<Team> = gateway.client().organisation("acme").list(&query).await.unwrap();
    assert_eq!(teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(
        gateway.lines(),
        [
            "GET /api/organisations/acme/teams?limit=1000&q=%C3%A9%26&sort=-name",
            "GET /api/organisations/acme/teams?cursor=x+y&limit=1000&q=%C3%A9%26&sort=-name",
        ]
    );
}

#[tokio::test]
async fn a_list_stops_where_it_should_and_says_where_it_goes_on() {
    let gateway = Gateway::start([page(&["a", "b"], Some("2")), page(&["c"], Some("3"))]).await;
    let query = ListQuery { limit: Some(2), ..ListQuery::default() };
    let found: Page<Team> = gateway.client().organisation("acme").page(&query, 3).await.unwrap();
    assert_eq!((found.items.len(), found.next_cursor.as_deref()), (3, Some("3")));
    assert_eq!(
        gateway.lines(),
        ["GET /api/organisations/acme/teams?limit=2", "GET /api/organisations/acme/teams?cursor=2&limit=1"]
    );
}

#[tokio::test]
async fn a_list_that_promises_more_for_ever_ends() {
    let gateway = Gateway::start((0..5).map(|_| page(&[], Some("again")))).await;
    let teams: Vec<Team> = gateway.client().organisation("acme").list(&ListQuery::default()).await.unwrap();
    assert!(teams.is_empty());
    assert_eq!(gateway.lines().len(), 1);
}

#[tokio::test]
async fn resources_are_created_patched_and_deleted() {
    let gateway =
        Gateway::start([answer(&team("a")), answer(&team("a")), reply(204, "", ""), reply(204, "", "")]).await;
    let api = gateway.client().organisation("acme");
    api.create::<Team>("a", TeamSpec::default()).await.unwrap();
    api.patch::<Team>("a", &json!({ "description": null }), Some(3)).await.unwrap();
    api.delete(entity::Kind::Team, "a", false).await.unwrap();
    api.delete(entity::Kind::Team, "a/b", true).await.unwrap();
    let seen = gateway.seen();
    assert_eq!(seen[0].line, "POST /api/organisations/acme/teams");
    assert_eq!(seen[0].body, r#"{"name":"a","spec":{"members":[]}}"#);
    assert_eq!(seen[1].line, "PATCH /api/organisations/acme/teams/a");
    assert_eq!((seen[1].content_type.as_str(), seen[1].if_match.as_str()), ("application/merge-patch+json", "\"3\""));
    assert_eq!(seen[1].body, r#"{"description":null}"#);
    assert_eq!(seen[2].line, "DELETE /api/organisations/acme/teams/a");
    assert_eq!(seen[3].line, "DELETE /api/organisations/acme/teams/a%2Fb?cascade=true");
}

#[tokio::test]
async fn keys_are_rotated_by_seconds() {
    let key = json!({
        "id": "00000000-0000-0000-0000-000000000000", "name": "ci", "organisation": "acme", "revision": 1,
        "createdAt": "2027-06-30T00:00:00Z", "updatedAt": "2027-06-30T00:00:00Z",
        "spec": { "type": "ORGANISATION", "models": [] },
        "status": { "preview": "sk-odock-a…b", "revealed": true, "rotations": 1 }
    });
    let issued = json!({ "key": key, "secret": "sk-odock-canary" });
    let gateway = Gateway::start([answer(&issued), answer(&key)]).await;
    let keys = gateway.client().organisation("acme").apikeys();
    let rotated = keys.rotate("ci", &RotateApiKey { overlap_seconds: 60, expiry: None, pending: false }).await.unwrap();
    assert!(!format!("{rotated:?}").contains("canary"));
    let _: ApiKey = keys.unrevoke("ci").await.unwrap();
    assert_eq!(gateway.seen()[0].body, r#"{"overlapSeconds":60}"#);
}

#[tokio::test]
async fn filters_are_spelled_as_the_gateway_reads_them() {
    let empty = || answer(&json!({ "items": [] }));
    let summary =
        json!({ "from": "2027-06-29T00:00:00Z", "to": "2027-06-30T00:00:00Z", "by": "key", "total": {}, "rows": [] });
    let gateway = Gateway::start([empty(), answer(&summary), empty(), empty()]).await;
    let client = gateway.client();
    let query = UsageQuery {
        from: Some("2027-06-29T00:00:00Z".parse().unwrap()),
        outcome: Some(entity::vocab::Outcome::Denied),
        error_code: Some("model_not_found".into()),
        request_id: Some("r".into()),
        status: Some(400),
        ..UsageQuery::default()
    };
    client.organisation("acme").usage(&query, 10).await.unwrap();
    let by_key = SummaryQuery { by: Some(Breakdown::Key), ..SummaryQuery::default() };
    let found: UsageSummary = client.organisation("acme").usage_summary(&by_key).await.unwrap();
    assert_eq!(found.by, Breakdown::Key);
    client.admin().audit(&AuditQuery::default(), 5).await.unwrap();
    client.admin().list::<ApiKey>(&ListQuery::default(), usize::MAX).await.unwrap();
    assert_eq!(
        gateway.lines(),
        [
            "GET /api/organisations/acme/usage?errorCode=model_not_found&from=2027-06-29T00%3A00%3A00Z&limit=10&outcome=denied&requestId=r&status=400",
            "GET /api/organisations/acme/usage/summary?by=key",
            "GET /api/admin/audit?limit=5",
            "GET /api/admin/apikeys?limit=1000",
        ]
    );
}

#[tokio::test]
async fn names_that_would_be_another_address_are_not_sent() {
    let gateway = Gateway::start([]).await;
    for name in ["", ".", ".."] {
        assert!(gateway.client().organisation("acme").get::<Team>(name).await.is_err());
        assert!(gateway.client().organisation(name).show().await.is_err());
    }
    assert!(gateway.lines().is_empty());
}
