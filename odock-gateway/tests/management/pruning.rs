//! Pruning and renaming: what an owner no longer declares, and what it calls otherwise.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest};

async fn prune(api: &Api, resources: Vec<Value>, more: Value) -> Answer {
    let mut body = json!({"resources": resources, "owner": "ci", "prune": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.acme(Method::POST, "apply", Some(body)).await
}

fn provider() -> Value {
    manifest("Provider", "openai", json!({"type": "OPENAI"}))
}

fn model(name: &str) -> Value {
    manifest("Model", name, json!({"provider": "openai"}))
}

fn key(name: &str, models: &[&str]) -> Value {
    manifest("ApiKey", name, json!({"type": "ORGANISATION", "models": models}))
}

fn renamed(mut to: Value, from: &str) -> Value {
    to["metadata"]["renamedFrom"] = from.into();
    to
}

async fn names(api: &Api, collection: &str) -> Vec<String> {
    let listed = api.acme(Method::GET, collection, None).await.expect(200);
    listed.names().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn only_what_this_owner_applied_and_no_longer_declares_is_deleted() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), model("a"), model("b"), key("k", &["a"])], json!({})).await.expect(200);
    api.create("models", "by-hand", json!({"provider": "openai"})).await.expect(201);
    let theirs = json!({"resources": [model("theirs"), model("b")], "owner": "other"});
    api.acme(Method::POST, "apply", Some(theirs)).await.expect(200);
    let plan = prune(&api, vec![provider(), model("a")], json!({})).await.expect(200);
    assert_eq!(plan.body["summary"]["delete"], 1, "{:#}", plan.body);
    assert_eq!(plan.body["changes"][2]["action"], "delete");
    assert_eq!(names(&api, "apikeys").await, Vec::<String>::new());
    assert_eq!(names(&api, "models").await, ["a", "b", "by-hand", "theirs"], "what is shared is only let go");
    let again = prune(&api, vec![provider(), model("a")], json!({})).await.expect(200);
    assert_eq!(again.body["summary"], json!({"create": 0, "update": 0, "rename": 0, "unchanged": 2, "delete": 0}));
    let audit = api.acme(Method::GET, "audit", None).await.expect(200);
    assert!(
        audit.body["items"].as_array().unwrap().iter().any(|event| event["verb"] == "delete" && event["name"] == "k")
    );
}

#[tokio::test]
async fn what_was_made_by_hand_is_let_go_and_not_deleted() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    prune(&api, vec![provider()], json!({})).await.expect(200);
    let plan = prune(&api, vec![], json!({})).await.expect(200);
    assert_eq!((&plan.body["summary"]["delete"], names(&api, "providers").await.len()), (&json!(0), 1));
}

#[tokio::test]
async fn guards_keep_what_an_accident_would_take() {
    let api = Api::with_organisations().await;
    let many: Vec<Value> = (0..12).map(|n| model(&format!("m{n:02}"))).chain([provider()]).collect();
    prune(&api, many, json!({})).await.expect(200);
    let refused = prune(&api, vec![provider()], json!({})).await.problem(409, "guarded");
    assert!(refused.text("/title").starts_with("12 resources would be deleted, and 10 are allowed"));
    assert_eq!(names(&api, "models").await.len(), 12);
    prune(&api, vec![provider()], json!({"maxDeletes": 12})).await.expect(200);

    let mut guarded = key("k", &[]);
    guarded["metadata"]["protect"] = true.into();
    prune(&api, vec![provider(), guarded], json!({})).await.expect(200);
    let refused = prune(&api, vec![provider()], json!({})).await.problem(409, "guarded");
    assert!(refused.text("/title").contains("the apikey `k` is protected"));
    prune(&api, vec![provider(), key("k", &[])], json!({})).await.expect(200);
    prune(&api, vec![provider()], json!({})).await.expect(200);
}

#[tokio::test]
async fn a_key_in_use_is_deleted_only_when_that_is_said() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), key("k", &[])], json!({})).await.expect(200);
    let id = api.acme(Method::GET, "apikeys/k", None).await.expect(200).text("/id");
    let organisation = crate::usage::organisation(&api, "acme").await;
    let mut record = crate::usage::record(organisation, 1, odock_gateway::clock::Clock::now(&api.clock));
    record.api_key_id = id.parse().unwrap();
    api.keep(&[record]).await;
    let refused = prune(&api, vec![provider()], json!({})).await.problem(409, "guarded");
    assert!(refused.text("/title").contains("was used within the last day"), "{:#}", refused.body);
    prune(&api, vec![provider()], json!({"pruneActive": true})).await.expect(200);
    assert!(names(&api, "apikeys").await.is_empty());
}

