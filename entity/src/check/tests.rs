//! What people are told.

use serde_json::json;

use super::*;
use crate::resource::{ApiKeySpec, ProviderSpec};

fn told(violations: &[Violation]) -> Vec<String> {
    violations
        .iter()
        .map(|violation| format!("{} {}: {}", violation.pointer, violation.code, violation.text()))
        .collect()
}

#[test]
fn every_mistake_is_reported_at_once() {
    let spec = json!({
        "type": "OPENA", "base_url": "https://api.openai.com", "timeoutMs": 0, "enabled": "yes", "config": {"idleTimeoutMs": 1.5},
        "keys": [{"name": "a"}, {"name": "a", "revoked": null}, {"secret": "sk-live-hunter2"}, {"name": "x/y", "valueFrom": {"env": "K"}}],
        "policies": {},
    });
    let told = told(&check_spec(Kind::Provider, &spec));
    assert_eq!(
        told,
        [
            "/type invalid: `OPENA` is not one of OPENAI, ANTHROPIC, GOOGLE, AZURE_OPENAI, VLLM, MISTRAL, HUGGINGFACE, CUSTOM (did you mean `OPENAI`?)",
            "/timeoutMs invalid: 0 is not between 1 and 3600000",
            "/config/idleTimeoutMs wrong_type: must be a whole number, not 1.5",
            "/enabled wrong_type: must be true or false, not a string",
            "/keys/1/revoked wrong_type: must be true or false, not null (leave the field out)",
            "/keys/1/name duplicate: `a` stands in this list twice; it is already entry 1",
            "/keys/2/name missing: `name` is missing from a provider's key",
            "/keys/2/secret literal_secret: secrets in clear text are refused (in a file write `valueFrom`; the API takes what the client sealed)",
            "/keys/3/name invalid: `x/y` holds `/`, which names may not",
            "/keys/3/valueFrom unknown_field: `valueFrom` is not a field of a provider's key (odockctl resolves it; the API takes `secret`)",
            "/base_url unknown_field: `base_url` is not a field of a Provider's spec (did you mean `baseUrl`?)",
            "/policies unsupported: `policies` is not supported by this version",
        ]
    );
    assert!(!told.concat().contains("hunter2"));
}

#[test]
fn a_key_belongs_to_what_its_type_says() {
    let check = |spec| told(&check_spec(Kind::ApiKey, &spec));
    assert_eq!(check(json!({"type": "ORGANISATION"})), [""; 0]);
    assert_eq!(check(json!({"type": "TEAM", "team": "search"})), [""; 0]);
    assert_eq!(check(json!({"type": "USER", "user": "ada@example.com", "team": null})), [""; 0]);
    assert_eq!(
        check(json!({"type": "TEAM"})),
        ["/team missing: `team` is missing: a key of type TEAM belongs to a team"]
    );
    assert_eq!(
        check(json!({"type": "USER", "team": "search"})),
        [
            "/team invalid: a key of type USER has no `team` (leave it out, or make the type TEAM)",
            "/user missing: `user` is missing: a key of type USER belongs to a user"
        ]
    );
    assert_eq!(
        check(json!({})),
        ["/type missing: `type` is missing from an ApiKey's spec (one of ORGANISATION, TEAM, USER)"]
    );
}

#[test]
fn a_provider_without_a_public_address_needs_one_of_its_own() {
    let check = |spec| told(&check_spec(Kind::Provider, &spec));
    for family in ["OPENAI", "ANTHROPIC", "GOOGLE", "MISTRAL", "HUGGINGFACE"] {
        assert_eq!(check(json!({"type": family})), [""; 0]);
    }
    for family in ["AZURE_OPENAI", "VLLM", "CUSTOM"] {
        assert!(check(json!({"type": family}))[0].starts_with("/baseUrl missing: "));
        assert_eq!(check(json!({"type": family, "baseUrl": "http://x"})), [""; 0]);
    }
    assert_eq!(
        check(json!({"type": "VLLM", "baseUrl": "http://x", "config": {"apiVersion": "1"}})),
        ["/config/apiVersion invalid: `apiVersion` is for AZURE_OPENAI, not for VLLM"]
    );
    assert!(
        !check(json!({"type": "OPENAI", "baseUrl": "https://u:hunter2@x?key=hunter2"})).concat().contains("hunter2")
    );
}

