//! A pipeline's OpenID token for a service account's.

use std::time::Duration;

use http::{Method, Request, header};
use serde_json::{Value, json};

use super::issuer::{Issuer, Key, Manner, unsigned};
use crate::support::{Answer, Api};

/// A gateway whose `acme` has a service account that trusts an issuer.
pub(super) struct World {
    pub(super) api: Api,
    pub(super) issuer: Issuer,
}

pub(super) fn spec(issuer: &Issuer, rule: Value) -> Value {
    let mut whole = json!({
        "name": "main", "issuer": issuer.url(), "audience": "odock", "subject": "repo:acme/*:ref:refs/heads/main",
    });
    whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    json!({"role": "ORG_ADMIN", "scopes": ["read", "write"], "trust": [whole]})
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(super) async fn with(rule: Value) -> Self {
        let api = Api::start_with(|config| {
            config.identity.allow_plain_loopback = true;
            config.http.trusted_proxies = vec!["0.0.0.0/0".parse().unwrap()];
        })
        .await;
        for name in ["acme", "globex"] {
            api.post("/api/admin/organisations", Some(&api.root), json!({"name": name, "spec": {}})).await.expect(201);
        }
        let issuer = Issuer::start().await;
        api.create("service-accounts", "deploy", spec(&issuer, rule)).await.expect(201);
        Self { api, issuer }
    }

    pub(super) async fn exchange(&self, token: &str) -> Answer {
        self.exchange_as("acme/deploy", token).await
    }

    pub(super) async fn exchange_as(&self, account: &str, token: &str) -> Answer {
        let body = json!({"subject_token": token, "service_account": account});
        self.api.post("/api/auth/exchange", None, body).await
    }

    /// As [`Self::exchange`], from another address.
    async fn exchange_from(&self, address: &str, token: &str) -> Answer {
        let body = json!({"subject_token": token, "service_account": "acme/deploy"}).to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/auth/exchange")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", address)
            .body(body.into())
            .unwrap();
        self.api.call(request).await
    }

    pub(super) fn now(&self) -> entity::Timestamp {
        use odock_gateway::clock::Clock;
        self.api.clock.now()
    }

    /// The newest events of a verb.
    pub(super) async fn events(&self, verb: &str) -> Vec<Value> {
        let events = self.api.get("/api/admin/audit", Some(&self.api.root)).await.expect(200).body;
        events["items"].as_array().unwrap().iter().filter(|event| event["verb"] == verb).cloned().collect()
    }
}

#[tokio::test]
async fn a_pipelines_token_becomes_the_service_accounts() {
    let world = World::new().await;
    let given = world.exchange(&world.issuer.token(world.now())).await.expect(200);
    // The pipeline's token ends in five minutes, by a clock that may be a minute off.
    assert!((358..=360).contains(&given.body["expires_in"].as_u64().unwrap()), "{:#}", given.body);
    assert_eq!(given.body["token_type"], "Bearer");
    assert_eq!((&given.body["rule"], &given.body["scopes"]), (&json!("main"), &json!(["read", "write"])));
    let token = given.text("/access_token");
    assert!(token.starts_with("odock-sat-"));
    let me = world.api.get("/api/whoami", Some(&token)).await.expect(200);
    assert_eq!((me.text("/serviceAccount"), me.text("/role")), ("acme/deploy".into(), "ORG_ADMIN".into()));
    assert!(me.body.get("email").is_none() && me.body.get("userId").is_none());
    // It acts, and the audit log names it.
    let body = json!({"name": "made", "spec": {}});
    world.api.post("/api/organisations/acme/teams", Some(&token), body).await.expect(201);
    let made = world.events("create").await;
    assert_eq!(made[0]["actor"], "acme/deploy");
    world.api.get("/api/organisations/globex/teams", Some(&token)).await.problem(404, "not_found");
    world.api.get("/api/admin/organisations", Some(&token)).await.problem(403, "forbidden");
    // What only people have, it has not.
    world.api.get("/api/auth/tokens", Some(&token)).await.problem(403, "forbidden");
    world.api.get("/api/auth/sessions", Some(&token)).await.problem(403, "forbidden");
    let exchanged = world.events("exchange").await;
    assert_eq!((exchanged.len(), &exchanged[0]["outcome"]), (1, &json!("done")));
    assert_eq!(exchanged[0]["after"]["claims"]["repository"], "acme/web");
    assert!(!exchanged[0].to_string().contains(&token));
    world.api.clock.advance(Duration::from_secs(361));
    world.api.get("/api/whoami", Some(&token)).await.problem(401, "token_expired");
}

