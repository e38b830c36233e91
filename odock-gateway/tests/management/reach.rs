//! What managers and users reach, cell by cell: every line of the table that says `teams` or `own` has a case here, with
//! what is within and what is beyond. A line without one fails.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, sealed};
use crate::usage::{organisation, record};

const MANAGER: &str = "manager@acme.example";
const USER: &str = "user@acme.example";

/// An organisation with two teams, of which one has a manager, and something of every kind in and beside each.
struct World {
    api: Api,
    manager: String,
    user: String,
}

impl World {
    async fn start() -> Self {
        let api = Api::with_organisations().await;
        let manager = api.member("acme", MANAGER, "MANAGER").await;
        let user = api.member("acme", USER, "USER").await;
        api.member("acme", "other@acme.example", "USER").await;
        let member = |user: &str, role: &str| json!({"user": user, "role": role});
        let members = json!({"members": [member(MANAGER, "MANAGER"), member("other@acme.example", "MEMBER")]});
        api.create("teams", "search", members).await.expect(201);
        // A member of another team, but not its manager.
        api.create("teams", "billing", json!({"members": [member(MANAGER, "MEMBER")]})).await.expect(201);
        let secret = sealed(&api.gateway, "sk-upstream");
        let keys = json!([{"name": "main", "secret": secret}]);
        let provider = json!({"type": "OPENAI", "baseUrl": "https://api.openai.com", "keys": keys});
        api.create("providers", "openai", provider).await.expect(201);
        for model in ["fast", "slow"] {
            let spec = json!({"type": "chat", "slug": model, "provider": "openai", "providerKey": "main"});
            api.create("models", model, spec).await.expect(201);
        }
        let key = async |name: &str, spec: Value| {
            let body = json!({"name": name, "spec": spec, "reveal": false});
            api.acme(Method::POST, "apikeys", Some(body)).await.expect(201);
        };
        for name in ["search-1", "search-2"] {
            key(name, json!({"type": "TEAM", "team": "search", "models": ["fast"]})).await;
        }
        key("billing-1", json!({"type": "TEAM", "team": "billing", "models": ["slow"]})).await;
        key("own-1", json!({"type": "USER", "user": USER, "models": ["fast"], "expiry": "2099-01-01T00:00:00Z"})).await;
        key("other-1", json!({"type": "USER", "user": "other@acme.example", "models": ["slow"]})).await;
        key("everybody", json!({"type": "ORGANISATION", "models": ["slow"]})).await;
        let owner = |kind: &str, name: &str| json!({"type": kind, "name": name});
        for (name, owner) in [
            ("of-search", owner("TEAM", "search")),
            ("of-search-1", owner("APIKEY", "search-1")),
            ("of-search-2", owner("APIKEY", "search-2")),
            ("of-billing", owner("TEAM", "billing")),
            ("of-user", owner("USER", USER)),
            ("of-own-1", owner("APIKEY", "own-1")),
            ("of-acme", json!({"type": "ORG"})),
        ] {
            let budget = json!({"owner": owner, "period": "DAILY", "amountUsd": "10"});
            api.create("budgets", name, budget).await.expect(201);
            let quota = json!({"owner": owner, "period": "DAILY", "metric": "REQUESTS", "limit": 10});
            api.create("quotas", name, quota).await.expect(201);
        }
        for (name, scope) in [("slow-search", owner("TEAM", "search")), ("slow-billing", owner("TEAM", "billing"))] {
            let overlay = json!({"scope": scope, "factor": "0.5", "ends": "2099-01-01T00:00:00Z"});
            api.create("overlays", name, overlay).await.expect(201);
        }
        let world = Self { api, manager, user };
        world.usage().await;
        world
    }

