//! `describe` of a key, whole; and what a plan says of where its secret goes.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key};

const ACME: &str = "/api/organisations/acme";

fn resource(name: &str, spec: Value, status: Value) -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-0000000000aa", "name": name, "organisation": "acme", "revision": 1,
        "createdAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-01T10:00:00Z", "spec": spec, "status": status
    })
}

/// A gateway that shows everything about the key `ci`, of which `platform-ci` and somebody's hand declared fields.
fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let mut ci = key("ci");
    ci["labels"] = json!({"env": "prod"});
    ci["protect"] = true.into();
    ci["spec"]["models"] = json!(["gone", "support-fast"]);
    ci["spec"]["policies"] = json!({"ratelimit": {"requests": {"per_minute": 30}}});
    ci["status"]["lastUsedAt"] = "2026-11-20T10:00:00Z".into();
    gateway.on(&format!("GET {ACME}/apikeys/ci"), 200, &ci);
    gateway.on(&format!("GET {ACME}/apikeys/ci/history"), 200, &json!({ "items": [] }));
    let owner = |path: &str, owner: &str, by: &str, at: &str| json!({"path": path, "owner": owner, "by": by, "at": at});
    gateway.on(
        &format!("GET {ACME}/owners"),
        200,
        &json!({ "items": [
        owner("/models", "platform-ci", "acme/deploy", "2026-11-01T10:00:00Z"),
        owner("/policies/ratelimit/requests/per_minute", "manual", "ada@acme.example", "2026-11-02T10:00:00.5Z"),
        owner("/policies/ratelimit/requests/per_minute", "platform-ci", "acme/deploy", "2026-11-01T10:00:00Z"),
        owner("/@labels/env", "platform-ci", "acme/deploy", "2026-11-01T10:00:00Z"),
    ] }),
    );
    let model = json!({"type": "chat", "slug": "gpt-4.1-mini", "provider": "openai", "providerKey": "primary"});
    gateway.on(
        &format!("GET {ACME}/models"),
        200,
        &json!({ "items": [resource("support-fast", model, json!({"keys": 1}))] }),
    );
    let provider = json!({"type": "OPENAI", "enabled": false, "keys": []});
    let health = json!({"models": 1, "keys": [], "breakers": []});
    gateway.on(&format!("GET {ACME}/providers"), 200, &json!({ "items": [resource("openai", provider, health)] }));
    gateway
}

#[test]
fn a_key_is_described_with_its_grants_owners_labels_and_last_use() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    insta::assert_snapshot!(home.run(&["describe", "key", "ci"]).ends(0).stdout);
    let json: Value = serde_json::from_str(&home.run(&["describe", "key/ci", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!(json["grants"][0], json!({"model": "gone"}));
    assert_eq!(json["grants"][1]["providerEnabled"], false);
    assert_eq!(json["owners"][1]["owner"], "manual");
    assert!(gateway.lines().contains(&format!("GET {ACME}/owners?resource=0198c0de-0000-7000-8000-000000000001")));
}

#[test]
fn a_plan_says_where_a_secret_goes() {
    let gateway = Gateway::start();
    let change = |name: &str| {
        json!({"action": "create", "kind": "ApiKey", "organisation": "acme", "name": name,
        "consequences": ["a secret is generated; `reveal` shows it once"]})
    };
    let plan = json!({
        "dryRun": true, "owner": "ci", "digest": "d", "base": [],
        "summary": {"create": 3, "update": 0, "rename": 0, "unchanged": 0, "delete": 0},
        "changes": [change("drawn"), change("left"), change("made")],
    });
    gateway.on(&format!("POST {ACME}/apply"), 200, &plan);
    let home = Home::of(&gateway);
    let manifest = |name: &str, secret: &str| {
        format!(
            "- apiVersion: odock/v1\n  kind: ApiKey\n  metadata: {{name: {name}}}\n  spec: {{type: ORGANISATION{secret}}}\n"
        )
    };
    home.write(
        "set.yaml",
        &format!(
            "owner: ci\nresources:\n{}{}{}",
            manifest("drawn", ", secret: {generate: client, deliverTo: [\"file:./a.key\", \"exec:note x\"]}"),
            manifest("made", ", secret: {generate: server, deliverTo: [\"github-env:KEY\"]}"),
            manifest("left", ""),
        ),
    );
    let text = home.run(&["diff", "-f", "set.yaml"]).ends(1).stdout;
    for told in [
        "+ ApiKey drawn\n    ! a secret is drawn where this is applied, and goes to file:./a.key, exec:note x\n",
        "+ ApiKey left\n    ! a secret is generated; `reveal` shows it once\n",
        "+ ApiKey made\n    ! the gateway draws a secret, which goes to github-env:KEY\n",
    ] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    home.run(&["plan", "-f", "set.yaml", "--out", "plan.json", "--report", "plan.md"]).ends(0);
    assert!(home.read("plan.md").contains("goes to github-env:KEY"), "{}", home.read("plan.md"));
}
