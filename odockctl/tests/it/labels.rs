//! `-l`: resources chosen by their labels.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key, keys};

const KEYS: &str = "/api/organisations/acme/apikeys";
/// What the gateway is asked for, whatever was written.
const PROD: &str = "labelSelector=env+in+%28prod%29";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(&format!("GET {KEYS}"), 200, &keys(&["ci", "batch"]));
    for name in ["ci", "batch"] {
        gateway.on(&format!("GET {KEYS}/{name}"), 200, &key(name));
        gateway.on(&format!("GET {KEYS}/{name}/history"), 200, &json!({ "items": [] }));
        gateway.on(&format!("DELETE {KEYS}/{name}"), 204, &json!(null));
    }
    gateway
}

#[test]
fn the_gateway_chooses_and_pages() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    assert_eq!(home.run(&["get", "keys", "-l", "env=prod", "-o", "name"]).ends(0).stdout, "apikey/ci\napikey/batch\n");
    home.run(&["get", "keys", "--selector", " env == prod ", "--limit", "1"]).ends(0);
    home.run(&["get", "keys", "-l", "env=prod,!old,tier in (1, 2),x!=y", "--filter", "team=search"]).ends(0);
    let lines = gateway.lines();
    assert!(lines[..2].iter().all(|line| line.contains(PROD)), "{lines:?}");
    assert!(
        lines[2].contains("team=search") && lines[2].contains("%21old") && lines[2].contains("x+notin"),
        "{lines:?}"
    );
}

#[test]
fn a_mistake_is_told_before_anything_is_asked() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    for (words, what) in [
        (&["get", "keys", "-l", "env in prod"][..], "`env in` needs values in brackets: env in (a,b)"),
        (&["get", "keys", "-l", ""], "a key is missing at the end"),
        (&["delete", "keys", "-l", "env=a=b", "--yes"], "`=b` cannot be in a value of `env`"),
        (&["get", "key", "ci", "-l", "env"], "names are given"),
        (&["delete", "key", "ci", "-l", "env", "--yes"], "names are given"),
        (&["describe", "key/ci", "-l", "env"], "names are given"),
    ] {
        let run = home.run(words).ends(64);
        assert!(run.stderr.contains(what), "{words:?}: {}", run.stderr);
    }
    assert!(gateway.lines().is_empty());
}

#[test]
fn what_is_deleted_is_what_was_chosen_and_confirmed() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    let refused = home.run(&["delete", "keys", "-l", "env=prod"]).ends(12);
    assert!(refused.stderr.contains("Delete 2 resources of acme"), "{}", refused.stderr);
    assert!(gateway.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", gateway.lines());
    let run = home.run(&["delete", "keys", "-l", "env=prod", "--yes"]).ends(0);
    assert_eq!(run.stderr, "deleted key ci\ndeleted key batch\n");
    // Nothing has the labels: nothing is deleted, and above all not everything.
    gateway.forget(&format!("GET {KEYS}"));
    gateway.on(&format!("GET {KEYS}"), 200, &keys(&[]));
    let before = gateway.lines().len();
    let run = home.run(&["delete", "keys", "-l", "env=test", "--yes"]).ends(0);
    assert_eq!(run.stderr, "no keys have the labels env in (test)\n");
    assert_eq!(gateway.lines().len(), before + 1);
    home.run(&["delete", "keys", "--yes"]).ends(64);
}

#[test]
fn exports_and_descriptions_choose_the_same_way() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    let text = home.run(&["export", "keys", "-l", "env=prod", "-o", "json"]).ends(0).stdout;
    let exported: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(exported["resources"].as_array().unwrap().len(), 2);
    assert!(gateway.lines()[0].contains(PROD));
    let run = home.run(&["describe", "keys", "-l", "env=prod"]).ends(0);
    assert!(run.stdout.contains("ApiKey ci\n") && run.stdout.contains("\nApiKey batch\n"), "{}", run.stdout);
    // The organisation itself is chosen on this side.
    gateway.on("GET /api/organisations/acme", 200, &organisation());
    let exported = |selector: &str| -> Value {
        let run = home.run(&["export", "organisation", "-l", selector, "-o", "json"]).ends(0);
        serde_json::from_str(&run.stdout).unwrap()
    };
    assert_eq!(exported("env=prod")["resources"][0]["metadata"]["name"], "acme");
    assert_eq!(exported("env!=prod")["resources"], json!([]));
}

fn organisation() -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000005", "name": "acme", "revision": 1, "labels": {"env": "prod"},
        "createdAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-01T10:00:00Z",
        "spec": { "policies": { "ratelimit": { "requests": { "per_minute": 600 } } } }, "status": {}
    })
}
