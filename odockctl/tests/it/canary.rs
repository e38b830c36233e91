//! Secrets go to their sinks and nowhere else, whatever the command, the format and the failure.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Gateway, Home, TOKEN, issued, key};

/// What a provider is called with.
const PROVIDER: &str = "sk-provider-canary-0123456789abcdef";
/// What the gateway hands out once.
const ISSUED: &str = "sk-odock-secret-canary";

const SET: &str = "owner: ci
resources:
- apiVersion: odock/v1
  kind: Provider
  metadata: {name: openai}
  spec: {type: OPENAI, keys: [{name: k, valueFrom: {env: ODOCK_CANARY}}]}
- apiVersion: odock/v1
  kind: ApiKey
  metadata: {name: ci}
  spec: {type: ORGANISATION, secret: {generate: server, deliverTo: [\"file:./sink.key\"]}}
- apiVersion: odock/v1
  kind: ApiKey
  metadata: {name: drawn}
  spec: {type: ORGANISATION, secret: {generate: client, deliverTo: [\"file:./drawn.key\"]}}
";

/// How the gateway fails: at which request line, and with what.
const FAILURES: &[(&str, u16, &str)] = &[
    ("", 200, ""),
    ("POST /api/organisations/acme/apply?dryRun=true", 409, "conflict"),
    ("POST /api/organisations/acme/apply?dryRun=false", 503, "unavailable"),
    ("POST /api/organisations/acme/apply?dryRun=false", 422, "invalid"),
    ("POST /api/organisations/acme/apikeys", 500, "internal"),
    ("POST /api/organisations/acme/apikeys/ci/reveal", 409, "conflict"),
    ("POST /api/organisations/acme/apikeys/ci/ack", 409, "conflict"),
    ("POST /api/organisations/acme/apikeys/ci/rotate", 429, "rate_limited"),
    ("GET /api/encryption-key", 403, "forbidden"),
];

fn gateway((line, status, code): (&str, u16, &str)) -> Gateway {
    let gateway = Gateway::start();
    if !line.is_empty() {
        gateway.refuse(line, status, code, "refused");
    }
    let change =
        |kind: &str, name: &str| json!({"action": "create", "kind": kind, "organisation": "acme", "name": name});
    let plan = json!({
        "dryRun": true, "owner": "ci", "digest": "d", "base": [],
        "summary": {"create": 3, "update": 0, "rename": 0, "unchanged": 0, "delete": 0},
        "changes": [change("Provider", "openai"), change("ApiKey", "ci"), change("ApiKey", "drawn")],
    });
    gateway.on("POST /api/organisations/acme/apply", 200, &plan);
    gateway.on("GET /api/organisations/acme/audit", 200, &json!({"items": []}));
    gateway.on("POST /api/organisations/acme/apikeys", 201, &issued("ci"));
    gateway.on("POST /api/organisations/acme/apikeys/ci/reveal", 200, &issued("ci"));
    gateway.on("POST /api/organisations/acme/apikeys/ci/rotate", 200, &issued("ci"));
    gateway.on("POST /api/organisations/acme/apikeys/ci/ack", 200, &key("ci"));
    gateway.on("GET /api/encryption-key", 200, &encryption_key());
    gateway
}

/// A public key of which nobody has the private half.
const PUBLIC_KEY: &str = concat!(
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzucCqX3eX9cN/TpLIoTwm6IuDEFLrB9ORyh939zTIGXNQ6/KtF/8CcAN",
    "EGKLI3l/FPY8aMjMDwW3XGNxRpF8U378aJrJbXrIQoFjRr/PSDG+7JX9p/7jXa+eZddzBYaDSdvH7dZcQb5GG7QzOWlATXfV+4IG",
    "exGkPwncm0EYDp9fPQ0S7VyzC736mf5tGExVu+KYitlUT1n8s8Zwt+HcNI97XH+F1ANuO52l/0iBLU062/1tb8fdDbM9mWiQot96",
    "7WsvNmOq1nq/mZxSFpzGSItMw7973gJvzSOjeYn+9bynTyTuWo/5gH36Pl1Aeu02orphLuoDHIcKdq7Jc9/YowIDAQAB",
);

/// Base64 of 32 bytes.
const FINGERPRINT_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// What provider keys are sealed for.
pub fn encryption_key() -> Value {
    json!({"keyId": "k1", "alg": "RSA-OAEP-256/A256GCM", "publicKey": PUBLIC_KEY, "fingerprintKey": FINGERPRINT_KEY})
}

#[test]
fn no_secret_is_seen_outside_of_its_sink() {
    let commands: &[&[&str]] = &[
        &["validate", "-f", "set.yaml"],
        &["diff", "-f", "set.yaml"],
        &["plan", "-f", "set.yaml", "--out", "plan.json", "--report", "plan.md"],
        &["apply", "-f", "set.yaml", "--allow-sinks", "file:./*", "--yes"],
        &["apply", "--plan", "plan.json", "--allow-sinks", "file:./*", "--yes"],
        &["apply", "-f", "set.yaml", "--allow-sinks", "file:./nothing*"],
        &["drift", "-f", "set.yaml"],
        &["adopt", "-f", "set.yaml"],
        &["key", "create", "ci", "--secret-out", "file:./created.key"],
        &["key", "create", "ci", "--secret-out", "exec:false"],
        &["key", "reveal", "ci", "--secret-out", "file:./revealed.key"],
        &["key", "rotate", "ci", "--secret-out", "file:./rotated.key", "--yes"],
        &["key", "rotate", "ci", "--secret-out", "file:./no/such/place", "--yes"],
    ];
    for failure in FAILURES {
        let gateway = gateway(*failure);
        for (index, format) in ["table", "json", "yaml"].iter().enumerate() {
            let home = Home::of(&gateway).with("ODOCK_CANARY", PROVIDER).with("ODOCK_RETRIES", "0");
            home.write("set.yaml", SET);
            for command in commands {
                let mut words = command.to_vec();
                words.extend(["-o", format]);
                // Talk is the likeliest place for a slip.
                words.extend(["-vv"].iter().filter(|_| index != 1));
                let run = home.run(&words);
                let told = format!("{}{}", run.stdout, run.stderr);
                for canary in [PROVIDER, ISSUED, TOKEN] {
                    assert!(!told.contains(canary), "{failure:?} {words:?} shows {canary}:\n{told}");
                }
            }
            let sinks = ["sink.key", "drawn.key", "created.key", "revealed.key", "rotated.key"];
            let drawn = fs::read_to_string(home.path("drawn.key")).unwrap_or_default();
            for entry in fs::read_dir(home.path("")).unwrap().flatten() {
                let name = entry.file_name().into_string().unwrap();
                let Ok(text) = fs::read_to_string(entry.path()) else { continue };
                assert!(!text.contains(PROVIDER), "{failure:?}: {name} holds the provider's key");
                if !sinks.contains(&name.as_str()) {
                    let drawn = !drawn.is_empty() && text.contains(drawn.trim_end());
                    assert!(!text.contains(ISSUED) && !drawn, "{failure:?}: {name} holds a key's secret");
                }
            }
        }
        // Over the wire goes what is sealed, and the hash of what was drawn.
        assert!(!gateway.bodies().concat().contains(PROVIDER));
    }
}
