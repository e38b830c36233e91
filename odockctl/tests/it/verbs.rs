//! `explain`, `wait`, `man`, and `--jq`.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key, keys};

const KEY: &str = "GET /api/organisations/acme/apikeys/ci";

#[test]
fn explain_works_without_a_gateway_and_without_a_context() {
    let home = Home::empty();
    for (name, words) in [
        ("kinds", &["explain"][..]),
        ("key", &["explain", "key"]),
        ("field", &["explain", "key.policies.ratelimit.requests"]),
        ("recursive", &["explain", "provider", "--recursive"]),
    ] {
        insta::assert_snapshot!(format!("explain_{name}"), home.run(words).ends(0).stdout);
    }
    let json: Value =
        serde_json::from_str(&home.run(&["explain", "model.spec.pricing", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!((&json["name"], &json["type"]), (&json!("pricing"), &json!("object")));
    assert!(home.run(&["explain", "key.spec.modles"]).ends(64).stderr.contains("did you mean `models`?"));
    assert!(home.run(&["explain", "kye"]).ends(64).stderr.contains("did you mean"));
    assert_eq!(home.run(&["explain", "key", "--jq", ".fields[].name"]).ends(0).stdout.lines().last(), Some("spec"));
}

/// A JSON Schema validator that is not ours.
struct Validator {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Validator {
    fn new(schema: Value) -> Self {
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        // The schema itself is held against the standard's own schema while it is compiled.
        compiler.add_resource("https://odock.example/schema.json", schema).unwrap();
        let index = compiler.compile("https://odock.example/schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn accepts(&self, manifest: &Value) -> Result<(), String> {
        self.schemas.validate(manifest, self.index).map_err(|error| format!("{error:#}"))
    }
}

fn manifests(directory: &std::path::Path, found: &mut Vec<(String, Value)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            manifests(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let documents: Vec<Value> = match path.extension().and_then(|end| end.to_str()) {
            Some("yaml" | "yml") => serde_saphyr::from_multiple(&text).unwrap(),
            Some("json") => match serde_json::from_str(&text).unwrap() {
                Value::Array(items) => items,
                one => vec![one],
            },
            Some("toml") => match toml::from_str::<Value>(&text).unwrap().get_mut("resources") {
                Some(Value::Array(items)) => std::mem::take(items),
                _ => Vec::new(),
            },
            _ => continue,
        };
        found.extend(documents.into_iter().map(|document| (path.display().to_string(), document)));
    }
}

#[test]
fn the_schema_accepts_the_examples_and_refuses_mistakes() {
    let schema: Value = serde_json::from_str(&Home::empty().run(&["explain", "--schema"]).ends(0).stdout).unwrap();
    let validator = Validator::new(schema);
    let mut found = Vec::new();
    manifests(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/configs"), &mut found);
    assert!(found.len() > 15, "{}", found.len());
    for (path, manifest) in &found {
        if let Err(error) = validator.accepts(manifest) {
            panic!("{path}: {error}\n{manifest:#}");
        }
    }
    let good = json!({
        "apiVersion": "odock/v1", "kind": "ApiKey", "metadata": {"name": "ci"},
        "spec": {"type": "TEAM", "team": "search", "models": ["a"],
                 "policies": {"ratelimit": {"requests": {"per_minute": "${ODOCK_LIMIT}"}}}}
    });
    validator.accepts(&good).unwrap();
    for (pointer, value) in [
        ("/kind", json!("Kye")),
        ("/apiVersion", json!("v2")),
        ("/metadata", json!({})),
        ("/spec", json!({"type": "TEAM", "tema": "x"})),
        ("/spec/type", json!("TAEM")),
        ("/spec/models", json!("a")),
        ("/spec/policies/ratelimit/requests/per_minute", json!("60")),
        ("/spec/policies/ratelimit/requests/per_minute", json!(0)),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        assert!(validator.accepts(&wrong).is_err(), "{pointer} {value}");
    }
}

#[test]
fn waiting_ends_when_the_condition_is_met() {
    let gateway = Gateway::start();
    gateway.refuse(KEY, 404, "not_found", "there is no key ci");
    gateway.refuse(KEY, 503, "unavailable", "not now");
    gateway.on(KEY, 200, &key("ci"));
    let home = Home::of(&gateway).with("ODOCK_RETRIES", "0");
    let run = home.run(&["wait", "key/ci", "--for", "ready", "--within", "20s"]).ends(0);
    assert_eq!(run.stderr, "key ci: ready\n");
    assert_eq!(gateway.lines().len(), 3);
    home.run(&["wait", "key/ci", "--for", "delete", "--for", "jq:.spec.team == \"search\"", "--any"]).ends(0);
    home.run(&["wait", "key", "gone", "--for", "delete"]).ends(0);
}

#[test]
fn waiting_too_long_is_exit_8_with_the_last_state() {
    let gateway = Gateway::start();
    let mut revoked = key("ci");
    revoked["status"]["revokedAt"] = "2026-11-03T00:00:00Z".into();
    gateway.on(KEY, 200, &revoked);
    let home = Home::of(&gateway);
    let error = home.run(&["wait", "key/ci", "--for", "ready", "--within", "300ms", "-o", "json"]).ends(8).error();
    assert_eq!(error["code"], "wait_timed_out");
    assert_eq!(error["message"], "after 0 s, key ci is not ready: it was revoked at 2026-11-03T00:00:00Z");
    let run = home.run(&["wait", "key/ci", "key/new", "--for", "create", "--within", "0s"]).ends(8);
    assert!(
        run.stderr.contains("key new is not there: it does not exist") && !run.stderr.contains("key ci"),
        "{}",
        run.stderr
    );
    gateway.refuse("GET /api/organisations/acme/apikeys/secret", 403, "forbidden", "no");
    home.run(&["wait", "key/secret", "--for", "ready"]).ends(5);
    home.run(&["wait", "key/ci", "--for", "jq:("]).ends(64);
    home.run(&["wait", "key/ci"]).ends(64);
}

#[test]
fn a_filter_works_on_the_json_form_in_any_format() {
    let gateway = Gateway::start();
    gateway.on("GET /api/organisations/acme/apikeys", 200, &keys(&["ci", "batch"]));
    gateway.on(KEY, 200, &key("ci"));
    gateway.on("GET /api/organisations/acme/apikeys/ci/history", 200, &json!({ "items": [] }));
    let home = Home::of(&gateway);
    let run = |words: &[&str]| home.run(words).ends(0).stdout;
    assert_eq!(run(&["get", "keys", "--jq", ".items[].name"]), "ci\nbatch\n");
    assert_eq!(run(&["get", "keys", "--jq", ".items[].name", "-o", "json"]), "\"ci\"\n\"batch\"\n");
    assert_eq!(run(&["get", "keys", "--jq", ".name", "-o", "jsonl"]), "\"ci\"\n\"batch\"\n");
    assert_eq!(run(&["get", "keys", "--jq", ".items[] | [.name, .revision] | @tsv"]), "ci\t2\nbatch\t2\n");
    assert_eq!(run(&["get", "key/ci", "--jq", ".spec | {team}", "-o", "yaml"]), "team: search\n");
    assert_eq!(
        run(&["get", "keys", "--fields", "name,spec.team", "--jq", ".items[0]"]),
        "{\"name\":\"ci\",\"spec.team\":\"search\"}\n"
    );
    assert_eq!(run(&["describe", "key/ci", "--jq", ".resource.name"]), "ci\n");
    assert_eq!(run(&["version", "--jq", "keys[]"]), "odockctl\n");
    let lines = gateway.lines().len();
    assert!(home.run(&["get", "keys", "--jq", ".items["]).ends(64).stderr.contains("expected closing bracket"));
    assert!(home.run(&["get", "keys", "--jq", ".", "-o", "csv"]).ends(64).stderr.contains("@csv"));
    assert_eq!(gateway.lines().len(), lines, "a mistake in the filter is found before anything is asked");
    let failed = home.run(&["get", "keys", "--jq", ".items + 1"]).ends(1);
    assert!(failed.stderr.contains("error: --jq: cannot calculate"), "{}", failed.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_filter_that_never_ends() {
    use std::process::{Command, Stdio};
    let home = Home::empty();
    let mut child = home
        .command(&["version", "--jq", "1, (def f: f; f)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "1\n");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn every_command_has_its_manual_page() {
    let home = Home::empty();
    let page = home.run(&["man", "key", "rotate"]).ends(0).stdout;
    assert!(page.contains(".TH odockctl-key-rotate 1") && page.contains("\\-\\-overlap"), "{page}");
    home.run(&["man", "--dir", "pages"]).ends(0);
    let names: Vec<String> = std::fs::read_dir(home.path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let tree: Value = serde_json::from_str(&home.run(&["help", "--json"]).ends(0).stdout).unwrap();
    for command in tree["commands"].as_array().unwrap() {
        let name = format!("odockctl-{}.1", command["command"].as_str().unwrap().replace(' ', "-"));
        assert!(names.contains(&name), "{name}");
    }
    home.run(&["man", "nonsense"]).ends(64);
}
