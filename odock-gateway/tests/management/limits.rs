//! Budgets, quotas and overlays: declared, shown with their windows, deleted, and heard of by whom they limit.

use std::sync::Arc;
use std::time::Duration;

use entity::row::{ledger_lease, ledger_window};
use entity::vocab::{LimitKind, Metric, OwnerType, Period};
use entity::{NodeId, OrganisationId, Timestamp, WindowId, calendar};
use http::Method;
use odock_gateway::auth::Principal;
use odock_gateway::credential;
use sea_orm::{ActiveModelTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Api, manifest};

/// An organisation with one of everything that can hold a limit, and the secret of its key `ci`.
async fn populated() -> (Api, String) {
    let api = Api::with_organisations().await;
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
    api.create("teams", "search", json!({})).await.expect(201);
    api.create("teams", "support", json!({})).await.expect(201);
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    api.create("models", "fast", json!({"provider": "openai"})).await.expect(201);
    let ci = api.create("apikeys", "ci", json!({"type": "TEAM", "team": "search", "models": ["fast"]})).await;
    (api, ci.expect(201).text("/secret"))
}

fn monthly(owner: Value) -> Value {
    json!({"owner": owner, "period": "MONTHLY", "amountUsd": "50"})
}

fn tokens(owner: Value) -> Value {
    json!({"owner": owner, "metric": "TOKENS", "limit": 1_000, "period": "DAILY"})
}

fn brake(scope: Value) -> Value {
    json!({"scope": scope, "factor": "0.2", "ends": "2100-01-01T00:00:00Z"})
}

