//! Providers that are tried: what is asked of them, and what is said of their answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use entity::vocab::ProviderType;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Answer, Api, sealed};

const SECRET: &str = "sk-upstream-canary-0123456789";

/// A provider that says the same to everybody, and remembers what it was asked.
#[derive(Clone)]
struct Upstream {
    url: String,
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

#[derive(Clone)]
struct Script {
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    status: u16,
    body: String,
    patience: Duration,
}

impl Upstream {
    async fn start(status: u16, body: impl ToString) -> Self {
        Self::slow(status, body, Duration::ZERO).await
    }

    async fn slow(status: u16, body: impl ToString, patience: Duration) -> Self {
        let asked = Arc::default();
        let script = Script { asked: Arc::clone(&asked), status, body: body.to_string(), patience };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(script)).await });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, HeaderMap)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    script.asked.lock().unwrap().push((line, request.headers().clone()));
    tokio::time::sleep(script.patience).await;
    (StatusCode::from_u16(script.status).unwrap(), script.body).into_response()
}

/// A provider of acme with one credential, tried.
async fn tried(api: &Api, name: &str, mut spec: Value) -> Answer {
    if spec["keys"].is_null() {
        spec["keys"] = json!([{"name": "primary", "secret": sealed(&api.gateway, SECRET)}]);
    }
    api.create("providers", name, spec).await.expect(201);
    let found = test(api, name).await.expect(200);
    assert!(!found.body.to_string().contains(SECRET), "{:#}", found.body);
    found
}

async fn test(api: &Api, name: &str) -> Answer {
    api.acme(Method::POST, &format!("providers/{name}/test"), None).await
}

#[tokio::test]
async fn a_provider_that_lists_its_models_takes_the_credential() {
    let api = Api::with_organisations().await;
    let upstream = Upstream::start(200, json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})).await;
    let found = tried(&api, "ours", json!({"type": "OPENAI", "baseUrl": upstream.url})).await.body;
    let latency = found["latencyUs"].as_u64().unwrap();
    assert!(latency > 0);
    assert_eq!(
        found,
        json!({"provider": "ours", "type": "OPENAI", "key": "primary", "url": format!("{}/v1/models", upstream.url),
            "outcome": "ok", "reachable": true, "credentialAccepted": true, "status": 200, "latencyUs": latency, "models": 2,
            "detail": "it answers, and takes the credential"})
    );
    let asked = upstream.asked();
    assert_eq!((asked.len(), asked[0].0.as_str()), (1, "GET /v1/models"));
    assert_eq!(asked[0].1[header::AUTHORIZATION], format!("Bearer {SECRET}"));
    assert!(!asked[0].1.contains_key("x-request-id") && !asked[0].1.contains_key(header::COOKIE));

    let audit = api.acme(Method::GET, "audit", None).await.expect(200).body;
    let event = &audit["items"][0];
    assert_eq!(
        (&event["verb"], &event["resource"], &event["name"]),
        (&json!("test"), &json!("provider"), &json!("ours"))
    );
    assert_eq!(event["after"], json!({"key": "primary", "outcome": "ok"}));
    assert!(!audit.to_string().contains(SECRET));
}

#[tokio::test]
async fn a_refused_credential_is_not_quoted() {
    let api = Api::with_organisations().await;
    let body = json!({"error": {"message": format!("Incorrect API key provided: {SECRET}. You can find it at https://example.com/keys")}});
    let upstream = Upstream::start(401, body).await;
    let found = tried(&api, "ours", json!({"type": "CUSTOM", "baseUrl": upstream.url})).await.body;
    assert_eq!((&found["outcome"], &found["credentialAccepted"]), (&json!("credential_refused"), &json!(false)));
    assert_eq!(found["message"], "Incorrect API key provided: [redacted]. You can find it at https://example.com/keys");
    assert_eq!(found["detail"], "it refused the credential with status 401");
    // A server that wants a credential where there is none is another matter.
    let bare = tried(&api, "bare", json!({"type": "VLLM", "baseUrl": upstream.url, "keys": []})).await.body;
    assert_eq!(
        (&bare["outcome"], bare.get("credentialAccepted"), bare.get("key")),
        (&json!("credential_refused"), None, None)
    );
    assert_eq!(bare["detail"], "it wants a credential, and the provider has none");
    assert!(!upstream.asked()[1].1.contains_key(header::AUTHORIZATION));
}

