//! The audit log: filtered, and a chain that shows when somebody has been at it.

use http::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::support::Api;

async fn sql(api: &Api, sql: &str) {
    let db = api.gateway.database.writer();
    let done = db.execute_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql} changed nothing");
}

async fn verified(api: &Api) -> Value {
    api.acme(Method::GET, "audit/verify", None).await.expect(200).body
}

/// The first thing that is wrong with the chain of `acme`.
async fn broken(api: &Api) -> (i64, String) {
    let found = verified(api).await;
    assert_eq!(found["ok"], false, "{found:#}");
    let broken = &found["chains"][0]["broken"];
    (broken["seq"].as_i64().unwrap(), broken["what"].as_str().unwrap().to_owned())
}

async fn with_events() -> Api {
    let api = Api::with_organisations().await;
    for number in 0..6 {
        let spec = json!({"description": format!("number {number}"), "policies": {}});
        api.create("teams", &format!("team-{number}"), spec).await.expect(201);
    }
    api
}

#[tokio::test]
async fn events_of_many_at_once_are_one_chain() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "USER").await;
    let before = verified(&api).await["chains"][0]["head"].as_i64().unwrap();
    let each = (0..24).map(|number| {
        let (api, ada) = (&api, &ada);
        async move {
            if number % 3 == 0 {
                api.get("/api/organisations/acme/audit", Some(ada)).await.problem(403, "forbidden");
            } else {
                api.create("teams", &format!("team-{number}"), json!({})).await.expect(201);
            }
        }
    });
    futures_util::future::join_all(each).await;
    let found = verified(&api).await;
    assert_eq!(found["ok"], true, "{found:#}");
    assert_eq!(found["chains"][0]["head"], before + 24);
    assert_eq!(found["chains"][0]["events"], before + 24);
    assert_eq!(found["chains"][0]["organisation"], "acme");
    let all = api.get("/api/admin/audit/verify", Some(&api.root)).await.expect(200).body;
    assert_eq!((&all["ok"], all["chains"].as_array().unwrap().len()), (&json!(true), 3), "{all:#}");
}

#[tokio::test]
async fn what_is_changed_is_named() {
    let api = with_events().await;
    assert_eq!(verified(&api).await["ok"], true);
    sql(&api, "UPDATE audit_event SET actor = 'nobody' WHERE name = 'team-2'").await;
    let (seq, what) = broken(&api).await;
    assert_eq!(what, format!("event {seq} was altered: its hash is not that of what stands there"));
    let events = api.acme(Method::GET, "audit?name=team-2", None).await.expect(200).body;
    assert_eq!(events["items"][0]["seq"], seq);
}

#[tokio::test]
async fn what_is_taken_away_is_named() {
    let api = with_events().await;
    let head = verified(&api).await["chains"][0]["head"].as_i64().unwrap();
    sql(&api, "DELETE FROM audit_event WHERE name = 'team-5'").await;
    let (seq, what) = broken(&api).await;
    assert_eq!(seq, head);
    assert!(what.starts_with(&format!("event {head} is missing: the chain ends at {}", head - 1)), "{what}");
    sql(&api, "DELETE FROM audit_event WHERE name = 'team-1'").await;
    let (seq, what) = broken(&api).await;
    assert_eq!((seq, what), (head - 4, format!("event {} is missing", head - 4)));
    sql(&api, "DELETE FROM audit_chain").await;
    assert_eq!(broken(&api).await.0, head - 4, "a chain without its head is still looked at");
}

#[tokio::test]
async fn what_is_slipped_in_is_named() {
    let api = with_events().await;
    sql(&api, "UPDATE audit_event SET chain = NULL, seq = NULL, hash = NULL WHERE name = 'team-5'").await;
    assert!(broken(&api).await.1.contains("is missing"));
    sql(&api, "UPDATE audit_chain SET seq = seq - 1, hash = (SELECT hash FROM audit_event WHERE name = 'team-4') WHERE seq > 6").await;
    // The chain is whole again, so that only what stands beside it shows.
    let found = verified(&api).await;
    assert_eq!(found["chains"][0]["unchained"], 1, "{found:#}");
}

#[tokio::test]
async fn a_chain_that_was_written_anew_does_not_fit_what_was_noted() {
    let api = with_events().await;
    let found = verified(&api).await;
    let chain = &found["chains"][0];
    let noted = format!("{}:{}", chain["head"], chain["headHash"].as_str().unwrap());
    let with = async |anchor: &str| {
        api.acme(Method::GET, &format!("audit/verify?anchor={anchor}"), None).await.expect(200).body["ok"] == true
    };
    assert!(with(&noted).await);
    let forged = noted.replace(chain["headHash"].as_str().unwrap(), &"0".repeat(64));
    assert!(!with(&forged).await);
    assert!(!with(&noted.replacen(&chain["head"].to_string(), "999", 1)).await, "an event that is not there yet");
    api.acme(Method::GET, "audit/verify?anchor=7", None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn events_are_found_by_what_they_say() {
    let api = with_events().await;
    let ada = api.member("acme", "ada@acme.example", "USER").await;
    api.get("/api/organisations/acme/audit", Some(&ada)).await.problem(403, "forbidden");
    let count = async |query: &str| {
        let page = api.acme(Method::GET, &format!("audit?{query}"), None).await.expect(200);
        page.body["items"].as_array().unwrap().len()
    };
    assert_eq!(count("verb=create&resource=team").await, 6);
    assert_eq!(count("name=team-3").await, 1);
    assert_eq!(count("actor=ada@acme.example&outcome=refused").await, 1);
    assert_eq!(count("outcome=forbidden").await, 1);
    assert_eq!(count("from=2099-01-01T00:00:00Z").await, 0);
    let all = api.acme(Method::GET, "audit?verb=create&resource=team&limit=1", None).await.expect(200).body;
    let one = &all["items"][0];
    let (request, id) = (one["requestId"].as_str().unwrap(), one["hash"].as_str().unwrap());
    assert_eq!((count(&format!("requestId={request}")).await, id.len()), (1, 64));
    for bad in ["colour=red", "resourceId=x", "from=yesterday"] {
        api.acme(Method::GET, &format!("audit?{bad}"), None).await.problem(400, "bad_request");
    }
}
