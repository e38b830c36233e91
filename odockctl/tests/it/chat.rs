use serde_json::{Value, json};

use crate::support::{Gateway, Home, TOKEN, record};

const KEY: &str = "sk-odock-key-canary";
const CALL: &str = "POST /v1/chat/completions";

fn events(pieces: &[&str], end: &str) -> String {
    let chunk =
        |text: &&str| format!("data: {}\n\n", json!({ "model": "gpt", "choices": [{ "delta": { "content": text } }] }));
    pieces.iter().map(chunk).collect::<String>() + end
}

fn done() -> String {
    let last = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 5 } });
    format!("data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

fn home(gateway: &Gateway) -> Home {
    let home = Home::of(gateway);
    home.write("key", KEY);
    home
}

const SAY: [&str; 6] = ["chat", "--model", "support-fast", "--key-file", "key", "Say hello"];

#[test]
fn an_answer_streams_to_stdout_and_its_figures_to_stderr() {
    let gateway = Gateway::start();
    gateway.raw(CALL, 200, "text/event-stream", &events(&["Hel", "lo \x1b[31m☃"], &done()));
    gateway.on("GET /api/organisations/acme/usage/req-9", 404, &json!({}));
    gateway.on("GET /api/organisations/acme/usage/req-9", 200, &record("req-9"));
    let run = home(&gateway).run(&SAY).ends(0);
    assert_eq!(run.stdout, "Hello \x1b[31m☃\n", "what no terminal reads is left as it is");
    assert!(run.stderr.starts_with("12 tokens in, 5 out · $0.0000128 · "), "{}", run.stderr);
    assert!(run.stderr.ends_with("· request req-9\n"), "{}", run.stderr);
    let sent: Value = serde_json::from_str(&gateway.bodies()[0]).unwrap();
    assert_eq!((&sent["stream"], &sent["messages"][0]["content"]), (&true.into(), &"Say hello".into()));
    let credentials = gateway.credentials();
    assert_eq!(
        (credentials[0].as_str(), credentials[1].as_str()),
        ("Bearer sk-odock-key-canary", format!("Bearer {TOKEN}").as_str())
    );
}

#[test]
fn a_whole_answer_is_one_document() {
    let gateway = Gateway::start();
    let answer = json!({
        "model": "gpt", "choices": [{ "message": { "content": "Hello" }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 }
    });
    gateway.on(CALL, 200, &answer);
    let mut unpriced = record("req-9");
    unpriced.as_object_mut().unwrap().remove("costNanos");
    gateway.on("GET /api/organisations/acme/usage/req-9", 200, &unpriced);
    let run = home(&gateway).run(&[&SAY[..], &["--no-stream", "-o", "json", "--max-tokens", "2"]].concat()).ends(0);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&document["content"], &document["finishReason"]), (&"Hello".into(), &"length".into()));
    assert_eq!((&document["requestId"], &document["usage"]["completion_tokens"]), (&"req-9".into(), &2.into()));
    assert!(document.get("costNanos").is_none(), "an unknown cost is absent, not zero");
}

#[test]
fn the_message_and_the_key_come_from_standard_input() {
    let gateway = Gateway::start();
    gateway.raw(CALL, 200, "text/event-stream", &events(&["ok"], &done()));
    gateway.on("GET /api/organisations/acme/usage/req-9", 200, &record("req-9"));
    home(&gateway).run_with_input(&SAY[..5], "from a pipe").ends(0);
    assert!(gateway.bodies()[0].contains("from a pipe"));
    home(&gateway).run_with_input(&["chat", "--model", "m", "--key-stdin", "hi"], KEY).ends(0);
    home(&gateway).with("ODOCK_API_KEY", KEY).run(&["chat", "--model", "m", "hi"]).ends(0);
    let run = home(&gateway).run(&["chat", "--model", "m", "hi"]).ends(4);
    assert!(run.stderr.contains("ODOCK_API_KEY"), "{}", run.stderr);
}

#[test]
fn refusals_and_broken_streams_are_errors() {
    let gateway = Gateway::start();
    gateway.raw(
        CALL,
        403,
        "application/json",
        r#"{"error":{"code":"model_not_allowed","message":"the key may not call it"}}"#,
    );
    let error = home(&gateway).run(&[&SAY[..], &["-o", "json"]].concat()).ends(5).error();
    assert_eq!((&error["code"], &error["requestId"]), (&"model_not_allowed".into(), &"req-9".into()));

    let gateway = Gateway::start();
    gateway.raw(CALL, 200, "text/event-stream", &events(&["half"], ""));
    let run = home(&gateway).run(&SAY).ends(1);
    assert_eq!(run.stdout, "half\n");
    assert!(
        run.stderr.contains("the stream ended before") && run.stderr.contains("--request-id req-9"),
        "{}",
        run.stderr
    );

    let gateway = Gateway::start();
    let failure = r#"data: {"error":{"code":"upstream_error","message":"the provider broke off"}}"#;
    gateway.raw(CALL, 200, "text/event-stream", &events(&["half"], &format!("{failure}\n\n")));
    let run = home(&gateway).run(&SAY).ends(1);
    assert!(run.stderr.contains("the provider broke off"), "{}", run.stderr);
    assert!(!run.stderr.contains(KEY));
}