#[tokio::test]
async fn whatever_is_no_list_is_said_as_it_is() {
    let api = Api::with_organisations().await;
    let cases: [(&str, u16, String, &str); 5] = [
        (
            "page",
            200,
            "<html>welcome</html>".into(),
            "it answers, but not with a list of models: is the base URL right?",
        ),
        (
            "missing",
            404,
            "nothing".into(),
            "it answers, but has no list of models there (status 404): is the base URL right?",
        ),
        ("moved", 302, String::new(), "it sends callers elsewhere (status 302): is the base URL right?"),
        (
            "busy",
            429,
            json!({"error": {"message": "slow down"}}).to_string(),
            "it answers, but has had too many requests (status 429)",
        ),
        ("broken", 503, String::new(), "it answered with status 503"),
    ];
    for (name, status, body, detail) in cases {
        let upstream = Upstream::start(status, body).await;
        let found = tried(&api, name, json!({"type": "CUSTOM", "baseUrl": upstream.url})).await.body;
        assert_eq!((&found["outcome"], &found["reachable"]), (&json!("unexpected"), &json!(true)), "{name}");
        assert_eq!((&found["detail"], &found["status"]), (&json!(detail), &json!(status)), "{name}");
        assert_eq!(found.get("credentialAccepted"), None, "{name}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_holds_nobody_up() {
    let api = Api::with_organisations().await;
    let silent = Upstream::slow(200, "", Duration::from_secs(3_600)).await;
    let spec = json!({"type": "CUSTOM", "baseUrl": silent.url, "timeoutMs": 50});
    let found = tried(&api, "silent", spec).await.body;
    assert_eq!((&found["outcome"], &found["reachable"]), (&json!("timed_out"), &json!(false)));
    assert!(found["detail"].as_str().unwrap().starts_with("it did not answer within "), "{found:#}");

    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let found = tried(&api, "closed", json!({"type": "CUSTOM", "baseUrl": format!("http://{closed}")})).await.body;
    assert_eq!((&found["outcome"], &found["reachable"]), (&json!("unreachable"), &json!(false)));
    assert_eq!(found.get("status"), None);
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_asked() {
    let api = Api::with_organisations().await;
    let bare = tried(&api, "bare", json!({"type": "OPENAI", "keys": []})).await.body;
    assert_eq!(
        (&bare["outcome"], &bare["detail"]),
        (&json!("not_configured"), &json!("the provider has no credential"))
    );
    let upstream = Upstream::start(200, json!({"data": []})).await;
    let keys = json!([{"name": "old", "secret": sealed(&api.gateway, SECRET), "revoked": true}]);
    let spec = json!({"type": "CUSTOM", "baseUrl": upstream.url, "keys": keys});
    let revoked = tried(&api, "revoked", spec).await.body;
    assert_eq!(
        (&revoked["outcome"], &revoked["detail"]),
        (&json!("not_configured"), &json!("the credential was revoked"))
    );
    assert!(upstream.asked().is_empty());
}

#[tokio::test]
async fn a_credential_is_chosen_by_name() {
    let api = Api::with_organisations().await;
    let upstream = Upstream::start(200, json!({"data": []})).await;
    let key = |name: &str| json!({"name": name, "secret": sealed(&api.gateway, name), "revoked": name == "old"});
    let keys = json!([key("old"), key("first"), key("second")]);
    let spec = json!({"type": "AZURE_OPENAI", "baseUrl": upstream.url, "keys": keys});
    assert_eq!(tried(&api, "azure", spec).await.body["key"], "first", "the one that models use");
    let second = api.acme(Method::POST, "providers/azure/test?key=second", None).await.expect(200).body;
    assert_eq!(second["key"], "second");
    let sent: Vec<String> = upstream
        .asked()
        .iter()
        .map(|(line, headers)| format!("{line} {}", headers["api-key"].to_str().unwrap()))
        .collect();
    assert_eq!(sent, ["GET /openai/v1/models first", "GET /openai/v1/models second"]);

    let missing = api.acme(Method::POST, "providers/azure/test?key=third", None).await.problem(404, "not_found");
    assert_eq!(missing.body["title"], "there is no provider key `third`");
    api.acme(Method::POST, "providers/azure/test?kye=second", None).await.problem(400, "bad_request");
    test(&api, "nobody").await.problem(404, "not_found");
    let elsewhere = api.post("/api/organisations/globex/providers/azure/test", Some(&api.root), Value::Null).await;
    elsewhere.problem(404, "not_found");
}

#[tokio::test]
async fn each_family_is_asked_in_its_own_way() {
    let api = Api::with_organisations().await;
    let cases = [
        (ProviderType::Anthropic, json!({"data": [{"id": "a"}]}), "GET /v1/models?limit=1000", "x-api-key"),
        (
            ProviderType::Google,
            json!({"models": [{"name": "models/a"}]}),
            "GET /v1beta/models?pageSize=1000",
            "x-goog-api-key",
        ),
        (ProviderType::Mistral, json!({"data": [{"id": "a"}]}), "GET /v1/models", "authorization"),
        (ProviderType::HuggingFace, json!({"data": [{"id": "a"}]}), "GET /v1/models", "authorization"),
    ];
    for (family, list, line, header) in cases {
        let upstream = Upstream::start(200, list).await;
        let name = family.as_str();
        tried(&api, name, json!({"type": "CUSTOM", "baseUrl": upstream.url})).await;
        // The same credential goes into another header as soon as the provider is of another family.
        api.acme(Method::PATCH, &format!("providers/{name}"), Some(json!({"type": name}))).await.expect(200);
        let found = test(&api, name).await.expect(200).body;
        assert_eq!((&found["outcome"], &found["models"], &found["type"]), (&json!("ok"), &json!(1), &json!(name)));
        // A list that everybody may see proves nothing.
        let open = family == ProviderType::HuggingFace;
        assert_eq!(found.get("credentialAccepted"), (!open).then_some(&json!(true)), "{found:#}");
        let (asked, headers) = upstream.asked().pop().unwrap();
        assert_eq!(asked, line);
        assert!(headers[header].to_str().unwrap().ends_with(SECRET), "{name}");
        assert_eq!(headers.contains_key("anthropic-version"), family == ProviderType::Anthropic);
        assert_eq!(found["url"], format!("{}{}", upstream.url, line[4..].split('?').next().unwrap()));
    }
}
