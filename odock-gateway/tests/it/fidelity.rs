//! The same call straight to a provider and through the gateway: what arrives on either side must be the same, but for a
//! short list of differences that each have a reason.

use std::collections::BTreeSet;

use entity::vocab::ProviderType;
use odock_sim::{Recorded, Script, Sim};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Answer, PROVIDER_SECRET, TestGateway};

/// Differences that are meant, each with its reason. A header's name stands for its value as well.
const MEANT: &[(&str, &str)] = &[
    // What an upstream receives.
    ("request header host", "names the server that is called"),
    ("request header authorization", "the provider's credential takes the place of the caller's key"),
    ("request header x-api-key", "the provider's credential takes the place of the caller's key"),
    ("request header x-goog-api-key", "the provider's credential takes the place of the caller's key"),
    ("request header api-key", "the provider's credential takes the place of the caller's key"),
    ("request header accept-encoding", "usage is read off the answer, which must not be compressed"),
    ("request header cookie", "a caller's session is none of the provider's business"),
    ("request header x-forwarded-for", "nor are the addresses behind the gateway"),
    ("request header openai-organization", "would charge another account of the administrator's"),
    ("request header openai-project", "would charge another account of the administrator's"),
    ("request header x-internal", "what nobody declared does not leave the house"),
    ("request header idempotency-key", "the gateway keeps it: callers who share an account must not meet in theirs"),
    // What a caller receives.
    ("answer header x-request-id", "the gateway's own id, the handle of records and logs"),
    ("answer header date", "each server's own clock"),
    ("answer header content-length", "a stream is passed on as it comes"),
    ("answer header transfer-encoding", "belongs to one connection"),
    ("answer header server", "says what software answers, which is the gateway's"),
    ("answer header x-content-type-options", "a word to browsers about the provider's site"),
    ("answer header x-kong-request-id", "belongs to the provider's own proxy"),
    ("answer header openai-organization", "names the administrator's account"),
    ("answer header anthropic-organization-id", "names the administrator's account"),
];
/// Beginnings of names of headers that tell a caller how much the administrator's account may still use.
const MEANT_PREFIXES: &[&str] = &["answer header x-ratelimit-", "answer header anthropic-ratelimit-"];

/// A provider, where it is simulated, and how its callers present their key.
struct Family {
    provider: ProviderType,
    mount: &'static str,
    key: &'static str,
    calls: Vec<Call>,
}

/// A call, with its path at the provider and at the gateway.
struct Call {
    there: String,
    here: String,
    body: Value,
    script: Script,
}

fn call(there: impl Into<String>, here: impl Into<String>, body: Value) -> Call {
    Call { there: there.into(), here: here.into(), body, script: Script::default() }
}

impl Call {
    fn scripted(mut self, script: Script) -> Self {
        self.script = script;
        self
    }
}

/// The model: the gateway's name for it is the provider's, so that the body need not change.
const MODEL: &str = "fast";

fn openai_calls(prefix: &str) -> Vec<Call> {
    let question = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": [
        {"type": "text", "text": "What is it? ü 日本 \u{0}"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}]}]);
    let tools =
        json!([{"type": "function", "function": {"name": "lookup", "strict": true, "parameters": {"type": "object"}}}]);
    let chat = json!({"model": MODEL, "messages": question, "logprobs": true, "top_logprobs": 2, "seed": 7,
        "temperature": 0.1, "x_unknown": {"deep": [1, 2.50, null, 1e30]}, "tools": tools,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}});
    let mut streamed = chat.clone();
    // Asked for, so that the gateway has nothing to add and nothing to withhold.
    (streamed["stream"], streamed["stream_options"]) = (true.into(), json!({"include_usage": true}));
    let path = "/v1/chat/completions";
    let at = |body: Value| call(path, format!("{prefix}/chat/completions"), body);
    vec![
        at(chat.clone()),
        at(chat.clone()).scripted(Script::default().tool_call("lookup", json!({"query": "ü"}))),
        at(chat.clone()).scripted(Script::default().refusal("I may not.")),
        at(chat.clone()).scripted(Script::default().status(429).header("retry-after", "7")),
        at(chat).scripted(Script::default().status(400)),
        at(streamed.clone()).scripted(Script::default().reasoning("Because.")),
        at(streamed.clone()).scripted(Script::default().tool_call("lookup", json!({"query": "ü"})).split_events(5)),
        at(streamed).scripted(Script::default().chunks(200)),
    ]
}