#[tokio::test]
async fn each_kind_is_created_listed_shown_patched_and_deleted() {
    let (api, _) = populated().await;
    let budget = json!({"owner": {"type": "TEAM", "name": "search"}, "period": "MONTHLY", "timezone": "Europe/Paris",
        "amountUsd": "50.00", "thresholds": [50, 90], "enforcement": "hard"});
    let made = api.create("budgets", "search-monthly", budget).await.expect(201);
    assert_eq!(
        made.body["spec"],
        json!({"owner": {"type": "TEAM", "name": "search"}, "period": "MONTHLY", "timezone": "Europe/Paris",
            "amountUsd": "50", "rollover": false, "thresholds": [50, 90], "enforcement": "hard", "active": true})
    );
    assert_eq!(made.body["status"], json!({}), "nothing was counted yet");
    let made = api.create("quotas", "ci-tokens", tokens(json!({"type": "APIKEY", "name": "ci"}))).await.expect(201);
    assert_eq!(
        made.body["spec"],
        json!({"owner": {"type": "APIKEY", "name": "ci"}, "metric": "TOKENS", "limit": 1000, "period": "DAILY",
            "timezone": "UTC", "rollover": false, "active": true})
    );
    let made = api.create("overlays", "incident", brake(json!({"type": "MODEL", "name": "fast"}))).await.expect(201);
    assert_eq!(made.body["spec"], brake(json!({"type": "MODEL", "name": "fast"})));
    for (collection, name, patch, changed) in [
        ("budgets", "search-monthly", json!({"amountUsd": "1.5"}), "/spec/amountUsd"),
        ("quotas", "ci-tokens", json!({"owner": {"type": "USER", "name": "ada@acme.example"}}), "/spec/owner"),
        ("overlays", "incident", json!({"scope": {"type": "ORG", "name": null}}), "/spec/scope"),
    ] {
        let path = format!("{collection}/{name}");
        let before = api.acme(Method::GET, &path, None).await.expect(200).body;
        let patched = api.acme(Method::PATCH, &path, Some(patch)).await.expect(200).body;
        assert_ne!(patched.pointer(changed), before.pointer(changed), "{path}");
        assert_eq!(patched["revision"], 2, "{path}");
        assert_eq!(api.acme(Method::GET, &path, None).await.expect(200).body, patched);
        assert_eq!(api.acme(Method::GET, collection, None).await.expect(200).names(), [name]);
        let everywhere = api.get(&format!("/api/admin/{collection}"), Some(&api.root)).await.expect(200);
        assert_eq!(everywhere.names(), [name]);
        let elsewhere = format!("/api/organisations/globex/{path}");
        api.get(&elsewhere, Some(&api.root)).await.problem(404, "not_found");
        api.acme(Method::DELETE, &path, None).await.expect(204);
        api.acme(Method::GET, &path, None).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn who_is_not_there_cannot_be_limited() {
    let (api, _) = populated().await;
    api.post("/api/organisations/globex/teams", Some(&api.root), json!({"name": "sales", "spec": {}}))
        .await
        .expect(201);
    for (collection, spec, error) in [
        ("budgets", monthly(json!({"type": "TEAM", "name": "serach"})), "/spec/owner/name bad_reference"),
        ("budgets", monthly(json!({"type": "TEAM", "name": "sales"})), "/spec/owner/name bad_reference"),
        ("budgets", monthly(json!({"type": "TEAM"})), "/spec/owner/name missing"),
        ("budgets", monthly(json!({"type": "ORG", "name": "acme"})), "/spec/owner/name invalid"),
        ("quotas", tokens(json!({"type": "APIKEY", "name": "search"})), "/spec/owner/name bad_reference"),
        ("quotas", tokens(json!({"type": "MODEL", "name": "fast"})), "/spec/owner/type invalid"),
        ("overlays", brake(json!({"type": "MODEL", "name": "slow"})), "/spec/scope/name bad_reference"),
        ("overlays", brake(json!({"type": "GLOBAL"})), "/spec/scope/type unsupported"),
    ] {
        let refused = api.create(collection, "x", spec.clone()).await.problem(422, "invalid");
        assert_eq!(refused.errors(), [error], "{spec}");
    }
    let near = api.create("budgets", "x", monthly(json!({"type": "TEAM", "name": "serach"}))).await;
    assert_eq!(near.text("/errors/0/message"), "there is no team `serach` (did you mean `search`?)");
}

#[tokio::test]
async fn schedules_and_amounts_are_checked() {
    let (api, _) = populated().await;
    for (patch, error) in [
        (json!({"timezone": "Europe/Pariss"}), "/spec/timezone invalid"),
        (json!({"timezone": "../etc/passwd"}), "/spec/timezone invalid"),
        (json!({"start": "2026-02-30T00:00:00Z"}), "/spec/start invalid"),
        (json!({"start": "2027-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}), "/spec/end invalid"),
        (json!({"thresholds": [0]}), "/spec/thresholds/0 invalid"),
        (json!({"thresholds": [50.5]}), "/spec/thresholds/0 wrong_type"),
        (json!({"thresholds": [1001]}), "/spec/thresholds/0 invalid"),
        (json!({"amountUsd": "-1"}), "/spec/amountUsd invalid"),
        (json!({"amountUsd": 50}), "/spec/amountUsd wrong_type"),
        (json!({"amountUsd": "0.0000000001"}), "/spec/amountUsd invalid"),
        (json!({"period": "HOURLY"}), "/spec/period invalid"),
        (json!({"currency": "EUR"}), "/spec/currency unsupported"),
        (json!({"enforcement": "soft"}), "/spec/enforcement invalid"),
    ] {
        let mut spec = monthly(json!({"type": "ORG"}));
        spec.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let refused = api.create("budgets", "x", spec).await.problem(422, "invalid");
        assert_eq!(refused.errors(), [error], "{patch}");
    }
    for (patch, error) in [
        (json!({"factor": "-1"}), "/spec/factor invalid"),
        (json!({"factor": 0.2}), "/spec/factor wrong_type"),
        (json!({"factor": "1001"}), "/spec/factor invalid"),
        (json!({"starts": "2200-01-01T00:00:00Z"}), "/spec/ends invalid"),
    ] {
        let mut spec = brake(json!({"type": "ORG"}));
        spec.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        let refused = api.create("overlays", "x", spec).await.problem(422, "invalid");
        assert_eq!(refused.errors(), [error], "{patch}");
    }
}

#[tokio::test]
async fn policies_that_make_no_sense_are_refused_at_every_scope() {
    let (api, _) = populated().await;
    let wrong = [
        (json!({"ratelimit": {"requests": {"per_second": -1}}}), "/ratelimit/requests/per_second invalid"),
        (json!({"ratelimit": {"requests": {"per_minute": 0}}}), "/ratelimit/requests/per_minute invalid"),
        (json!({"ratelimit": {"requests": {"per_minute": 1.5}}}), "/ratelimit/requests/per_minute wrong_type"),
        (json!({"ratelimit": {"requests": {"per_minute": "60"}}}), "/ratelimit/requests/per_minute wrong_type"),
        (json!({"ratelimit": {"requests": {"per_hour": 60}}}), "/ratelimit/requests/per_hour unknown_field"),
        (json!({"ratelimit": {"requests": {"burst": 5}}}), "/ratelimit/requests/burst invalid"),
        (json!({"ratelimit": {"tokens": {"per_minute": 1e30}}}), "/ratelimit/tokens/per_minute wrong_type"),
        (json!({"ratelimit": {"concurrency": {"max": 0}}}), "/ratelimit/concurrency/max invalid"),
        (json!({"ratelimit": {"concurrency": {}}}), "/ratelimit/concurrency/max missing"),
        (json!({"ratelimit": {"payload": {"max_tokens": 4_294_967_296_u64}}}), "/ratelimit/payload/max_tokens invalid"),
        (json!({"ip": {"allowlist": ["10.0.0.1/8"]}}), "/ip/allowlist/0 invalid"),
        (json!({"ip": {"blocklist": ["everybody"]}}), "/ip/blocklist/0 invalid"),
        (json!({"shadow": "yes"}), "/shadow wrong_type"),
        (json!({"ratelimits": {}}), "/ratelimits unknown_field"),
    ];
    for (policies, error) in wrong {
        let (pointer, code) = error.split_once(' ').unwrap();
        let expected = format!("/policies{pointer} {code}");
        for path in ["teams/search", "models/fast", "apikeys/ci"] {
            let refused = api.acme(Method::PATCH, path, Some(json!({"policies": policies}))).await;
            assert_eq!(refused.problem(422, "invalid").errors(), [expected.as_str()], "{path} {policies}");
        }
        let body = Some(json!({"policies": policies}));
        let refused = api.send(Method::PATCH, "/api/admin/organisations/acme", Some(&api.root), body).await;
        assert_eq!(refused.problem(422, "invalid").errors(), [expected.as_str()], "acme {policies}");
    }
    let right = json!({"ip": {"allowlist": ["10.0.0.0/8"]}, "ratelimit": {"requests": {"per_minute": 60}}});
    for path in ["teams/search", "models/fast", "apikeys/ci"] {
        let changed = api.acme(Method::PATCH, path, Some(json!({"policies": right}))).await.expect(200);
        assert_eq!(changed.body["spec"]["policies"], right, "{path}");
        let bare = api.acme(Method::PATCH, path, Some(json!({"policies": null}))).await.expect(200);
        assert_eq!(bare.body["spec"].get("policies"), None, "{path}");
    }
}

#[tokio::test]
async fn prices_change_at_their_instant_and_once() {
    let (api, _) = populated().await;
    let at = |from: &str, price: &str| json!({"from": from, "pricing": {"input": {"text_cost_per_1k_tokens": price}}});
    let changes = json!([at("2027-01-01T00:00:00Z", "0.1"), at("2027-07-01T00:00:00Z", "0.2")]);
    let patched = api.acme(Method::PATCH, "models/fast", Some(json!({"priceChanges": changes}))).await.expect(200);
    assert_eq!(patched.body["spec"]["priceChanges"][1]["from"], "2027-07-01T00:00:00Z");
    for twice in ["2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00"] {
        let changes = json!([at("2027-01-01T00:00:00Z", "0.1"), at(twice, "0.2")]);
        let refused = api.acme(Method::PATCH, "models/fast", Some(json!({"priceChanges": changes}))).await;
        assert_eq!(refused.problem(422, "invalid").errors(), ["/priceChanges/1/from duplicate"], "{twice}");
    }
    let spec = json!({"provider": "openai", "priceChanges": [at("2028-01-01T00:00:00Z", "0.3")]});
    let body = json!({"resources": [manifest("Model", "fast", spec)], "forceConflicts": true});
    let applied = api.acme(Method::POST, "apply", Some(body.clone())).await.expect(200);
    assert_eq!(applied.body["changes"][0]["action"], "update");
    let again = api.acme(Method::POST, "apply", Some(body)).await.expect(200);
    assert_eq!(again.body["changes"][0]["action"], "unchanged");
}

#[tokio::test]
async fn an_overlay_is_in_force_while_its_time_lasts() {
    let (api, _) = populated().await;
    let now = api.gateway.clock.now();
    let in_hours = |hours: i64| Timestamp(now.0 + hours * 3_600_000_000).to_string();
    let spec = json!({"scope": {"type": "ORG"}, "factor": "2", "starts": in_hours(1), "ends": in_hours(2)});
    let made = api.create("overlays", "launch", spec).await.expect(201);
    let mut seen = vec![made.body["status"]["inForce"].clone()];
    for _ in 0..2 {
        api.clock.advance(Duration::from_secs(3_600));
        seen.push(api.acme(Method::GET, "overlays", None).await.body["items"][0]["status"]["inForce"].clone());
    }
    assert_eq!(seen, [false, true, false]);
}

#[tokio::test]
async fn a_budget_shows_the_window_that_is_open() {
    let (api, _) = populated().await;
    let made = api.create("budgets", "search-monthly", monthly(json!({"type": "TEAM", "name": "search"}))).await;
    let id: Uuid = made.expect(201).text("/id").parse().unwrap();
    let organisation = api.get("/api/organisations/acme", Some(&api.root)).await.text("/id");
    let (db, now) = (api.gateway.database.writer(), api.gateway.clock.now());
    let (start, end) = calendar::window(Period::Monthly, &calendar::zone("UTC").unwrap(), now).unwrap();
    let window = ledger_window::Model {
        id: WindowId::new(),
        organisation_id: OrganisationId(organisation.parse().unwrap()),
        kind: LimitKind::Budget,
        limit_id: id,
        owner_type: OwnerType::Team,
        owner_id: Uuid::now_v7(),
        metric: Metric::Cost,
        starts_at: start,
        ends_at: end,
        limit_value: 50_000,
        used: 10_000,
        asks: 0,
        created_at: now,
        updated_at: now,
    };
    // Last month's must not be taken for this month's, nor one of another length.
    let before = ledger_window::Model {
        id: WindowId::new(),
        starts_at: Timestamp(start.0 - 1_000_000),
        ends_at: start,
        used: 49_999,
        ..window.clone()
    };
    let longer = ledger_window::Model { id: WindowId::new(), ends_at: Timestamp(end.0 + 1), used: 1, ..window.clone() };
    for row in [before, longer, window.clone()] {
        row.into_active_model().insert(db).await.unwrap();
    }
    for held in [3_000, 4_000] {
        let lease = ledger_lease::Model {
            id: Uuid::now_v7(),
            window_id: window.id,
            node_id: NodeId::new(),
            amount: 9_000,
            held,
            answered: 0,
            ends_at: end,
            created_at: now,
            updated_at: now,
        };
        lease.into_active_model().insert(db).await.unwrap();
    }
    let expected =
        json!({"start": start, "end": end, "limit": 50_000, "used": 10_000, "reserved": 7_000, "left": 33_000});
    let shown = api.acme(Method::GET, "budgets/search-monthly", None).await.expect(200);
    assert_eq!(shown.body["status"]["window"], expected);
    let listed = api.acme(Method::GET, "budgets", None).await.expect(200);
    assert_eq!(listed.body["items"][0]["status"]["window"], expected);
    // What a change would leave is said before it is made: 50 USD were declared, and the window has 33 000 nanos left.
    let plan = async |changed: Value| {
        let mut spec = monthly(json!({"type": "TEAM", "name": "search"}));
        spec.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let set = json!({"resources": [manifest("Budget", "search-monthly", spec)], "forceConflicts": true});
        let plan = api.acme(Method::POST, "apply?dryRun=true", Some(set)).await.expect(200);
        plan.body["changes"][0].get("consequences").cloned().unwrap_or_default()
    };
    assert_eq!(
        plan(json!({"amountUsd": "50.00001"})).await,
        json!(["$0.00001 is used of the open window, and $0.000043 is left of it"])
    );
    assert_eq!(
        plan(json!({"amountUsd": "49"})).await,
        json!(["$0.00001 is used of the open window, and nothing is left of it"])
    );
    assert_eq!(
        plan(json!({"period": "DAILY"})).await,
        json!(["it is counted in another window from now on, with what was used in that"])
    );
    assert_eq!(plan(json!({})).await, Value::Null, "what changes nothing has no consequences");
    let patched = api.acme(Method::PATCH, "budgets/search-monthly", Some(json!({"amountUsd": "60"}))).await.expect(200);
    assert_eq!(patched.body["status"]["window"]["used"], 10_000, "what was used stays used");
}

/// The principal of a key, by its secret.
async fn principal(api: &Api, secret: &str) -> Arc<Principal> {
    api.gateway.auth.principal(&credential::hash_bytes(secret)).await.unwrap()
}

fn limits(principal: &Principal) -> Vec<&str> {
    let mut names: Vec<&str> = principal.limits.iter().map(|limit| &*limit.name).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn whoever_is_limited_hears_of_every_change() {
    let (api, secret) = populated().await;
    assert!(limits(&*principal(&api, &secret).await).is_empty());
    api.create("budgets", "team", monthly(json!({"type": "TEAM", "name": "search"}))).await.expect(201);
    api.create("quotas", "key", tokens(json!({"type": "APIKEY", "name": "ci"}))).await.expect(201);
    api.create("quotas", "org", tokens(json!({"type": "ORG"}))).await.expect(201);
    assert_eq!(limits(&*principal(&api, &secret).await), ["key", "org", "team"]);
    // It moves to another owner: the one before hears of it too.
    let away = json!({"owner": {"type": "TEAM", "name": "support"}});
    api.acme(Method::PATCH, "budgets/team", Some(away)).await.expect(200);
    assert_eq!(limits(&*principal(&api, &secret).await), ["key", "org"]);
    api.acme(Method::PATCH, "quotas/org", Some(json!({"active": false}))).await.expect(200);
    assert_eq!(limits(&*principal(&api, &secret).await), ["key"]);
    api.acme(Method::DELETE, "quotas/key", None).await.expect(204);
    assert!(limits(&*principal(&api, &secret).await).is_empty());

    api.acme(Method::PATCH, "teams/search", Some(json!({"policies": {"ratelimit": {"tokens": {"per_minute": 9}}}})))
        .await
        .expect(200);
    assert!(principal(&api, &secret).await.scopes[0].overlays.is_empty());
    api.create("overlays", "brake", brake(json!({"type": "TEAM", "name": "search"}))).await.expect(201);
    assert_eq!(principal(&api, &secret).await.scopes[0].overlays.len(), 1);
    api.acme(Method::DELETE, "overlays/brake", None).await.expect(204);
    assert!(principal(&api, &secret).await.scopes[0].overlays.is_empty());
}

fn referrers(refused: &Answer) -> Vec<String> {
    let errors = refused.body["errors"].as_array().unwrap();
    errors.iter().map(|it| format!("{} {}", it["kind"].as_str().unwrap(), it["name"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn what_is_limited_stays_or_takes_its_limits_along() {
    let (api, _) = populated().await;
    api.create("apikeys", "laptop", json!({"type": "USER", "user": "ada@acme.example"})).await.expect(201);
    for (collection, name, spec) in [
        ("budgets", "team", monthly(json!({"type": "TEAM", "name": "search"}))),
        ("budgets", "ada", monthly(json!({"type": "USER", "name": "ada@acme.example"}))),
        ("quotas", "ci", tokens(json!({"type": "APIKEY", "name": "ci"}))),
        ("quotas", "org", tokens(json!({"type": "ORG"}))),
        ("overlays", "laptop", brake(json!({"type": "APIKEY", "name": "laptop"}))),
        ("overlays", "fast", brake(json!({"type": "MODEL", "name": "fast"}))),
    ] {
        api.create(collection, name, spec).await.expect(201);
    }
    for (path, expected) in [
        ("teams/search", vec!["ApiKey ci", "Budget team", "Quota ci"]),
        ("users/ada@acme.example", vec!["ApiKey laptop", "Budget ada", "Overlay laptop"]),
        ("apikeys/laptop", vec!["Overlay laptop"]),
        ("models/fast", vec!["Overlay fast", "ApiKey ci"]),
        ("providers/openai", vec!["Model fast", "Overlay fast"]),
    ] {
        let refused = api.acme(Method::DELETE, path, None).await.problem(409, "conflict");
        assert_eq!(referrers(&refused), expected, "{path}");
    }
    for path in ["teams/search", "users/ada@acme.example", "providers/openai"] {
        api.acme(Method::DELETE, &format!("{path}?cascade=true"), None).await.expect(204);
    }
    assert!(api.acme(Method::GET, "budgets", None).await.names().is_empty());
    assert_eq!(api.acme(Method::GET, "quotas", None).await.names(), ["org"]);
    assert!(api.acme(Method::GET, "overlays", None).await.names().is_empty());
    let events = api.acme(Method::GET, "audit", None).await.expect(200).body;
    let deleted = events["items"].as_array().unwrap().iter().filter(|event| event["verb"] == "delete");
    let deleted: Vec<&str> = deleted.map(|event| event["resource"].as_str().unwrap()).collect();
    assert_eq!(deleted.iter().filter(|kind| ["budget", "quota", "overlay"].contains(kind)).count(), 5);
    api.delete("/api/admin/organisations/acme?cascade=true", Some(&api.root)).await.expect(204);
    assert!(api.get("/api/admin/quotas", Some(&api.root)).await.names().is_empty());
}

#[tokio::test]
async fn a_set_declares_limits_with_whom_they_limit() {
    let api = Api::start().await;
    let set = || {
        json!({"resources": [
            manifest("Overlay", "launch", brake(json!({"type": "MODEL", "name": "fast"}))),
            manifest("Quota", "ci-tokens", tokens(json!({"type": "APIKEY", "name": "ci"}))),
            manifest("Budget", "everything", monthly(json!({"type": "ORG"}))),
            manifest("Budget", "search", monthly(json!({"type": "TEAM", "name": "search"}))),
            manifest("ApiKey", "ci", json!({"type": "TEAM", "team": "search", "models": ["fast"]})),
            manifest("Model", "fast", json!({"provider": "openai"})),
            manifest("Provider", "openai", json!({"type": "OPENAI"})),
            manifest("Team", "search", json!({"policies": {"shadow": true}})),
            manifest("Organisation", "acme", json!({"policies": {"ratelimit": {"concurrency": {"max": 3}}}})),
        ]})
    };
    let actions = |plan: Answer| {
        let changes = plan.body["changes"].as_array().unwrap().clone();
        let line =
            |change: &Value| format!("{} {}", change["action"].as_str().unwrap(), change["name"].as_str().unwrap());
        changes.iter().map(line).collect::<Vec<_>>()
    };
    let made = actions(api.acme(Method::POST, "apply", Some(set())).await.expect(200));
    assert_eq!(made.len(), 9);
    assert!(made.iter().all(|line| line.starts_with("create")), "{made:?}");
    assert_eq!(made[5..], ["create everything", "create search", "create ci-tokens", "create launch"]);
    let again = actions(api.acme(Method::POST, "apply", Some(set())).await.expect(200));
    assert!(again.iter().all(|line| line.starts_with("unchanged")), "{again:?}");
    let mut other = set();
    other["resources"][3]["spec"]["owner"] = json!({"type": "TEAM", "name": "sarch"});
    let refused = api.acme(Method::POST, "apply", Some(other)).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/spec/owner/name bad_reference"]);
    assert_eq!(refused.body["errors"][0]["manifest"], 3);
}
