//! Plans, owners, sinks of manifests, drift, export: against a gateway that gives scripted answers.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key};

const APPLY: &str = "POST /api/organisations/acme/apply";
const TEAM: &str = "apiVersion: odock/v1\nowner: platform-ci\nresources:\n- apiVersion: odock/v1\n  kind: Team\n  metadata: {name: search}\n  spec: {}\n";

fn plan(changes: Value) -> Value {
    let count = |action: &str| changes.as_array().unwrap().iter().filter(|change| change["action"] == action).count();
    json!({
        "dryRun": true, "owner": "platform-ci", "digest": "d1", "base": [{"kind": "Team", "name": "search", "revision": 0}],
        "summary": {"create": count("create"), "update": count("update"), "rename": count("rename"),
                    "unchanged": count("unchanged"), "delete": count("delete")},
        "changes": changes,
    })
}

fn change(action: &str, kind: &str, name: &str, fields: Value) -> Value {
    json!({"action": action, "kind": kind, "organisation": "acme", "name": name, "fields": fields})
}

fn body(gateway: &Gateway, index: usize) -> Value {
    serde_json::from_str(&gateway.bodies()[index]).unwrap()
}

#[test]
fn files_and_flags_name_the_owner_and_must_agree() {
    let gateway = Gateway::start();
    gateway.on(APPLY, 200, &plan(json!([change("create", "Team", "search", json!([]))])));
    let home = Home::of(&gateway);
    home.write("a.yaml", TEAM);
    home.run(&["apply", "-f", "a.yaml", "--force-conflicts"]).ends(0);
    let sent = body(&gateway, 0);
    assert_eq!((&sent["owner"], &sent["forceConflicts"]), (&json!("platform-ci"), &json!(true)));
    let error = home.run(&["apply", "-f", "a.yaml", "--owner", "other", "-o", "json"]).ends(64).error();
    assert!(error["message"].as_str().unwrap().contains("the files are of the owner platform-ci"));
    home.write("b.yaml", &TEAM.replace("platform-ci", "other").replace("search", "b"));
    let error = home.run(&["validate", "-f", "a.yaml", "b.yaml", "-o", "json"]).ends(64).error();
    assert_eq!(error["source"]["file"], "b.yaml");
    home.write("c.yaml", &TEAM.replace("owner: platform-ci\n", ""));
    let error = home.run(&["apply", "-f", "c.yaml", "--prune", "-o", "json"]).ends(64).error();
    assert!(error["hint"].as_str().unwrap().contains("--owner"), "{error}");
    home.run(&["apply", "-o", "json"]).ends(64);
}

#[test]
fn a_saved_plan_is_carried_out_as_it_is_or_refused() {
    let gateway = Gateway::start();
    gateway.on(APPLY, 200, &plan(json!([change("create", "Team", "search", json!([]))])));
    let home = Home::of(&gateway);
    home.write("a.yaml", TEAM);
    home.run(&["plan", "-f", "a.yaml", "--out", "plan.json", "--report", "plan.md", "--detailed-exitcode"]).ends(2);
    assert!(home.read("plan.md").starts_with("### Plan: 1 to create, 0 to update, 0 unchanged"));
    home.run(&["apply", "--plan", "plan.json"]).ends(0);
    let sent = body(&gateway, 1);
    assert_eq!(sent["plan"], json!({"digest": "d1", "base": [{"kind": "Team", "name": "search", "revision": 0}]}));
    assert_eq!(sent["owner"], "platform-ci");

    let text = home.read("plan.json");
    home.write("changed.json", &text.replace("\"search\"", "\"finance\""));
    assert_eq!(home.run(&["apply", "--plan", "changed.json", "-o", "json"]).ends(12).error()["code"], "tampered_plan");
    home.write("none.json", "{}");
    assert_eq!(home.run(&["apply", "--plan", "none.json", "-o", "json"]).ends(64).error()["code"], "no_plan");
    home.run(&["apply", "--plan", "plan.json", "-f", "a.yaml"]).ends(64);
    home.run(&["apply", "--plan", "plan.json", "--url", "http://127.0.0.1:1/"]).ends(12);

    let stale = Gateway::start();
    stale.on(APPLY, 200, &plan(json!([change("create", "Team", "search", json!([]))])));
    stale.refuse(APPLY, 409, "stale_plan", "the plan is stale: the team `search` is there now, at revision 1");
    let home = Home::of(&stale);
    home.write("a.yaml", TEAM);
    home.run(&["plan", "-f", "a.yaml", "--out", "plan.json"]).ends(0);
    let error = home.run(&["apply", "--plan", "plan.json", "-o", "json"]).ends(7).error();
    assert_eq!(error["code"], "stale_plan");
}

