//! Signing in, tokens, and what each may.

use std::time::Duration;

use entity::row::access_token;
use http::{Method, Request, header};
use odock_gateway::bootstrap;
use odock_gateway::credential::{self, CredentialKind};
use sea_orm::EntityTrait;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{Api, eventually};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn the_first_administrator_signs_in_once() {
    let api = Api::start().await;
    let me = api.get("/api/whoami", Some(&api.root)).await.expect(200);
    assert_eq!((me.text("/email"), me.text("/role")), ("admin@localhost".into(), "SUPER_ADMIN".into()));
    assert_eq!(me.body["token"]["scopes"], json!(["read", "write"]));
    assert!(
        bootstrap::bootstrap(&api.gateway).await.unwrap().is_none(),
        "after a sign-in there is nothing to bootstrap"
    );
}

#[tokio::test]
async fn until_somebody_signs_in_each_start_voids_the_token_before() {
    let api = Api::start().await;
    // As if nobody had signed in yet.
    let db = api.gateway.database.writer();
    let user =
        entity::row::user::ActiveModel { last_sign_in_at: sea_orm::ActiveValue::Set(None), ..Default::default() };
    entity::row::user::Entity::update_many().set(user).exec(db).await.unwrap();
    let first = bootstrap::bootstrap(&api.gateway).await.unwrap().unwrap();
    let second = bootstrap::bootstrap(&api.gateway).await.unwrap().unwrap();
    let sign_in = async |token: &str| api.post("/api/auth/sign-in", None, json!({"token": token})).await;
    sign_in(first.expose_secret()).await.problem(401, "token_revoked");
    sign_in(second.expose_secret()).await.expect(200);
    sign_in(second.expose_secret()).await.problem(401, "token_revoked");
    let users = entity::row::user::Entity::find().all(api.gateway.database.reader()).await.unwrap();
    assert_eq!(users.len(), 1, "there is one first administrator however often it starts");
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_administrator() {
    let api = Api::start().await;
    let db = api.gateway.database.writer();
    entity::row::user::Entity::delete_many().exec(db).await.unwrap();
    let starts = (0..4).map(|_| bootstrap::bootstrap(&api.gateway));
    for token in futures_util::future::join_all(starts).await {
        assert!(token.unwrap().is_some());
    }
    let users = entity::row::user::Entity::find().all(api.gateway.database.reader()).await.unwrap();
    assert_eq!(users.len(), 1);
}

#[tokio::test]
async fn a_configured_token_is_not_shown_and_survives_a_restart() {
    let api = Api::start_with(|_| {}).await;
    let db = api.gateway.database.writer();
    entity::row::user::Entity::delete_many().exec(db).await.unwrap();
    let mut config = (*api.gateway.config).clone();
    config.data.bootstrap_token = Some("a-token-of-the-operator".to_owned().into());
    config.data.dir = config.data.dir.join("other");
    let node = odock_gateway::gateway::Gateway::start(config).await.unwrap();
    for _ in 0..2 {
        assert!(bootstrap::bootstrap(&node).await.unwrap().is_none());
    }
    let signed_in =
        api.post("/api/auth/sign-in", None, json!({"token": "a-token-of-the-operator", "name": "laptop"})).await;
    assert_eq!(signed_in.expect(200).text("/session/name"), "laptop");
    api.post("/api/auth/sign-in", None, json!({"token": "a-token-of-the-operator"}))
        .await
        .problem(401, "token_revoked");
}

#[tokio::test]
async fn sign_in_refuses_what_is_no_sign_in_token() {
    let api = Api::start().await;
    let sign_in = async |body| api.post("/api/auth/sign-in", None, body).await;
    let fresh = credential::generate(CredentialKind::SignInToken).unwrap();
    sign_in(json!({"token": fresh.expose_secret()})).await.problem(401, "unauthorized");
    sign_in(json!({"token": format!("{}x", fresh.expose_secret())})).await.problem(401, "unauthorized");
    sign_in(json!({"token": api.root})).await.problem(401, "unauthorized");
    assert_eq!(
        sign_in(json!({"token": 5, "name": "", "x": 1})).await.problem(422, "invalid").errors(),
        ["/token wrong_type", "/name invalid", "/x unknown_field"]
    );
    let events = api.get("/api/admin/audit", Some(&api.root)).await.expect(200).body;
    let refused = events["items"].as_array().unwrap().iter().filter(|event| event["outcome"] == "unauthorized").count();
    assert_eq!(refused, 3, "every refusal is noted: {events:#}");
    assert!(!events.to_string().contains(fresh.expose_secret()));
    for _ in 0..7 {
        sign_in(json!({"token": "guess"})).await.problem(401, "unauthorized");
    }
    let stopped = sign_in(json!({"token": "guess"})).await.problem(429, "rate_limited");
    assert!(stopped.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_sign_in_token_expires() {
    let api = Api::with_organisations().await;
    let user = json!({"name": "ada@acme.example", "spec": {"role": "ORG_ADMIN"}});
    api.post("/api/organisations/acme/users", Some(&api.root), user).await.expect(201);
    let path = "/api/organisations/acme/users/ada@acme.example/sign-in-token";
    let token = api.send(Method::POST, path, Some(&api.root), None).await.expect(201).text("/secret");
    api.clock.advance(DAY);
    api.post("/api/auth/sign-in", None, json!({"token": token})).await.problem(401, "token_expired");
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let api = Api::start().await;
    let body = json!({"name": "ci", "scopes": ["read"]});
    let made = api.post("/api/auth/tokens", Some(&api.root), body).await.expect(201);
    let (secret, id) = (made.text("/secret"), made.text("/token/id"));
    let listed = api.get("/api/auth/tokens", Some(&secret)).await.expect(200);
    assert_eq!(listed.names(), ["ci", "test"]);
    assert!(!listed.body.to_string().contains(&secret));
    api.post("/api/admin/organisations", Some(&secret), json!({"name": "acme", "spec": {}}))
        .await
        .problem(403, "forbidden");
    let more = json!({"name": "more", "scopes": ["read", "write"]});
    api.post("/api/auth/tokens", Some(&secret), more.clone()).await.problem(403, "forbidden");
    api.delete(&format!("/api/auth/tokens/{id}"), Some(&api.root)).await.expect(204);
    api.delete(&format!("/api/auth/tokens/{id}"), Some(&api.root)).await.expect(204);
    api.get("/api/whoami", Some(&secret)).await.problem(401, "token_revoked");
    for (body, errors) in [
        (json!({}), vec!["/scopes missing", "/name missing"]),
        (json!({"name": "x", "scopes": []}), vec!["/scopes invalid"]),
        (json!({"name": "x", "scopes": ["admin"]}), vec!["/scopes invalid"]),
        (json!({"name": "x", "scopes": ["read"], "expiresAt": "2001-01-01T00:00:00Z"}), vec!["/expiresAt invalid"]),
        (json!({"name": "x", "scopes": ["read"], "expiresAt": "2999-01-01T00:00:00Z"}), vec!["/expiresAt invalid"]),
    ] {
        let refused = api.post("/api/auth/tokens", Some(&api.root), body).await.problem(422, "invalid");
        assert_eq!(refused.errors(), errors);
    }
    api.delete("/api/auth/tokens/no-id", Some(&api.root)).await.problem(404, "not_found");
}

#[tokio::test]
async fn others_cannot_revoke_ones_tokens() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let own = api.get("/api/whoami", Some(&api.root)).await.text("/token/id");
    api.delete(&format!("/api/auth/tokens/{own}"), Some(&ada)).await.problem(404, "not_found");
    api.get("/api/whoami", Some(&api.root)).await.expect(200);
}

#[tokio::test]
async fn tokens_end_by_sign_out_expiry_and_with_their_user() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    api.send(Method::POST, "/api/auth/sign-out", Some(&ada), None).await.expect(204);
    api.get("/api/whoami", Some(&ada)).await.problem(401, "token_revoked");
    let ada = api.sign_in("ada@acme.example").await;
    let body = json!({"status": "REVOKED"});
    api.patch("/api/organisations/acme/users/ada@acme.example", Some(&api.root), body).await.expect(200);
    api.get("/api/whoami", Some(&ada)).await.problem(401, "token_revoked");
    api.clock.advance(90 * DAY);
    api.get("/api/whoami", Some(&api.root)).await.problem(401, "token_expired");
}

#[tokio::test]
async fn calls_without_a_good_token_get_nothing() {
    let api = Api::start().await;
    let with = async |values: &[&str]| {
        let mut request = Request::builder().uri("/api/whoami");
        for value in values {
            request = request.header(header::AUTHORIZATION, *value);
        }
        api.call(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let key = credential::generate(CredentialKind::VirtualKey).unwrap();
    let unknown = credential::generate(CredentialKind::PersonalToken).unwrap();
    let bearer = |text: &str| format!("Bearer {text}");
    let good = bearer(&api.root);
    for values in [
        vec![],
        vec!["Bearer"],
        vec!["Basic YTpi"],
        vec!["Bearer x"],
        vec![good.as_str(), good.as_str()],
        vec![&bearer(key.expose_secret())],
        vec![&bearer(unknown.expose_secret())],
        vec![&bearer(&api.root[1..])],
    ] {
        let refused = with(&values).await.problem(401, "unauthorized");
        assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    }
    with(&[&format!("bearer  {}", api.root)]).await.expect(200);
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_once_a_minute() {
    let api = Api::start().await;
    let row = async || access_token::Entity::find().all(api.gateway.database.reader()).await.unwrap();
    let used = async || row().await.into_iter().filter_map(|token| token.last_used_at).max();
    api.get("/api/whoami", Some(&api.root)).await.expect(200);
    let first = eventually("the first use to be noted", used).await;
    api.clock.advance(Duration::from_secs(59));
    api.get("/api/whoami", Some(&api.root)).await.expect(200);
    assert_eq!(used().await, Some(first));
    api.clock.advance(Duration::from_secs(2));
    api.get("/api/whoami", Some(&api.root)).await.expect(200);
    eventually("the later use to be noted", async || used().await.filter(|at| *at > first)).await;
}
