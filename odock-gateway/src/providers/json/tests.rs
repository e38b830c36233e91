use super::*;

const CHAT: Fields = Fields {
    model: true,
    stream: true,
    usage_option: true,
    settings: &[],
    quoted: false,
    caps: &["max_completion_tokens", "max_tokens"],
    choices: &["n"],
    prompt: &["messages"],
};
const NESTED: Fields = Fields {
    model: false,
    stream: false,
    usage_option: false,
    settings: &["generationConfig", "generation_config"],
    quoted: true,
    caps: &["maxOutputTokens", "max_output_tokens"],
    choices: &["candidateCount"],
    prompt: &["contents"],
};

fn decode(body: &str) -> Result<JsonBody, DecodeError> {
    JsonBody::decode(Bytes::copy_from_slice(body.as_bytes()), &CHAT)
}

fn encoded(body: &str, slug: &str) -> String {
    text(decode(body).unwrap().encode(slug, None))
}

fn text(pieces: VecDeque<Bytes>) -> String {
    String::from_utf8(pieces.into_iter().flatten().collect()).unwrap()
}

#[test]
fn nothing_changes_when_nothing_must() {
    let body = r#" { "messages": [ {"role":"user","content":"hi"} ], "x":1.0e400, "model":"m" } "#;
    let request = decode(body).unwrap();
    let sent = request.encode("m", None).pop_front().unwrap();
    assert_eq!(sent.as_ptr(), request.body.as_ptr(), "not even copied");
    assert_eq!(sent, body.as_bytes());
}

