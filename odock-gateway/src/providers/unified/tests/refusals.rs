//! Requests that are none.

use bytes::Bytes;

use super::super::UnifiedRequest;

fn refusal(body: &str) -> String {
    UnifiedRequest::decode(Bytes::copy_from_slice(body.as_bytes())).map(|_| ()).unwrap_err().to_string()
}

fn in_messages(messages: &str) -> String {
    refusal(&format!(r#"{{"model":"m","messages":{messages}}}"#))
}

fn in_content(part: &str) -> String {
    in_messages(&format!(r#"[{{"role":"user","content":[{part}]}}]"#))
}

fn beside(field: &str) -> String {
    refusal(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{field}}}"#))
}

#[test]
fn a_body_that_is_no_request_is_refused_in_one_sentence() {
    let cases = [
        (" ", "the body is empty: send a JSON object with \"model\" and \"messages\""),
        ("[]", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ("\u{feff}{}", "the body begins with a byte order mark, which JSON does not allow"),
        ("{}", "model: is missing"),
        (r#"{"model":null}"#, "model: is missing"),
        (r#"{"model":""}"#, "model: is empty"),
        (r#"{"model":7}"#, "model: must be a string"),
        (r#"{"model":"a","model":"b"}"#, "model: stands twice"),
        (r#"{"model":"m"}"#, "messages: is missing"),
        (r#"{"model":"m","messages":{}}"#, "messages: must be a list"),
        (r#"{"model":"m","messages":[]}"#, "messages: is empty"),
        (r#"{"model":"m","stream":"yes","messages":[]}"#, "stream: must be true or false"),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal(body), expected, "{body}");
    }
    assert!(refusal("{").starts_with("the body is not valid JSON: "));
    let bytes = UnifiedRequest::decode(Bytes::from_static(b"{\"\xff\":1}")).unwrap_err();
    assert_eq!(bytes.to_string(), "the body is not UTF-8 at byte 2");
}

#[test]
fn a_message_is_refused_with_its_place() {
    let cases = [
        ("[7]", "messages[0]: must be an object"),
        (r#"[{"content":"x"}]"#, "messages[0].role: is missing"),
        (r#"[{"role":"robot"}]"#, "messages[0].role: must be system, developer, user, assistant or tool"),
        (r#"[{"role":"user","content":"a"},{"role":"user"}]"#, "messages[1].content: is missing"),
        (r#"[{"role":"user","content":7}]"#, "messages[0].content: must be a string or a list of parts"),
        (r#"[{"role":"user","role":"user"}]"#, "messages[0].role: stands twice"),
        (r#"[{"role":"tool","content":"x"}]"#, "messages[0].tool_call_id: is missing"),
        (r#"[{"role":"assistant","tool_calls":{}}]"#, "messages[0].tool_calls: must be a list"),
        (
            r#"[{"role":"assistant","tool_calls":[{"id":"1","function":{"arguments":"{}"}}]}]"#,
            "messages[0].tool_calls[0].function.name: is missing",
        ),
        (
            r#"[{"role":"assistant","content_blocks":[{"type":"dream"}]}]"#,
            "messages[0].content_blocks[0].type: must be text, refusal, reasoning, tool_call or native",
        ),
        (
            r#"[{"role":"assistant","content_blocks":[{"type":"native","family":"acme","block":{}}]}]"#,
            "messages[0].content_blocks[0].family: must be openai, mistral, anthropic or gemini",
        ),
        (
            r#"[{"role":"assistant","content":"a","content_blocks":[{"type":"text","text":"b"}]}]"#,
            "messages[0].content: says something else than the content_blocks beside it",
        ),
        (
            r#"[{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f"}}],
                "content_blocks":[{"type":"tool_call","id":"2","name":"f"}]}]"#,
            "messages[0].tool_calls: has other calls than the content_blocks beside it",
        ),
    ];
    for (messages, expected) in cases {
        assert_eq!(in_messages(messages), expected, "{messages}");
    }
}

#[test]
fn a_part_is_refused_with_its_place() {
    let url = |url: &str| {
        in_content(&format!(r#"{{"type":"text","text":"a"}},{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#))
    };
    let at = "messages[0].content[1].image_url.url: ";
    let cases = [
        (url("ftp://x"), "must be a data URL or begin with https://"),
        (url("data:image/png;base64"), "is a data URL without a comma"),
        (url("data:image/png,abc"), "is a data URL whose data is not marked as base64"),
        (url("data:;base64,AAAA"), "is a data URL without a media type"),
        (url("data:image/png;base64,"), "has no data"),
        (url("data:image/png;base64,AA*A"), "is not base64 at byte 2 of its data"),
        (url("data:image/png;base64,AAA"), "is not base64: its length is no multiple of 4"),
    ];
    for (refused, expected) in cases {
        assert_eq!(refused, format!("{at}{expected}"));
    }
    let cases = [
        (r#"{"text":"x"}"#, "messages[0].content[0].type: is missing"),
        (r#"{"type":"text"}"#, "messages[0].content[0].text: is missing"),
        (r#"{"type":"image_url"}"#, "messages[0].content[0].image_url: is missing"),
        (
            r#"{"type":"input_audio","input_audio":{"data":"AAAA"}}"#,
            "messages[0].content[0].input_audio.format: is missing",
        ),
        (
            r#"{"type":"file","file":{"filename":"a.pdf"}}"#,
            "messages[0].content[0].file: needs one of file_data, file_url, text and file_id",
        ),
        (
            r#"{"type":"file","file":{"text":"a","file_id":"b"}}"#,
            "messages[0].content[0].file: has more than one of file_data, file_url, text and file_id",
        ),
        (
            r#"{"type":"file","file":{"file_data":"AAAA"}}"#,
            "messages[0].content[0].file.file_data: must be a data URL, or have its type beside it in mime_type",
        ),
    ];
    for (part, expected) in cases {
        assert_eq!(in_content(part), expected, "{part}");
    }
}

#[test]
fn an_option_is_refused_by_name() {
    let cases = [
        (r#""max_tokens":-1"#, "max_tokens: must be a whole number of 0 or more"),
        (r#""n":0"#, "n: must be a whole number of 1 or more"),
        (r#""temperature":"warm""#, "temperature: must be a number"),
        (r#""temperature":1e999"#, "temperature: has a number out of range"),
        (r#""stop":[1]"#, "stop[0]: must be a string"),
        (r#""tools":[{"function":{"name":"f"}}]"#, "tools[0].type: is missing"),
        (r#""tools":[{"type":"function","function":{}}]"#, "tools[0].function.name: is missing"),
        (
            r#""tools":[{"type":"function","function":{"name":"f","parameters":[]}}]"#,
            "tools[0].function.parameters: must be an object",
        ),
        (r#""tool_choice":"perhaps""#, "tool_choice: must be auto, none, required or an object"),
        (
            r#""tool_choice":{"type":"function","function":{"name":"g"}}"#,
            "tool_choice: names a tool that is not in tools: g",
        ),
        (r#""response_format":{"type":"json_schema"}"#, "response_format.json_schema: is missing"),
        (r#""reasoning_effort":"huge""#, "reasoning_effort: must be none, minimal, low, medium, high, xhigh or max"),
        (
            r#""reasoning_effort":"low","reasoning":{"effort":"high"}"#,
            "reasoning_effort: asks for another effort than reasoning.effort",
        ),
        (r#""drop_unsupported":"yes""#, "drop_unsupported: must be true or false"),
        (r#""provider":{"order":[]}"#, "provider: must be a string"),
    ];
    for (field, expected) in cases {
        assert_eq!(beside(field), expected, "{field}");
    }
}

#[test]
fn a_deep_or_broken_body_does_no_harm() {
    assert!(refusal(&"[".repeat(100_000)).starts_with("the body"));
    let deep = format!(r#"{{"model":"m","messages":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    assert!(!refusal(&deep).is_empty());
    let sent = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"é\u0000"}]}],"stop":"x"}"#;
    for end in 0..sent.len() {
        assert!(UnifiedRequest::decode(Bytes::copy_from_slice(&sent.as_bytes()[..end])).is_err(), "up to {end}");
    }
}
