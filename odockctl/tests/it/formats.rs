use serde_json::{Value, json};

use crate::support::{Gateway, Home, key, keys};

const LIST: &str = "GET /api/organisations/acme/apikeys";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let mut list = keys(&["ci", "batch"]);
    list["items"][1]["spec"] = json!({ "type": "USER", "user": "ada@acme.example", "models": ["a", "b", "c", "d"], "expiry": "2099-01-01T00:00:00Z" });
    list["items"][1]["status"]["revokedAt"] = "2026-11-03T00:00:00Z".into();
    gateway.on(LIST, 200, &list);
    gateway
}

#[test]
fn lists_in_every_format() {
    let gateway = gateway();
    for format in ["table", "wide", "json", "jsonl", "yaml", "toml", "csv", "name"] {
        let run = Home::of(&gateway).run(&["get", "keys", "-o", format]).ends(0);
        assert_eq!(run.stderr, "", "{format}");
        insta::assert_snapshot!(format!("list_{format}"), run.stdout);
    }
}

#[test]
fn one_thing_is_a_document_of_its_own() {
    let gateway = Gateway::start();
    gateway.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
    for format in ["json", "yaml", "toml"] {
        let run = Home::of(&gateway).run(&["get", "key/ci", "-o", format]).ends(0);
        insta::assert_snapshot!(format!("one_{format}"), run.stdout);
    }
}

#[test]
fn structured_formats_say_the_same() {
    let gateway = gateway();
    let run = |format: &str| Home::of(&gateway).run(&["get", "keys", "-o", format]).ends(0).stdout;
    let json: Value = serde_json::from_str(&run("json")).unwrap();
    let lines: Vec<Value> = run("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let toml: Value = toml::from_str(&run("toml")).unwrap();
    let yaml: Value = serde_saphyr::from_str(&run("yaml")).unwrap();
    assert_eq!(json["items"], Value::from(lines));
    assert_eq!(json, toml);
    assert_eq!(json, yaml);
}

#[test]
fn fields_are_columns_or_paths() {
    let gateway = gateway();
    let run = |words: &[&str]| Home::of(&gateway).run(&[&["get", "keys"], words].concat());
    assert_eq!(
        run(&["--fields", "name,state,spec.team", "-o", "csv"]).ends(0).stdout,
        "name,state,spec.team\r\nci,active,search\r\nbatch,revoked,\r\n"
    );
    assert_eq!(
        run(&["--fields", "name,spec.expiry", "-o", "jsonl"]).ends(0).stdout,
        "{\"name\":\"ci\",\"spec.expiry\":null}\n{\"name\":\"batch\",\"spec.expiry\":\"2099-01-01T00:00:00Z\"}\n"
    );
    insta::assert_snapshot!(run(&["--fields", "name,owner,status"]).ends(0).stdout);
    let error = run(&["--fields", "nmae", "-o", "json"]).ends(64).error();
    assert_eq!(error["message"], "there is no field `nmae`");
    assert!(error["hint"].as_str().unwrap().contains("spec.expiry, spec.models"), "{error}");
}

#[test]
fn several_kinds_are_several_tables_or_one_document() {
    let gateway = Gateway::start();
    let mut team = key("search");
    team["spec"] = json!({ "members": [] });
    team["status"] = json!({ "slug": "search", "keys": 1 });
    gateway.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
    gateway.on("GET /api/organisations/acme/teams/search", 200, &team);
    let run = |format: &str| Home::of(&gateway).run(&["get", "key/ci", "team/search", "-o", format]);
    assert_eq!(run("name").ends(0).stdout, "apikey/ci\nteam/search\n");
    let document: Value = serde_json::from_str(&run("json").ends(0).stdout).unwrap();
    assert_eq!((&document["items"][0]["kind"], &document["items"][1]["kind"]), (&"ApiKey".into(), &"Team".into()));
    run("csv").ends(64);
    assert_eq!(run("table").ends(0).stdout.lines().count(), 5);
}

#[test]
fn an_empty_list_is_no_error_and_no_noise() {
    let gateway = Gateway::start();
    gateway.on(LIST, 200, &keys(&[]));
    let run = Home::of(&gateway).run(&["get", "keys"]).ends(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "no keys\n"));
    assert_eq!(Home::of(&gateway).run(&["get", "keys", "--quiet"]).ends(0).stderr, "");
    assert_eq!(Home::of(&gateway).run(&["get", "keys", "-o", "json"]).ends(0).stdout, "{\n  \"items\": []\n}\n");
}

