use serde_json::{Value, json};

use crate::support::{Gateway, Home};

const ACME: &str = "/api/organisations/acme";

fn resource(name: &str, spec: Value, status: Value) -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000009", "name": name, "organisation": "acme", "revision": 4,
        "createdAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-02T10:00:00Z", "spec": spec, "status": status
    })
}

/// A gateway with the provider `openai` and these models.
fn gateway(models: &[(&str, Value)]) -> Gateway {
    let gateway = Gateway::start();
    let provider = resource("openai", json!({ "type": "OPENAI" }), json!({ "models": 0 }));
    gateway.on(&format!("GET {ACME}/providers/openai"), 200, &provider);
    let model = |(name, spec): &(&str, Value)| resource(name, spec.clone(), json!({ "keys": 2 }));
    let items: Vec<Value> = models.iter().map(model).collect();
    gateway.on(&format!("GET {ACME}/models"), 200, &json!({ "items": items }));
    gateway
}

/// What an apply of the gateway answers: what it was sent, as changes.
fn plan(gateway: &Gateway, dry_run: bool, changes: &[(&str, &str)]) {
    let of = |wanted: &str| changes.iter().filter(|(action, _)| *action == wanted).count();
    let change = |(action, name): &(&str, &str)| {
        json!({ "action": action, "kind": "Model", "organisation": "acme", "name": name,
            "fields": [{ "path": "/provider", "new": "openai" }] })
    };
    let plan = json!({ "dryRun": dry_run, "changes": changes.iter().map(change).collect::<Vec<_>>(),
        "summary": { "create": of("create"), "update": of("update"), "unchanged": 0 } });
    gateway.on(&format!("POST {ACME}/apply?dryRun={dry_run}"), 200, &plan);
}

/// The manifests of the one apply, by name.
fn applied(gateway: &Gateway) -> Vec<Value> {
    let sent: Vec<Value> = gateway
        .lines()
        .iter()
        .zip(gateway.bodies())
        .filter(|(line, _)| line.contains("/apply"))
        .map(|(_, body)| serde_json::from_str(&body).unwrap())
        .collect();
    assert_eq!(sent.len(), 1, "{:?}", gateway.lines());
    sent[0]["resources"].as_array().unwrap().clone()
}

#[test]
fn the_catalogue_is_listed_without_a_gateway() {
    let home = Home::empty();
    let run = home.run(&["model", "catalog", "mistral"]).ends(0);
    insta::assert_snapshot!("catalog_mistral", format!("{}---\n{}", run.stdout, run.stderr));
    insta::assert_snapshot!(
        "catalog_one",
        home.run(&["model", "catalogue", "openai", "gpt-4.1-mini", "-o", "yaml"]).ends(0).stdout
    );
    let wide = home.run(&["model", "catalog", "google", "gemini-3.8-flash", "-o", "wide"]).ends(0).stdout;
    insta::assert_snapshot!("catalog_wide", wide);
    let names = home.run(&["model", "catalog", "openai", "--type", "embeddings", "-o", "name"]).ends(0).stdout;
    assert_eq!(names, "text-embedding-3-large\ntext-embedding-3-small\ntext-embedding-ada-002\n");
    let found = home.run(&["model", "catalog", "--search", "HAIKU", "--fields", "provider,slug", "-o", "csv"]).ends(0);
    assert!(found.stdout.contains("ANTHROPIC,claude-haiku-4-5"), "{}", found.stdout);
    let all: Value = serde_json::from_str(&home.run(&["model", "catalog", "-o", "json"]).ends(0).stdout).unwrap();
    assert!(all["items"].as_array().unwrap().len() > 150);
    let nothing = home.run(&["model", "catalog", "vllm", "--search", "nothing of that name"]).ends(0);
    assert_eq!(
        (nothing.stdout.as_str(), nothing.stderr.as_str()),
        ("", "0 models, taken on 2026-11-23; without list prices\n")
    );
}

#[test]
fn what_is_not_known_is_said_with_what_may_be_meant() {
    let home = Home::empty();
    let error = home.run(&["model", "catalog", "openai", "gpt-4.1-mnii", "-o", "json"]).ends(6).error();
    assert_eq!((&error["code"], &error["hint"]), (&"not_found".into(), &"did you mean gpt-4.1-mini?".into()));
    home.run(&["model", "catalog", "nobody"]).ends(64);
    home.run(&["model", "catalog", "--type", "colour"]).ends(64);
}

#[test]
fn known_models_become_models_of_the_organisation() {
    let gateway = gateway(&[]);
    plan(&gateway, false, &[("create", "gpt-4.1-mini"), ("create", "whisper-1")]);
    let import = ["model", "import", "gpt-4.1-mini", "GPT-4.1-mini", "whisper-1", "--provider", "openai"];
    insta::assert_snapshot!("import", Home::of(&gateway).run(&import).ends(0).shown(&gateway));
    insta::assert_snapshot!("import_manifests", serde_json::to_string_pretty(&applied(&gateway)).unwrap());
}