    /// A record of a key of each team and of each user.
    async fn usage(&self) {
        let acme = organisation(&self.api, "acme").await;
        let now = odock_gateway::clock::Clock::now(&self.api.clock).minus(std::time::Duration::from_secs(60));
        let id = async |path: &str| {
            let text = self.api.acme(Method::GET, path, None).await.expect(200).text("/id");
            uuid::Uuid::parse_str(&text).unwrap()
        };
        let mut records = Vec::new();
        for (number, name, team, user) in [
            (0, "r-search", Some("search"), None),
            (1, "r-billing", Some("billing"), None),
            (2, "r-user", None, Some(USER)),
            (4, "r-other", None, Some("other@acme.example")),
        ] {
            let mut record = record(acme, number, now);
            record.request_id = name.into();
            if let Some(team) = team {
                record.team_id = Some(entity::TeamId(id(&format!("teams/{team}")).await));
                record.team = Some(team.into());
            }
            if let Some(user) = user {
                record.user_id = Some(entity::UserId(id(&format!("users/{user}")).await));
                record.user = Some(user.into());
            }
            records.push(record);
        }
        self.api.keep(&records).await;
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/api/organisations/acme/{path}");
        self.api.send(method.parse().unwrap(), &path, Some(token), body).await
    }
}

/// What a cell means.
enum Case {
    /// A list has exactly these.
    Lists(Vec<&'static str>),
    /// With these it may (path and body), and those do not exist.
    Names(Vec<(&'static str, Option<Value>)>, Vec<&'static str>),
    /// With this it gets to what is asked, which ends with this status; those do not exist.
    Meets(&'static str, Value, u16, Vec<&'static str>),
    /// These bodies are taken, and those are refused.
    Bodies(Vec<Value>, Vec<Value>),
    /// Requests add up to so many.
    Sums(u64),
    /// A stream, of which another suite shows what is in it.
    Streams,
}

use self::Case::{Bodies, Lists, Meets, Names, Streams, Sums};

fn plain(names: &[&'static str]) -> Vec<(&'static str, Option<Value>)> {
    names.iter().map(|name| (*name, None)).collect()
}

fn key(name: &str, spec: Value) -> Value {
    json!({"name": name, "spec": spec})
}

/// The case of a line for a role.
fn case(role: &str, method: &str, path: &str) -> Option<Case> {
    let manager = role == "MANAGER";
    let either = |of_manager: Vec<&'static str>, of_user: Vec<&'static str>| if manager { of_manager } else { of_user };
    let own_keys = either(vec!["search-1", "search-2"], vec!["own-1"]);
    let beyond = either(
        vec!["billing-1", "own-1", "other-1", "everybody", "none"],
        vec!["search-1", "other-1", "everybody", "none"],
    );
    let key_one = if manager { "search-1" } else { "own-1" };
    let team_limit = json!({"owner": {"type": "TEAM", "name": "search"}, "period": "DAILY"});
    let limit = |more: Value, owner: Value| {
        let mut spec = team_limit.clone();
        spec["owner"] = owner;
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let bodies = |more: Value| {
        let of = |kind: &str, name: &str| limit(more.clone(), json!({"type": kind, "name": name}));
        Bodies(
            vec![key("new-1", of("TEAM", "search")), key("new-2", of("APIKEY", "search-1"))],
            vec![
                key("new-3", of("TEAM", "billing")),
                key("new-3", of("TEAM", "none")),
                key("new-3", of("APIKEY", "billing-1")),
                key("new-3", of("USER", MANAGER)),
                key("new-3", limit(more.clone(), json!({"type": "ORG"}))),
            ],
        )
    };
    let limits = either(vec!["of-search", "of-search-1", "of-search-2"], vec!["of-own-1", "of-user"]);
    let far_limits = vec!["of-billing", "of-acme", "none", if manager { "of-user" } else { "of-search" }];
    let rest = path.strip_prefix("/api/organisations/{organisation}/")?;
    Some(match (method, rest) {
        ("GET", "users") => Lists(either(vec![MANAGER, "other@acme.example"], vec![USER])),
        ("GET", "users/{name}") => Names(
            plain(&either(vec![MANAGER, "other@acme.example"], vec![USER])),
            vec![if manager { USER } else { MANAGER }, "none@acme.example"],
        ),
        ("PATCH", "users/{name}") => {
            let own = if manager { MANAGER } else { USER };
            Names(vec![(own, Some(json!({"displayName": "Me"})))], vec!["other@acme.example", "none@acme.example"])
        }
        ("GET", "teams") => Lists(vec!["search"]),
        ("GET", "teams/{name}" | "teams/{name}/members") => Names(plain(&["search"]), vec!["billing", "none"]),
        ("PATCH", "teams/{name}") => {
            Names(vec![("search", Some(json!({"description": "We search"})))], vec!["billing", "none"])
        }
        ("POST", "teams/{name}/members") => {
            Names(vec![("search", Some(json!({"user": USER, "role": "MEMBER"})))], vec!["billing", "none"])
        }
        ("DELETE", "teams/{name}/members/{member}") => {
            Names(plain(&["search/other@acme.example"]), vec!["billing/manager@acme.example", "none/x"])
        }
        ("GET", "models") => Lists(vec!["fast"]),
        ("GET", "models/{name}") => Names(plain(&["fast"]), vec!["slow", "none"]),
        ("GET", "apikeys") => Lists(own_keys),
        ("POST", "apikeys") => Bodies(
            vec![key("new", json!({"type": "TEAM", "team": "search", "models": ["fast"]}))],
            vec![
                key("more", json!({"type": "TEAM", "team": "billing"})),
                key("more", json!({"type": "TEAM", "team": "none"})),
                key("more", json!({"type": "ORGANISATION"})),
                key("more", json!({"type": "USER", "user": MANAGER})),
                key("more", json!({"type": "TEAM", "team": "search", "models": ["slow"]})),
                key("more", json!({"type": "TEAM", "team": "search", "models": ["none"]})),
            ],
        ),
        ("GET", "apikeys/{name}" | "apikeys/{name}/history") => Names(plain(&own_keys), beyond),
        ("PATCH", "apikeys/{name}") => Names(vec![(key_one, Some(json!({"expiry": "2098-01-01T00:00:00Z"})))], beyond),
        ("DELETE", "apikeys/{name}") => Names(plain(&["new"]), beyond),
        ("POST", "apikeys/{name}/reveal" | "apikeys/{name}/revoke" | "apikeys/{name}/unrevoke") => {
            Names(plain(&[key_one]), beyond)
        }
        ("POST", "apikeys/{name}/finish-rotation") => Names(plain(&[key_one]), beyond),
        // No secret waits: it is found, and that is said.
        ("POST", "apikeys/{name}/ack") => Meets(key_one, json!({"hash": "0".repeat(64)}), 409, beyond),
        ("POST", "apikeys/{name}/rotate") => Names(vec![(key_one, Some(json!({})))], beyond),
        ("POST", "apikeys/{name}/simulate") => Names(vec![(key_one, Some(json!({"model": "fast"})))], beyond),
        ("PUT" | "DELETE", "apikeys/{name}/models/{model}") => {
            Names(plain(&["search-1/fast"]), vec!["search-1/slow", "search-1/none", "billing-1/fast", "none/fast"])
        }
        ("GET", "budgets" | "quotas") => Lists(limits),
        ("GET", "budgets/{name}" | "quotas/{name}") => Names(plain(&limits), far_limits),
        ("POST", "budgets") => bodies(json!({"amountUsd": "1"})),
        ("POST", "quotas") => bodies(json!({"metric": "REQUESTS", "limit": 1})),
        ("PATCH", "budgets/{name}") => Names(
            vec![("of-search", Some(json!({"amountUsd": "5"}))), ("of-search-1", Some(json!({"amountUsd": "50"})))],
            far_limits,
        ),
        ("PATCH", "quotas/{name}") => Names(
            vec![("of-search", Some(json!({"limit": 5}))), ("of-search-1", Some(json!({"limit": 50})))],
            far_limits,
        ),
        ("DELETE", "budgets/{name}" | "quotas/{name}") => Names(plain(&["of-search-1"]), far_limits),
        ("GET", "overlays") => Lists(either(vec!["slow-search"], vec![])),
        ("GET", "overlays/{name}") => Names(plain(&either(vec!["slow-search"], vec![])), vec!["slow-billing", "none"]),
        ("GET", "usage") => Lists(either(vec!["r-search"], vec!["r-user"])),
        ("GET", "usage/{request}") => {
            Names(plain(&either(vec!["r-search"], vec!["r-user"])), vec!["r-billing", "r-other", "none"])
        }
        ("GET", "usage/summary" | "usage/top") => Sums(1),
        ("GET", "limits") => Lists(limits.iter().chain(&limits).copied().collect()),
        ("GET", "live") => Streams,
        _ => return None,
    })
}

/// A path with its names filled in.
fn filled(template: &str, names: &str) -> String {
    let mut names = names.split('/');
    let rest = template.strip_prefix("/api/organisations/{organisation}/").unwrap();
    let part = |part: &str| if part.starts_with('{') { names.next().unwrap().to_owned() } else { part.to_owned() };
    rest.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn every_cell(role: &str) {
    let world = World::start().await;
    let token = if role == "MANAGER" { &world.manager } else { &world.user };
    let matrix = world.api.get("/api/auth/matrix", Some(token)).await.expect(200).body;
    let mut lines: Vec<&Value> = matrix["rules"].as_array().unwrap().iter().collect();
    // What takes something away comes after what looks at it.
    lines.sort_by_key(|line| match (line["method"].as_str().unwrap(), line["path"].as_str().unwrap()) {
        ("GET", _) => 0,
        ("DELETE", path) if path.contains("/models/") => 2,
        ("DELETE", path) if path.contains("/apikeys/") => 4,
        ("DELETE", _) => 3,
        _ => 1,
    });
    let mut cells = 0;
    for line in lines {
        let (method, path) = (line["method"].as_str().unwrap(), line["path"].as_str().unwrap());
        if !["teams", "own"].contains(&line["roles"][role].as_str().unwrap()) {
            continue;
        }
        cells += 1;
        let at = format!("{method} {path} as {role}");
        let case = case(role, method, path).unwrap_or_else(|| panic!("there is no case for {at}"));
        match case {
            Streams => {}
            Lists(expected) => {
                let answer = world.call(token, method, &filled(path, ""), None).await.expect(200);
                let name = |item: &Value| item.get("name").unwrap_or(&item["requestId"]).as_str().unwrap().to_owned();
                let mut names: Vec<String> = answer.body["items"].as_array().unwrap().iter().map(name).collect();
                names.sort();
                let mut expected = expected;
                expected.sort_unstable();
                assert_eq!(names, expected, "{at}");
            }
            Sums(requests) => {
                let answer = world.call(token, method, &filled(path, ""), None).await.expect(200);
                assert_eq!(answer.body["total"]["requests"], requests, "{at}");
            }
            Names(within, beyond) => {
                for name in beyond {
                    let body = within.iter().find_map(|(_, body)| body.clone());
                    let answer = world.call(token, method, &filled(path, name), body).await;
                    assert_eq!(answer.status, 404, "{at}: {name}: {:#}", answer.body);
                }
                for (name, body) in within {
                    let answer = world.call(token, method, &filled(path, name), body).await;
                    assert!(answer.status.is_success(), "{at}: {name} is {}: {:#}", answer.status, answer.body);
                }
            }
            Meets(name, body, status, beyond) => {
                for name in beyond {
                    let answer = world.call(token, method, &filled(path, name), Some(body.clone())).await;
                    assert_eq!(answer.status, 404, "{at}: {name}: {:#}", answer.body);
                }
                world.call(token, method, &filled(path, name), Some(body)).await.expect(status);
            }
            Bodies(taken, refused) => {
                let mut words = std::collections::BTreeSet::new();
                for body in refused {
                    let answer = world.call(token, method, &filled(path, ""), Some(body.clone())).await;
                    assert_eq!(answer.status, 403, "{at} took {body}: {:#}", answer.body);
                    words.extend(answer.errors());
                }
                assert!(words.iter().all(|word| word.ends_with(" forbidden")), "{at}: {words:?}");
                for body in taken {
                    world.call(token, method, &filled(path, ""), Some(body)).await.expect(201);
                }
            }
        }
    }
    assert!(cells > 15, "the table has lost its limited cells for {role}: {cells}");
}

#[tokio::test]
async fn every_cell_of_managers_holds() {
    every_cell("MANAGER").await;
}

#[tokio::test]
async fn every_cell_of_users_holds() {
    every_cell("USER").await;
}

#[tokio::test]
async fn managers_tighten_what_binds_their_team_and_loosen_nothing() {
    let world = World::start().await;
    let refused = async |path: &str, body: Value, at: &[&str]| {
        let answer = world.call(&world.manager, "PATCH", path, Some(body)).await.problem(403, "forbidden");
        assert_eq!(answer.errors(), at.iter().map(|at| format!("{at} forbidden")).collect::<Vec<_>>(), "{path}");
    };
    refused("teams/search", json!({"policies": {"ratelimit": {"requests": {"per_minute": 1}}}}), &["/policies"]).await;
    refused("budgets/of-search", json!({"amountUsd": "10.01"}), &["/amountUsd"]).await;
    refused("budgets/of-search", json!({"active": false}), &["/active"]).await;
    refused("budgets/of-search", json!({"period": "MONTHLY", "amountUsd": "9"}), &["/period"]).await;
    refused("budgets/of-search-1", json!({"owner": {"type": "TEAM", "name": "search"}}), &["/owner"]).await;
    refused("quotas/of-search", json!({"limit": 11, "metric": "TOKENS"}), &["/limit", "/metric"]).await;
    refused("apikeys/search-1", json!({"team": "billing"}), &["/team"]).await;
    refused("apikeys/search-1", json!({"models": ["fast", "slow"]}), &["/models/1"]).await;
    refused("users/manager@acme.example", json!({"role": "ORG_ADMIN"}), &["/role"]).await;
    for path in ["budgets/of-search", "quotas/of-search"] {
        world.call(&world.manager, "DELETE", path, None).await.problem(403, "forbidden");
    }
    // Nothing of that came to be.
    let budget = world.api.acme(Method::GET, "budgets/of-search", None).await.expect(200).body;
    assert_eq!((&budget["revision"], &budget["spec"]["amountUsd"]), (&json!(1), &json!("10")));
    // A key that an administrator gave more may keep it, but not pass it on.
    world.api.acme(Method::PATCH, "apikeys/search-1", Some(json!({"models": ["fast", "slow"]}))).await.expect(200);
    let more = key("copy", json!({"type": "TEAM", "team": "search", "models": ["slow"]}));
    world.call(&world.manager, "POST", "apikeys", Some(more)).await.expect(201);
}

#[tokio::test]
async fn users_narrow_their_own_keys_and_widen_nothing() {
    let world = World::start().await;
    let patch = async |body: Value| world.call(&world.user, "PATCH", "apikeys/own-1", Some(body)).await;
    for (body, at) in [
        (json!({"expiry": "2099-01-02T00:00:00Z"}), "/expiry forbidden"),
        (json!({"expiry": null}), "/expiry forbidden"),
        (json!({"models": ["fast", "slow"]}), "/models/1 forbidden"),
        (json!({"policies": {"ratelimit": {"requests": {"per_minute": 1}}}}), " forbidden"),
    ] {
        assert_eq!(patch(body).await.problem(403, "forbidden").errors(), [at]);
    }
    let later = json!({"expiry": "2099-06-01T00:00:00Z"});
    world.call(&world.user, "POST", "apikeys/own-1/rotate", Some(later)).await.problem(403, "forbidden");
    patch(json!({"expiry": "2098-01-01T00:00:00Z", "models": []})).await.expect(200);
    patch(json!({"models": ["fast"]})).await.problem(403, "forbidden");
}

#[tokio::test]
async fn what_is_asked_about_is_what_is_enforced() {
    let world = World::start().await;
    let asked = async |token: &str, query: &str| {
        let answer = world.api.get(&format!("/api/can-i?{query}"), Some(token)).await.expect(200).body;
        (answer["allowed"].as_bool().unwrap(), answer["permissions"][0]["access"].as_str().unwrap().to_owned())
    };
    let is = |allowed: bool, access: &str| (allowed, access.to_owned());
    assert_eq!(asked(&world.manager, "verb=rotate&kind=key").await, is(true, "teams"));
    assert_eq!(asked(&world.manager, "verb=rotate&kind=apikeys&name=search-1").await, is(true, "teams"));
    assert_eq!(asked(&world.manager, "verb=rotate&kind=apikey&name=billing-1").await, is(false, "teams"));
    assert_eq!(asked(&world.manager, "verb=create&kind=provider").await, is(false, "deny"));
    assert_eq!(asked(&world.user, "verb=get&kind=usage&name=r-user").await, is(true, "own"));
    assert_eq!(asked(&world.user, "verb=get&kind=usage&name=r-search").await, is(false, "own"));
    assert_eq!(asked(&world.user, "verb=apply&kind=apply").await, is(false, "deny"));
    assert_eq!(asked(&world.api.root, "verb=delete&kind=org").await, is(true, "allow"));
    let body = json!({"verb": "patch", "kind": "user", "name": USER});
    assert_eq!(world.api.post("/api/can-i", Some(&world.user), body).await.expect(200).body["allowed"], true);
    for wrong in ["verb=fly&kind=key", "verb=get&kind=moon", "verb=get", "name=x", "colour=red"] {
        world.api.get(&format!("/api/can-i?{wrong}"), Some(&world.user)).await.problem(400, "bad_request");
    }
    world.api.post("/api/can-i", Some(&world.user), json!({"verb": 1, "x": 2})).await.problem(422, "invalid");
    // The whole list says what the table says.
    let list = world.api.get("/api/can-i", Some(&world.user)).await.expect(200).body;
    let matrix = world.api.get("/api/auth/matrix", Some(&world.user)).await.expect(200).body;
    let allowed = matrix["rules"].as_array().unwrap().iter().filter(|line| line["roles"]["USER"] != "deny").count();
    assert_eq!(list["permissions"].as_array().unwrap().len(), allowed);
}

#[tokio::test]
async fn a_manager_who_is_none_any_more_reaches_nothing_at_once() {
    let world = World::start().await;
    world.call(&world.manager, "GET", "teams/search", None).await.expect(200);
    let members = json!({"members": [{"user": MANAGER, "role": "MEMBER"}]});
    world.api.acme(Method::PATCH, "teams/search", Some(members)).await.expect(200);
    world.call(&world.manager, "GET", "teams/search", None).await.problem(404, "not_found");
    world.call(&world.manager, "GET", "apikeys/search-1", None).await.problem(404, "not_found");
}

#[tokio::test]
async fn words_of_the_table_say_one_thing_each() {
    let api = Api::start().await;
    let matrix = api.get("/api/auth/matrix", Some(&api.root)).await.expect(200).body;
    let mut seen = std::collections::HashSet::new();
    for line in matrix["rules"].as_array().unwrap() {
        let text = |field: &str| line[field].as_str().unwrap().to_owned();
        // The same word within an organisation and everywhere.
        let at = (text("verb"), text("resource"), text("path").starts_with("/api/organisations/"));
        let same = text("path") == "/api/can-i" || !seen.insert(at.clone());
        assert!(!same || text("path") == "/api/can-i", "{at:?} stands twice");
    }
}
