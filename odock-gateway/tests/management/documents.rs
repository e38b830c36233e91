//! What every call has in common: the document, ids, limits, and problems whatever is sent.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::support::Api;

#[tokio::test]
async fn the_document_is_whole() {
    let api = Api::start().await;
    let document = api.get("/api/openapi.json", None).await.expect(200).body;
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    let refs: BTreeSet<&str> = text.split("\"#/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for reference in &refs {
        assert!(document.pointer(&format!("/{reference}")).is_some(), "{reference} leads nowhere");
    }
    assert!(refs.contains("components/schemas/Problem"));
    assert!(!refs.contains("components/schemas/Resource"), "a schema lost its parameters");
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at} shares its id");
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{at} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
            for status in ["400", "401", "403", "404", "500", "503"] {
                assert!(responses[status]["content"].get("application/problem+json").is_some(), "{at} {status}");
            }
            let named: Vec<String> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
                .collect();
            let in_path = path.split('/').filter(|part| part.starts_with('{')).collect::<Vec<_>>();
            assert_eq!(named, in_path, "{at} documents other names than its path has");
            let takes_body = operation.get("requestBody").is_some();
            assert!(!takes_body || method != "get", "{at}");
            assert_eq!(takes_body && method == "patch", method == "patch", "{at}");
        }
    }
}

#[tokio::test]
async fn answers_match_the_document() {
    let api = Api::with_organisations().await;
    let document = api.get("/api/openapi.json", None).await.expect(200).body;
    api.create("users", "ada@acme.example", json!({})).await.expect(201);
    api.create("teams", "search", json!({"members": [{"user": "ada@acme.example"}]})).await.expect(201);
    api.create("providers", "openai", json!({"type": "OPENAI"})).await.expect(201);
    api.create("models", "fast", json!({"provider": "openai"})).await.expect(201);
    api.create("apikeys", "ci", json!({"type": "ORGANISATION", "models": ["fast"]})).await.expect(201);
    let organisation = json!({"type": "ORG"});
    let budget = json!({"owner": organisation, "period": "DAILY", "amountUsd": "1", "thresholds": [50]});
    api.create("budgets", "money", budget).await.expect(201);
    let quota = json!({"owner": organisation, "period": "DAILY", "metric": "TOKENS", "limit": 1});
    api.create("quotas", "tokens", quota).await.expect(201);
    let overlay = json!({"scope": organisation, "factor": "0.5", "ends": "2100-01-01T00:00:00Z"});
    api.create("overlays", "brake", overlay).await.expect(201);
    for (path, concrete) in [
        ("/api/whoami", "/api/whoami"),
        ("/api/version", "/api/version"),
        ("/api/encryption-key", "/api/encryption-key"),
        ("/api/organisations/{organisation}/users", "/api/organisations/acme/users"),
        ("/api/organisations/{organisation}/teams/{name}", "/api/organisations/acme/teams/search"),
        ("/api/organisations/{organisation}/providers/{name}", "/api/organisations/acme/providers/openai"),
        ("/api/organisations/{organisation}/models/{name}", "/api/organisations/acme/models/fast"),
        ("/api/organisations/{organisation}/apikeys/{name}", "/api/organisations/acme/apikeys/ci"),
        ("/api/organisations/{organisation}/budgets", "/api/organisations/acme/budgets"),
        ("/api/organisations/{organisation}/quotas/{name}", "/api/organisations/acme/quotas/tokens"),
        ("/api/organisations/{organisation}/overlays/{name}", "/api/organisations/acme/overlays/brake"),
        ("/api/organisations/{organisation}/limits", "/api/organisations/acme/limits"),
        ("/api/organisations/{organisation}/invoices/preview", "/api/organisations/acme/invoices/preview"),
        ("/api/organisations/{organisation}/usage/top", "/api/organisations/acme/usage/top"),
        ("/api/organisations/{organisation}/audit", "/api/organisations/acme/audit"),
    ] {
        let answer = api.get(concrete, Some(&api.root)).await.expect(200);
        let schema = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        fits(&document, schema, &answer.body, path);
    }
}

/// A small part of JSON Schema: references, types, required and known properties.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(document, document.pointer(&reference[1..]).unwrap(), value, at);
    }
    if let Some(options) = schema["oneOf"].as_array() {
        let options: Vec<&Value> = options.iter().filter(|option| option["type"] != "null").collect();
        if let [only] = options[..] {
            return fits(document, only, value, at);
        }
        return;
    }
    if let Some(properties) = schema["properties"].as_object() {
        let value = value.as_object().unwrap_or_else(|| panic!("{at} is no object"));
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(value.contains_key(name.as_str().unwrap()), "{at} lacks {name}");
        }
        for (name, value) in value {
            let schema = properties.get(name).unwrap_or_else(|| panic!("{at}/{name} is not documented"));
            fits(document, schema, value, &format!("{at}/{name}"));
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|value| fits(document, items, value, &format!("{at}[]")));
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at} is {value}, which is none of {words:?}");
    }
    let is = |word: &str| {
        schema["type"] == word || schema["type"].as_array().is_some_and(|types| types.contains(&json!(word)))
    };
    if schema.get("type").is_some() {
        let name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(is(name), "{at} is {name}, not {}", schema["type"]);
    }
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