#[test]
fn names_cannot_break_a_table() {
    let gateway = Gateway::start();
    gateway.on(LIST, 200, &keys(&["a\x1b[2J\nb\u{202e}"]));
    let run = Home::of(&gateway).run(&["get", "keys"]).ends(0);
    assert!(run.stdout.lines().nth(1).unwrap().starts_with("a[2J b  "), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 2);
}

#[test]
fn colour_is_only_used_where_it_is_asked_for() {
    let gateway = gateway();
    let plain = Home::of(&gateway).run(&["get", "keys"]).ends(0).stdout;
    let forced = Home::of(&gateway).run(&["get", "keys", "--color", "always"]).ends(0).stdout;
    assert!(!plain.contains('\x1b') && forced.starts_with("\x1b[1mNAME"), "{forced}");
    assert!(!Home::of(&gateway).run(&["get", "keys", "-o", "json", "--color", "always"]).stdout.contains('\x1b'));
}

#[test]
fn a_description_holds_what_bears_on_a_key() {
    let gateway = Gateway::start();
    gateway.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
    let rotation = json!({
        "at": "2026-11-02T10:00:00Z", "by": "ada@acme.example", "previousPreview": "sk-odock-old…key",
        "previousValidUntil": "2026-11-02T10:00:00Z"
    });
    gateway.on("GET /api/organisations/acme/apikeys/ci/history", 200, &json!({ "items": [rotation] }));
    let totals = json!({ "requests": 3, "errors": 1, "tokensIn": 30, "tokensOut": 12, "costNanos": 1_500_000, "unpriced": 0, "meanLatencyUs": 250_000 });
    gateway.on(
        "GET /api/organisations/acme/usage/summary?key=ci&limit=1",
        200,
        &json!({ "from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "by": "model", "total": totals, "rows": [] }),
    );
    insta::assert_snapshot!(Home::of(&gateway).run(&["describe", "key", "ci"]).ends(0).stdout);
    let json: Value =
        serde_json::from_str(&Home::of(&gateway).run(&["describe", "key/ci", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!(
        (&json["usageLastDay"]["requests"], &json["rotations"][0]["by"]),
        (&3.into(), &"ada@acme.example".into())
    );
}

#[test]
fn what_has_no_columns_says_so_before_anything_is_done() {
    let gateway = Gateway::start();
    for arguments in [
        &["describe", "key", "ci", "-o", "csv"][..],
        &["auth", "status", "--fields", "email"],
        &["version", "-o", "name"],
    ] {
        Home::of(&gateway).run(arguments).ends(64);
    }
    assert!(gateway.lines().is_empty());
    let run = Home::of(&gateway).run(&["version", "-o", "json", "--fields", "odockctl,gateway.version"]).ends(0);
    assert_eq!(run.stdout.lines().count(), 4, "{}", run.stdout);
}

#[test]
fn all_records_come_page_by_page() {
    let gateway = Gateway::start();
    let page = |id: &str, next: Option<&str>| json!({ "items": [crate::support::record(id)], "nextCursor": next });
    gateway.on("GET /api/organisations/acme/usage", 200, &page("r1", Some("2")));
    gateway.on("GET /api/organisations/acme/usage", 200, &page("r2", None));
    let lines = Home::of(&gateway).run(&["usage", "list", "--all", "-o", "jsonl"]).ends(0).stdout;
    assert_eq!(lines.lines().count(), 2);
    assert!(gateway.lines()[1].contains("cursor=2"));
}