#[test]
fn an_import_can_be_looked_at_first_and_named_otherwise() {
    let gateway = gateway(&[]);
    plan(&gateway, true, &[("create", "support-fast")]);
    let import =
        ["model", "import", "gpt-4o", "--provider", "openai", "--as", "support-fast", "--slug", "ours", "--dry-run"];
    let run = Home::of(&gateway).run(&[&import[..], &["--read-only", "-o", "name"]].concat()).ends(0);
    assert_eq!(run.stdout, "model/support-fast\n");
    let manifests = applied(&gateway);
    assert_eq!(
        (&manifests[0]["metadata"]["name"], &manifests[0]["spec"]["slug"]),
        (&"support-fast".into(), &"ours".into())
    );
    Home::of(&gateway).run(&[&import[..7], &["--read-only"]].concat()).ends(12);
    Home::of(&gateway).run(&["model", "import", "gpt-4o", "o3", "--provider", "openai", "--as", "x"]).ends(64);
    Home::of(&gateway).run(&["model", "import", "--provider", "openai"]).ends(64);
}

/// `gpt-4.1-mini` as the catalogue has it, but for its price and a policy of the organisation's own.
fn dearer() -> Value {
    json!({
        "type": "chat", "provider": "openai", "capabilities": ["vision", "tool_use"],
        "config": { "contextWindow": 1_047_576, "maxOutputTokens": 32_768 },
        "pricing": { "input": { "text_cost_per_1k_tokens": "0.0005" }, "output": { "text_cost_per_1k_tokens": "0.0016" },
            "cached_input_discount_percent": 75 },
        "policies": { "ratelimit": { "requests": { "per_minute": 60 } } }
    })
}

/// `whisper-1` as the catalogue has it, under another name.
fn transcriber() -> Value {
    json!({ "type": "transcription", "slug": "whisper-1", "provider": "openai",
        "pricing": { "unit": { "label": "second", "cost_per_1k_units": "0.1" } } })
}

const THREE: [&str; 7] = ["model", "import", "gpt-4.1-mini", "whisper-1", "gpt-4o", "--provider", "openai"];

#[test]
fn what_is_there_stays_and_what_differs_is_said() {
    let gateway = gateway(&[("gpt-4.1-mini", dearer()), ("dictation", transcriber())]);
    plan(&gateway, false, &[("create", "gpt-4o")]);
    insta::assert_snapshot!("import_differs", Home::of(&gateway).run(&THREE).ends(0).shown(&gateway));
    let manifests = applied(&gateway);
    assert_eq!((manifests.len(), &manifests[0]["metadata"]["name"]), (1, &"gpt-4o".into()));
}

#[test]
fn an_update_adds_a_price_list_and_leaves_the_old_one() {
    let gateway = gateway(&[("gpt-4.1-mini", dearer()), ("dictation", transcriber())]);
    plan(&gateway, false, &[("create", "gpt-4o"), ("update", "gpt-4.1-mini")]);
    let update = [&THREE[..], &["--update", "--prices-from", "2026-12-01", "-o", "name"]].concat();
    let run = Home::of(&gateway).run(&update).ends(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("model/gpt-4o\nmodel/gpt-4.1-mini\n", ""));
    let manifests = applied(&gateway);
    let mini = &manifests.iter().find(|it| it["metadata"]["name"] == "gpt-4.1-mini").unwrap()["spec"];
    let mut expected = dearer();
    expected["priceChanges"] = json!([{ "from": "2026-12-01T00:00:00Z", "pricing": {
        "input": { "text_cost_per_1k_tokens": "0.0004" }, "output": { "text_cost_per_1k_tokens": "0.0016" },
        "cached_input_discount_percent": 75 } }]);
    assert_eq!(mini["pricing"], expected["pricing"]);
    assert_eq!(mini["priceChanges"], expected["priceChanges"]);
    assert_eq!(mini["policies"]["ratelimit"]["requests"]["per_minute"], 60);
}

#[test]
fn a_second_import_changes_nothing() {
    let gateway = gateway(&[("dictation", transcriber())]);
    let run = Home::of(&gateway).run(&["model", "import", "whisper-1", "--provider", "openai"]).ends(0);
    assert_eq!(run.stdout, "= Model dictation\n\n0 created, 0 updated, 1 unchanged\n");
    assert!(!gateway.lines().iter().any(|line| line.contains("/apply")), "{:?}", gateway.lines());
}

