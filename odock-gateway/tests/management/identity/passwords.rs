//! Passwords, and guessing them.

use std::time::Duration;

use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const PASSWORD: &str = "correct horse battery";

/// A user of `acme` with a password, and a session of theirs.
pub(super) async fn with_password(api: &Api, email: &str) -> String {
    api.member("acme", email, "USER").await;
    let token = one_time(api, email).await;
    let session = api.post("/api/auth/sign-in", None, json!({"token": token})).await.expect(200).text("/accessToken");
    let body = json!({"new": PASSWORD});
    api.send(Method::PUT, "/api/auth/password", Some(&session), Some(body)).await.expect(204);
    session
}

async fn one_time(api: &Api, email: &str) -> String {
    let path = format!("/api/admin/users/{email}/sign-in-token");
    api.send(Method::POST, &path, Some(&api.root), None).await.expect(201).text("/secret")
}

async fn guess(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/auth/sign-in", None, json!({"email": email, "password": password})).await
}

/// As [`guess`], from another address.
async fn guess_from(api: &Api, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password}).to_string();
    let request = Request::builder()
        .method("POST")
        .uri("/api/auth/sign-in")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-for", address)
        .body(body.into())
        .unwrap();
    api.call(request).await
}

#[tokio::test]
async fn a_password_signs_in_and_is_kept_as_a_hash() {
    let api = Api::with_organisations().await;
    with_password(&api, "ada@acme.example").await;
    let signed_in = guess(&api, "Ada@ACME.example", PASSWORD).await.expect(200);
    assert_eq!(signed_in.text("/session/method"), "password");
    api.get("/api/whoami", Some(&signed_in.text("/accessToken"))).await.expect(200);
    let wrong = guess(&api, "ada@acme.example", "correct horse batterz").await.problem(401, "unauthorized");
    let unknown = guess(&api, "nobody@acme.example", PASSWORD).await.problem(401, "unauthorized");
    assert_eq!(wrong.text("/title"), unknown.text("/title"), "nobody learns who has an account");
    let events = api.get("/api/admin/audit", Some(&api.root)).await.expect(200).body.to_string();
    assert!(!events.contains(PASSWORD) && !events.contains("batterz") && !events.contains("argon2"));
    assert!(events.contains("nobody@acme.example"), "the refusal says whom it was about");
    let user = api.get("/api/organisations/acme/users/ada@acme.example", Some(&api.root)).await.expect(200).body;
    assert!(!user.to_string().contains("argon2"));
}

#[tokio::test]
async fn setting_one_needs_the_old_one_or_a_fresh_sign_in() {
    let api = Api::with_organisations().await;
    let session = with_password(&api, "ada@acme.example").await;
    let set =
        async |token: &str, body: Value| api.send(Method::PUT, "/api/auth/password", Some(token), Some(body)).await;
    for (new, code) in [
        (json!("short"), "/new invalid"),
        (json!("ada@acme.example is me"), "/new invalid"),
        (json!(5), "/new wrong_type"),
        (Value::Null, "/new missing"),
    ] {
        assert_eq!(set(&session, json!({"new": new})).await.problem(422, "invalid").errors(), [code]);
    }
    set(&session, json!({"new": "a quite different one", "current": "wrong wrong wrong"}))
        .await
        .problem(403, "forbidden");
    set(&session, json!({"new": "a quite different one", "current": PASSWORD})).await.expect(204);
    guess(&api, "ada@acme.example", PASSWORD).await.problem(401, "unauthorized");
    let other = guess(&api, "ada@acme.example", "a quite different one").await.expect(200).text("/accessToken");
    api.clock.advance(Duration::from_secs(601));
    let third = json!({"new": "and then another one"});
    set(&other, third.clone()).await.problem(403, "forbidden");
    // A personal token is no fresh sign-in, ever.
    let body = json!({"name": "x", "scopes": ["read", "write"]});
    let personal = api.post("/api/auth/tokens", Some(&other), body).await.expect(201).text("/secret");
    set(&personal, third).await.problem(403, "forbidden");
    set(&personal, json!({"new": "and then another one", "current": "a quite different one"})).await.expect(204);
    // Whoever else is signed in is out.
    api.get("/api/whoami", Some(&other)).await.problem(401, "token_revoked");
    api.get("/api/whoami", Some(&personal)).await.expect(200);
}

#[tokio::test]
async fn brute_force_is_slowed_down_more_and_more() {
    let api = Api::with_organisations().await;
    with_password(&api, "ada@acme.example").await;
    let mut admitted = 0;
    for _ in 0..600 {
        let answer = guess(&api, "ada@acme.example", "a wrong password").await;
        admitted += u32::from(answer.status == 401);
        assert!(answer.status == 401 || answer.headers.contains_key(header::RETRY_AFTER), "{answer:?}");
        api.clock.advance(Duration::from_secs(6));
    }
    assert!(admitted <= 18, "{admitted} guesses in an hour");
}

#[tokio::test]
async fn many_guesses_at_once_are_no_way_around() {
    let api = Api::with_organisations().await;
    with_password(&api, "ada@acme.example").await;
    let guesses = (0..40).map(|number| {
        let api = &api;
        async move { guess(api, "ada@acme.example", &format!("wrong password {number}")).await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    let admitted = statuses.iter().filter(|status| **status == 401).count();
    assert!(admitted <= 5, "{admitted} of 40 guesses at once");
}

#[tokio::test]
async fn strangers_do_not_lock_the_user_out() {
    let api = Api::start_with(|config| {
        config.http.trusted_proxies = vec!["0.0.0.0/0".parse().unwrap()];
    })
    .await;
    api.post("/api/admin/organisations", Some(&api.root), json!({"name": "acme", "spec": {}})).await.expect(201);
    with_password(&api, "ada@acme.example").await;
    let home = "192.0.2.1";
    guess_from(&api, home, "ada@acme.example", PASSWORD).await.expect(200);
    let mut stopped = 0;
    for host in 1..60 {
        let answer = guess_from(&api, &format!("198.51.100.{host}"), "ada@acme.example", "a wrong password").await;
        stopped += u32::from(answer.status == 429);
    }
    assert!(stopped >= 35, "an account under attack from everywhere is slow: {stopped}");
    guess_from(&api, home, "ada@acme.example", PASSWORD).await.expect(200);
    guess_from(&api, "203.0.113.9", "ada@acme.example", PASSWORD).await.problem(429, "rate_limited");
    api.wait(Duration::from_secs(31)).await;
    guess_from(&api, "203.0.113.9", "ada@acme.example", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn only_active_users_sign_in() {
    let api = Api::with_organisations().await;
    with_password(&api, "ada@acme.example").await;
    for status in ["REVOKED", "PENDING"] {
        api.acme(Method::PATCH, "users/ada@acme.example", Some(json!({"status": status}))).await.expect(200);
        guess(&api, "ada@acme.example", PASSWORD).await.problem(403, "forbidden");
        guess(&api, "ada@acme.example", "a wrong password").await.problem(401, "unauthorized");
    }
}
