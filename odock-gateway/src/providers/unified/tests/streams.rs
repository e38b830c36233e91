//! What becomes of streams.

use std::collections::VecDeque;

use bytes::Bytes;
use entity::vocab::ProviderType;
use serde_json::{Value, json};

use super::super::{Opening, Translator};
use super::{golden, provider};
use crate::providers::meter::Meter;

fn translator(from: ProviderType, wants_usage: bool) -> Translator {
    let opening = Opening { model: "best".into(), id: "chatcmpl-r1".into(), created: 1_800_000_000, wants_usage };
    Translator::new(from, opening)
}

/// A table's events as a provider sends them.
fn sent(table: &Value) -> Vec<u8> {
    let mut stream = Vec::new();
    for event in table["events"].as_array().unwrap() {
        if let (Some(kind), "anthropic") = (event["type"].as_str(), table["from"].as_str().unwrap()) {
            stream.extend_from_slice(format!("event: {kind}\n").as_bytes());
        }
        let data = event.as_str().map_or_else(|| event.to_string(), str::to_owned);
        stream.extend_from_slice(format!("data: {data}\n\n").as_bytes());
    }
    stream
}

fn run<'p>(translator: &mut Translator, pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut out = VecDeque::new();
    for piece in pieces {
        translator.feed(Bytes::copy_from_slice(piece), &mut out);
    }
    translator.finish(&mut out);
    String::from_utf8(out.into_iter().flatten().collect()).unwrap()
}

fn chunks(out: &str) -> Value {
    let data = out.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str::<Value>(data).unwrap_or_else(|_| data.into())).collect()
}

/// All choices' deltas put together again, as an SDK does it.
fn together(chunks: &Value) -> Value {
    let mut all = json!({});
    for choice in chunks.as_array().unwrap().iter().filter_map(|chunk| chunk["choices"].as_array()).flatten() {
        let whole = &mut all[choice["index"].to_string()];
        for (name, value) in choice["delta"].as_object().unwrap() {
            if let (Some(text), true) = (value.as_str(), name != "role") {
                let so_far = whole[name].as_str().unwrap_or_default().to_owned();
                whole[name] = (so_far + text).into();
            }
            for call in value.as_array().into_iter().flatten().filter(|_| name == "tool_calls") {
                let place = &mut whole[name][call["index"].to_string()];
                let so_far = place["arguments"].as_str().unwrap_or_default().to_owned();
                place["arguments"] = (so_far + call["function"]["arguments"].as_str().unwrap()).into();
                if let Some(id) = call.get("id") {
                    place["id"] = id.clone();
                    place["name"] = call["function"]["name"].clone();
                }
            }
        }
        if !choice["finish_reason"].is_null() {
            whole["finish_reason"] = choice["finish_reason"].clone();
        }
    }
    all
}

#[test]
fn every_familys_stream_as_chunks() {
    golden::each("streams", |table| {
        let mut table = table.clone();
        let from = provider(&table["from"]);
        let wants_usage = table["wants_usage"].as_bool().unwrap_or(false);
        let sent = sent(&table);
        let mut whole = translator(from, wants_usage);
        let out = run(&mut whole, [sent.as_slice()]);
        for size in 1..sent.len().min(300) {
            let mut cut = translator(from, wants_usage);
            assert_eq!(run(&mut cut, sent.chunks(size)), out, "in pieces of {size}");
        }
        let chunks = chunks(&out);
        table["together"] = together(&chunks);
        table["chunks"] = chunks;
        let seen = whole.seen();
        let tokens = seen.reported.as_ref().map(|reported| serde_json::to_value(&reported.tokens).unwrap());
        let prompt = seen.prompt.as_ref().map(|prompt| serde_json::to_value(prompt).unwrap());
        table["seen"] = json!({
            "tokens": tokens, "prompt": prompt, "content_bytes": seen.content_bytes, "has_content": seen.has_content,
            "upstream_error": seen.upstream_error, "finished": seen.finished, "done": seen.done,
        });
        table
    });
}

