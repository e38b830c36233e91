//! Another organisation's things, asked for on every route of the document that is served, as every role: whatever is tried,
//! they are no different from things that do not exist, and nothing happens to them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, Api, sealed};
use crate::usage::{organisation, record};

const OWNER: &str = "owner@acme.example";

/// Something of every kind in `acme`: the collection, and what it is called there, by name and by id.
struct Things(Vec<(&'static str, Vec<String>)>);

impl Things {
    async fn make(api: &Api) -> Self {
        api.member("acme", OWNER, "ORG_ADMIN").await;
        let keys = json!([{"name": "acme-upstream", "secret": sealed(&api.gateway, "sk-upstream")}]);
        let provider = json!({"type": "OPENAI", "baseUrl": "https://api.openai.com", "keys": keys});
        let model = json!({"type": "chat", "slug": "m", "provider": "acme-provider", "providerKey": "acme-upstream"});
        let limit = json!({"owner": {"type": "ORG"}, "period": "DAILY"});
        let with = |more: Value| {
            let mut spec = limit.clone();
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let mut things = Vec::new();
        for (collection, name, spec) in [
            ("teams", "acme-team", json!({"members": [{"user": OWNER, "role": "MANAGER"}]})),
            ("providers", "acme-provider", provider),
            ("models", "acme-model", model),
            ("apikeys", "acme-key", json!({"type": "TEAM", "team": "acme-team", "models": ["acme-model"]})),
            ("budgets", "acme-budget", with(json!({"amountUsd": "1"}))),
            ("quotas", "acme-quota", with(json!({"metric": "REQUESTS", "limit": 10}))),
            (
                "overlays",
                "acme-overlay",
                json!({"scope": {"type": "ORG"}, "factor": "0.5", "ends": "2099-01-01T00:00:00Z"}),
            ),
            ("service-accounts", "acme-deploy", json!({"role": "USER", "scopes": ["read"]})),
        ] {
            let made = api.create(collection, name, spec).await.expect(201).body;
            let id = made["id"].as_str().or(made["key"]["id"].as_str()).unwrap().to_owned();
            things.push((collection, vec![name.to_owned(), id]));
        }
        let user = api.acme(Method::GET, &format!("users/{OWNER}"), None).await.expect(200).text("/id");
        things.push(("users", vec![OWNER.into(), user]));
        let invite = json!({"email": "new@acme.example", "role": "USER"});
        let invited = api.acme(Method::POST, "invitations", Some(invite)).await.expect(201).text("/invitation/id");
        things.push(("invitations", vec![invited]));
        let mut kept = record(organisation(api, "acme").await, 1, odock_gateway::clock::Clock::now(&api.clock));
        kept.request_id = "acme-request".into();
        api.keep(&[kept]).await;
        things.push(("usage", vec!["acme-request".into()]));
        Self(things)
    }

    fn of(&self, collection: &str) -> Option<&[String]> {
        self.0.iter().find(|(known, _)| *known == collection).map(|(_, names)| &names[..])
    }
}

/// Every route of an organisation that names something in it: method, and what comes after the organisation.
fn routes(document: &Value) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/api/organisations/{organisation}/") else { continue };
        for method in methods.as_object().unwrap().keys().filter(|_| rest.contains('{')) {
            routes.push((method.to_uppercase().parse().unwrap(), rest.to_owned()));
        }
    }
    assert!(routes.len() > 40, "the document lost its routes: {}", routes.len());
    routes
}

/// The route about a thing. What is part of the thing is there, or would be.
fn about(route: &str, thing: &str) -> String {
    let mut path = route.replacen("{name}", thing, 1).replacen("{request}", thing, 1);
    // An invitation is named by its id; of a service account's tokens the account comes first.
    if !route.contains("{name}") {
        path = path.replacen("{id}", thing, 1);
    }
    path.replace("{id}", "019a0000-0000-7000-8000-000000000000")
        .replace("{member}", OWNER)
        .replace("{key}", "acme-upstream")
        .replace("{model}", "acme-model")
}

/// What tells one answer from another: all but its request and the name that was asked for.
fn told(answer: &Answer, name: &str) -> (StatusCode, String) {
    let mut body = answer.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("requestId");
        // The nearest of the caller's own things may be proposed for one name and not for another.
        body.remove("hint");
    }
    (answer.status, body.to_string().replace(name, "NAME"))
}

/// Bodies that get past the reading of a route's own fields, where it has some.
fn body(method: &Method, route: &str) -> Option<Value> {
    match (method.as_str(), route.rsplit('/').next().unwrap_or_default()) {
        ("GET" | "DELETE" | "PUT", _) => None,
        ("PATCH", _) => Some(json!({})),
        (_, "simulate") => Some(json!({"model": "m"})),
        (_, "ack") => Some(json!({"hash": "0".repeat(64)})),
        (_, "members") => Some(json!({"user": OWNER, "role": "MEMBER"})),
        (_, "keys") => Some(json!({"name": "k"})),
        (_, "tokens") => Some(json!({"name": "t", "scopes": ["read"]})),
        _ => Some(json!({})),
    }
}

