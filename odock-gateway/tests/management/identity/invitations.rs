//! Invitations, from both sides.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

const PASSWORD: &str = "correct horse battery";

async fn accept(api: &Api, token: &str) -> Answer {
    api.post("/api/invitations/accept", None, json!({"token": token, "password": PASSWORD, "displayName": "Grace"}))
        .await
}

async fn invite(api: &Api, email: &str, more: Value) -> Answer {
    let mut body = json!({"email": email});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.acme(Method::POST, "invitations", Some(body)).await
}

#[tokio::test]
async fn somebody_who_is_invited_comes_in_with_a_password() {
    let api = Api::with_organisations().await;
    let invited = invite(&api, "Grace@acme.example", json!({"role": "MANAGER"})).await.expect(201);
    let token = invited.text("/token");
    assert!(token.starts_with("odock-inv-"));
    let short = json!({"token": token, "password": "short"});
    api.post("/api/invitations/accept", None, short).await.problem(422, "invalid");
    let own = json!({"token": token, "password": "grace@acme.example"});
    api.post("/api/invitations/accept", None, own).await.problem(422, "invalid");
    let session = accept(&api, &token).await.expect(200).text("/accessToken");
    let me = api.get("/api/whoami", Some(&session)).await.expect(200);
    assert_eq!((me.text("/email"), me.text("/role")), ("grace@acme.example".into(), "MANAGER".into()));
    assert_eq!(me.text("/organisation"), "acme");
    accept(&api, &token).await.problem(401, "token_revoked");
    api.post("/api/auth/sign-in", None, json!({"email": "grace@acme.example", "password": PASSWORD})).await.expect(200);
    let listed = api.acme(Method::GET, "invitations", None).await.expect(200).body;
    assert_eq!(listed["items"][0]["status"], "ACCEPTED");
    assert!(!listed.to_string().contains(&token));
    let events = api.get("/api/admin/audit", Some(&api.root)).await.expect(200).body.to_string();
    assert!(!events.contains(&token) && events.contains("\"accept\""));
}

#[tokio::test]
async fn of_many_who_accept_at_once_one_does() {
    let api = Api::with_organisations().await;
    let token = invite(&api, "grace@acme.example", json!({})).await.expect(201).text("/token");
    let all = futures_util::future::join_all((0..5).map(|_| accept(&api, &token))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test]
async fn an_invitation_is_resent_revoked_and_lapses() {
    let api = Api::with_organisations().await;
    let first = invite(&api, "grace@acme.example", json!({})).await.expect(201);
    invite(&api, "grace@acme.example", json!({})).await.problem(409, "conflict");
    let id = first.text("/invitation/id");
    let again = api.acme(Method::POST, &format!("invitations/{id}/resend"), None).await.expect(200);
    accept(&api, &first.text("/token")).await.problem(401, "unauthorized");
    api.clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    accept(&api, &again.text("/token")).await.problem(401, "token_expired");
    let third = api.acme(Method::POST, &format!("invitations/{id}/resend"), None).await.expect(200);
    let revoked = api.acme(Method::POST, &format!("invitations/{id}/revoke"), None).await.expect(200);
    assert_eq!(revoked.text("/status"), "REVOKED");
    accept(&api, &third.text("/token")).await.problem(401, "token_revoked");
    api.acme(Method::POST, &format!("invitations/{id}/revoke"), None).await.problem(409, "conflict");
    api.acme(Method::POST, &format!("invitations/{id}/resend"), None).await.problem(409, "conflict");
    api.acme(Method::POST, "invitations/no-id/resend", None).await.problem(404, "not_found");
    let grace = api.member("globex", "admin@globex.example", "ORG_ADMIN").await;
    let path = format!("/api/organisations/globex/invitations/{id}/revoke");
    api.send(Method::POST, &path, Some(&grace), None).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_super_admin_invites_to_draft_an_organisation() {
    let api = Api::with_organisations().await;
    let body = json!({"email": "ops@initech.example", "organisation": "initech"});
    let admin = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    api.post("/api/admin/invitations", Some(&admin), body.clone()).await.problem(403, "forbidden");
    let token = api.post("/api/admin/invitations", Some(&api.root), body).await.expect(201).text("/token");
    api.get("/api/admin/organisations/initech", Some(&api.root)).await.problem(404, "not_found");
    let session = accept(&api, &token).await.expect(200).text("/accessToken");
    let me = api.get("/api/whoami", Some(&session)).await.expect(200);
    assert_eq!((me.text("/organisation"), me.text("/role")), ("initech".into(), "ORG_ADMIN".into()));
    api.get("/api/organisations/initech/teams", Some(&session)).await.expect(200);
    // A name that was taken meanwhile.
    let body = json!({"email": "other@initech.example", "organisation": "hooli"});
    let token = api.post("/api/admin/invitations", Some(&api.root), body).await.expect(201).text("/token");
    api.post("/api/admin/organisations", Some(&api.root), json!({"name": "hooli", "spec": {}})).await.expect(201);
    accept(&api, &token).await.problem(409, "conflict");
}

#[tokio::test]
async fn mistakes_are_named_and_nobody_invites_to_more_than_they_hold() {
    let api = Api::with_organisations().await;
    api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    for (body, code, errors) in [
        (json!({}), 422, vec!["/email missing"]),
        (json!({"email": "grace"}), 422, vec!["/email invalid"]),
        (json!({"email": "g@x.co", "role": "SUPER_ADMIN"}), 422, vec!["/role invalid"]),
        (json!({"email": "g@x.co", "role": "KING"}), 422, vec!["/role invalid"]),
        (json!({"email": "g@x.co", "organisation": "new"}), 422, vec!["/organisation invalid"]),
        (json!({"email": "g@x.co", "expiresAt": "2001-01-01T00:00:00Z"}), 422, vec!["/expiresAt invalid"]),
        (json!({"email": "ada@acme.example"}), 409, vec!["/email taken"]),
    ] {
        let refused = api.acme(Method::POST, "invitations", Some(body)).await.expect(code);
        assert_eq!(refused.errors(), errors);
    }
    // A service account of a lower role invites to no higher one.
    api.post("/api/invitations/accept", None, json!({"token": "odock-inv-guess", "password": PASSWORD}))
        .await
        .problem(401, "unauthorized");
}