#[tokio::test]
async fn nothing_is_orphaned() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), model("a"), model("b")], json!({})).await.expect(200);
    api.create("apikeys", "by-hand", json!({"type": "ORGANISATION", "models": ["a"]})).await.expect(201);
    let refused = prune(&api, vec![provider(), model("b")], json!({})).await.problem(409, "conflict");
    assert!(
        refused.text("/title").contains("the model `a` is still needed by the apikey `by-hand`"),
        "{:#}",
        refused.body
    );
    // A declared key that goes on needing it is no better; one that lets go of it is.
    prune(&api, vec![provider(), model("a"), model("b"), key("k", &["b"])], json!({})).await.expect(200);
    let refused = prune(&api, vec![provider(), model("a"), key("k", &["b"])], json!({})).await.problem(409, "conflict");
    assert!(refused.text("/title").contains("a resource that is declared"), "{:#}", refused.body);
    prune(&api, vec![provider(), model("a"), key("k", &["a"])], json!({})).await.expect(200);
    assert_eq!(names(&api, "models").await, ["a"]);
}

#[tokio::test]
async fn a_rename_keeps_id_grants_and_history() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), model("old"), key("k", &["old"])], json!({})).await.expect(200);
    let before = api.acme(Method::GET, "models/old", None).await.expect(200);
    let set = || vec![provider(), renamed(model("new"), "old"), key("k", &["new"])];
    let plan = prune(&api, set(), json!({})).await.expect(200);
    assert_eq!(
        (&plan.body["summary"]["rename"], &plan.body["summary"]["delete"]),
        (&json!(1), &json!(0)),
        "{:#}",
        plan.body
    );
    assert_eq!(plan.body["changes"][1]["renamedFrom"], "old");
    let after = api.acme(Method::GET, "models/new", None).await.expect(200);
    assert_eq!((&before.body["id"], after.body["revision"].as_i64()), (&after.body["id"], Some(2)));
    api.acme(Method::GET, "models/old", None).await.problem(404, "not_found");
    let key = api.acme(Method::GET, "apikeys/k", None).await.expect(200);
    assert_eq!(key.body["spec"]["models"], json!(["new"]));
    assert_eq!(key.body["revision"], 1, "what refers to it is not touched");
    // The manifest may go on saying so.
    let again = prune(&api, set(), json!({})).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 3, "{:#}", again.body);
}

#[tokio::test]
async fn renames_that_nobody_can_mean_are_refused() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), model("a"), model("b")], json!({})).await.expect(200);
    let both = prune(&api, vec![provider(), renamed(model("b"), "a")], json!({})).await.problem(409, "conflict");
    assert_eq!(both.errors(), ["/metadata/renamedFrom taken"]);
    let twice =
        prune(&api, vec![provider(), model("a"), renamed(model("c"), "a")], json!({})).await.problem(422, "invalid");
    assert_eq!(twice.errors(), ["/metadata/name duplicate"]);
    let user = renamed(manifest("User", "ada@acme.example", json!({})), "eve@acme.example");
    let refused = prune(&api, vec![user], json!({})).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/metadata/renamedFrom invalid"]);
    let new = prune(&api, vec![provider(), model("a"), model("b"), renamed(model("c"), "never-was")], json!({}))
        .await
        .expect(200);
    assert_eq!(new.body["summary"]["create"], 1);
}

#[tokio::test]
async fn a_model_that_another_keys_routing_names_keeps_its_name_until_that_is_said() {
    let api = Api::with_organisations().await;
    prune(&api, vec![provider(), model("a"), model("b")], json!({})).await.expect(200);
    let routed = |to: &str| json!({"type": "ORGANISATION", "models": ["b"], "routing": {"chat": {"candidates": [{"modelName": to}]}}});
    api.create("apikeys", "routed", routed("a")).await.expect(201);
    let set = vec![provider(), renamed(model("c"), "a"), model("b")];
    let refused = prune(&api, set.clone(), json!({})).await.problem(409, "conflict");
    assert_eq!(refused.errors(), ["/metadata/renamedFrom referenced"]);
    let mut with = set;
    with.push(manifest("ApiKey", "routed", routed("c")));
    prune(&api, with, json!({"forceConflicts": true})).await.expect(200);
}
