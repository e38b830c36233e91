//! Service accounts as resources, and the tokens that administrators make for them.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{Api, manifest};

#[tokio::test]
async fn a_service_account_is_declared_like_everything_else() {
    let api = Api::with_organisations().await;
    let team = manifest("Team", "search", json!({}));
    let account = manifest(
        "ServiceAccount",
        "deploy",
        json!({"role": "MANAGER", "scopes": ["write", "read"], "teams": ["search"]}),
    );
    let body = json!({"resources": [account, team]});
    let plan = api.acme(Method::POST, "apply", Some(body.clone())).await.expect(200).body;
    assert_eq!(plan["summary"]["create"], 2, "{plan:#}");
    let again = api.acme(Method::POST, "apply", Some(body)).await.expect(200).body;
    assert_eq!(again["summary"]["unchanged"], 2, "{again:#}");
    let shown = api.acme(Method::GET, "service-accounts/deploy", None).await.expect(200).body;
    assert_eq!(shown["spec"]["teams"], json!(["search"]));
    assert_eq!(shown["status"]["tokens"], 0);
    // It holds on to its team until that may go.
    api.acme(Method::DELETE, "teams/search", None).await.problem(409, "conflict");
    api.acme(Method::DELETE, "teams/search?cascade=true", None).await.expect(204);
    let shown = api.acme(Method::GET, "service-accounts/deploy", None).await.expect(200).body;
    assert_eq!((&shown["spec"]["teams"], &shown["revision"]), (&json!([]), &json!(2)));
    api.acme(Method::DELETE, "service-accounts/deploy", None).await.expect(204);
}

#[tokio::test]
async fn mistakes_are_named() {
    let api = Api::with_organisations().await;
    let errors = async |spec| api.create("service-accounts", "x", spec).await.problem(422, "invalid").errors();
    assert_eq!(errors(json!({"role": "SUPER_ADMIN"})).await, ["/spec/role invalid"]);
    assert_eq!(errors(json!({"scopes": []})).await, ["/spec/scopes invalid"]);
    assert_eq!(errors(json!({"teams": ["nowhere"]})).await, ["/spec/teams/0 bad_reference"]);
    let rule = |more: serde_json::Value| {
        let mut rule = json!({"name": "main", "issuer": "https://gitlab.com", "audience": "odock", "subject": "*"});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"trust": [rule]})
    };
    assert_eq!(errors(rule(json!({}))).await, ["/spec/trust/0/subject invalid"], "anybody at all would be let in");
    assert_eq!(
        errors(rule(json!({"claims": [{"claim": "a", "matches": "**"}]}))).await,
        ["/spec/trust/0/subject invalid"]
    );
    api.create("service-accounts", "x", rule(json!({"claims": [{"claim": "project_id", "matches": "7"}]})))
        .await
        .expect(201);
}

#[tokio::test]
async fn its_tokens_are_made_listed_and_revoked() {
    let api = Api::with_organisations().await;
    api.create("service-accounts", "cron", json!({"role": "ORG_ADMIN", "scopes": ["read"]})).await.expect(201);
    let path = "service-accounts/cron/tokens";
    let more = json!({"name": "x", "scopes": ["write"]});
    api.acme(Method::POST, path, Some(more)).await.problem(403, "forbidden");
    let made = api.acme(Method::POST, path, Some(json!({"name": "nightly", "scopes": ["read"]}))).await.expect(201);
    let (secret, id) = (made.text("/secret"), made.text("/token/id"));
    assert!(secret.starts_with("odock-sat-"));
    api.get("/api/organisations/acme/teams", Some(&secret)).await.expect(200);
    let body = json!({"name": "x", "spec": {}});
    api.post("/api/organisations/acme/teams", Some(&secret), body).await.problem(403, "forbidden");
    let listed = api.acme(Method::GET, path, None).await.expect(200);
    assert_eq!(listed.names(), ["nightly"]);
    assert!(!listed.body.to_string().contains(&secret));
    let shown = api.acme(Method::GET, "service-accounts/cron", None).await.expect(200).body;
    assert_eq!(shown["status"]["tokens"], 1);
    // What the account loses, its tokens lose.
    api.acme(Method::PATCH, "service-accounts/cron", Some(json!({"role": "USER"}))).await.expect(200);
    api.get("/api/organisations/acme/providers", Some(&secret)).await.problem(403, "forbidden");
    api.acme(Method::DELETE, &format!("{path}/{id}"), None).await.expect(204);
    api.get("/api/whoami", Some(&secret)).await.problem(401, "token_revoked");
    api.acme(Method::DELETE, &format!("{path}/no-id"), None).await.problem(404, "not_found");
    let other = api.acme(Method::POST, path, Some(json!({"name": "b", "scopes": ["read"]}))).await.expect(201);
    api.clock.advance(Duration::from_secs(90 * 24 * 60 * 60));
    api.get("/api/whoami", Some(&other.text("/secret"))).await.problem(401, "token_expired");
}

#[tokio::test]
async fn an_account_signs_itself_out() {
    let api = Api::with_organisations().await;
    api.create("service-accounts", "cron", json!({"role": "ORG_ADMIN"})).await.expect(201);
    let body = Some(json!({"name": "x", "scopes": ["read"]}));
    let secret = api.acme(Method::POST, "service-accounts/cron/tokens", body).await.expect(201).text("/secret");
    api.send(Method::POST, "/api/auth/sign-out", Some(&secret), None).await.expect(204);
    api.get("/api/whoami", Some(&secret)).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn nobody_grants_more_than_they_hold() {
    let api = Api::with_organisations().await;
    let admin = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let body = json!({"name": "writer", "scopes": ["write"]});
    let writer = api.post("/api/auth/tokens", Some(&admin), body).await.expect(201).text("/secret");
    let create = async |token: &str, name: &str, spec| {
        let body = json!({"name": name, "spec": spec});
        api.post("/api/organisations/acme/service-accounts", Some(token), body).await
    };
    // A token that may only write makes no account that may read.
    let refused = create(&writer, "a", json!({"scopes": ["read", "write"]})).await.problem(403, "forbidden");
    assert_eq!(refused.errors(), ["/spec/scopes forbidden"]);
    create(&writer, "a", json!({"scopes": ["write"]})).await.expect(201);
    create(&admin, "b", json!({"role": "ORG_ADMIN", "scopes": ["read", "write"]})).await.expect(201);
    // Nor a token of one that may.
    let body = json!({"name": "x", "scopes": ["read"]});
    let path = "/api/organisations/acme/service-accounts/b/tokens";
    api.post(path, Some(&writer), body).await.problem(403, "forbidden");
    // Another organisation's accounts do not exist.
    let grace = api.member("globex", "grace@globex.example", "ORG_ADMIN").await;
    api.get("/api/organisations/acme/service-accounts/b", Some(&grace)).await.problem(404, "not_found");
    api.get("/api/organisations/globex/service-accounts/b", Some(&grace)).await.problem(404, "not_found");
}