#[tokio::test]
async fn request_ids_go_in_and_out() {
    let api = Api::start().await;
    let send = async |id: &[u8]| {
        let value = http::HeaderValue::from_bytes(id).unwrap();
        let answer = api
            .call(request(Method::GET, "/api/version").header("x-request-id", value).body(Body::empty()).unwrap())
            .await;
        answer.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(send(b"my-request.1").await, "my-request.1");
    for bad in [&b"two words"[..], b"", &[b'x'; 129], b"caf\xc3\xa9", b"a\"b"] {
        let id = send(bad).await;
        assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id}");
    }
    api.get("/api/whoami", None).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn whatever_is_sent_is_answered_with_a_problem() {
    let api = Api::with_organisations().await;
    let teams = "/api/organisations/acme/teams";
    let send = async |method: Method, path: &str, kind: Option<&str>, body: Vec<u8>| {
        let mut request = request(method, path).header(header::AUTHORIZATION, format!("Bearer {}", api.root));
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        api.call(request.body(Body::from(body)).unwrap()).await
    };
    let json = Some("application/json");
    for bad in [&b""[..], b"{", b"not json", b"\xff\xfe", b"{\"name\": \"\xff\"}", b"{}{}", &b"[".repeat(5_000)] {
        send(Method::POST, teams, json, bad.to_vec()).await.problem(400, "bad_request");
    }
    send(Method::POST, teams, None, b"{}".to_vec()).await.problem(415, "unsupported_media_type");
    send(Method::POST, teams, Some("text/json"), b"{}".to_vec()).await.problem(415, "unsupported_media_type");
    send(Method::POST, teams, Some("application/merge-patch+json"), b"{}".to_vec())
        .await
        .problem(415, "unsupported_media_type");
    send(Method::POST, teams, Some("Application/JSON; charset=utf-8"), b"{}".to_vec()).await.problem(422, "invalid");
    send(Method::POST, teams, json, vec![b' '; (1 << 20) + 1]).await.problem(413, "payload_too_large");
    send(Method::POST, "/api/organisations/acme/apply", json, vec![b' '; 2 << 20]).await.problem(400, "bad_request");
    send(Method::POST, "/api/organisations/acme/apply", json, vec![b' '; (10 << 20) + 1])
        .await
        .problem(413, "payload_too_large");
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/organisations",
        "/api/organisations/acme/nothing",
        "/elsewhere",
        "/api/organisations/acme/teams/",
    ] {
        send(Method::GET, path, None, vec![]).await.problem(404, "not_found");
    }
    send(Method::GET, "/api/organisations/acme/teams/%ff", None, vec![]).await.problem(400, "bad_request");
    send(Method::GET, "/api/organisations/%ff/teams", None, vec![]).await.problem(400, "bad_request");
    for zero in [
        "teams/a%00b",
        "teams?q=%00",
        "usage?key=a%00",
        "usage/%00",
        "teams?cursor=eyJhdCI6eyJuYW1lIjoiXHUwMDAwIn0sImlkIjoiMDE5YTAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAwIn0",
    ] {
        send(Method::GET, &format!("/api/organisations/acme/{zero}"), None, vec![]).await.problem(400, "bad_request");
    }
    send(Method::POST, teams, json, br#"{"name": "a\u0000b", "spec": {"description": "\u0000"}}"#.to_vec())
        .await
        .problem(422, "invalid");
    let other = send(Method::PUT, teams, json, vec![]).await.problem(405, "method_not_allowed");
    assert_eq!(other.headers[header::ALLOW], "GET, POST");
    let head = send(Method::HEAD, teams, None, vec![]).await;
    assert_eq!((head.status.as_u16(), head.body), (200, Value::Null));
}

#[tokio::test]
async fn answers_stay_out_of_caches() {
    let api = Api::start().await;
    for path in ["/api/version", "/api/nothing", "/api/encryption-key"] {
        let answer = api.get(path, Some(&api.root)).await;
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_unavailable() {
    let api = Api::with_organisations().await;
    api.gateway.database.clone().close().await;
    let gone = api.acme(Method::GET, "teams", None).await.problem(503, "unavailable");
    assert!(gone.headers.contains_key(header::RETRY_AFTER));
    api.create("teams", "search", json!({})).await.problem(503, "unavailable");
    api.post("/api/auth/sign-in", None, json!({"token": "some-token"})).await.problem(503, "unavailable");
    api.get("/api/version", None).await.expect(200);
}

#[tokio::test]
async fn what_is_sealed_with_the_published_key_opens() {
    let api = Api::start().await;
    let key = api.get("/api/encryption-key", Some(&api.root)).await.expect(200).body;
    let key = serde_json::from_value(key).unwrap();
    let sealed = odock_client::seal::Sealer::new(&key).unwrap().seal(&"sk-upstream".to_owned().into()).unwrap();
    let opened = api.gateway.sealing.open(sealed.sealed.as_ref().unwrap()).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&opened), "sk-upstream");
    assert_eq!(sealed.fingerprint, api.gateway.sealing.fingerprint(&opened));
}
