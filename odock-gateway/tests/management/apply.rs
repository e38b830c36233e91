//! Apply: whole, in order, once.

use entity::row::{api_key, audit_event, model, provider, provider_api_key, team, user};
use http::Method;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest, sealed};

/// A set that declares one of each, in an order that only works if it is sorted.
fn everything(api: &Api) -> Vec<Value> {
    let keys = json!([{"name": "primary", "secret": sealed(&api.gateway, "sk-upstream")}]);
    vec![
        manifest("ApiKey", "ci", json!({"type": "TEAM", "team": "search", "models": ["fast", "large"]})),
        manifest("Model", "fast", json!({"provider": "openai", "providerKey": "primary"})),
        manifest(
            "Model",
            "large",
            json!({"provider": "openai", "pricing": {"input": {"text_cost_per_1k_tokens": "0.01"}}}),
        ),
        manifest("Provider", "openai", json!({"type": "OPENAI", "keys": keys})),
        manifest("Team", "search", json!({"members": [{"user": "ada@acme.example", "role": "MANAGER"}]})),
        manifest("User", "ada@acme.example", json!({"displayName": "Ada", "role": "MANAGER"})),
        manifest("Organisation", "acme", json!({"displayName": "Acme"})),
    ]
}

async fn apply(api: &Api, resources: Vec<Value>, dry_run: bool) -> Answer {
    api.acme(Method::POST, &format!("apply?dryRun={dry_run}"), Some(json!({"resources": resources}))).await
}

fn counts(create: u64, update: u64, unchanged: u64) -> Value {
    json!({"create": create, "update": update, "rename": 0, "unchanged": unchanged, "delete": 0})
}

fn actions(plan: &Answer) -> Vec<String> {
    let line = |change: &Value| {
        format!(
            "{} {} {}",
            change["action"].as_str().unwrap(),
            change["kind"].as_str().unwrap(),
            change["name"].as_str().unwrap()
        )
    };
    plan.body["changes"].as_array().unwrap().iter().map(line).collect()
}

fn paths(plan: &Answer, name: &str) -> Vec<String> {
    let change = plan.body["changes"].as_array().unwrap().iter().find(|change| change["name"] == name).unwrap();
    change["fields"]
        .as_array()
        .map(|fields| fields.iter().map(|field| field["path"].as_str().unwrap().to_owned()).collect())
        .unwrap_or_default()
}

/// Everything that a write would have touched.
async fn state(api: &Api) -> (Vec<i64>, u64) {
    let db = api.gateway.database.reader();
    let mut touched = Vec::new();
    touched.extend(
        user::Entity::find().all(db).await.unwrap().into_iter().flat_map(|row| [row.revision, row.updated_at.0]),
    );
    touched.extend(
        team::Entity::find().all(db).await.unwrap().into_iter().flat_map(|row| [row.revision, row.updated_at.0]),
    );
    touched.extend(
        provider::Entity::find().all(db).await.unwrap().into_iter().flat_map(|row| [row.revision, row.updated_at.0]),
    );
    touched.extend(provider_api_key::Entity::find().all(db).await.unwrap().into_iter().map(|row| row.updated_at.0));
    touched.extend(
        model::Entity::find().all(db).await.unwrap().into_iter().flat_map(|row| [row.revision, row.updated_at.0]),
    );
    touched.extend(
        api_key::Entity::find().all(db).await.unwrap().into_iter().flat_map(|row| [row.revision, row.updated_at.0]),
    );
    (touched, audit_event::Entity::find().count(db).await.unwrap())
}