#[test]
fn conflicts_guards_and_an_unknown_end_have_their_codes_and_ways_out() {
    let gateway = Gateway::start();
    let field = json!({"manifest": 0, "kind": "Team", "name": "search", "pointer": "/spec/description", "code": "field_conflict",
                       "message": "`description` is `b` since ada@acme.example (by hand) set it"});
    gateway.on(
        APPLY,
        409,
        &json!({"status": 409, "code": "conflict", "title": "x", "requestId": "r", "errors": [field]}),
    );
    gateway.refuse(APPLY, 409, "guarded", "12 resources would be deleted, and 10 are allowed");
    gateway.refuse(APPLY, 503, "unavailable", "not now");
    let home = Home::of(&gateway).with("ODOCK_RETRIES", "0");
    home.write("a.yaml", TEAM);
    let error = home.run(&["apply", "-f", "a.yaml", "-o", "json"]).ends(7).error();
    assert_eq!(error["errors"][0]["source"]["file"], "a.yaml");
    assert!(error["hint"].as_str().unwrap().contains("--force-conflicts"));
    assert_eq!(home.run(&["apply", "-f", "a.yaml", "-o", "json"]).ends(12).error()["code"], "guarded");
    let error = home.run(&["apply", "-f", "a.yaml", "-o", "json"]).ends(10).error();
    assert!(error["hint"].as_str().unwrap().contains("odockctl diff"), "{error}");
}

#[test]
fn drift_tells_who_changed_what_from_what_changed_in_the_files() {
    let gateway = Gateway::start();
    let fields = json!([
        {"path": "/description", "old": "theirs", "new": "ours", "lastApplied": "ours",
         "changedBy": {"owner": "manual", "by": "ada@acme.example", "at": "2027-01-02T03:04:05Z"}},
        {"path": "/policies/shadow", "old": false, "new": true, "lastApplied": false},
    ]);
    let gone = change("create", "Team", "finance", json!([]));
    gateway.on(
        APPLY,
        200,
        &plan(json!([change("update", "Team", "search", fields), gone, change("delete", "Team", "old", json!([]))])),
    );
    let event = json!({"id": "01920000-0000-7000-8000-000000000001", "at": "2027-01-03T00:00:00Z", "actor": "bob@acme.example",
                       "verb": "delete", "resource": "team", "name": "finance", "requestId": "r", "outcome": "done"});
    gateway.on("GET /api/organisations/acme/audit", 200, &json!({"items": [event]}));
    let home = Home::of(&gateway);
    home.write("a.yaml", TEAM);
    let run = home.run(&["drift", "-f", "a.yaml"]).ends(1);
    for line in [
        "description  changed there by ada@acme.example at 2027-01-02T03:04:05Z: there theirs, in the files ours",
        "policies.shadow  changed in the files: there false, in the files true",
        "was deleted by bob@acme.example at 2027-01-03T00:00:00Z",
        "is no longer in the files",
        "2 changed there, 2 changed in the files, 0 changed in both",
    ] {
        assert!(run.stdout.contains(line), "{line} is not in\n{}", run.stdout);
    }
    let sent = body(&gateway, 0);
    assert_eq!((&sent["prune"], &sent["forceConflicts"]), (&json!(true), &json!(true)));
    let json: Value = serde_json::from_str(&home.run(&["drift", "-f", "a.yaml", "-o", "json"]).ends(1).stdout).unwrap();
    assert_eq!((&json["differences"][0]["cause"], &json["differences"][1]["cause"]), (&json!("drift"), &json!("file")));
    gateway.on(APPLY, 200, &plan(json!([])));
    home.run(&["drift", "-f", "missing.yaml"]).ends(64);
}