#[tokio::test]
async fn a_token_works_once_unless_the_rule_says_otherwise() {
    let world = World::new().await;
    let token = world.issuer.token(world.now());
    world.exchange(&token).await.expect(200);
    world.exchange(&token).await.problem(401, "unauthorized");
    // Another signature of the same token is the same token: it says so itself.
    let mut claims = world.issuer.claims(world.now());
    let [one, two] = [world.issuer.key.sign(&claims), world.issuer.key.sign(&claims)];
    assert_ne!(one, two);
    world.exchange(&one).await.expect(200);
    world.exchange(&two).await.problem(401, "unauthorized");
    // One without an id is known by all that it says.
    claims.as_object_mut().unwrap().remove("jti");
    let [one, two] = [world.issuer.key.sign(&claims), world.issuer.key.sign(&claims)];
    world.exchange(&one).await.expect(200);
    world.exchange(&two).await.problem(401, "unauthorized");
    let world = World::with(json!({"reusable": true})).await;
    let token = world.issuer.token(world.now());
    for _ in 0..3 {
        world.exchange(&token).await.expect(200);
    }
}

#[tokio::test]
async fn of_many_who_exchange_a_token_at_once_one_does() {
    let world = World::new().await;
    let token = world.issuer.token(world.now());
    let all = futures_util::future::join_all((0..8).map(|_| world.exchange(&token))).await;
    let mut statuses: Vec<u16> = all.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
}

