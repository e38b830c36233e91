//! Issuers that answer with what nobody wants.

use std::time::{Duration, Instant};

use serde_json::json;

use super::exchange::World;
use super::issuer::Manner;
use crate::support::Api;

#[tokio::test]
async fn hostile_documents_are_refused_in_time_and_the_issuer_may_recover() {
    let world = World::new().await;
    for (manner, says) in [
        (Manner::AnotherIssuer, "another issuer"),
        (Manner::Elsewhere, "not followed"),
        (Manner::NotAtAll, "503"),
        (Manner::NoJson, "without JSON"),
        (Manner::HugeKeys, "more than 256 KiB"),
        (Manner::ManyKeys, "1000 keys"),
        (Manner::EndlessKeys, "within 5 s"),
        (Manner::Slowly, "within 5 s"),
    ] {
        world.issuer.behave(manner);
        let started = Instant::now();
        let refused = world.exchange(&world.issuer.token(world.now())).await.problem(503, "unavailable");
        assert!(started.elapsed() < Duration::from_secs(12), "{manner:?} took {:?}", started.elapsed());
        assert!(refused.text("/title").contains(says), "{manner:?}: {}", refused.text("/title"));
        world.api.clock.advance(Duration::from_secs(61));
    }
    world.issuer.behave(Manner::Well);
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_not_asked_by_everybody() {
    let world = World::new().await;
    world.issuer.behave(Manner::HugeKeys);
    let token = world.issuer.token(world.now());
    let all = futures_util::future::join_all((0..10).map(|_| world.exchange(&token))).await;
    assert!(all.iter().all(|answer| answer.status == 503));
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn issuers_are_asked_in_secret_and_never_link_local() {
    let api = Api::with_organisations().await;
    let rule =
        |issuer: &str| json!({"trust": [{"name": "main", "issuer": issuer, "audience": "odock", "subject": "x"}]});
    for issuer in
        ["http://issuer.example", "ftp://issuer.example", "issuer", "https://a:b@issuer.example", "https://x?y"]
    {
        let refused = api.create("service-accounts", "bad", rule(issuer)).await.problem(422, "invalid");
        assert_eq!(refused.errors(), ["/spec/trust/0/issuer invalid"], "{issuer}");
    }
    for (name, issuer, says) in [
        ("plain", "http://127.0.0.1:9", "allow_plain_loopback"),
        ("metadata", "https://169.254.169.254", "link-local"),
        ("mapped", "https://[::ffff:169.254.169.254]", "link-local"),
    ] {
        api.create("service-accounts", name, rule(issuer)).await.expect(201);
        let claims = json!({"iss": issuer, "aud": "odock", "sub": "x", "exp": 4_000_000_000_u64});
        let token = super::issuer::Key::new("one").sign(&claims);
        let body = json!({"subject_token": token, "service_account": format!("acme/{name}")});
        let refused = api.post("/api/auth/exchange", None, body).await.problem(503, "unavailable");
        assert!(refused.text("/title").contains(says), "{}", refused.text("/title"));
    }
}
