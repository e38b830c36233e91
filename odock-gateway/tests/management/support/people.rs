//! Bodies that many tests send.

use odock_gateway::gateway::Gateway;
use serde_json::{Value, json};

/// A secret, sealed as a client seals it.
pub(crate) fn sealed(gateway: &Gateway, secret: &str) -> Value {
    let secret = secret.to_owned().into();
    json!({
        "preview": "sk…9",
        "fingerprint": gateway.sealing.fingerprint(&secret),
        "sealed": gateway.sealing.seal(&secret).unwrap(),
    })
}

/// A manifest of `acme`.
pub(crate) fn manifest(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "odock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}
