//! What a family said comes back to it as it was.

use bytes::Bytes;
use entity::vocab::ProviderType;
use serde_json::{Value, json};

use super::super::{UnifiedRequest, decode_answer};

/// The next turn's request, with an answer sent back whole, or as a caller keeps it who knows `content_blocks` alone.
fn sent_back(from: ProviderType, answer: &Value, slug: &str, alone: bool) -> Value {
    let answer = decode_answer(from, answer.to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&answer.to_json("p", "m")).unwrap();
    let mut said = json!({"role": "assistant", "content_blocks": answer["content_blocks"]});
    if !alone {
        said["content"] = answer["content"].clone();
        said["tool_calls"] = answer["tool_calls"].clone();
    }
    let result = json!({"role": "tool", "tool_call_id": answer["tool_calls"][0]["id"], "content": "12:30"});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Time?"}, said, result]});
    let request = UnifiedRequest::decode(Bytes::from(body.to_string())).unwrap();
    serde_json::from_slice(&request.encode(from, slug, None, None).unwrap().body).unwrap()
}

#[test]
fn anthropics_thoughts_come_back_signed_and_in_their_order() {
    let content = json!([
        {"type": "thinking", "thinking": "Which zone?", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZW5j"},
        {"type": "text", "text": "Let me look."},
        {"type": "thinking", "thinking": "CET.", "signature": "c2lnMg=="},
        {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "CET"}},
        {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
    ]);
    let answer = json!({"id": "msg_1", "type": "message", "content": content, "stop_reason": "tool_use"});
    for alone in [true, false] {
        let request = sent_back(ProviderType::Anthropic, &answer, "claude-opus-5", alone);
        assert_eq!(request["messages"][1], json!({"role": "assistant", "content": content}));
    }
}

#[test]
fn geminis_signatures_come_back_on_the_very_parts() {
    let parts = json!([
        {"text": "Which zone?", "thought": true},
        {"text": "Let me look.", "thoughtSignature": "c2lnMQ=="},
        {"functionCall": {"id": "f1", "name": "clock", "args": {"zone": "CET"}}, "thoughtSignature": "c2lnMg=="},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ]);
    let answer = json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "responseId": "g1",
    });
    for alone in [true, false] {
        let request = sent_back(ProviderType::Google, &answer, "gemini-3.5-pro", alone);
        assert_eq!(request["contents"][1], json!({"role": "model", "parts": parts}));
    }
}

#[test]
fn mistrals_thoughts_come_back_as_chunks() {
    let content = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "Which zone?"}], "signature": "s"},
        {"type": "text", "text": "Let me look."},
    ]);
    let call = json!({"id": "Ab3Ab3Ab3", "type": "function", "function": {"name": "clock", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": content, "tool_calls": [call]});
    let answer = json!({"id": "1", "choices": [{"message": message, "finish_reason": "tool_calls"}]});
    for alone in [true, false] {
        let request = sent_back(ProviderType::Mistral, &answer, "mistral-large", alone);
        assert_eq!(request["messages"][1], message);
    }
}

#[test]
fn a_call_of_google_s_keeps_its_signature_in_openais_words_alone() {
    let part = json!({"functionCall": {"id": "f1", "name": "clock", "args": {}}, "thoughtSignature": "c2ln"});
    let answer = json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]});
    let answer = decode_answer(ProviderType::Google, answer.to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&answer.to_json("p", "m")).unwrap();
    let said = json!({"role": "assistant", "content": null, "tool_calls": answer["tool_calls"]});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Time?"}, said]});
    let request = UnifiedRequest::decode(Bytes::from(body.to_string())).unwrap();
    let sent: Value =
        serde_json::from_slice(&request.encode(ProviderType::Google, "gemini-3.5-pro", None, None).unwrap().body)
            .unwrap();
    assert_eq!(sent["contents"][1]["parts"], json!([part]));
}
