//! Each kind of resource: created, listed, shown, patched.

use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::{Api, sealed};

#[tokio::test]
async fn a_resource_lives_from_creation_to_deletion() {
    let api = Api::with_organisations().await;
    let made = api.create("teams", "Search", json!({"description": "finds things"})).await.expect(201);
    assert_eq!(made.headers[header::ETAG], "\"1\"");
    assert_eq!(made.body["spec"], json!({"description": "finds things", "members": []}));
    assert_eq!(made.body["status"], json!({"slug": "search", "keys": 0}));
    assert_eq!(made.body["organisation"], "acme");

    let by_id = api.acme(Method::GET, &format!("teams/{}", made.text("/id")), None).await.expect(200);
    assert_eq!(by_id.body, made.body);
    let changed = api.acme(Method::PATCH, "teams/Search", Some(json!({"description": null}))).await.expect(200);
    assert_eq!((changed.body["revision"].clone(), changed.body["spec"].clone()), (json!(2), json!({"members": []})));
    assert_eq!(changed.headers[header::ETAG], "\"2\"");
    let same = api.acme(Method::PATCH, "teams/Search", Some(json!({}))).await.expect(200);
    assert_eq!(same.body["revision"], 2, "what changes nothing is no revision");

    api.acme(Method::DELETE, "teams/Search", None).await.expect(204);
    api.acme(Method::GET, "teams/Search", None).await.problem(404, "not_found");
    api.acme(Method::DELETE, "teams/Search", None).await.problem(404, "not_found");
}

#[tokio::test]
async fn every_kind_can_be_created_and_shown() {
    let api = Api::with_organisations().await;
    api.create("users", "ada@acme.example", json!({"displayName": "Ada", "role": "MANAGER"})).await.expect(201);
    api.create("teams", "search", json!({"members": [{"user": "ada@acme.example", "role": "MANAGER"}]}))
        .await
        .expect(201);
    let keys = json!([{"name": "primary", "secret": sealed(&api.gateway, "sk-upstream")}]);
    let provider = json!({"type": "VLLM", "baseUrl": "http://127.0.0.1:9/v1", "timeoutMs": 1000, "keys": keys});
    let provider = api.create("providers", "local", provider).await.expect(201);
    assert_eq!(provider.body["spec"]["keys"][0]["secret"]["preview"], "sk…9");
    assert!(!provider.body.to_string().contains("ciphertext"), "{:#}", provider.body);
    let model = json!({"provider": "local", "providerKey": "primary", "slug": "up", "capabilities": ["vision"],
        "config": {"contextWindow": 1000}, "pricing": {"input": {"text_cost_per_1k_tokens": "0.0004"}}});
    let model = api.create("models", "fast", model).await.expect(201);
    assert_eq!(model.body["spec"]["type"], "chat");
    let key = json!({"type": "TEAM", "team": "search", "models": ["fast"], "expiry": "2031-01-01T00:00:00Z"});
    let key = api.create("apikeys", "ci", key).await.expect(201);
    assert!(key.text("/secret").starts_with("sk-odock-"));
    let key = json!({"type": "USER", "user": "ada@acme.example"});
    api.create("apikeys", "laptop", key).await.expect(201);

    for (path, status) in [
        ("teams/search", json!({"slug": "search", "keys": 1})),
        ("providers/local", json!({"models": 1})),
        ("models/fast", json!({"keys": 1})),
        ("users/ada@acme.example", json!({})),
    ] {
        assert_eq!(api.acme(Method::GET, path, None).await.expect(200).body["status"], status, "{path}");
    }
    for (collection, names) in [
        ("users", vec!["ada@acme.example"]),
        ("teams", vec!["search"]),
        ("providers", vec!["local"]),
        ("models", vec!["fast"]),
        ("apikeys", vec!["ci", "laptop"]),
    ] {
        assert_eq!(api.acme(Method::GET, collection, None).await.expect(200).names(), names);
        let everywhere = api.get(&format!("/api/admin/{collection}?q={}", names[0]), Some(&api.root)).await.expect(200);
        assert_eq!(everywhere.names(), vec![names[0]]);
        let elsewhere = api.get(&format!("/api/organisations/globex/{collection}"), Some(&api.root)).await.expect(200);
        assert!(elsewhere.names().is_empty(), "{collection} leak into another organisation");
    }
}

