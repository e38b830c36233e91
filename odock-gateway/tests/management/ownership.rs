//! Whose each field is: owners, conflicts, adoption.

use std::time::Duration;

use entity::row::managed_resource;
use http::Method;
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::support::{Answer, Api, manifest};

async fn apply(api: &Api, owner: &str, resources: Vec<Value>, more: Value) -> Answer {
    let mut body = json!({"resources": resources, "owner": owner});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.acme(Method::POST, "apply", Some(body)).await
}

fn provider(spec: Value) -> Value {
    let mut whole = json!({"type": "OPENAI"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    manifest("Provider", "openai", whole)
}

async fn spec(api: &Api, path: &str) -> Value {
    api.acme(Method::GET, path, None).await.expect(200).body["spec"].clone()
}

#[tokio::test]
async fn what_leaves_the_file_goes_back_and_what_was_never_in_it_stays() {
    let api = Api::with_organisations().await;
    apply(&api, "ci", vec![provider(json!({"timeoutMs": 5000, "config": {"idleTimeoutMs": 9}}))], json!({}))
        .await
        .expect(200);
    api.acme(Method::PATCH, "providers/openai", Some(json!({"baseUrl": "https://proxy.example"}))).await.expect(200);
    let plan = apply(&api, "ci", vec![provider(json!({}))], json!({})).await.expect(200);
    assert_eq!(plan.body["summary"]["update"], 1, "{:#}", plan.body);
    let now = spec(&api, "providers/openai").await;
    assert_eq!(
        (now.get("timeoutMs"), &now["config"], &now["baseUrl"]),
        (None, &json!({}), &json!("https://proxy.example"))
    );
}

#[tokio::test]
async fn a_field_that_somebody_changed_is_a_conflict_that_names_field_who_and_when() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let set = || vec![provider(json!({"timeoutMs": 5000}))];
    apply(&api, "ci", set(), json!({})).await.expect(200);
    api.clock.advance(Duration::from_secs(3_600));
    let at = odock_gateway::clock::Clock::now(&api.clock);
    api.patch("/api/organisations/acme/providers/openai", Some(&ada), json!({"timeoutMs": 9000})).await.expect(200);
    let refused = apply(&api, "ci", set(), json!({})).await.problem(409, "conflict");
    assert_eq!(refused.errors(), ["/spec/timeoutMs field_conflict"]);
    let message = refused.text("/errors/0/message");
    for part in ["`timeoutMs` is `9000`", "ada@acme.example (by hand)", &at.to_string(), "`5000` is wanted"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert_eq!(spec(&api, "providers/openai").await["timeoutMs"], 9000, "nothing was changed");

    // A dry run with force says what would be taken, from whom, and what was applied last.
    let dry = json!({"resources": set(), "owner": "ci", "forceConflicts": true});
    let dry = api.acme(Method::POST, "apply?dryRun=true", Some(dry)).await.expect(200);
    let field = &dry.body["changes"][0]["fields"][0];
    assert_eq!((&field["lastApplied"], &field["changedBy"]["by"]), (&json!(5000), &json!("ada@acme.example")));
    assert_eq!(field["changedBy"]["owner"], "manual");

    apply(&api, "ci", set(), json!({"forceConflicts": true})).await.expect(200);
    assert_eq!(spec(&api, "providers/openai").await["timeoutMs"], 5000);
    // It is the owner's again: no force is needed to change it.
    apply(&api, "ci", vec![provider(json!({"timeoutMs": 7000}))], json!({})).await.expect(200);
}

#[tokio::test]
async fn two_owners_share_what_they_agree_on_and_nothing_else() {
    let api = Api::with_organisations().await;
    apply(&api, "platform", vec![provider(json!({"timeoutMs": 5000}))], json!({})).await.expect(200);
    apply(&api, "search", vec![provider(json!({"timeoutMs": 5000, "baseUrl": "https://a.example"}))], json!({}))
        .await
        .expect(200);
    let refused =
        apply(&api, "platform", vec![provider(json!({"timeoutMs": 1}))], json!({})).await.problem(409, "conflict");
    assert!(refused.text("/errors/0/message").contains("owner `search`"), "{:#}", refused.body);
    // Who lets go of a shared field leaves it to the other.
    apply(&api, "platform", vec![provider(json!({}))], json!({})).await.expect(200);
    let now = spec(&api, "providers/openai").await;
    assert_eq!((&now["timeoutMs"], &now["baseUrl"]), (&json!(5000), &json!("https://a.example")));
    apply(&api, "search", vec![provider(json!({"timeoutMs": 6000}))], json!({})).await.expect(200);
    assert_eq!(spec(&api, "providers/openai").await.get("baseUrl"), None);
}

#[tokio::test]
async fn members_of_a_team_merge_one_by_one() {
    let api = Api::with_organisations().await;
    for user in ["ada", "bob", "eve"] {
        api.create("users", &format!("{user}@acme.example"), json!({})).await.expect(201);
    }
    let team = |users: &[&str]| {
        let members: Vec<Value> = users.iter().map(|user| json!({"user": format!("{user}@acme.example")})).collect();
        manifest("Team", "search", json!({"members": members}))
    };
    apply(&api, "ci", vec![team(&["ada", "eve"])], json!({})).await.expect(200);
    let body = json!({"user": "bob@acme.example", "role": "MANAGER"});
    api.acme(Method::POST, "teams/search/members", Some(body)).await.expect(200);
    let plan = apply(&api, "ci", vec![team(&["ada"])], json!({})).await.expect(200);
    assert_eq!(plan.body["summary"]["update"], 1);
    let members = spec(&api, "teams/search").await["members"].clone();
    let names: Vec<&str> = members.as_array().unwrap().iter().map(|member| member["user"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada@acme.example", "bob@acme.example"]);
}

#[tokio::test]
async fn what_exists_is_adopted_as_it_is() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI", "timeoutMs": 9000})).await.expect(201);
    let wanted = || vec![provider(json!({"timeoutMs": 5000}))];
    apply(&api, "ci", wanted(), json!({})).await.problem(409, "conflict");
    let before = api.acme(Method::GET, "providers/openai", None).await.expect(200);
    apply(&api, "ci", wanted(), json!({"adopt": true})).await.expect(200);
    let after = api.acme(Method::GET, "providers/openai", None).await.expect(200);
    assert_eq!(before.body, after.body, "adopting changes nothing, not even the revision");
    let plan = apply(&api, "ci", wanted(), json!({})).await.expect(200);
    assert_eq!(plan.body["changes"][0]["fields"][0]["lastApplied"], 9000);
    let refused = apply(&api, "other", wanted(), json!({"adopt": true})).await.problem(409, "conflict");
    assert!(refused.errors().iter().all(|error| error.ends_with("field_conflict")), "{:#}", refused.body);
    let absent = vec![manifest("Team", "nobody", json!({}))];
    let refused = apply(&api, "ci", absent, json!({"adopt": true})).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/metadata/name bad_reference"]);
}

#[tokio::test]
async fn labels_and_protection_are_fields_too() {
    let api = Api::with_organisations().await;
    let team = |metadata: Value| {
        let mut team = manifest("Team", "search", json!({}));
        team["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        vec![team]
    };
    apply(&api, "ci", team(json!({"labels": {"env": "prod", "tier": "1"}, "protect": true})), json!({}))
        .await
        .expect(200);
    let shown = api.acme(Method::GET, "teams/search", None).await.expect(200);
    assert_eq!((&shown.body["labels"], &shown.body["protect"]), (&json!({"env": "prod", "tier": "1"}), &json!(true)));
    let refused = api.acme(Method::DELETE, "teams/search", None).await.problem(409, "guarded");
    assert!(refused.text("/title").contains("the team `search` is protected"));
    let plan = apply(&api, "ci", team(json!({"labels": {"env": "test"}})), json!({})).await.expect(200);
    let paths: Vec<&str> = plan.body["changes"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/@labels/env", "/@labels/tier", "/@protect"]);
    let shown = api.acme(Method::GET, "teams", None).await.expect(200);
    assert_eq!(shown.body["items"][0]["labels"], json!({"env": "test"}));
    api.acme(Method::DELETE, "teams/search", None).await.expect(204);
    let rows = managed_resource::Entity::find().all(api.gateway.database.reader()).await.unwrap();
    assert!(rows.iter().all(|row| row.kind != "Team"), "what is gone belongs to nobody");
    for wrong in [
        json!({"labels": {"a b": "x"}}),
        json!({"labels": {"a": "é"}}),
        json!({"protect": "yes"}),
        json!({"labels": []}),
    ] {
        apply(&api, "ci", team(wrong), json!({})).await.problem(422, "invalid");
    }
}

#[tokio::test]
async fn a_secret_that_is_the_same_changes_nothing_and_is_never_remembered_sealed() {
    let api = Api::with_organisations().await;
    let keys = |secret: &str| json!({"keys": [{"name": "k", "secret": crate::support::sealed(&api.gateway, secret)}]});
    apply(&api, "ci", vec![provider(keys("sk-canary-one"))], json!({})).await.expect(200);
    let again = apply(&api, "ci", vec![provider(keys("sk-canary-one"))], json!({})).await.expect(200);
    assert_eq!(again.body["summary"]["unchanged"], 1);
    let other = apply(&api, "ci", vec![provider(keys("sk-canary-two"))], json!({})).await.expect(200);
    assert_eq!(other.body["summary"]["update"], 1);
    let rows = managed_resource::Entity::find().all(api.gateway.database.reader()).await.unwrap();
    let text = format!("{rows:?}{:?}{:?}", again.body, other.body);
    assert!(!text.contains("ciphertext") && !text.contains("canary-one") && !text.contains("canary-two"), "{text}");
}

#[tokio::test]
async fn owners_are_listed_field_by_field() {
    let api = Api::with_organisations().await;
    let ada = api.member("acme", "ada@acme.example", "ORG_ADMIN").await;
    let eve = api.member("acme", "eve@acme.example", "MANAGER").await;
    let owners = async |token: &str, id: &str| {
        api.get(&format!("/api/organisations/acme/owners?resource={id}"), Some(token)).await
    };
    let told = |answer: &Answer| -> Vec<String> {
        let word = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|item| format!("{} {} {}", word(item, "path"), word(item, "owner"), word(item, "by"))).collect()
    };
    let made = api.create("teams", "by-hand", json!({})).await.expect(201);
    assert!(told(&owners(&ada, &made.text("/id")).await.expect(200)).is_empty(), "nobody declared anything");

    apply(&api, "ci", vec![provider(json!({"timeoutMs": 5000}))], json!({})).await.expect(200);
    api.clock.advance(Duration::from_secs(1));
    api.patch("/api/organisations/acme/providers/openai", Some(&ada), json!({"timeoutMs": 9000})).await.expect(200);
    let id = api.acme(Method::GET, "providers/openai", None).await.expect(200).text("/id");
    let listed = owners(&ada, &id).await.expect(200);
    assert_eq!(listed.body["items"][1]["owner"], "ci", "the latest declaration comes first");
    let listed = told(&listed);
    assert_eq!(listed[0], "/timeoutMs manual ada@acme.example");
    assert!(listed[1].starts_with("/timeoutMs ci ") && listed[2].starts_with("/type ci "), "{listed:?}");

    // What is another organisation's does not exist, and whose fields are whose is for administrators.
    let elsewhere = api.get(&format!("/api/organisations/globex/owners?resource={id}"), Some(&api.root)).await;
    assert!(told(&elsewhere.expect(200)).is_empty());
    owners(&eve, &id).await.problem(403, "forbidden");
    owners(&ada, "openai").await.problem(400, "bad_request");
}