#[tokio::test]
async fn the_second_apply_of_the_same_files_writes_nothing() {
    let api = Api::with_organisations().await;
    let empty = state(&api).await;
    let dry = apply(&api, everything(&api), true).await.expect(200);
    assert_eq!(state(&api).await, empty, "a dry run writes nothing");
    let plan = apply(&api, everything(&api), false).await.expect(200);
    assert_eq!((dry.body["dryRun"].clone(), plan.body["dryRun"].clone()), (json!(true), json!(false)));
    assert_eq!(dry.body["changes"], plan.body["changes"], "a dry run says what an apply does");
    assert_eq!(
        actions(&plan),
        [
            "update Organisation acme",
            "create User ada@acme.example",
            "create Team search",
            "create Provider openai",
            "create Model fast",
            "create Model large",
            "create ApiKey ci",
        ]
    );
    assert_eq!(plan.body["summary"], counts(6, 1, 0));
    assert!(!plan.body.to_string().contains("ciphertext"));

    api.clock.advance(std::time::Duration::from_secs(60));
    let before = state(&api).await;
    let again = apply(&api, everything(&api), false).await.expect(200);
    assert_eq!(again.body["summary"], counts(0, 0, 7));
    assert_eq!(state(&api).await, before, "the second apply touches no row and notes nothing");

    // The key's secret waits for its one reveal.
    let secret = api.acme(Method::POST, "apikeys/ci/reveal", None).await.expect(200).text("/secret");
    assert!(secret.starts_with("sk-odock-"));
}

#[tokio::test]
async fn what_applies_and_what_is_called_one_by_one_agree() {
    let api = Api::with_organisations().await;
    apply(&api, everything(&api), false).await.expect(200);
    for (kind, collection) in
        [("User", "users"), ("Team", "teams"), ("Provider", "providers"), ("Model", "models"), ("ApiKey", "apikeys")]
    {
        let listed = api.acme(Method::GET, collection, None).await.expect(200);
        let shown: Vec<Value> = listed.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| manifest(kind, item["name"].as_str().unwrap(), item["spec"].clone()))
            .collect();
        let plan = apply(&api, shown, false).await.expect(200);
        assert_eq!(plan.body["summary"]["update"], 0, "what is shown can be applied: {:#}", plan.body);
        for item in listed.body["items"].as_array().unwrap() {
            let path = format!("{collection}/{}", item["name"].as_str().unwrap());
            let same = api.acme(Method::PATCH, &path, Some(item["spec"].clone())).await.expect(200);
            assert_eq!(same.body["revision"], item["revision"], "{path}");
        }
    }
}

