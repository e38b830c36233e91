//! Watching collections: what is there, what changes, and going on where another watch ended.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::Api;

/// A watch.
struct Watch {
    body: BodyDataStream,
    text: String,
}

impl Watch {
    async fn open(api: &Api, path: &str, token: &str, last: Option<&str>) -> Self {
        let path = format!("/api/organisations/acme/{path}");
        let mut request = Request::builder().uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = api.open(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Option<String> {
        loop {
            if let Some((piece, rest)) = self.text.split_once("\n\n") {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(piece);
            }
            let next = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await.expect("the watch stalls");
            self.text.push_str(std::str::from_utf8(&next?.unwrap()).unwrap());
        }
    }

    /// The next event: its word, its id, and the name of what it is about.
    async fn event(&mut self) -> (String, Option<String>, Value) {
        loop {
            let piece = self.piece().await.expect("the watch ended");
            let line = |name: &str| piece.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let Some(word) = line("event: ") {
                let data: Value = serde_json::from_str(&line("data: ").unwrap()).unwrap();
                assert_eq!(data["type"], word.as_str());
                return (word, line("id: "), data);
            }
        }
    }

    /// `WORD name`, but for bookmarks.
    async fn told(&mut self) -> String {
        loop {
            let (word, _, data) = self.event().await;
            if word != "BOOKMARK" {
                return format!("{word} {}", data["object"]["name"].as_str().unwrap_or("-"));
            }
        }
    }

    async fn bookmark(&mut self) -> String {
        loop {
            if let ("BOOKMARK", Some(id), _) = {
                let (word, id, data) = self.event().await;
                (if word == "BOOKMARK" { "BOOKMARK" } else { "" }, id, data)
            } {
                return id;
            }
        }
    }
}

#[tokio::test]
async fn what_is_there_comes_first_and_then_what_changes() {
    let api = Api::with_organisations().await;
    api.create("teams", "first", json!({})).await.expect(201);
    let mut watch = Watch::open(&api, "teams?watch=true", &api.root, None).await;
    assert_eq!(watch.told().await, "ADDED first");
    watch.bookmark().await;
    api.create("teams", "second", json!({})).await.expect(201);
    assert_eq!(watch.told().await, "ADDED second");
    api.acme(Method::PATCH, "teams/first", Some(json!({"description": "changed"}))).await.expect(200);
    let (word, id, data) = watch.event().await;
    assert_eq!((word.as_str(), &data["object"]["spec"]["description"]), ("MODIFIED", &json!("changed")));
    // Another kind, and another organisation, are told to nobody here.
    api.member("acme", "ada@acme.example", "USER").await;
    let body = json!({"name": "theirs", "spec": {}});
    api.post("/api/organisations/globex/teams", Some(&api.root), body).await.expect(201);
    api.acme(Method::DELETE, "teams/second", None).await.expect(204);
    assert_eq!(watch.told().await, "DELETED second");
    // Whoever comes back misses nothing, and gets nothing twice.
    drop(watch);
    api.create("teams", "third", json!({})).await.expect(201);
    let mut again = Watch::open(&api, "teams?watch=true", &api.root, id.as_deref()).await;
    assert_eq!(again.told().await, "DELETED second");
    assert_eq!(again.told().await, "ADDED third");
}

#[tokio::test]
async fn a_place_that_does_not_exist_is_a_gap() {
    let api = Api::with_organisations().await;
    api.create("teams", "first", json!({})).await.expect(201);
    let mut watch = Watch::open(&api, "teams?watch=true&since=99999", &api.root, None).await;
    let (word, _, data) = watch.event().await;
    assert_eq!(word, "GAP");
    assert!(data["reason"].as_str().unwrap().starts_with("there is no such event"));
    assert_eq!(watch.told().await, "ADDED first");
    for wrong in ["watch=true&since=x", "since=4", "watch=maybe", "watch=true&limit=3", "watch=true&watch=true"] {
        api.acme(Method::GET, &format!("teams?{wrong}"), None).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_watch_shows_what_its_caller_reaches_and_what_was_asked_for() {
    let api = Api::with_organisations().await;
    let manager = api.member("acme", "manager@acme.example", "MANAGER").await;
    let members = json!({"members": [{"user": "manager@acme.example", "role": "MANAGER"}]});
    api.create("teams", "search", members.clone()).await.expect(201);
    api.create("teams", "billing", json!({})).await.expect(201);
    let key = async |name: &str, team: &str| {
        let body = json!({"name": name, "spec": {"type": "TEAM", "team": team}, "reveal": false});
        api.acme(Method::POST, "apikeys", Some(body)).await.expect(201);
    };
    let mut own = Watch::open(&api, "apikeys?watch=true", &manager, None).await;
    let mut narrowed = Watch::open(&api, "apikeys?watch=true&revoked=false&team=search", &api.root, None).await;
    own.bookmark().await;
    narrowed.bookmark().await;
    key("theirs", "billing").await;
    key("ours", "search").await;
    for watch in [&mut own, &mut narrowed] {
        assert_eq!(watch.told().await, "ADDED ours");
    }
    api.acme(Method::DELETE, "apikeys/theirs", None).await.expect(204);
    api.acme(Method::POST, "apikeys/ours/revoke", None).await.expect(200);
    assert_eq!(own.told().await, "MODIFIED ours");
    assert_eq!(narrowed.told().await, "DELETED ours");
    // Whoever manages another team from now on sees that one's keys.
    key("theirs-2", "billing").await;
    key("ours-2", "search").await;
    assert_eq!(own.told().await, "ADDED ours-2");
    api.acme(Method::PATCH, "teams/billing", Some(members)).await.expect(200);
    assert_eq!(own.told().await, "GAP -");
    let mut all = vec![own.told().await, own.told().await, own.told().await];
    all.sort();
    assert_eq!(all, ["ADDED ours", "ADDED ours-2", "ADDED theirs-2"]);
}

#[tokio::test]
async fn a_watch_ends_with_its_token() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let mut watch = Watch::open(&api, "teams?watch=true", &ada, None).await;
    watch.bookmark().await;
    api.send(Method::POST, "/api/auth/sign-out", Some(&ada), None).await.expect(204);
    while watch.piece().await.is_some() {}
}

#[tokio::test]
async fn the_audit_log_is_followed() {
    let api = Api::with_organisations().await;
    let mut watch = Watch::open(&api, "audit?watch=true&resource=team", &api.root, None).await;
    assert!(watch.piece().await.unwrap().starts_with(':'));
    api.member("acme", "ada@acme.example", "USER").await;
    api.create("teams", "search", json!({})).await.expect(201);
    let (word, id, data) = watch.event().await;
    assert_eq!(
        (word.as_str(), &data["object"]["verb"], &data["object"]["name"]),
        ("ADDED", &json!("create"), &json!("search"))
    );
    assert_eq!(id.unwrap(), data["object"]["seq"].to_string());
}

#[tokio::test]
async fn lists_are_narrowed_by_what_each_kind_has() {
    let api = Api::with_organisations().await;
    for (email, role) in [("ada@acme.example", "ORG_ADMIN"), ("eve@acme.example", "USER")] {
        api.member("acme", email, role).await;
    }
    api.create("teams", "search", json!({"members": [{"user": "eve@acme.example", "role": "MEMBER"}]}))
        .await
        .expect(201);
    api.create("teams", "billing", json!({})).await.expect(201);
    let spec = json!({"type": "OPENAI", "baseUrl": "https://api.openai.com", "enabled": false, "keys": []});
    api.create("providers", "openai", spec).await.expect(201);
    for (name, spec) in [
        ("ci", json!({"type": "TEAM", "team": "search", "expiry": "2030-01-01T00:00:00Z"})),
        ("laptop", json!({"type": "USER", "user": "eve@acme.example"})),
    ] {
        let body = json!({"name": name, "spec": spec, "reveal": name == "ci"});
        api.acme(Method::POST, "apikeys", Some(body)).await.expect(201);
    }
    api.acme(Method::POST, "apikeys/laptop/revoke", None).await.expect(200);
    let budget = json!({"owner": {"type": "TEAM", "name": "search"}, "period": "DAILY", "amountUsd": "1"});
    api.create("budgets", "search-daily", budget).await.expect(201);
    for (path, names) in [
        ("users?role=USER", vec!["eve@acme.example"]),
        ("users?status=PENDING", vec![]),
        ("users?team=search", vec!["eve@acme.example"]),
        ("teams?member=eve@acme.example", vec!["search"]),
        ("teams?member=ada@acme.example", vec![]),
        ("teams?q=BILL", vec!["billing"]),
        ("teams?sort=-name", vec!["search", "billing"]),
        ("providers?enabled=false&type=OPENAI", vec!["openai"]),
        ("providers?enabled=true", vec![]),
        ("apikeys?revoked=true", vec!["laptop"]),
        ("apikeys?revoked=false", vec!["ci"]),
        ("apikeys?revealed=true", vec!["ci"]),
        ("apikeys?team=search", vec!["ci"]),
        ("apikeys?user=eve@acme.example&type=USER", vec!["laptop"]),
        ("apikeys?expiresBefore=2031-01-01T00:00:00Z", vec!["ci"]),
        ("apikeys?model=none", vec![]),
        ("budgets?team=search&period=DAILY&active=true&ownerType=TEAM", vec!["search-daily"]),
        ("budgets?key=ci", vec![]),
        ("models?provider=openai&type=chat", vec![]),
    ] {
        let answer = api.acme(Method::GET, path, None).await.expect(200);
        assert_eq!(answer.names(), names, "{path}");
    }
    for wrong in [
        "users?role=KING",
        "apikeys?revoked=perhaps",
        "apikeys?expiresBefore=soon",
        "teams?provider=x",
        "teams?q=a&q=b",
    ] {
        api.acme(Method::GET, wrong, None).await.problem(400, "bad_request");
    }
}

#[tokio::test]
async fn a_watch_hears_of_other_nodes_and_goes_on_at_any_of_them() {
    let a = Api::with_organisations().await;
    let Some(b) = a.another().await else { return };
    a.create("teams", "first", json!({})).await.expect(201);
    let mut at_b = Watch::open(&b, "teams?watch=true", &a.root, None).await;
    assert_eq!(at_b.told().await, "ADDED first");
    at_b.bookmark().await;
    let changed = std::time::Instant::now();
    a.create("teams", "second", json!({})).await.expect(201);
    let (word, id, data) = at_b.event().await;
    assert_eq!((word.as_str(), &data["object"]["name"]), ("ADDED", &json!("second")));
    assert!(changed.elapsed() < Duration::from_secs(3), "told after {:?}", changed.elapsed());
    drop(at_b);
    // Made at either node while nobody watched, told by the other, in order and once.
    a.acme(Method::DELETE, "teams/first", None).await.expect(204);
    b.create("teams", "third", json!({})).await.expect(201);
    let mut at_a = Watch::open(&a, "teams?watch=true", &a.root, id.as_deref()).await;
    assert_eq!(at_a.told().await, "DELETED first");
    assert_eq!(at_a.told().await, "ADDED third");
    let last = at_a.bookmark().await;
    let mut at_b = Watch::open(&b, "teams?watch=true", &a.root, Some(&last)).await;
    a.create("teams", "fourth", json!({})).await.expect(201);
    assert_eq!(at_b.told().await, "ADDED fourth", "nothing is told again");
    // A place that this history does not have, at whichever node: everything anew, after a word about the gap.
    let beyond = (last.parse::<u64>().unwrap() + 1_000).to_string();
    for api in [&a, &b] {
        let mut watch = Watch::open(api, "teams?watch=true", &a.root, Some(&beyond)).await;
        assert_eq!(watch.told().await, "GAP -");
        let mut all = [watch.told().await, watch.told().await, watch.told().await];
        all.sort_unstable();
        assert_eq!(all, ["ADDED fourth", "ADDED second", "ADDED third"]);
    }
}