#[tokio::test]
async fn a_patch_follows_the_rfc_and_checks_the_whole() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI", "timeoutMs": 5000})).await.expect(201);
    let patch = |body| api.acme(Method::PATCH, "providers/openai", Some(body));
    let config = patch(json!({"config": {"idleTimeoutMs": 10, "connectTimeoutMs": 20}})).await.expect(200);
    assert_eq!(config.body["spec"]["config"], json!({"idleTimeoutMs": 10, "connectTimeoutMs": 20}));
    let less = patch(json!({"config": {"idleTimeoutMs": null}, "timeoutMs": null, "enabled": null})).await.expect(200);
    assert_eq!(
        less.body["spec"],
        json!({"type": "OPENAI", "config": {"connectTimeoutMs": 20}, "enabled": true, "keys": []})
    );
    let wrong =
        patch(json!({"type": null, "timeoutMs": "soon", "timeout": 3, "baseURL": null})).await.problem(422, "invalid");
    assert_eq!(
        wrong.errors(),
        ["/baseURL unknown_field", "/type missing", "/timeoutMs wrong_type", "/timeout unknown_field"]
    );
    patch(json!([])).await.problem(422, "invalid");
    assert_eq!(api.acme(Method::GET, "providers/openai", None).await.body["revision"], 3);
}