fn families() -> Vec<Family> {
    let mut openai = openai_calls("/v1");
    let responses = json!({"model": MODEL, "input": [{"role": "user", "content": "Hello"}], "store": false,
        "reasoning": {"effort": "low"}, "metadata": {"a": "b"}});
    let mut events = responses.clone();
    events["stream"] = true.into();
    openai.extend([
        call("/v1/responses", "/v1/responses", responses),
        call("/v1/responses", "/v1/responses", events).scripted(Script::default().reasoning("Because.")),
        call(
            "/v1/embeddings",
            "/v1/embeddings",
            json!({"model": MODEL, "input": ["a", "b"], "encoding_format": "base64"}),
        ),
        call("/v1/images/generations", "/v1/images/generations", json!({"model": MODEL, "prompt": "a dot", "n": 2})),
    ]);
    let messages = json!({"model": MODEL, "max_tokens": 50, "system": [{"type": "text", "text": "Be brief.",
        "cache_control": {"type": "ephemeral"}}], "messages": [{"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}]}],
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "x_unknown": [1.10]});
    let mut message_events = messages.clone();
    message_events["stream"] = true.into();
    let at = |body: &Value| call("/v1/messages?beta=true", "/v1/messages?beta=true", body.clone());
    let anthropic = vec![
        at(&messages),
        at(&messages).scripted(Script::default().reasoning("Hm.").tool_call("lookup", json!({"q": 1}))),
        at(&messages).scripted(Script::default().status(529)),
        at(&messages).scripted(Script::default().status(429).header("retry-after", "7")),
        at(&message_events).scripted(Script::default().reasoning("Hm.")),
        at(&message_events).scripted(Script::default().tool_call("lookup", json!({"q": 1})).split_events(3)),
        call("/v1/messages/count_tokens", "/v1/messages/count_tokens", json!({"model": MODEL, "messages": []})),
    ];
    let content = json!({"contents": [{"role": "user", "parts": [{"text": "Hello ü"}, {"inlineData":
        {"mimeType": "image/png", "data": "AAAA"}}]}], "generationConfig": {"topK": 3, "xUnknown": 1.0},
        "safetySettings": [], "systemInstruction": {"parts": [{"text": "Be brief."}]}});
    let model = |what: &str| format!("/v1beta/models/{MODEL}:{what}");
    let at = |what: &str| call(model(what), model(what), content.clone());
    let gemini = vec![
        at("generateContent"),
        at("generateContent").scripted(Script::default().tool_call("lookup", json!({"q": 1}))),
        at("generateContent").scripted(Script::default().status(503)),
        at("streamGenerateContent?alt=sse").scripted(Script::default().reasoning("Hm.").chunks(20)),
        at("streamGenerateContent").scripted(Script::default().chunks(20).split_events(11)),
        at("countTokens"),
        call(model("embedContent"), model("embedContent"), json!({"content": {"parts": [{"text": "a"}]}})),
    ];
    let below = |path: &str, body: Value| call(format!("/v1{path}"), format!("/v1/mistral{path}"), body);
    let question = json!([{"role": "user", "content": "Hello"}]);
    let mistral = vec![
        below(
            "/chat/completions",
            json!({"model": MODEL, "messages": question, "safe_prompt": false, "random_seed": 3}),
        ),
        below("/chat/completions", json!({"model": MODEL, "messages": question, "stream": true})),
        below("/chat/completions", json!({"model": MODEL, "messages": question}))
            .scripted(Script::default().status(422)),
        below("/fim/completions", json!({"model": MODEL, "prompt": "def f(", "suffix": "return"})),
        below("/embeddings", json!({"model": MODEL, "input": ["a"]})),
        below("/moderations", json!({"model": MODEL, "input": ["a"]})),
        below("/ocr", json!({"model": MODEL, "document": {"type": "document_url", "document_url": "https://x/y.pdf"}})),
    ];
    let mut vllm = openai_calls("/v1/vllm");
    let below = |there: &str, path: &str, body: Value| call(there, format!("/v1/vllm{path}"), body);
    vllm.extend([
        below("/v1/completions", "/completions", json!({"model": MODEL, "prompt": "a", "guided_regex": "[a-z]+"})),
        below("/v1/embeddings", "/embeddings", json!({"model": MODEL, "input": "a"})),
        below("/tokenize", "/tokenize", json!({"model": MODEL, "prompt": "a b"})),
        below("/detokenize", "/detokenize", json!({"model": MODEL, "tokens": [1, 2]})),
        below("/rerank", "/rerank", json!({"model": MODEL, "query": "a", "documents": ["a", "b"]})),
    ]);
    vec![
        Family { provider: ProviderType::OpenAi, mount: "", key: "authorization", calls: openai },
        Family { provider: ProviderType::Anthropic, mount: "/anthropic", key: "x-api-key", calls: anthropic },
        Family { provider: ProviderType::Google, mount: "/gemini", key: "x-goog-api-key", calls: gemini },
        Family { provider: ProviderType::Mistral, mount: "/mistral", key: "authorization", calls: mistral },
        Family { provider: ProviderType::Vllm, mount: "/vllm", key: "authorization", calls: vllm },
    ]
}

/// Sends a call as a caller does that also sends what must not pass.
async fn send(http: &reqwest::Client, url: String, family: &Family, key: &str, body: &Value) -> Answer {
    let key = if family.key == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
    let text = serde_json::to_string_pretty(body).unwrap();
    let request = http.post(url).header(family.key, key).header("content-type", "application/json; charset=utf-8");
    let request = [
        ("user-agent", "probe/1.0"),
        ("accept", "application/json, text/event-stream"),
        ("accept-encoding", "gzip"),
        ("openai-beta", "assistants=v2"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "context-1m-2025-08-07,interleaved-thinking-2025-05-14"),
        ("x-goog-api-client", "genai-probe/1"),
        ("x-stainless-retry-count", "0"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("openai-organization", "org-1"),
        ("openai-project", "proj-1"),
        ("x-internal", "1"),
    ]
    .into_iter()
    .fold(request, |request, (name, value)| request.header(name, value));
    TestGateway::send(request.body(text)).await
}

fn headers(side: &str, straight: &HeaderMap, through: &HeaderMap, found: &mut BTreeSet<String>) {
    let names: BTreeSet<_> = straight.keys().chain(through.keys()).map(|name| name.as_str()).collect();
    for name in names {
        let values = |headers: &HeaderMap| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
        if values(straight) != values(through) {
            found.insert(format!("{side} header {name}"));
        }
    }
}

/// What differs between two exchanges.
fn differences(straight: (&Recorded, &Answer), through: (&Recorded, &Answer)) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let ((sent, answered), (passed, received)) = (straight, through);
    let mut differs = |what: &str, differs: bool, why: String| {
        if differs {
            found.insert(format!("{what}: {why}"));
        }
    };
    differs("method", sent.method != passed.method, format!("{} became {}", sent.method, passed.method));
    differs("path", sent.path != passed.path, format!("{} became {}", sent.path, passed.path));
    differs("request body", sent.body != passed.body, format!("{} became {}", sent.text(), passed.text()));
    differs("status", answered.status != received.status, format!("{} became {}", answered.status, received.status));
    let body = format!("{} became {}", answered.text(), received.text());
    differs("answer body", answered.body != received.body, body);
    headers("request", &sent.headers, &passed.headers, &mut found);
    headers("answer", &answered.headers, &received.headers, &mut found);
    found
}

#[tokio::test]
async fn a_call_through_the_gateway_is_the_call_without_it() {
    let (mut calls, mut seen, mut wrong) = (0, BTreeSet::new(), Vec::new());
    for family in families() {
        let gw = TestGateway::start_at(family.provider, family.mount, |_| {}).await;
        let straight = Sim::start().await;
        for call in &family.calls {
            calls += 1;
            straight.enqueue(call.script.clone());
            gw.sim.enqueue(call.script.clone());
            let there = format!("{}{}{}", straight.base_url(), family.mount, call.there);
            let answered = send(&gw.http, there, &family, PROVIDER_SECRET, &call.body).await;
            let received = send(&gw.http, gw.url(&call.here), &family, &gw.fleet.secret, &call.body).await;
            let what = format!("{} {}", family.provider, call.here);
            let (sent, passed) = (straight.take_requests(), gw.sim.take_requests());
            assert_eq!((sent.len(), passed.len()), (1, 1), "{what}: {}", received.text());
            for found in differences((&sent[0], &answered), (&passed[0], &received)) {
                let is_meant = MEANT.iter().any(|(meant, _)| *meant == found)
                    || MEANT_PREFIXES.iter().any(|meant| found.starts_with(meant));
                if is_meant {
                    seen.insert(found);
                } else {
                    wrong.push(format!("{what}: {found}"));
                }
            }
        }
    }
    println!("{calls} calls, and what differed as it should:");
    for found in &seen {
        let why = MEANT.iter().find(|(meant, _)| meant == found);
        println!("  {found}: {}", why.map_or("tells how much the administrator's account may use", |(_, why)| why));
    }
    assert!(wrong.is_empty(), "{} differences that nobody meant:\n{}", wrong.len(), wrong.join("\n"));
}
