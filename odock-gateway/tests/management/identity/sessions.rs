//! Sessions: renewed, listed, ended.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

async fn signed_in(api: &Api, email: &str) -> Value {
    let path = format!("/api/admin/users/{email}/sign-in-token");
    let token = api.send(Method::POST, &path, Some(&api.root), None).await.expect(201).text("/secret");
    api.post("/api/auth/sign-in", None, json!({"token": token, "name": "laptop"})).await.expect(200).body
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/api/auth/refresh", None, json!({"refreshToken": token})).await
}

async fn world() -> (Api, Value) {
    let api = Api::with_organisations().await;
    api.member("acme", "ada@acme.example", "USER").await;
    let session = signed_in(&api, "ada@acme.example").await;
    (api, session)
}

#[tokio::test]
async fn a_session_is_renewed_and_its_old_tokens_fade() {
    let (api, first) = world().await;
    api.clock.advance(Duration::from_secs(14 * 60));
    let second = refresh(&api, text(&first, "refreshToken")).await.expect(200).body;
    assert_eq!(first["session"]["id"], second["session"]["id"]);
    // Calls under way go on with what they have, for as long as it would have lasted.
    for token in [&first, &second] {
        api.get("/api/whoami", Some(text(token, "accessToken"))).await.expect(200);
    }
    api.clock.advance(Duration::from_secs(61));
    api.get("/api/whoami", Some(text(&first, "accessToken"))).await.problem(401, "token_expired");
    api.get("/api/whoami", Some(text(&second, "accessToken"))).await.expect(200);
    // Used regularly, it goes on for ever; unused, it ends.
    let mut latest = second;
    for _ in 0..4 {
        api.clock.advance(Duration::from_secs(20 * 24 * 60 * 60));
        latest = refresh(&api, text(&latest, "refreshToken")).await.expect(200).body;
    }
    api.clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    refresh(&api, text(&latest, "refreshToken")).await.problem(401, "token_expired");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_session() {
    let (api, first) = world().await;
    let second = refresh(&api, text(&first, "refreshToken")).await.expect(200).body;
    let third = refresh(&api, text(&second, "refreshToken")).await.expect(200).body;
    // Not only the last one before counts.
    refresh(&api, text(&first, "refreshToken")).await.problem(401, "token_revoked");
    refresh(&api, text(&third, "refreshToken")).await.problem(401, "token_revoked");
    for token in [&second, &third] {
        api.get("/api/whoami", Some(text(token, "accessToken"))).await.problem(401, "token_revoked");
    }
    let events = api.get("/api/admin/audit", Some(&api.root)).await.expect(200).body;
    // The attempt after it is refused too, and has nothing more to say.
    let mut refused = events["items"].as_array().unwrap().iter().filter(|event| event["verb"] == "refresh");
    let noted = refused.find(|event| event["after"].is_object()).unwrap();
    assert!(noted["after"]["ended"].as_str().unwrap().contains("twice"), "{noted}");
    assert_eq!(noted["actor"], "ada@acme.example");
    assert!(!events.to_string().contains(text(&first, "refreshToken")));
}

#[tokio::test]
async fn of_many_who_refresh_at_once_one_does_and_the_session_ends() {
    let (api, first) = world().await;
    let token = text(&first, "refreshToken");
    let all = futures_util::future::join_all((0..6).map(|_| refresh(&api, token))).await;
    let renewed: Vec<&Answer> = all.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(renewed.len(), 1);
    api.get("/api/whoami", Some(&renewed[0].text("/accessToken"))).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let (api, one) = world().await;
    let two = signed_in(&api, "ada@acme.example").await;
    let listed = api.get("/api/auth/sessions", Some(text(&one, "accessToken"))).await.expect(200).body;
    let items = listed["items"].as_array().unwrap();
    let current: Vec<bool> = items.iter().map(|item| item["current"].as_bool().unwrap()).collect();
    // The third began when the user was made.
    assert_eq!(current, [false, true, false]);
    assert_eq!(items[0]["method"], "one_time_token");
    let id = two["session"]["id"].as_str().unwrap();
    api.delete(&format!("/api/auth/sessions/{id}"), Some(text(&one, "accessToken"))).await.expect(204);
    api.delete(&format!("/api/auth/sessions/{id}"), Some(text(&one, "accessToken"))).await.problem(404, "not_found");
    api.get("/api/whoami", Some(text(&two, "accessToken"))).await.problem(401, "token_revoked");
    refresh(&api, text(&two, "refreshToken")).await.problem(401, "token_revoked");
    // Nobody ends another's.
    let grace = api.member("acme", "grace@acme.example", "ORG_ADMIN").await;
    let id = one["session"]["id"].as_str().unwrap();
    api.delete(&format!("/api/auth/sessions/{id}"), Some(&grace)).await.problem(404, "not_found");
    api.send(Method::POST, "/api/auth/sign-out", Some(text(&one, "accessToken")), None).await.expect(204);
    refresh(&api, text(&one, "refreshToken")).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn a_revoked_user_is_out_at_once_and_does_not_come_back_by_old_tokens() {
    let (api, session) = world().await;
    let body = json!({"name": "x", "scopes": ["read"]});
    let personal = api.post("/api/auth/tokens", Some(text(&session, "accessToken")), body).await.expect(201);
    let personal = personal.text("/secret");
    api.acme(Method::PATCH, "users/ada@acme.example", Some(json!({"status": "REVOKED"}))).await.expect(200);
    api.acme(Method::PATCH, "users/ada@acme.example", Some(json!({"status": "ACTIVE"}))).await.expect(200);
    for token in [text(&session, "accessToken"), &personal] {
        api.get("/api/whoami", Some(token)).await.problem(401, "token_revoked");
    }
    refresh(&api, text(&session, "refreshToken")).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let (api, session) = world().await;
    for token in ["x", text(&session, "accessToken"), &text(&session, "refreshToken")[1..]] {
        refresh(&api, token).await.problem(401, "unauthorized");
    }
    api.get("/api/whoami", Some(text(&session, "refreshToken"))).await.problem(401, "unauthorized");
    let body = json!({"refreshToken": 5, "more": true});
    let refused = api.post("/api/auth/refresh", None, body).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/refreshToken wrong_type", "/more unknown_field"]);
}
