//! Deletes: refused with the list of referrers, or taking them along.

use http::Method;
use serde_json::json;

use crate::support::{Api, sealed};

/// An organisation in which everything refers to something.
async fn woven() -> Api {
    let api = Api::with_organisations().await;
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
    api.create("teams", "search", json!({"members": [{"user": "ada@acme.example"}]})).await.expect(201);
    let keys = json!([{"name": "primary", "secret": sealed(&api.gateway, "x")}]);
    api.create("providers", "openai", json!({"type": "OPENAI", "keys": keys})).await.expect(201);
    api.create("models", "fast", json!({"provider": "openai", "providerKey": "primary"})).await.expect(201);
    api.create("models", "large", json!({"provider": "openai"})).await.expect(201);
    api.create("apikeys", "ci", json!({"type": "TEAM", "team": "search", "models": ["fast", "large"]}))
        .await
        .expect(201);
    api.create("apikeys", "laptop", json!({"type": "USER", "user": "ada@acme.example", "models": ["fast"]}))
        .await
        .expect(201);
    api
}

#[tokio::test]
async fn what_is_referred_to_stays_and_says_by_whom() {
    let api = woven().await;
    for (path, referrers) in [
        ("users/ada@acme.example", vec!["ApiKey laptop", "Team search"]),
        ("teams/search", vec!["ApiKey ci"]),
        ("providers/openai", vec!["Model fast", "Model large"]),
        ("models/fast", vec!["ApiKey ci", "ApiKey laptop"]),
    ] {
        let refused = api.acme(Method::DELETE, path, None).await.problem(409, "conflict");
        let named: Vec<String> = refused.body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| format!("{} {}", error["kind"].as_str().unwrap(), error["name"].as_str().unwrap()))
            .collect();
        assert_eq!(named, referrers, "{path}");
        api.acme(Method::GET, path, None).await.expect(200);
    }
    let refused = api.delete("/api/admin/organisations/acme", Some(&api.root)).await.problem(409, "conflict");
    assert_eq!(refused.body["errors"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn a_cascade_takes_what_cannot_be_without_it() {
    let api = woven().await;
    api.acme(Method::DELETE, "providers/openai?cascade=true", None).await.expect(204);
    assert!(api.acme(Method::GET, "models", None).await.names().is_empty());
    let key = api.acme(Method::GET, "apikeys/ci", None).await.expect(200);
    assert_eq!((key.body["spec"]["models"].clone(), key.body["revision"].clone()), (json!([]), json!(2)));
    api.acme(Method::DELETE, "users/ada@acme.example?cascade=true", None).await.expect(204);
    assert_eq!(api.acme(Method::GET, "apikeys", None).await.names(), ["ci"]);
    let team = api.acme(Method::GET, "teams/search", None).await.expect(200);
    assert_eq!((team.body["spec"]["members"].clone(), team.body["revision"].clone()), (json!([]), json!(2)));
    api.acme(Method::DELETE, "teams/search?cascade=true", None).await.expect(204);
    assert!(api.acme(Method::GET, "apikeys", None).await.names().is_empty());
    let events = api.acme(Method::GET, "audit", None).await.expect(200).body;
    let mut deleted: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["verb"] == "delete")
        .map(|event| event["name"].as_str().unwrap().to_owned())
        .collect();
    deleted.sort();
    assert_eq!(deleted, ["ada@acme.example", "ci", "fast", "laptop", "large", "openai", "search"]);
}

#[tokio::test]
async fn a_model_goes_and_keys_lose_it() {
    let api = woven().await;
    api.acme(Method::DELETE, "models/fast?cascade=true", None).await.expect(204);
    assert_eq!(api.acme(Method::GET, "apikeys/ci", None).await.body["spec"]["models"], json!(["large"]));
    assert_eq!(api.acme(Method::GET, "apikeys/laptop", None).await.body["spec"]["models"], json!([]));
    api.acme(Method::DELETE, "providers/openai?cascade=maybe", None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn an_organisation_goes_with_everything_in_it_and_nothing_else() {
    let api = woven().await;
    let body = json!({"name": "search", "spec": {}});
    api.post("/api/organisations/globex/teams", Some(&api.root), body).await.expect(201);
    let ada = api.sign_in("ada@acme.example").await;
    api.delete("/api/admin/organisations/acme?cascade=true", Some(&api.root)).await.expect(204);
    api.get("/api/organisations/acme", Some(&api.root)).await.problem(404, "not_found");
    api.get("/api/whoami", Some(&ada)).await.problem(401, "unauthorized");
    let left = api.get("/api/organisations/globex/teams", Some(&api.root)).await.expect(200);
    assert_eq!(left.names(), ["search"]);
    // Its name is free again.
    api.post("/api/admin/organisations", Some(&api.root), json!({"name": "acme", "spec": {}})).await.expect(201);
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
}
