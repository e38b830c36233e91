//! What each family gets for each feature of a request.

use bytes::Bytes;
use entity::vocab::ProviderType;
use serde_json::{Map, Value, json};

use super::super::{Encoded, UnifiedRequest};
use super::golden;

/// Every kind of provider that gets something of its own, with the model that a table means unless it names another.
const TARGETS: [(&str, ProviderType, &str); 7] = [
    ("anthropic", ProviderType::Anthropic, "claude-opus-5"),
    ("custom", ProviderType::Custom, "some-model"),
    ("gemini", ProviderType::Google, "gemini-3.5-pro"),
    ("huggingface", ProviderType::HuggingFace, "org/model"),
    ("mistral", ProviderType::Mistral, "mistral-large-latest"),
    ("openai", ProviderType::OpenAi, "gpt-5.1"),
    ("vllm", ProviderType::Vllm, "org/model"),
];

fn request(body: &Value) -> UnifiedRequest {
    UnifiedRequest::decode(Bytes::from(body.to_string())).unwrap()
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.body).unwrap()
}

fn dropping(given: &Value) -> Value {
    let mut given = given.clone();
    given["drop_unsupported"] = true.into();
    given
}

fn outcome(given: &Value, cap: Option<u64>, to: ProviderType, slug: &str, most: Option<u64>) -> Value {
    let encode = |given: &Value| request(given).encode(to, slug, most, cap);
    match encode(given) {
        Ok(encoded) => json!({"body": body(&encoded)}),
        Err(unsupported) => {
            let encoded = encode(&dropping(given)).unwrap();
            assert_eq!(encoded.dropped.len(), unsupported.fields.len());
            json!({"unsupported": unsupported.fields, "without": body(&encoded), "dropped": encoded.dropped})
        }
    }
}

/// A family of OpenAI's language that gets the same as another is not written out again.
fn short(mut targets: Map<String, Value>) -> Map<String, Value> {
    for (one, other) in [("vllm", "openai"), ("custom", "vllm"), ("huggingface", "vllm")] {
        if without_model(&targets[one]) == without_model(&targets[other]) {
            targets.insert(one.to_owned(), format!("as {other}").into());
        }
    }
    targets
}

fn without_model(outcome: &Value) -> Value {
    let mut outcome = outcome.clone();
    for part in ["body", "without"] {
        if let Some(body) = outcome.get_mut(part).and_then(Value::as_object_mut) {
            body.remove("model");
        }
    }
    outcome
}

#[test]
fn every_feature_in_the_words_of_every_family() {
    golden::each("requests", |table| {
        let mut table = table.clone();
        let cap = table.get("cap").and_then(Value::as_u64);
        let most = table.get("most_output").and_then(Value::as_u64);
        let slug = |name: &str, usual| table["models"][name].as_str().unwrap_or(usual).to_owned();
        let targets = TARGETS.iter().map(|(name, provider, usual)| {
            let outcome = outcome(&table["request"], cap, *provider, &slug(name, usual), most);
            ((*name).to_owned(), outcome)
        });
        let targets = short(targets.collect());
        table["targets"] = targets.into();
        table
    });
}

#[test]
fn what_nobody_must_change_passes_byte_by_byte() {
    let sent = r#"{"model":"m","messages":[{"role":"user","content":"h\u0069","x":1.50}],"y":{"b":1,"a":[ ]},"temperature":0.10}"#;
    let request = UnifiedRequest::decode(Bytes::from_static(sent.as_bytes())).unwrap();
    let encoded = request.encode(ProviderType::Vllm, "m", None, None).unwrap();
    assert_eq!(encoded.body, sent.as_bytes());
}

#[test]
fn the_order_of_a_schema_is_kept() {
    let sent = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"zeta":{"type":"string"},"alpha":{"type":"number"}}}}}}"#;
    let request = UnifiedRequest::decode(Bytes::from_static(sent.as_bytes())).unwrap();
    for to in [ProviderType::Anthropic, ProviderType::Google, ProviderType::Mistral, ProviderType::OpenAi] {
        let encoded = request.encode(to, "claude-opus-5", None, None).unwrap();
        let text = String::from_utf8(encoded.body.to_vec()).unwrap();
        assert!(text.contains(r#""properties":{"zeta":{"type":"string"},"alpha":{"type":"number"}}"#), "{text}");
    }
}

#[test]
fn what_the_gateway_must_know_is_told() {
    let given = json!({
        "model": "m", "provider": "p", "messages": [{"role": "user", "content": "hi"}], "stream": true, "n": 2,
        "stream_options": {"include_usage": true}, "max_tokens": 5, "max_completion_tokens": 9,
    });
    let request = request(&given);
    assert_eq!((request.model(), request.provider()), ("m", Some("p")));
    assert!(request.stream() && request.wants_usage());
    assert_eq!((request.choices(), request.output_cap()), (2, Some(9)));
    assert_eq!(request.prompt_bytes(), r#"[{"content":"hi","role":"user"}]"#.len());
    assert_eq!(request.body(), given.to_string().as_bytes());
}