#[test]
fn a_name_that_something_else_has_is_not_taken_from_it() {
    let other = json!({ "type": "chat", "slug": "deployment", "provider": "azure" });
    let gateway = gateway(&[("gpt-4o", other)]);
    let error =
        Home::of(&gateway).run(&["model", "import", "gpt-4o", "--provider", "openai", "-o", "json"]).ends(7).error();
    assert_eq!(
        error["message"],
        "the model gpt-4o is there already, and is deployment of the provider azure; nothing was changed"
    );
    let missing = Home::of(&gateway).run(&["model", "import", "gpt-4o", "--provider", "nobody"]).ends(6);
    assert!(missing.stderr.contains("hint: list them: odockctl get providers"), "{}", missing.stderr);
    let unknown = Home::of(&gateway).run(&["model", "import", "claude-opus-5", "--provider", "openai"]).ends(6);
    assert!(unknown.stderr.contains("the catalogue of OPENAI has no model `claude-opus-5`"), "{}", unknown.stderr);
}

#[test]
fn a_provider_that_may_serve_anything_needs_to_be_told_whose_models() {
    let gateway = gateway(&[]);
    let custom = resource("ours", json!({ "type": "CUSTOM", "baseUrl": "http://ours" }), json!({ "models": 0 }));
    gateway.on(&format!("GET {ACME}/providers/ours"), 200, &custom);
    let import = ["model", "import", "openai/gpt-oss-20b", "--provider", "ours"];
    assert!(Home::of(&gateway).run(&import).ends(64).stderr.contains("--from CATALOGUE"));
    plan(&gateway, false, &[("create", "gpt-oss-20b")]);
    Home::of(&gateway).run(&[&import[..], &["--from", "vllm"]].concat()).ends(0);
    let spec = &applied(&gateway)[0]["spec"];
    assert_eq!((&spec["slug"], spec.get("pricing")), (&"openai/gpt-oss-20b".into(), None));
}

#[test]
fn manifests_are_printed_and_are_good() {
    let home = Home::empty();
    for format in ["yaml", "json", "toml"] {
        let all =
            ["model", "import", "--all", "--from", "huggingface", "--provider", "hf", "--manifests", "-o", format];
        let manifests = home.run(&[&all[..], &["--organisation", "acme"]].concat()).ends(0).stdout;
        let checked = home.run_with_input(&["validate", "-f", "-"], &manifests).ends(0);
        assert!(checked.stdout.contains("manifests are valid: Model "), "{format}: {}", checked.stdout);
    }
    let ambiguous = home.run(&["model", "import", "gpt-4.1-mini", "--provider", "openai", "--manifests"]).ends(64);
    assert!(ambiguous.stderr.contains("--from CATALOGUE"), "{}", ambiguous.stderr);
    let one = home.run(&["model", "import", "claude-opus-5", "--provider", "anthropic", "--manifests"]).ends(0).stdout;
    insta::assert_snapshot!("manifest", one);
}

fn tested(outcome: &str, more: Value) -> Value {
    let mut test = json!({ "provider": "openai", "type": "OPENAI", "key": "primary", "url": "https://api.openai.com/v1/models",
        "outcome": outcome, "reachable": true, "detail": "it answers, and takes the credential" });
    test.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    test
}

#[test]
fn a_provider_is_tested_in_plain_words() {
    let gateway = Gateway::start();
    let line = format!("POST {ACME}/providers/openai/test");
    let good = json!({ "credentialAccepted": true, "status": 200, "latencyUs": 123_456, "models": 87 });
    gateway.on(&line, 200, &tested("ok", good));
    let home = Home::of(&gateway);
    insta::assert_snapshot!("provider_test", home.run(&["provider", "test", "openai"]).ends(0).shown(&gateway));
    home.run(&["provider", "test", "openai", "--key", "a key"]).ends(0);
    assert_eq!(gateway.lines().last().unwrap(), &format!("{line}?key=a+key"));
    home.run(&["provider", "test", "openai", "--read-only"]).ends(12);
    home.run(&["provider", "test"]).ends(64);
    assert!(home.run(&["provider", "test", "nobody"]).ends(6).stderr.contains("odockctl get providers"));
}

#[test]
fn a_provider_that_fails_its_test_ends_with_1() {
    let gateway = Gateway::start();
    let refused = json!({ "credentialAccepted": false, "status": 401, "latencyUs": 80_000,
        "detail": "it refused the credential with status 401", "message": "Incorrect API key\x1b[2J\nprovided: [redacted]" });
    gateway.on(&format!("POST {ACME}/providers/openai/test"), 200, &tested("credential_refused", refused));
    let away = json!({ "provider": "azure", "type": "AZURE_OPENAI", "outcome": "unreachable", "reachable": false,
        "detail": "no connection came about" });
    gateway.on(&format!("POST {ACME}/providers/azure/test"), 200, &away);
    let home = Home::of(&gateway);
    insta::assert_snapshot!(
        "provider_test_fails",
        home.run(&["provider", "test", "openai", "azure"]).ends(1).shown(&gateway)
    );
    let json: Value =
        serde_json::from_str(&home.run(&["provider", "test", "azure", "-o", "json"]).ends(1).stdout).unwrap();
    assert_eq!(json, away);
}