#[test]
fn only_the_models_name_is_replaced() {
    assert_eq!(
        encoded(r#"{"b":0.10, "model" : "a\u0062", "model_x":"a", "z":{"model":"ab"}}"#, "up/\"s"),
        r#"{"b":0.10, "model" : "up/\"s", "model_x":"a", "z":{"model":"ab"}}"#
    );
}

#[test]
fn usage_is_asked_for_on_streams() {
    let cases = [
        (r#"{"model":"m","stream":true}"#, r#"{"model":"m","stream_options":{"include_usage":true},"stream":true}"#),
        (
            r#"{"stream":true,"stream_options":null,"model":"m"}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true},"model":"m"}"#,
        ),
        (
            r#"{"stream_options":{ },"model":"m","stream":true}"#,
            r#"{"stream_options":{"include_usage":true },"model":"m","stream":true}"#,
        ),
        (
            r#"{"stream_options":{"x":1, "include_usage" : false},"model":"m","stream":true}"#,
            r#"{"stream_options":{"x":1, "include_usage" : true},"model":"m","stream":true}"#,
        ),
        (
            r#"{"stream_options":{"x":1},"model":"m","stream":true}"#,
            r#"{"stream_options":{"include_usage":true,"x":1},"model":"m","stream":true}"#,
        ),
    ];
    for (sent, expected) in cases {
        assert_eq!(encoded(sent, "m"), expected);
        assert!(!decode(sent).unwrap().wants_usage);
    }
    let asked = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#;
    assert_eq!(encoded(asked, "m"), asked);
    assert!(decode(asked).unwrap().wants_usage);
    assert_eq!(
        encoded(r#"{"model":"m","stream":false,"stream_options":{}}"#, "m"),
        r#"{"model":"m","stream":false,"stream_options":{}}"#
    );
}

#[test]
fn mistakes_are_named() {
    let cases = [
        ("", "the body is empty"),
        ("   ", "the body is empty"),
        ("[]", "must be a JSON object"),
        (r#" ["m",true]"#, "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("\"x\"", "must be a JSON object"),
        ("{", "not valid JSON"),
        (r#"{"model":"m"} trailing"#, "not valid JSON"),
        ("{}", "\"model\" is missing"),
        (r#"{"model":7}"#, "\"model\" must be a string"),
        (r#"{"model":""}"#, "\"model\" is empty"),
        (r#"{"model":"a","model":"b"}"#, "\"model\" stands twice"),
        (r#"{"model":"a","stream":"yes"}"#, "\"stream\" must be true or false"),
        (r#"{"model":"a","stream":true,"stream":false}"#, "\"stream\" stands twice"),
        (r#"{"model":"a","stream":true,"stream_options":[]}"#, "\"stream_options\" must be an object"),
        (r#"{"model":"a","stream":true,"stream_options":{"include_usage":1}}"#, "include_usage"),
        (r#"{"model":"a","max_tokens":1.5}"#, "\"max_tokens\" must be a whole number"),
        (r#"{"model":"a","max_completion_tokens":-1}"#, "\"max_completion_tokens\" must be a whole number"),
        (r#"{"model":"a","max_tokens":"9"}"#, "\"max_tokens\" must be a whole number"),
        (r#"{"model":"a","n":0}"#, "\"n\" must be a whole number of 1 or more"),
        (r#"{"model":"\ud800"}"#, "\"model\" must be a string"),
        ("\u{feff}{}", "byte order mark"),
    ];
    for (body, expected) in cases {
        let error = decode(body).unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
    }
    let error = JsonBody::decode(Bytes::from_static(b"{\"model\":\"\xff\"}"), &CHAT).unwrap_err();
    assert_eq!(error.to_string(), "the body is not UTF-8 at byte 10");
}

#[test]
fn a_cap_replaces_what_stands_or_is_added() {
    let capped = |more: &str| {
        let request = decode(&format!("{{\"model\":\"m\",\"messages\":[]{more}}}")).unwrap();
        text(request.encode("m", Some((5, "max_completion_tokens"))))
    };
    assert_eq!(capped(""), r#"{"model":"m","max_completion_tokens":5,"messages":[]}"#);
    assert_eq!(capped(r#","max_tokens":900"#), r#"{"model":"m","messages":[],"max_tokens":5}"#);
    assert_eq!(
        capped(r#","max_tokens":null,"max_completion_tokens": 7 ,"x":1"#),
        r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens": 5 ,"x":1}"#
    );
    let streamed = capped(r#","stream":true"#);
    assert!(streamed.contains(r#""max_completion_tokens":5"#) && streamed.contains("include_usage"), "{streamed}");
    assert!(serde_json::from_str::<serde_json::Value>(&streamed).is_ok(), "{streamed}");
}

#[test]
fn what_an_answer_may_come_to_is_read() {
    let asked = |more: &str| {
        let request = decode(&format!("{{\"model\":\"m\"{more}}}")).unwrap();
        (request.output_cap, request.choices)
    };
    assert_eq!(asked(""), (None, 1));
    assert_eq!(asked(r#","max_tokens":null,"n":null"#), (None, 1));
    assert_eq!(asked(r#","max_tokens":7,"n":3"#), (Some(7), 3));
    assert_eq!(asked(r#","max_completion_tokens":9,"max_tokens":7"#), (Some(9), 1));
}

#[test]
fn a_large_body_is_cut_and_not_copied() {
    let body = format!(r#"{{"messages":"{}","model":"a","z":1}}"#, "x".repeat(SMALL));
    let request = decode(&body).unwrap();
    let pieces = request.encode("b", None);
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces[0].as_ptr(), request.body.as_ptr());
    assert_eq!(encoded(&body, "b"), body.replace("\"a\"", "\"b\""));
}

#[test]
fn deep_nesting_is_no_trouble() {
    let body = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert!(decode(&body).is_ok());
}

#[test]
fn settings_in_an_object_of_their_own_are_read_and_capped_there() {
    let read = |body: &str| {
        let request = JsonBody::decode(Bytes::copy_from_slice(body.as_bytes()), &NESTED).unwrap();
        (request.output_cap, request.choices, text(request.encode("m", Some((5, "maxOutputTokens")))))
    };
    let cases = [
        ("{}", (None, 1, r#"{"generationConfig":{"maxOutputTokens":5}}"#)),
        (r#"{"maxOutputTokens":9}"#, (None, 1, r#"{"generationConfig":{"maxOutputTokens":5},"maxOutputTokens":9}"#)),
        (r#"{"generationConfig":{}}"#, (None, 1, r#"{"generationConfig":{"maxOutputTokens":5}}"#)),
        (r#"{"generationConfig":null}"#, (None, 1, r#"{"generationConfig":{"maxOutputTokens":5}}"#)),
        (
            r#"{"generation_config":{"max_output_tokens":9,"candidateCount":2}}"#,
            (Some(9), 2, r#"{"generation_config":{"max_output_tokens":5,"candidateCount":2}}"#),
        ),
        (r#"{"generationConfig":{"topP":1}}"#, (None, 1, r#"{"generationConfig":{"maxOutputTokens":5,"topP":1}}"#)),
    ];
    for (body, (cap, choices, encoded)) in cases {
        assert_eq!(read(body), (cap, choices, encoded.to_owned()), "{body}");
    }
    let wrong = JsonBody::decode(Bytes::from_static(br#"{"generationConfig":[]}"#), &NESTED).unwrap_err();
    assert_eq!(wrong.to_string(), "\"generationConfig\" must be an object");
}

#[test]
fn the_path_may_name_the_model() {
    let encoded = |body: &str| {
        let body = JsonBody::decode_for(Bytes::copy_from_slice(body.as_bytes()), &CHAT, Some("a")).unwrap();
        assert_eq!(body.model.as_deref(), Some("a"));
        text(body.encode("b", Some((5, "max_tokens"))))
    };
    assert_eq!(encoded(r#"{"x":1}"#), r#"{"model":"b","max_tokens":5,"x":1}"#);
    assert_eq!(encoded(r#"{"model":null}"#), r#"{"model":"b","max_tokens":5}"#);
    assert_eq!(encoded(r#"{"model":"b","n":2}"#), r#"{"model":"b","max_tokens":5,"n":2}"#);
    let streamed = encoded(r#"{"stream":true}"#);
    let read: serde_json::Value = serde_json::from_str(&streamed).unwrap();
    assert_eq!((read["model"].as_str(), read["stream_options"]["include_usage"].as_bool()), (Some("b"), Some(true)));
    let empty = JsonBody::decode_for(Bytes::from_static(b" { } "), &CHAT, Some("a")).unwrap_err();
    assert!(empty.to_string().contains("asks for nothing"));
}

#[test]
fn any_field_can_be_looked_up() {
    let body = decode(r#"{"model":"m","pa\u0067es":[1, 2],"x":{"pages":3}}"#).unwrap();
    assert_eq!((body.field("pages"), body.field("nothing")), (Some("[1, 2]"), None));
}

#[test]
fn a_name_with_escapes_is_still_its_name() {
    assert_eq!(encoded(r#"{"mod\u0065l":"a"}"#, "b"), r#"{"mod\u0065l":"b"}"#);
    assert!(decode(r#"{"model":"a","mod\u0065l":"b"}"#).unwrap_err().to_string().contains("stands twice"));
}

#[test]
fn numbers_stand_in_quotes_where_protobuf_takes_them() {
    let read = |cap: &str| {
        let body = format!(r#"{{"generationConfig":{{"maxOutputTokens":{cap},"candidateCount":"2"}}}}"#);
        JsonBody::decode(body.into(), &NESTED).map(|body| (body.output_cap, body.choices))
    };
    for cap in ["800", "\"800\"", "800.0", "8e2", "\"8e2\""] {
        assert_eq!(read(cap), Ok((Some(800), 2)), "{cap}");
    }
    for cap in ["\"x\"", "8.5", "-1", "\"\"", "true", "\" 8\"", "1e99"] {
        assert!(read(cap).is_err(), "{cap}");
    }
    assert!(decode(r#"{"model":"m","max_tokens":"8"}"#).is_err(), "elsewhere a number is a number");
}