#[test]
fn money_and_limits_have_their_forms() {
    let pricing = json!({"provider": "p", "config": {"contextWindow": 10, "maxOutputTokens": 11}, "capabilities": ["vision", "vision"],
        "pricing": {"input": {"text_cost_per_1k_tokens": 0.0004}, "output": {"text_cost_per_1k_tokens": "-1"}, "cached_input_discount_percent": 101}});
    assert_eq!(
        told(&check_spec(Kind::Model, &pricing)),
        [
            "/capabilities/1 duplicate: `vision` stands in this list twice; it is already entry 1",
            "/pricing/input/text_cost_per_1k_tokens wrong_type: must be a decimal string, not a number (money is written in quotes: \"0.0004\")",
            "/pricing/output/text_cost_per_1k_tokens invalid: `-1` is not an amount: write a decimal string such as \"0.0004\"",
            "/pricing/cached_input_discount_percent invalid: 101 is not between 0 and 100",
            "/config/maxOutputTokens invalid: 11 tokens of output do not fit into a context of 10",
        ]
    );
}

#[test]
fn what_passes_is_read() {
    let key: ApiKeySpec =
        parse_spec(Kind::ApiKey, &json!({"type": "TEAM", "team": "search", "models": ["b", "a"]})).unwrap();
    assert_eq!(key.models.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(parse_spec::<ProviderSpec>(Kind::Provider, &json!([])).unwrap_err()[0].code, code::WRONG_TYPE);
}

#[test]
fn names_keep_the_rule_of_their_kind() {
    assert!(check_name(Kind::Organisation, "Acme")[0].hint.as_deref().unwrap().contains("acme"));
    assert!(check_name(Kind::User, "ada").len() == 1 && check_name(Kind::User, "ada@example.com").is_empty());
    assert!(check_name(Kind::Model, "GPT 4.1").is_empty() && check_name(Kind::Model, "..").len() == 1);
}

#[test]
fn a_manifest_is_checked_from_outside_in() {
    let good = json!({"apiVersion": "odock/v1", "kind": "Team", "metadata": {"organisation": "acme", "name": "search"}, "spec": {}});
    assert_eq!(check_manifest(&good), []);
    let bad = json!({"apiVersion": "v1", "kind": "team", "metadata": {"organization": "acme", "annotations": {}, "labels": {"a b": 1}}, "specs": {}});
    assert_eq!(
        told(&check_manifest(&bad)),
        [
            "/specs unknown_field: `specs` is not a field of a manifest (did you mean `spec`?)",
            "/apiVersion invalid: `v1` is not a version that is known here (write `apiVersion: odock/v1`)",
            "/kind invalid: `team` is not a kind (did you mean `Team`?)",
            "/metadata/annotations unsupported: `annotations` is not supported by this version",
            "/metadata/organization unknown_field: `organization` is not a field of metadata (did you mean `organisation`?)",
            "/metadata/labels/a b invalid: `a b` is no key: 1 to 63 letters, digits, `-`, `.`, `_` and `/`",
            "/metadata/labels/a b wrong_type: must be a string, not a number (write it in quotes: \"1\")",
            "/metadata/name missing: `name` is missing from metadata",
            "/spec missing: `spec` is missing (write `spec: {}` for a resource of defaults)",
        ]
    );
    let admin = json!({"apiVersion": "odock/v1", "kind": "User", "metadata": {"name": "a@x.y"}, "spec": {"role": "SUPER_ADMIN", "nme": 1}});
    assert_eq!(
        check_manifest(&admin).iter().map(|violation| violation.pointer.as_str()).collect::<Vec<_>>(),
        ["/spec/nme", "/spec/role"]
    );
    assert!(
        told(&check_manifest(&json!({"kind": "McpServer"})))
            .concat()
            .contains("the kind `McpServer` is not supported by this version")
    );
    assert_eq!(check_manifest(&json!(7))[0].code, code::WRONG_TYPE);
}

#[test]
fn a_flood_of_mistakes_is_cut_off() {
    let models: Vec<_> = (0..5_000).collect();
    assert_eq!(check_spec(Kind::ApiKey, &json!({"type": "ORGANISATION", "models": models})).len(), 1_000);
}
