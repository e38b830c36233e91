//! Signing in with GitHub, by a code in a browser.

use std::time::Duration;

use entity::vocab::IdentityKind;
use odock_gateway::config::{IdentityProvider, Unknown};
use serde_json::{Value, json};

use super::fake_github::{CLIENT, GitHub, Mood};
use crate::support::{Answer, Api};

/// A gateway that knows a GitHub, and ada, who has an account with both.
struct World {
    api: Api,
    github: GitHub,
}

impl World {
    async fn new() -> Self {
        let github = GitHub::start().await;
        let issuer = github.url();
        let api = Api::start_with(|config| {
            config.identity.allow_plain_loopback = true;
            config.identity.providers = vec![IdentityProvider {
                name: "github".into(),
                kind: IdentityKind::GitHub,
                issuer,
                api_url: None,
                client_id: CLIENT.into(),
                client_secret: None,
                scopes: vec!["user:email".into()],
                allowed_domains: Vec::new(),
                unknown: Unknown::Refused,
            }];
        })
        .await;
        api.post("/api/admin/organisations", Some(&api.root), json!({"name": "acme", "spec": {}})).await.expect(201);
        api.member("acme", "ada@acme.example", "USER").await;
        Self { api, github }
    }

    async fn begin(&self) -> Answer {
        self.api.post("/api/auth/device", None, json!({"provider": "github", "name": "laptop"})).await
    }

    /// The handle of a sign-in that has begun.
    async fn begun(&self) -> String {
        self.begin().await.expect(200).text("/handle")
    }

    async fn poll(&self, handle: &str) -> Answer {
        self.api.post("/api/auth/device/poll", None, json!({"handle": handle})).await
    }

    /// Asks after the interval that was agreed.
    async fn later(&self, seconds: u64, handle: &str) -> Answer {
        self.api.clock.advance(Duration::from_secs(seconds));
        self.poll(handle).await
    }
}

#[tokio::test]
async fn a_code_that_is_typed_at_github_signs_in() {
    let world = World::new().await;
    let prompt = world.begin().await.expect(200);
    assert_eq!(prompt.body["userCode"], "WDJB-MJHT");
    assert_eq!(prompt.body["verificationUri"], "https://github.com/login/device");
    assert_eq!(prompt.body["interval"], 5);
    assert!(!prompt.body.to_string().contains("3584d83"), "the device code is the gateway's secret");
    let handle = prompt.text("/handle");
    // Too early: GitHub is not bothered.
    assert_eq!(world.poll(&handle).await.expect(200).body, json!({"interval": 5}));
    assert_eq!(world.github.asked(), 0);
    assert_eq!(world.later(5, &handle).await.expect(200).body, json!({"interval": 5}));
    assert_eq!(world.github.asked(), 1);
    world.github.feel(Mood::Approved);
    let done = world.later(5, &handle).await.expect(200);
    let token = done.text("/signedIn/accessToken");
    let who = world.api.get("/api/whoami", Some(&token)).await.expect(200);
    assert_eq!(who.text("/email"), "ada@acme.example");
    assert_eq!(done.text("/signedIn/session/method"), "device");
    // The code is used up.
    world.later(5, &handle).await.problem(401, "token_expired");
    // From now on the number counts, whatever the address and the name.
    world.github.set_user(json!({"login": "ada-2", "id": 583_231, "name": null}));
    world.github.set_addresses(json!([{"email": "ada@elsewhere.example", "verified": true, "primary": true}]));
    let handle = world.begun().await;
    let token = world.later(5, &handle).await.expect(200).text("/signedIn/accessToken");
    assert_eq!(world.api.get("/api/whoami", Some(&token)).await.expect(200).text("/email"), "ada@acme.example");
    // Somebody else under the old name is somebody else.
    world.github.set_user(json!({"login": "ada", "id": 1, "name": "Mallory"}));
    world.github.set_addresses(json!([{"email": "mallory@elsewhere.example", "verified": true, "primary": true}]));
    let handle = world.begun().await;
    world.later(5, &handle).await.problem(403, "forbidden");
}

#[tokio::test]
async fn github_is_asked_less_often_when_it_says_so() {
    let world = World::new().await;
    let handle = world.begun().await;
    world.github.feel(Mood::Hurried(17));
    assert_eq!(world.later(5, &handle).await.expect(200).body["interval"], 17, "as GitHub says");
    world.github.feel(Mood::Hurried(2));
    assert_eq!(world.later(17, &handle).await.expect(200).body["interval"], 22, "and never less than it was");
    world.github.feel(Mood::Approved);
    let asked = world.github.asked();
    assert_eq!(world.later(21, &handle).await.expect(200).body["interval"], 22);
    assert_eq!(world.github.asked(), asked, "a client that hurries is held back here");
    world.later(1, &handle).await.expect(200).text("/signedIn/accessToken");
}

#[tokio::test]
async fn a_sign_in_that_is_declined_or_forgotten_is_over() {
    let world = World::new().await;
    for (mood, status, code) in [(Mood::Declined, 403, "forbidden"), (Mood::Expired, 401, "token_expired")] {
        world.github.feel(Mood::Waiting);
        let handle = world.begun().await;
        world.github.feel(mood);
        world.later(5, &handle).await.problem(status, code);
        world.github.feel(Mood::Approved);
        world.later(5, &handle).await.problem(401, "token_expired");
    }
    // A code lapses here as well, should GitHub forget to say so.
    world.github.feel(Mood::Waiting);
    let handle = world.begun().await;
    world.later(900, &handle).await.problem(401, "token_expired");
    let events = world.api.get("/api/admin/audit", Some(&world.api.root)).await.expect(200).body;
    let outcomes: Vec<&Value> = events["items"].as_array().unwrap().iter().map(|event| &event["outcome"]).collect();
    assert!(outcomes.contains(&&json!("forbidden")) && outcomes.contains(&&json!("token_expired")), "{outcomes:?}");
}

#[tokio::test]
async fn trouble_at_github_ends_no_sign_in() {
    let world = World::new().await;
    let handle = world.begun().await;
    for mood in [Mood::Down, Mood::Limited] {
        world.github.feel(mood);
        let refused = world.later(5, &handle).await.problem(503, "unavailable");
        assert!(refused.headers.contains_key("retry-after"));
    }
    world.github.feel(Mood::Approved);
    world.later(10, &handle).await.expect(200).text("/signedIn/accessToken");
    world.github.feel(Mood::DeviceFlowOff);
    let refused = world.begin().await.problem(503, "unavailable");
    assert!(refused.text("/title").contains("device_flow_disabled"), "{}", refused.text("/title"));
}

#[tokio::test]
async fn only_a_primary_address_that_github_has_verified_counts() {
    let world = World::new().await;
    world.github.feel(Mood::Approved);
    let address = |verified: bool, primary: bool| json!([{"email": "ada@acme.example", "verified": verified, "primary": primary, "visibility": null}]);
    for addresses in [address(false, true), address(true, false), json!([])] {
        world.github.set_addresses(addresses);
        let handle = world.begun().await;
        world.later(60, &handle).await.problem(403, "forbidden");
    }
    world.github.feel(Mood::NoAddresses);
    let handle = world.begun().await;
    let refused = world.later(60, &handle).await.problem(403, "forbidden");
    assert!(refused.text("/title").contains("user:email"), "{}", refused.text("/title"));
    world.github.feel(Mood::Approved);
    world.github.set_addresses(address(true, true));
    let handle = world.begun().await;
    world.later(60, &handle).await.expect(200).text("/signedIn/accessToken");
}