#[tokio::test]
async fn a_refusal_is_not_used_up() {
    let world = World::new().await;
    let token = world.issuer.token(world.now());
    world.api.acme(Method::PATCH, "service-accounts/deploy", Some(json!({"disabled": true}))).await.expect(200);
    world.exchange(&token).await.problem(403, "forbidden");
    world.api.acme(Method::PATCH, "service-accounts/deploy", Some(json!({"disabled": false}))).await.expect(200);
    let given = world.exchange(&token).await.expect(200).text("/access_token");
    // Disabled, its tokens end at once.
    world.api.acme(Method::PATCH, "service-accounts/deploy", Some(json!({"disabled": true}))).await.expect(200);
    world.api.get("/api/whoami", Some(&given)).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn times_are_kept_to_the_minute() {
    let world = World::new().await;
    let now = world.now().0 / 1_000_000;
    for (claim, value, status) in [
        ("exp", json!(now - 59), 200),
        ("exp", json!(now - 60), 401),
        ("exp", json!(now as f64 + 0.5), 200),
        ("exp", Value::Null, 401),
        ("exp", json!("soon"), 401),
        ("exp", json!(1e300), 401),
        ("exp", json!(-1), 401),
        ("nbf", json!(now + 60), 200),
        ("nbf", json!(now + 61), 401),
        ("iat", json!(now + 61), 401),
        ("iat", json!([]), 401),
    ] {
        let mut claims = world.issuer.claims(world.now());
        claims[claim] = value.clone();
        let answer = world.exchange(&world.issuer.key.sign(&claims)).await;
        assert_eq!(answer.status.as_u16(), status, "{claim} {value}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_told_to_the_caller_in_its_own_words_and_to_the_audit_log_in_all() {
    let world = World::with(json!({"claims": [{"claim": "environment", "matches": "prod-secret-*"}]})).await;
    let mut claims = world.issuer.claims(world.now());
    claims["environment"] = json!("staging");
    let refused = world.exchange(&world.issuer.key.sign(&claims)).await.problem(403, "forbidden");
    let title = refused.text("/title");
    assert!(title.contains("`environment` is `staging`") && title.contains("repository"), "{title}");
    assert!(!refused.body.to_string().contains("prod-secret"), "the caller learns what the rule wants: {refused:#?}");
    let noted = &world.events("exchange").await[0];
    assert_eq!((&noted["outcome"], &noted["actor"]), (&json!("forbidden"), &json!("acme/deploy")));
    assert_eq!(noted["after"]["misfits"][0]["wanted"], "prod-secret-*");
    assert_eq!(noted["after"]["misfits"][0]["found"], "staging");
    // The organisation's own people see it, others do not.
    let ada = world.api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let own = world.api.get("/api/organisations/acme/audit", Some(&ada)).await.expect(200).body.to_string();
    assert!(own.contains("prod-secret-*"));
    let grace = world.api.member("globex", "grace@globex.example", "ORG_ADMIN").await;
    let other = world.api.get("/api/organisations/globex/audit", Some(&grace)).await.expect(200).body.to_string();
    assert!(!other.contains("prod-secret-*"));
}

#[tokio::test]
async fn nobody_learns_which_accounts_there_are_and_nobody_untrusted_is_asked() {
    let world = World::new().await;
    world.api.create("service-accounts", "other", json!({})).await.expect(201);
    let token = world.issuer.token(world.now());
    let title = async |account: &str| {
        let refused = world.exchange_as(account, &token).await.problem(401, "unauthorized");
        refused.text("/title").replace(account, "-")
    };
    let unknown = title("acme/nobody").await;
    assert_eq!(unknown, title("nowhere/nobody").await);
    assert_eq!(unknown, title("acme/other").await, "an account that trusts nobody is as one that is not there");
    assert_eq!(unknown, title("globex/deploy").await);
    assert_eq!(world.issuer.asked(), 0);
}

/// Tokens that nobody issued, made from a good one.
fn forged(issuer: &Issuer, claims: &Value) -> Vec<(&'static str, String)> {
    use aws_lc_rs::hmac;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let good = issuer.key.sign(claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let with = |header: Value, claims: &Value| format!("{}.{signature}", unsigned(&header, claims));
    let none = unsigned(&json!({"alg": "none"}), claims);
    let shared = unsigned(&json!({"alg": "HS256", "kid": "one"}), claims);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &issuer.key.public());
    let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, shared.as_bytes()));
    let mut evil = claims.clone();
    evil["repository"] = json!("acme/other");
    vec![
        ("no algorithm, no signature", format!("{none}.")),
        ("no algorithm, another's signature", format!("{none}.{signature}")),
        ("the public key as a shared secret", format!("{shared}.{tag}")),
        ("another key of the same id", Key::new("one").sign(claims)),
        ("other claims", with(json!({"alg": "ES256", "kid": "one"}), &evil)),
        ("another family", with(json!({"alg": "RS256", "kid": "one"}), claims)),
        ("another curve", with(json!({"alg": "ES384", "kid": "one"}), claims)),
        ("a critical extension", with(json!({"alg": "ES256", "kid": "one", "crit": ["x"], "x": 1}), claims)),
        ("no signature", format!("{signed}.")),
        ("a short signature", format!("{signed}.AAAA")),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{good}.x")),
        ("nonsense", "a.b.c".into()),
        ("no base64", "\u{fffd}.\u{fffd}.\u{fffd}".into()),
    ]
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::new().await;
    for index in 0..forged(&world.issuer, &world.issuer.claims(world.now())).len() {
        let (what, token) = forged(&world.issuer, &world.issuer.claims(world.now())).swap_remove(index);
        // Each from elsewhere: an address that is often wrong is slowed down.
        let answer = world.exchange_from(&format!("10.{index}.0.1"), &token).await;
        assert_eq!(answer.status, 401, "{what}: {:#}", answer.body);
        world.exchange(&world.issuer.token(world.now())).await.expect(200);
    }
    let long = format!("{}.{}", unsigned(&json!({"alg": "ES256"}), &json!({"iss": "x"})), "A".repeat(20_000));
    world.exchange(&long).await.problem(422, "invalid");
}

#[tokio::test]
async fn keys_rotate_and_strangers_cannot_make_the_gateway_ask() {
    let world = World::new().await;
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
    assert_eq!(world.issuer.asked(), 1);
    let next = Key::new("two");
    world.issuer.publish(&[&world.issuer.key, &next]);
    // A minute has not passed since the last question.
    world.exchange(&next.sign(&world.issuer.claims(world.now()))).await.problem(401, "unauthorized");
    assert_eq!(world.issuer.asked(), 1);
    world.api.clock.advance(Duration::from_secs(61));
    world.exchange(&next.sign(&world.issuer.claims(world.now()))).await.expect(200);
    assert_eq!(world.issuer.asked(), 2);
    let stranger = Key::new("three");
    for _ in 0..5 {
        world.exchange(&stranger.sign(&world.issuer.claims(world.now()))).await.problem(401, "unauthorized");
    }
    assert_eq!(world.issuer.asked(), 2, "a key that nobody knows is asked for once a minute at the most");
    // A key that was withdrawn is refused once the keys are read again.
    world.issuer.publish(&[&next]);
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
    world.api.clock.advance(Duration::from_secs(11 * 60));
    world.exchange(&world.issuer.token(world.now())).await.problem(401, "unauthorized");
    world.exchange(&next.sign(&world.issuer.claims(world.now()))).await.expect(200);
}

#[tokio::test]
async fn while_an_issuer_is_away_its_keys_of_less_than_an_hour_ago_count() {
    let world = World::new().await;
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
    world.issuer.behave(Manner::NotAtAll);
    world.api.clock.advance(Duration::from_secs(30 * 60));
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
    world.api.clock.advance(Duration::from_secs(31 * 60));
    world.exchange(&world.issuer.token(world.now())).await.problem(503, "unavailable");
    world.issuer.behave(Manner::Well);
    world.api.clock.advance(Duration::from_secs(11));
    world.exchange(&world.issuer.token(world.now())).await.expect(200);
}