#[tokio::test]
async fn changes_are_told_field_by_field_with_what_follows() {
    let api = Api::with_organisations().await;
    apply(&api, everything(&api), false).await.expect(200);
    let keys = json!([{"name": "primary", "secret": sealed(&api.gateway, "another")}, {"name": "spare", "secret": sealed(&api.gateway, "more")}]);
    let plan = apply(
        &api,
        vec![
            manifest("Provider", "openai", json!({"type": "OPENAI", "enabled": false, "keys": keys})),
            manifest("Model", "large", json!({"provider": "openai", "slug": "gpt"})),
            manifest("Team", "search", json!({})),
            manifest("User", "ada@acme.example", json!({"role": "MANAGER", "status": "REVOKED"})),
            manifest("ApiKey", "ci", json!({"type": "ORGANISATION", "models": ["fast"]})),
        ],
        false,
    )
    .await
    .expect(200);
    assert_eq!(plan.body["summary"], counts(0, 5, 0));
    assert_eq!(
        paths(&plan, "openai"),
        ["/enabled", "/keys/primary/secret", "/keys/spare/name", "/keys/spare/revoked", "/keys/spare/secret"]
    );
    assert_eq!(paths(&plan, "large"), ["/pricing/input/text_cost_per_1k_tokens", "/slug"]);
    assert_eq!(paths(&plan, "search"), ["/members/ada@acme.example/role", "/members/ada@acme.example/user"]);
    assert_eq!(paths(&plan, "ada@acme.example"), ["/displayName", "/status"]);
    assert_eq!(paths(&plan, "ci"), ["/models", "/team", "/type"]);
    let consequences = plan.body.to_string();
    for line in ["2 models are no longer served", "1 key may call this model", "the user's sessions and tokens end"] {
        assert!(consequences.contains(line), "{line} is not in {:#}", plan.body);
    }
    let key = api.acme(Method::GET, "apikeys/ci", None).await.expect(200);
    assert_eq!(key.body["spec"], json!({"type": "ORGANISATION", "models": ["fast"]}));
    assert_eq!(api.acme(Method::GET, "providers/openai", None).await.body["spec"]["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_super_admin_applies_an_organisation_into_being() {
    let api = Api::start().await;
    let set = json!({"resources": everything(&api)});
    let dry = api.post("/api/organisations/acme/apply?dryRun=true", Some(&api.root), set.clone()).await.expect(200);
    assert_eq!(dry.body["summary"]["create"], 7);
    api.get("/api/organisations/acme", Some(&api.root)).await.problem(404, "not_found");
    let plan = api.post("/api/organisations/acme/apply", Some(&api.root), set.clone()).await.expect(200);
    assert_eq!(plan.body["changes"][1]["organisation"], "acme");
    assert_eq!(api.acme(Method::GET, "apikeys", None).await.expect(200).names(), ["ci"]);
    let again = api.post("/api/organisations/acme/apply", Some(&api.root), set).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 7);
    let nothing = json!({"resources": [manifest("Team", "x", json!({}))]});
    let refused = api.post("/api/organisations/globex/apply", Some(&api.root), nothing).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/resources bad_reference"]);
}

#[tokio::test]
async fn of_two_applies_at_once_the_second_finds_it_done() {
    let api = Api::with_organisations().await;
    let set = everything(&api);
    let (one, two) = tokio::join!(apply(&api, set.clone(), false), apply(&api, set, false));
    let mut created: Vec<u64> = [one.expect(200), two.expect(200)]
        .iter()
        .map(|plan| plan.body["summary"]["create"].as_u64().unwrap())
        .collect();
    created.sort_unstable();
    assert_eq!(created, [0, 6]);
}

#[tokio::test]
async fn a_key_that_a_model_uses_can_be_replaced_in_one_apply() {
    let api = Api::with_organisations().await;
    apply(&api, everything(&api), false).await.expect(200);
    let keys = json!([{"name": "new", "secret": sealed(&api.gateway, "new")}]);
    let provider = manifest("Provider", "openai", json!({"type": "OPENAI", "keys": keys}));
    let alone = apply(&api, vec![provider.clone()], false).await.problem(409, "conflict");
    assert_eq!(alone.errors(), ["/spec/keys referenced"]);
    let model = |key| manifest("Model", "fast", json!({"provider": "openai", "providerKey": key}));
    let stale = apply(&api, vec![provider.clone(), model("primary")], false).await.problem(422, "invalid");
    assert_eq!(stale.errors(), ["/spec/providerKey bad_reference"]);
    apply(&api, vec![provider, model("new")], false).await.expect(200);
    assert_eq!(api.acme(Method::GET, "models/fast", None).await.body["spec"]["providerKey"], "new");
}

#[tokio::test]
async fn thousands_of_resources_apply_in_one_go() {
    let api = Api::with_organisations().await;
    let mut set = vec![manifest("Provider", "openai", json!({"type": "OPENAI"}))];
    set.extend((0..1_000).map(|n| manifest("Model", &format!("m{n}"), json!({"provider": "openai"}))));
    set.extend((0..500).map(|n| {
        manifest(
            "ApiKey",
            &format!("k{n}"),
            json!({"type": "ORGANISATION", "models": [format!("m{n}"), format!("m{}", n + 1)]}),
        )
    }));
    let made = apply(&api, set.clone(), false).await.expect(200);
    assert_eq!(made.body["summary"]["create"], 1_501);
    let again = apply(&api, set, false).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 1_501);
}

#[tokio::test]
async fn an_empty_apply_is_an_empty_plan() {
    let api = Api::with_organisations().await;
    let plan = apply(&api, vec![], false).await.expect(200);
    assert_eq!((&plan.body["changes"], &plan.body["summary"]), (&json!([]), &counts(0, 0, 0)));
    assert_eq!((&plan.body["dryRun"], &plan.body["owner"]), (&json!(false), &json!("default")));
}
