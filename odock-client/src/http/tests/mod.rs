//! The client against a gateway that answers as scripted.

mod calls;
mod failures;
mod live;
mod writes;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use secrecy::SecretString;

use super::{Backoff, Client, ClientBuilder};

/// A request as the gateway saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) authorization: String,
    pub(super) content_type: String,
    pub(super) if_match: String,
    pub(super) idempotency_key: String,
    pub(super) body: String,
}

type Script = Arc<Mutex<VecDeque<Response>>>;
type Log = Arc<Mutex<Vec<Seen>>>;

/// A gateway that gives scripted answers, then 404s.
pub(super) struct Gateway {
    pub(super) url: url::Url,
    log: Log,
}

impl Gateway {
    pub(super) async fn start(answers: impl IntoIterator<Item = Response>) -> Self {
        let script: Script = Arc::new(Mutex::new(answers.into_iter().collect()));
        let log = Log::default();
        let router = Router::new().fallback(answer).with_state((script, Arc::clone(&log)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::task::spawn(async move { axum::serve(listener, router).await });
        Self { url, log }
    }

    /// A client with a token that never waits long.
    pub(super) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(super) fn builder(&self) -> ClientBuilder {
        quick(self.url.clone())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

pub(super) fn quick(url: url::Url) -> ClientBuilder {
    let backoff = Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(2) };
    Client::builder(url).token(SecretString::from("odock-pat-canary")).backoff(backoff).timeout(Duration::from_secs(20))
}

async fn answer(State((script, log)): State<(Script, Log)>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header =
        |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    log.lock().unwrap().push(Seen {
        line: format!("{} {}", head.method, head.uri),
        authorization: header("authorization"),
        content_type: header("content-type"),
        if_match: header("if-match"),
        idempotency_key: header("idempotency-key"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let next = script.lock().unwrap().pop_front();
    next.unwrap_or_else(|| reply(404, "application/json", "{}"))
}

/// An answer with a request id.
pub(super) fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Response {
    let builder = Response::builder().status(status).header("content-type", kind).header("x-request-id", "req-1");
    builder.body(Body::from(body.into())).unwrap()
}

pub(super) fn json(value: &serde_json::Value) -> Response {
    reply(200, "application/json", value.to_string())
}

/// The same answer with one header more.
pub(super) fn with(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

pub(super) fn version() -> Response {
    json(&serde_json::json!({ "version": "1", "database": "sqlite", "hotStore": "memory" }))
}
