//! Apply with mistakes: every one is told, and nothing changes.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest};

async fn refused(api: &Api, resources: Value) -> Answer {
    api.acme(Method::POST, "apply", Some(json!({"resources": resources}))).await.problem(422, "invalid")
}

/// `index kind name pointer code` of every mistake.
fn mistakes(answer: &Answer) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mistake = |error: &Value| {
        format!(
            "{} {} {} {} {}",
            error["manifest"],
            text(&error["kind"]),
            text(&error["name"]),
            text(&error["pointer"]),
            text(&error["code"])
        )
    };
    answer.body["errors"].as_array().unwrap().iter().map(mistake).collect()
}

#[tokio::test]
async fn ten_mistakes_are_told_at_once() {
    let api = Api::with_organisations().await;
    let answer = refused(
        &api,
        json!([
            manifest("Provider", "openai", json!({"type": "OPENIA", "timeoutMs": 0, "colour": "red"})),
            manifest("Model", "fast", json!({"type": "chatt"})),
            manifest("ApiKey", "ci", json!({"type": "TEAM"})),
            {"apiVersion": "v1", "kind": "Modle", "metadata": {}, "spec": {}},
            manifest("Team", "a/b", json!({})),
            manifest("McpServer", "b", json!({})),
        ]),
    )
    .await;
    assert_eq!(
        mistakes(&answer),
        [
            "0 Provider openai /spec/type invalid",
            "0 Provider openai /spec/timeoutMs invalid",
            "0 Provider openai /spec/colour unknown_field",
            "1 Model fast /spec/type invalid",
            "1 Model fast /spec/provider missing",
            "2 ApiKey ci /spec/team missing",
            "3 - - /apiVersion invalid",
            "3 - - /kind invalid",
            "3 - - /metadata/name missing",
            "4 Team a/b /metadata/name invalid",
            "5 - b /kind unsupported",
        ]
    );
    assert!(api.acme(Method::GET, "providers", None).await.names().is_empty());
}

#[tokio::test]
async fn bad_references_are_told_together_with_what_was_meant() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    let answer = refused(
        &api,
        json!([
            manifest("Model", "fast", json!({"provider": "opneai"})),
            manifest("Model", "large", json!({"provider": "openai", "providerKey": "primary"})),
            manifest("ApiKey", "ci", json!({"type": "TEAM", "team": "serach", "models": ["fast", "lrage"]})),
            manifest("ApiKey", "own", json!({"type": "USER", "user": "nobody@acme.example"})),
            manifest("Team", "search", json!({"members": [{"user": "nobody@acme.example"}]})),
        ]),
    )
    .await;
    assert_eq!(
        mistakes(&answer),
        [
            "0 Model fast /spec/provider bad_reference",
            "1 Model large /spec/providerKey bad_reference",
            "2 ApiKey ci /spec/team bad_reference",
            "2 ApiKey ci /spec/models/1 bad_reference",
            "3 ApiKey own /spec/user bad_reference",
            "4 Team search /spec/members/0/user bad_reference",
        ]
    );
    let text = answer.body.to_string();
    for meant in ["did you mean `openai`?", "did you mean `search`?", "did you mean `large`?"] {
        assert!(text.contains(meant), "{meant} is not in {:#}", answer.body);
    }
    assert!(api.acme(Method::GET, "models", None).await.names().is_empty(), "nothing is half applied");
}

#[tokio::test]
async fn a_mistake_does_not_make_others_out_of_what_refers_to_it() {
    let api = Api::with_organisations().await;
    let answer = refused(
        &api,
        json!([
            manifest("Provider", "openai", json!({"type": "OPENAI", "keys": [{"name": "primary"}]})),
            manifest("Model", "fast", json!({"provider": "openai", "providerKey": "primary"})),
        ]),
    )
    .await;
    assert_eq!(mistakes(&answer), ["0 Provider openai /spec/keys/0/secret missing"]);
}

#[tokio::test]
async fn duplicates_and_strangers_are_refused() {
    let api = Api::with_organisations().await;
    let mut foreign = manifest("Team", "search", json!({}));
    foreign["metadata"]["organisation"] = json!("globex");
    let answer = refused(
        &api,
        json!([
            manifest("Team", "search", json!({})),
            manifest("Team", "search", json!({})),
            foreign,
            manifest("Organisation", "globex", json!({})),
            manifest("User", "root@example.com", json!({"role": "SUPER_ADMIN"})),
        ]),
    )
    .await;
    assert_eq!(
        mistakes(&answer),
        [
            "1 Team search /metadata/name duplicate",
            "2 Team search /metadata/organisation invalid",
            "2 Team search /metadata/name duplicate",
            "3 Organisation globex /metadata/name invalid",
            "4 User root@example.com /spec/role invalid",
        ]
    );
    let body = json!({"name": "eve@example.com", "spec": {}});
    api.post("/api/organisations/globex/users", Some(&api.root), body).await.expect(201);
    let taken = json!({"resources": [manifest("User", "eve@example.com", json!({}))]});
    let taken = api.acme(Method::POST, "apply", Some(taken)).await.problem(409, "conflict");
    assert!(!taken.body.to_string().contains("globex"), "whose it is stays private");
}

#[tokio::test]
async fn bodies_that_are_no_set_are_refused() {
    let api = Api::with_organisations().await;
    for (body, error) in [
        (json!({}), "/resources missing"),
        (json!({"resources": {}}), "/resources wrong_type"),
        (json!({"resources": [], "prune": true}), "/prune missing"),
        (json!({"resources": [], "owner": "manual"}), "/owner invalid"),
        (json!({"resources": [], "owner": 5}), "/owner wrong_type"),
        (json!({"resources": [], "maxDeletes": -1}), "/maxDeletes invalid"),
        (json!({"resources": [], "secrets": [{"key": "x"}]}), "/secrets bad_reference"),
        (json!({"resources": [], "secrets": "x"}), "/secrets wrong_type"),
        (json!({"resources": [], "plan": {}}), "/plan wrong_type"),
        (json!({"resources": [], "pruen": true}), "/pruen unknown_field"),
        (json!([]), " wrong_type"),
    ] {
        assert_eq!(api.acme(Method::POST, "apply", Some(body)).await.problem(422, "invalid").errors(), [error]);
    }
    assert_eq!(mistakes(&refused(&api, json!([5, null])).await), ["0 - -  wrong_type", "1 - -  wrong_type"]);
    api.acme(Method::POST, "apply?dryrun=true", Some(json!({"resources": []}))).await.problem(400, "bad_request");
}
