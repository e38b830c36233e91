//! Users who wait, and the last super admin, who stays.

use http::Method;
use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn users_who_wait_are_let_in_or_turned_away() {
    let api = Api::with_organisations().await;
    for name in ["grace@acme.example", "mallory@acme.example"] {
        api.create("users", name, json!({"status": "PENDING"})).await.expect(201);
    }
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let decide = async |name: &str, act: &str| {
        api.send(Method::POST, &format!("/api/organisations/acme/users/{name}/{act}"), Some(&ada), None).await
    };
    let approved = decide("grace@acme.example", "approve").await.expect(200);
    assert_eq!(approved.text("/spec/status"), "ACTIVE");
    let declined = decide("mallory@acme.example", "decline").await.expect(200);
    assert_eq!(declined.text("/spec/status"), "REVOKED");
    decide("mallory@acme.example", "approve").await.problem(409, "conflict");
    decide("nobody@acme.example", "approve").await.problem(404, "not_found");
    let events = api.get("/api/organisations/acme/audit", Some(&ada)).await.expect(200).body;
    let verbs: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|event| event["verb"].as_str().unwrap()).collect();
    assert!(verbs.contains(&"approve") && verbs.contains(&"decline"), "{verbs:?}");
}

#[tokio::test]
async fn of_two_super_admins_who_demote_each_other_at_once_one_stays() {
    for round in 0..4 {
        let api = Api::start().await;
        let body = json!({"name": "second@example.com", "spec": {"role": "SUPER_ADMIN"}});
        api.post("/api/admin/users", Some(&api.root), body).await.expect(201);
        let second = api.sign_in("second@example.com").await;
        let [first_path, second_path] =
            ["admin@localhost", "second@example.com"].map(|name| format!("/api/admin/users/{name}"));
        let revoked = || Some(json!({"status": "REVOKED"}));
        let (one, two) = if round % 2 == 0 {
            tokio::join!(
                api.send(Method::PATCH, &second_path, Some(&api.root), revoked()),
                api.send(Method::PATCH, &first_path, Some(&second), revoked()),
            )
        } else {
            tokio::join!(
                api.send(Method::DELETE, &second_path, Some(&api.root), None),
                api.send(Method::PATCH, &first_path, Some(&second), revoked()),
            )
        };
        let done = [&one, &two].iter().filter(|answer| answer.status.is_success()).count();
        assert_eq!(done, 1, "{:#} {:#}", one.body, two.body);
        let left = [&api.root, &second];
        let mut served = 0;
        for token in left {
            served += u32::from(api.get("/api/admin/organisations", Some(token)).await.status == 200);
        }
        assert_eq!(served, 1, "somebody must be left");
    }
}