const CLIENT_KEY: &str = "apiVersion: odock/v1\nkind: ApiKey\nmetadata: {name: ci}\nspec: {type: ORGANISATION, secret: {generate: client, deliverTo: [\"file:./ci.key\"]}}\n";

#[test]
fn a_manifests_sink_needs_to_be_allowed() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    home.write("a.yaml", CLIENT_KEY);
    let error = home.run(&["apply", "-f", "a.yaml", "-o", "json"]).ends(12).error();
    assert_eq!(error["code"], "sink_not_allowed");
    assert!(error["hint"].as_str().unwrap().contains("--allow-sinks file:./ci.key"));
    home.run(&["apply", "-f", "a.yaml", "--allow-sinks", "k8s-secret:*"]).ends(12);
    assert!(gateway.lines().is_empty() && !home.path("ci.key").exists());
}

#[test]
fn a_secret_that_is_drawn_here_fills_its_sink_first_and_a_crash_is_repaired_by_running_again() {
    let gateway = Gateway::start();
    let new = plan(json!([change("create", "ApiKey", "ci", json!([]))]));
    gateway.on(&format!("{APPLY}?dryRun=true"), 200, &new);
    // The gateway is gone when it matters.
    gateway.refuse(&format!("{APPLY}?dryRun=false"), 503, "unavailable", "not now");
    gateway.on(&format!("{APPLY}?dryRun=false"), 200, &new);
    let home = Home::of(&gateway).with("ODOCK_RETRIES", "0");
    home.write("a.yaml", CLIENT_KEY);
    let apply = ["apply", "-f", "a.yaml", "--allow-sinks", "file:./*"];
    home.run(&apply).ends(10);
    let secret = home.read("ci.key").trim_end().to_owned();
    assert!(odock_client::virtual_key::is_well_formed(&secret));
    let run = home.run(&apply).ends(0);
    assert_eq!(home.read("ci.key").trim_end(), secret, "the second run registers the same one");
    let (first, second) = (body(&gateway, 1), body(&gateway, 3));
    assert_eq!(first["secrets"], second["secrets"]);
    assert_eq!(second["secrets"][0]["registered"]["hash"], odock_client::virtual_key::hash(&secret));
    assert_eq!(second["resources"][0]["spec"].get("secret"), None, "how it gets its secret is nobody else's business");
    let told = format!("{}{}{}", run.stdout, run.stderr, gateway.bodies().concat());
    assert!(!told.contains(&secret));

    // Once the key is there and works, nothing is delivered again.
    let there = Gateway::start();
    there.on(APPLY, 200, &plan(json!([change("unchanged", "ApiKey", "ci", json!([]))])));
    there.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
    let home = Home::of(&there);
    home.write("a.yaml", CLIENT_KEY);
    home.run(&apply).ends(0);
    assert!(!home.path("ci.key").exists());
}

#[test]
fn what_is_exported_can_be_read_again() {
    let gateway = Gateway::start();
    let provider = json!({"items": [{
        "id": "01920000-0000-7000-8000-000000000001", "name": "my openai", "organisation": "acme", "revision": 1,
        "labels": {"env": "prod"}, "protect": true, "createdAt": "2027-01-01T00:00:00Z", "updatedAt": "2027-01-01T00:00:00Z",
        "spec": {"type": "OPENAI", "config": {}, "enabled": true,
                 "keys": [{"name": "k", "secret": {"preview": "sk…9", "fingerprint": "f"}, "revoked": false}]},
        "status": {"models": 0}}]});
    gateway.on("GET /api/organisations/acme/providers", 200, &provider);
    for format in ["yaml", "json", "toml"] {
        let home = Home::of(&gateway);
        let run = home.run(&["export", "providers", "-o", format]).ends(0);
        assert!(run.stdout.contains("ODOCK_MY_OPENAI_K") && !run.stdout.contains("fingerprint"), "{}", run.stdout);
        let file = format!("all.{format}");
        home.write(&file, &run.stdout);
        home.run(&["validate", "-f", &file]).ends(0);
    }
    let home = Home::of(&gateway);
    home.run(&["export", "providers", "--split-by", "resource", "--dir", "out"]).ends(0);
    assert!(home.read("out/provider-my_openai.yaml").contains("kind: Provider"));
    home.run(&["export", "providers", "--split-by", "resource", "--dir", "out"]).ends(1);
}
