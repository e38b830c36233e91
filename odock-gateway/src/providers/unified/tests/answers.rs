//! What becomes of whole answers.

use entity::vocab::ProviderType;
use serde_json::{Value, json};

use super::super::decode_answer;
use super::{golden, provider};

#[test]
fn every_familys_answer_in_one_shape() {
    golden::each("answers", |table| {
        let mut table = table.clone();
        let answer = decode_answer(provider(&table["from"]), table["answer"].to_string().as_bytes()).unwrap();
        table["normalised"] = serde_json::from_slice(&answer.to_json("main", "best")).unwrap();
        let reported = answer.reported.as_ref();
        assert!(reported.is_none_or(|reported| reported.tokens.adds_up()), "{table}");
        table["tokens"] = reported.map_or(Value::Null, |reported| serde_json::to_value(&reported.tokens).unwrap());
        table["content_bytes"] = answer.content_bytes.into();
        table
    });
}

#[test]
fn the_fields_come_in_a_readers_order() {
    let body = br#"{"id":"c1","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let answer = decode_answer(ProviderType::OpenAi, body).unwrap();
    insta::assert_snapshot!(String::from_utf8(answer.to_json("main", "best").to_vec()).unwrap(), @r#"{"id":"c1","provider":"main","model":"best","content":"hi","stop_reason":"end_turn","content_blocks":[{"type":"text","text":"hi"}],"tool_calls":[],"input_tokens":null,"output_tokens":null,"usage":null}"#);
}

#[test]
fn what_is_no_answer_is_an_error_and_never_a_panic() {
    let bodies = [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        json!({"choices": []}),
        json!({"choices": [{"message": 7}]}),
        json!({"content": "text"}),
        json!({"candidates": []}),
        json!({"candidates": [{"content": {"parts": {}}}]}),
        json!({"error": {"message": "no"}}),
    ];
    for from in [ProviderType::OpenAi, ProviderType::Mistral, ProviderType::Anthropic, ProviderType::Google] {
        for body in &bodies {
            assert!(decode_answer(from, body.to_string().as_bytes()).is_err(), "{from:?} {body}");
        }
        assert!(decode_answer(from, b"\xff\xfe").is_err());
        assert!(decode_answer(from, b"").is_err());
    }
}

#[test]
fn an_odd_answer_does_no_harm() {
    let messages = [
        json!({"content": ["text", 7, {"type": "thinking", "thinking": ["x", {"text": 1}]}, {"type": "thinking"}]}),
        json!({"tool_calls": ["x", {}, {"function": "f"}, {"function": {"name": "f"}, "extra_content": "x", "id": 7}]}),
        json!({"content": {"a": 1}, "refusal": 7, "reasoning": [], "audio": {"id": "a"}}),
    ];
    for message in messages {
        let body = json!({"choices": [{"message": message}]}).to_string();
        for from in [ProviderType::OpenAi, ProviderType::Mistral] {
            let answer = decode_answer(from, body.as_bytes()).unwrap();
            assert!(serde_json::from_slice::<Value>(&answer.to_json("p", "m")).is_ok());
        }
    }
    let content =
        json!([7, "x", {}, {"type": "text"}, {"type": "tool_use"}, {"type": "thinking"}, {"type": "new", "a": [1]}]);
    let answer = decode_answer(ProviderType::Anthropic, json!({"content": content}).to_string().as_bytes()).unwrap();
    assert!(serde_json::from_slice::<Value>(&answer.to_json("p", "m")).is_ok());
    let parts = json!([7, "x", {}, {"text": 1}, {"functionCall": {}}, {"thought": true}]);
    let body = json!({"candidates": [{"content": {"parts": parts}, "finishReason": "NEW"}]});
    let answer = decode_answer(ProviderType::Google, body.to_string().as_bytes()).unwrap();
    assert!(serde_json::from_slice::<Value>(&answer.to_json("p", "m")).is_ok());
}