#[test]
fn another_upstream_can_take_over_until_content_comes() {
    let cases: [(ProviderType, &str, &str); 3] = [
        (
            ProviderType::Anthropic,
            r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        ),
        (
            ProviderType::OpenAi,
            r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}"#,
        ),
        (
            ProviderType::Google,
            r#"{"responseId":"g","candidates":[{"content":{"role":"model","parts":[]}}]}"#,
            r#"{"responseId":"g","candidates":[{"content":{"role":"model","parts":[{"text":"a"}]}}]}"#,
        ),
    ];
    for (from, lifecycle, content) in cases {
        let mut translator = translator(from, false);
        let mut out = VecDeque::new();
        translator.feed(Bytes::from(format!("data: {lifecycle}\n\n")), &mut out);
        assert!(!translator.seen().has_content && out.len() == 1, "{from:?}");
        translator.feed(Bytes::from(format!("data: {content}\n\n")), &mut out);
        assert!(translator.seen().has_content && out.len() == 2, "{from:?}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_not_complete_and_ends_in_the_gateways_error() {
    for from in [ProviderType::OpenAi, ProviderType::Anthropic, ProviderType::Google] {
        let mut translator = translator(from, true);
        assert_eq!(run(&mut translator, [&b"data: {\"cho"[..]]), "");
        assert!(!translator.seen().is_complete());
        let mut out = VecDeque::new();
        translator.fail(b"{\"error\":{}}", &mut out);
        assert_eq!(out, [Bytes::from_static(b"data: {\"error\":{}}\n\n")]);
    }
}

#[test]
fn an_event_that_cannot_be_read_ends_the_stream() {
    for from in [ProviderType::OpenAi, ProviderType::Anthropic, ProviderType::Google] {
        let mut translator = translator(from, true);
        let out = run(&mut translator, [&b": ping\n\ndata:\n\ndata: {\"cho\n\ndata: {}\n\n"[..]]);
        assert!(out.contains("cannot be read") && out.matches("data: ").count() == 1, "{out}");
        assert!(translator.seen().upstream_error && !translator.seen().finished);
    }
}

#[test]
fn an_event_too_large_to_be_held_ends_the_stream() {
    let mut translator = translator(ProviderType::Google, false);
    let mut out = VecDeque::new();
    for _ in 0..6 {
        translator.feed(Bytes::from(vec![b'x'; 1 << 20]), &mut out);
    }
    assert!(translator.seen().upstream_error && translator.seen().done);
    assert_eq!(out.len(), 1);
}

#[test]
fn odd_events_do_no_harm() {
    let events = [
        json!({"choices": [{"delta": {"content": ["x", {"type": "thinking", "thinking": ["y"]}], "tool_calls": [{}]}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"function": {"arguments": {"a": 1}}, "extra_content": "x"}]}}]}),
        json!({"type": "content_block_start", "index": 0, "content_block": "x"}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use"}}),
        json!({"type": "content_block_delta", "index": 9, "delta": {"type": "input_json_delta", "partial_json": "{"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "error", "error": {}}),
        json!({"candidates": [{"content": {"parts": ["x", {}, {"functionCall": {"name": "f", "args": "x"}}]}}]}),
        json!({"error": "x"}),
    ];
    for from in [ProviderType::OpenAi, ProviderType::Mistral, ProviderType::Anthropic, ProviderType::Google] {
        for event in &events {
            run(&mut translator(from, true), [format!("data: {event}\n\n").as_bytes()]);
        }
        let all: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        run(&mut translator(from, true), [all.as_bytes()]);
    }
}

#[test]
fn garbage_does_no_harm() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let stream = concat!(
        "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3}}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[]}],\"tool_calls\":[{\"index\":3}]}}]}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}},{\"x\":1}]},\"finishReason\":\"STOP\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    for _ in 0..2_000 {
        let mut bytes = stream.as_bytes().to_vec();
        for _ in 0..next() % 8 {
            let place = (next() % bytes.len() as u64) as usize;
            bytes[place] = b"{}[]\",:0\n\r\xff\\nul"[(next() % 15) as usize];
        }
        for from in [ProviderType::OpenAi, ProviderType::Mistral, ProviderType::Anthropic, ProviderType::Google] {
            let size = 1 + (next() % 64) as usize;
            let out = run(&mut translator(from, true), bytes.chunks(size));
            assert!(out.is_empty() || out.starts_with("data: ") && out.ends_with("\n\n"), "{out}");
        }
    }
}