#[tokio::test]
async fn a_stale_revision_changes_nothing() {
    let api = Api::with_organisations().await;
    api.create("teams", "search", json!({})).await.expect(201);
    let send = async |method: Method, tag: &str, body: &str| {
        let request = Request::builder()
            .method(method)
            .uri("/api/organisations/acme/teams/search")
            .header(header::AUTHORIZATION, format!("Bearer {}", api.root))
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .header(header::IF_MATCH, tag);
        api.call(request.body(body.to_owned().into()).unwrap()).await
    };
    send(Method::PATCH, "\"1\"", r#"{"description": "a"}"#).await.expect(200);
    send(Method::PATCH, "\"1\"", r#"{"description": "b"}"#).await.problem(412, "stale_revision");
    send(Method::PATCH, "1", r#"{"description": "b"}"#).await.problem(400, "bad_request");
    send(Method::DELETE, "\"1\"", "").await.problem(412, "stale_revision");
    send(Method::DELETE, "\"7\", \"2\"", "").await.expect(204);
}

#[tokio::test]
async fn names_are_taken_once() {
    let api = Api::with_organisations().await;
    api.create("teams", "search", json!({})).await.expect(201);
    let again = api.create("teams", "search", json!({})).await.problem(409, "conflict");
    assert_eq!(again.errors(), ["/name taken"]);
    api.post("/api/organisations/globex/teams", Some(&api.root), json!({"name": "search", "spec": {}}))
        .await
        .expect(201);
    api.post("/api/admin/organisations", Some(&api.root), json!({"name": "acme", "spec": {}}))
        .await
        .problem(409, "conflict");
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
    let other = json!({"name": "ada@acme.example", "spec": {}});
    api.post("/api/organisations/globex/users", Some(&api.root), other).await.problem(409, "conflict");
}

#[tokio::test]
async fn names_of_any_script_stand_in_paths() {
    let api = Api::with_organisations().await;
    for (name, path) in [
        ("データ 検索", "%E3%83%87%E3%83%BC%E3%82%BF%20%E6%A4%9C%E7%B4%A2"),
        ("50% off?#", "50%25%20off%3F%23"),
        ("a'b\"c;--", "a'b%22c;--"),
    ] {
        api.create("teams", name, json!({})).await.expect(201);
        assert_eq!(api.acme(Method::GET, &format!("teams/{path}"), None).await.expect(200).body["name"], name);
        api.acme(Method::DELETE, &format!("teams/{path}"), None).await.expect(204);
    }
}

#[tokio::test]
async fn bad_bodies_are_told_every_mistake() {
    let api = Api::with_organisations().await;
    let wrong = api
        .acme(Method::POST, "teams", Some(json!({"name": "a/b", "spec": {"members": [{}], "colour": 1}, "x": 1})))
        .await;
    let wrong = wrong.problem(422, "invalid");
    assert_eq!(
        wrong.errors(),
        ["/name invalid", "/spec/members/0/user missing", "/spec/colour unknown_field", "/x unknown_field"]
    );
    for (body, errors) in [
        (json!({}), vec!["/name missing", "/spec missing"]),
        (json!({"name": "", "spec": {}}), vec!["/name invalid"]),
        (json!({"name": 5, "spec": []}), vec!["/name wrong_type", "/spec wrong_type"]),
        (json!({"name": "x".repeat(129), "spec": {}}), vec!["/name invalid"]),
        (json!({"name": "zero\u{200B}width", "spec": {}}), vec!["/name invalid"]),
        (json!("text"), vec![" wrong_type"]),
    ] {
        assert_eq!(
            api.acme(Method::POST, "teams", Some(body.clone())).await.problem(422, "invalid").errors(),
            errors,
            "{body}"
        );
    }
}

#[tokio::test]
async fn clear_text_secrets_are_refused_and_never_repeated() {
    let api = Api::with_organisations().await;
    let spec = json!({"type": "OPENAI", "keys": [{"name": "primary", "secret": "sk-very-secret"}]});
    let refused = api.create("providers", "openai", spec).await.problem(422, "invalid");
    assert_eq!(refused.errors(), ["/spec/keys/0/secret literal_secret"]);
    assert!(!refused.body.to_string().contains("sk-very-secret"));

    let mut other_key = sealed(&api.gateway, "sk");
    other_key["sealed"]["keyId"] = json!("somebody-else");
    let mut cut = sealed(&api.gateway, "sk");
    cut["sealed"]["wrappedKey"] = json!("AAAA");
    let mut unsealed = sealed(&api.gateway, "sk");
    unsealed.as_object_mut().unwrap().remove("sealed");
    let keys = json!([
        {"name": "a", "secret": other_key}, {"name": "b", "secret": cut}, {"name": "c", "secret": unsealed}, {"name": "d"}
    ]);
    let refused =
        api.create("providers", "openai", json!({"type": "OPENAI", "keys": keys})).await.problem(422, "invalid");
    let expected = [
        "/spec/keys/0/secret/sealed/keyId invalid",
        "/spec/keys/1/secret/sealed invalid",
        "/spec/keys/2/secret/sealed missing",
        "/spec/keys/3/secret missing",
    ];
    assert_eq!(refused.errors(), expected);
}

#[tokio::test]
async fn provider_keys_are_added_revoked_and_removed() {
    let api = Api::with_organisations().await;
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    let key = json!({"name": "primary", "secret": sealed(&api.gateway, "one")});
    let added = api.acme(Method::POST, "providers/openai/keys", Some(key.clone())).await.expect(201);
    assert_eq!(added.body["secret"].get("sealed"), None);
    api.acme(Method::POST, "providers/openai/keys", Some(key)).await.problem(409, "conflict");
    let bad = json!({"name": "second", "secret": {"preview": "p", "fingerprint": "0".repeat(64)}});
    let bad = api.acme(Method::POST, "providers/openai/keys", Some(bad)).await.problem(422, "invalid");
    assert_eq!(bad.errors(), ["/secret/sealed missing"]);
    let clear = json!({"name": "second", "secret": "sk-clear"});
    let clear = api.acme(Method::POST, "providers/openai/keys", Some(clear)).await.problem(422, "invalid");
    assert_eq!(clear.errors(), ["/secret literal_secret"]);

    let revoked = api.acme(Method::POST, "providers/openai/keys/primary/revoke", None).await.expect(200);
    assert_eq!(revoked.body["revoked"], true);
    let listed = api.acme(Method::GET, "providers/openai/keys", None).await.expect(200);
    assert_eq!(listed.body["items"][0]["revoked"], true);

    api.create("models", "fast", json!({"provider": "openai", "providerKey": "primary"})).await.expect(201);
    let used = api.acme(Method::DELETE, "providers/openai/keys/primary", None).await.problem(409, "conflict");
    assert!(used.text("/title").contains("fast"), "{:#}", used.body);
    api.acme(Method::PATCH, "models/fast", Some(json!({"providerKey": null}))).await.expect(200);
    api.acme(Method::DELETE, "providers/openai/keys/primary", None).await.expect(204);
    api.acme(Method::DELETE, "providers/openai/keys/primary", None).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_patched_provider_keeps_the_secrets_that_it_has() {
    let api = Api::with_organisations().await;
    let keys = json!([{"name": "a", "secret": sealed(&api.gateway, "one")}]);
    let made = api.create("providers", "openai", json!({"type": "OPENAI", "keys": keys})).await.expect(201);
    // What was read can be sent back, and a key may leave its secret out.
    let mut spec = made.body["spec"].clone();
    assert_eq!(api.acme(Method::PATCH, "providers/openai", Some(spec.clone())).await.expect(200).body["revision"], 1);
    spec["keys"][0].as_object_mut().unwrap().remove("secret");
    assert_eq!(api.acme(Method::PATCH, "providers/openai", Some(spec.clone())).await.expect(200).body["revision"], 1);
    // The same secret, sealed anew, is the same secret.
    spec["keys"][0]["secret"] = sealed(&api.gateway, "one");
    assert_eq!(api.acme(Method::PATCH, "providers/openai", Some(spec.clone())).await.expect(200).body["revision"], 1);
    spec["keys"][0]["secret"] = sealed(&api.gateway, "two");
    let changed = api.acme(Method::PATCH, "providers/openai", Some(spec)).await.expect(200);
    assert_eq!(changed.body["revision"], 2);
    assert_ne!(
        changed.body["spec"]["keys"][0]["secret"]["fingerprint"],
        made.body["spec"]["keys"][0]["secret"]["fingerprint"]
    );
}

#[tokio::test]
async fn members_come_and_go() {
    let api = Api::with_organisations().await;
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
    api.create("users", "bob@acme.example", json!({})).await.expect(201);
    api.create("teams", "search", json!({"members": [{"user": "bob@acme.example"}]})).await.expect(201);
    let members = "teams/search/members";
    api.acme(Method::POST, members, Some(json!({"user": "ada@acme.example"}))).await.expect(200);
    let promoted = json!({"user": "ada@acme.example", "role": "MANAGER"});
    api.acme(Method::POST, members, Some(promoted.clone())).await.expect(200);
    let listed = api.acme(Method::GET, members, None).await.expect(200);
    assert_eq!(listed.body["items"], json!([promoted, {"user": "bob@acme.example", "role": "MEMBER"}]));
    let stranger =
        api.acme(Method::POST, members, Some(json!({"user": "eve@globex.example"}))).await.problem(422, "invalid");
    assert_eq!(stranger.errors(), ["/user bad_reference"]);
    let wrong = api.acme(Method::POST, members, Some(json!({"user": 1, "since": 2}))).await.problem(422, "invalid");
    assert_eq!(wrong.errors(), ["/user wrong_type", "/since unknown_field"]);
    api.acme(Method::DELETE, &format!("{members}/bob@acme.example"), None).await.expect(204);
    api.acme(Method::DELETE, &format!("{members}/bob@acme.example"), None).await.problem(404, "not_found");
    assert_eq!(api.acme(Method::GET, "teams/search", None).await.body["revision"], 4);
}

#[tokio::test]
async fn references_stay_within_the_organisation() {
    let api = Api::with_organisations().await;
    let globex = |path: &str, body: Value| {
        let path = format!("/api/organisations/globex/{path}");
        let api = &api;
        async move { api.post(&path, Some(&api.root), body).await }
    };
    globex("providers", json!({"name": "theirs", "spec": {"type": "OPENAI"}})).await.expect(201);
    globex("models", json!({"name": "theirs", "spec": {"provider": "theirs"}})).await.expect(201);
    globex("users", json!({"name": "eve@globex.example", "spec": {}})).await.expect(201);
    let errors =
        async |collection: &str, spec: Value| api.create(collection, "x", spec).await.problem(422, "invalid").errors();
    assert_eq!(errors("models", json!({"provider": "theirs"})).await, ["/spec/provider bad_reference"]);
    assert_eq!(
        errors("teams", json!({"members": [{"user": "eve@globex.example"}]})).await,
        ["/spec/members/0/user bad_reference"]
    );
    let key = json!({"type": "USER", "user": "eve@globex.example", "models": ["theirs"]});
    assert_eq!(errors("apikeys", key).await, ["/spec/user bad_reference", "/spec/models/0 bad_reference"]);
    let admin = json!({"type": "USER", "user": "admin@localhost"});
    assert_eq!(errors("apikeys", admin).await, ["/spec/user bad_reference"]);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged_without_gaps() {
    let api = Api::with_organisations().await;
    for number in 0..25 {
        api.create("teams", &format!("team-{:02}", (number * 7) % 25), json!({})).await.expect(201);
        api.clock.advance(std::time::Duration::from_secs(1));
    }
    for (sort, first) in
        [("name", "team-00"), ("-name", "team-24"), ("createdAt", "team-00"), ("-createdAt", "team-18")]
    {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.acme(Method::GET, &format!("teams?limit=7&sort={sort}{cursor}"), None).await.expect(200);
            seen.extend(page.names().into_iter().map(str::to_owned));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((seen.len(), seen[0].as_str()), (25, first), "{sort}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 25, "{sort} repeats an item");
    }
    assert_eq!(
        api.acme(Method::GET, "teams?q=TEAM-1&limit=3", None).await.expect(200).names(),
        ["team-10", "team-11", "team-12"]
    );
    assert!(
        api.acme(Method::GET, "teams?q=%25", None).await.expect(200).names().is_empty(),
        "a percent sign is no wildcard"
    );
    for bad in
        ["limit=0", "limit=1001", "limit=x", "sort=size", "cursor=!", "cursor=e30", "colour=red", "limit=1&limit=2"]
    {
        api.acme(Method::GET, &format!("teams?{bad}"), None).await.problem(400, "bad_request");
    }
    let cursor = api.acme(Method::GET, "teams?limit=1", None).await.text("/nextCursor");
    api.acme(Method::GET, &format!("teams?sort=createdAt&cursor={cursor}"), None).await.problem(400, "bad_request");
}

#[tokio::test]
async fn of_many_who_create_the_same_at_once_one_succeeds() {
    let api = Api::with_organisations().await;
    let attempts = (0..8).map(|_| api.create("teams", "search", json!({})));
    let answers = futures_util::future::join_all(attempts).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, refused), (1, 7));
}

#[tokio::test]
async fn lists_are_narrowed_by_labels() {
    let api = Api::with_organisations().await;
    let team = |name: &str, labels: Value| json!({"apiVersion": "odock/v1", "kind": "Team", "metadata": {"name": name, "labels": labels}, "spec": {}});
    let set = json!({"owner": "ci", "resources": [
        team("a", json!({"env": "prod", "tier": "1", "odd.key/x-y": "v"})),
        team("b", json!({"env": "test", "tier": ""})),
        team("c", json!({})),
    ]});
    api.acme(Method::POST, "apply", Some(set)).await.expect(200);
    // This one has no labels because nobody ever declared any.
    api.create("teams", "d", json!({})).await.expect(201);
    for (selector, names) in [
        ("env%3Dprod", &["a"][..]),
        ("env%3D%3Dprod,tier%3D1", &["a"]),
        ("env%3Dprod,tier%3D2", &[]),
        ("env!%3Dprod", &["b", "c", "d"]),
        ("env", &["a", "b"]),
        ("!env", &["c", "d"]),
        ("env%20in%20(prod,test)", &["a", "b"]),
        ("env%20notin%20(prod,test)", &["c", "d"]),
        ("tier%3D", &["b"]),
        ("odd.key/x-y%3Dv", &["a"]),
        ("odd", &[]),
    ] {
        for scope in ["/api/organisations/acme/teams", "/api/admin/teams"] {
            let found = api.get(&format!("{scope}?labelSelector={selector}"), Some(&api.root)).await.expect(200);
            assert_eq!(found.names(), names, "{scope} {selector}");
        }
    }
    // Labels of another kind are another kind's, even on the same name.
    api.create("providers", "a", json!({"type": "OPENAI"})).await.expect(201);
    assert!(api.acme(Method::GET, "providers?labelSelector=env", None).await.expect(200).names().is_empty());
    let page = api.acme(Method::GET, "teams?labelSelector=!env&limit=1", None).await.expect(200);
    let next = format!("teams?labelSelector=!env&limit=1&cursor={}", page.text("/nextCursor"));
    assert_eq!(api.acme(Method::GET, &next, None).await.expect(200).names(), ["d"]);
    for wrong in ["env%20in%20prod", "", "env%3Da%3Db", "a'b", "env%3D%27%29%20OR%201%3D1"] {
        let refused = api.acme(Method::GET, &format!("teams?labelSelector={wrong}"), None).await;
        assert!(refused.problem(400, "bad_request").text("/title").contains("labelSelector"));
    }
}