async fn callers(api: &Api) -> Vec<(&'static str, String)> {
    let mut callers = Vec::new();
    for role in ["ORG_ADMIN", "MANAGER", "USER"] {
        let email = format!("{}@globex.example", role.to_lowercase().replace('_', "-"));
        callers.push((role, api.member("globex", &email, role).await));
    }
    let members = json!({"members": [{"user": "manager@globex.example", "role": "MANAGER"}]});
    let team = json!({"name": "globex-team", "spec": members});
    api.post("/api/organisations/globex/teams", Some(&api.root), team).await.expect(201);
    callers
}

/// All that `acme` holds, as the super admin sees it.
async fn state(api: &Api, things: &Things) -> String {
    let mut state = String::new();
    for (collection, _) in things.0.iter().filter(|(collection, _)| *collection != "usage") {
        state.push_str(&api.acme(Method::GET, collection, None).await.expect(200).body.to_string());
    }
    state
}

#[tokio::test]
async fn an_administrator_finds_nothing_of_another_organisation_on_any_route() {
    as_if_it_did_not_exist("ORG_ADMIN").await;
}

#[tokio::test]
async fn a_manager_finds_nothing_of_another_organisation_on_any_route() {
    as_if_it_did_not_exist("MANAGER").await;
}

#[tokio::test]
async fn a_user_finds_nothing_of_another_organisation_on_any_route() {
    as_if_it_did_not_exist("USER").await;
}

async fn as_if_it_did_not_exist(role: &str) {
    let api = Api::with_organisations().await;
    let (things, callers) = (Things::make(&api).await, callers(&api).await);
    let before = state(&api, &things).await;
    let document = api.get("/api/openapi.json", None).await.expect(200).body;
    let mut probes = 0;
    for (method, route) in routes(&document) {
        let collection = route.split('/').next().unwrap();
        let names = things.of(collection).unwrap_or_else(|| panic!("nothing was made for {method} {route}"));
        for (role, token) in callers.iter().filter(|(known, _)| *known == role) {
            let send = async |organisation: &str, name: &str| {
                let path = format!("/api/organisations/{organisation}/{}", about(&route, name));
                api.send(method.clone(), &path, Some(token), body(&method, &route)).await
            };
            for name in names {
                let at = format!("{method} {route} of {name} as {role}");
                let none = if uuid::Uuid::parse_str(name).is_ok() {
                    uuid::Uuid::now_v7().to_string()
                } else {
                    "no-such-thing".into()
                };
                let none = if name.contains('@') { "none@acme.example".into() } else { none };
                let (through_own, no_such) = (send("globex", name).await, send("globex", &none).await);
                // A body that lacks a field is refused before anything is looked up.
                let refused = [403, 404, 422].contains(&through_own.status.as_u16());
                assert!(refused, "{at}: {through_own:?}");
                assert_eq!(told(&through_own, name), told(&no_such, &none), "{at} tells that it exists");
                let direct = send("acme", name).await;
                assert_eq!(direct.status, 404, "{at}, in its own organisation: {direct:?}");
                probes += 1;
            }
        }
    }
    assert!(probes > 80, "{probes} probes");
    assert_eq!(state(&api, &things).await, before, "nothing of it has changed");
}

#[tokio::test]
async fn another_organisations_things_cannot_be_referred_to() {
    let api = Api::with_organisations().await;
    let (things, callers) = (Things::make(&api).await, callers(&api).await);
    let limit = |owner: Value| json!({"owner": owner, "period": "DAILY", "amountUsd": "1"});
    for (role, token) in &callers {
        for (collection, field) in [("teams", "team"), ("apikeys", "key"), ("users", "user"), ("models", "model")] {
            for name in things.of(collection).unwrap() {
                let bodies = match field {
                    "team" => vec![
                        ("apikeys", json!({"type": "TEAM", "team": name})),
                        ("budgets", limit(json!({"type": "TEAM", "name": name}))),
                    ],
                    "key" => vec![("budgets", limit(json!({"type": "APIKEY", "name": name})))],
                    "user" => vec![
                        ("apikeys", json!({"type": "USER", "user": name})),
                        ("teams", json!({"members": [{"user": name, "role": "MANAGER"}]})),
                    ],
                    _ => vec![("apikeys", json!({"type": "TEAM", "team": "globex-team", "models": [name]}))],
                };
                for (into, spec) in bodies {
                    let path = format!("/api/organisations/globex/{into}");
                    let made = api.post(&path, Some(token), json!({"name": "thief", "spec": spec})).await;
                    let refused = [403, 404, 422].contains(&made.status.as_u16());
                    assert!(refused, "{into} with the {field} {name} as {role}: {made:?}");
                }
            }
        }
        let filters = [("apikeys", "team=acme-team"), ("usage", "key=acme-key"), ("audit", "name=acme-key")];
        for (collection, filter) in filters {
            let listed = api.get(&format!("/api/organisations/globex/{collection}?{filter}"), Some(token)).await;
            let nothing = listed.body["items"].as_array().is_none_or(Vec::is_empty);
            assert!(nothing, "{collection}?{filter} as {role}: {listed:?}");
        }
    }
}
