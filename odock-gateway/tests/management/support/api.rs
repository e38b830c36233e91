//! The management API of a gateway that nobody else uses.

use std::sync::Arc;

use axum::body::Body;
use entity::Timestamp;
use entity::usage::UsageRecord;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use odock_gateway::clock::ManualClock;
use odock_gateway::config::Config;
use odock_gateway::gateway::Gateway;
use odock_gateway::usage::Written;
use odock_gateway::{bootstrap, management, store};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::stack::Stack;

/// A management API with a super admin.
pub(crate) struct Api {
    pub(crate) gateway: Gateway,
    pub(crate) clock: ManualClock,
    /// The super admin's personal token.
    pub(crate) root: String,
    router: axum::Router,
    stack: Arc<Stack>,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Panics unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// Panics unless it is this problem, in its full shape.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["requestId"], self.headers["x-request-id"].to_str().unwrap());
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()));
        self
    }

    /// `pointer code` of every wrong field.
    pub(crate) fn errors(&self) -> Vec<String> {
        let error =
            |error: &Value| format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap());
        self.body["errors"].as_array().map(|errors| errors.iter().map(error).collect()).unwrap_or_default()
    }

    /// The names in a page.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
    }

    pub(crate) fn text(&self, pointer: &str) -> String {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no text at {pointer}: {:#}", self.body))
            .to_owned()
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let stack = Arc::new(Stack::new().await);
        let clock = ManualClock::at(Timestamp::now());
        let mut config = stack.config("a");
        configure(&mut config);
        let gateway = Gateway::start_with_clock(config, Arc::new(clock.clone())).await.unwrap();
        let router = management::router(gateway.clone());
        let mut api = Self { gateway, clock, root: String::new(), router, stack };
        let token = bootstrap::bootstrap(&api.gateway).await.unwrap().unwrap();
        let signed_in = api.post("/api/auth/sign-in", None, json!({"token": token.expose_secret()})).await.expect(200);
        api.root = api.lasting(&signed_in.text("/accessToken")).await;
        api
    }

    /// Another node on the same stores; `None` where every node has its own.
    pub(crate) async fn another(&self) -> Option<Self> {
        self.another_with(|_| {}).await
    }

    /// As [`Api::another`], with another configuration.
    pub(crate) async fn another_with(&self, configure: impl FnOnce(&mut Config)) -> Option<Self> {
        if !self.stack.is_shared() {
            return None;
        }
        self.stack.share_sealing_key("b");
        let (stack, clock) = (Arc::clone(&self.stack), self.clock.clone());
        let mut config = stack.config("b");
        configure(&mut config);
        let gateway = Gateway::start_with_clock(config, Arc::new(clock.clone())).await.unwrap();
        let router = management::router(gateway.clone());
        Some(Self { gateway, clock, root: self.root.clone(), router, stack })
    }

    /// Lets time pass: by hand here, and really where a server's clock counts.
    pub(crate) async fn wait(&self, time: std::time::Duration) {
        self.clock.advance(time);
        if self.stack.is_shared() {
            tokio::time::sleep(time).await;
        }
    }

    /// With the organisations `acme` and `globex`.
    pub(crate) async fn with_organisations() -> Self {
        let api = Self::start().await;
        for name in ["acme", "globex"] {
            api.post("/api/admin/organisations", Some(&api.root), json!({"name": name, "spec": {}})).await.expect(201);
        }
        api
    }

    /// Writes usage records as the gateway does.
    pub(crate) async fn keep(&self, records: &[UsageRecord]) {
        let records: Vec<Arc<Written>> = records.iter().map(|record| Arc::new(Written::new(record).unwrap())).collect();
        store::usage_records::commit(&self.gateway.database, &self.gateway.ledger, &records).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(Method::GET, path, token, None).await
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.send(Method::POST, path, token, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.send(Method::PATCH, path, token, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(Method::DELETE, path, token, None).await
    }

    /// A call by the super admin within `acme`.
    pub(crate) async fn acme(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(method, &format!("/api/organisations/acme/{path}"), Some(&self.root), body).await
    }

    /// Creates something in `acme`.
    pub(crate) async fn create(&self, collection: &str, name: &str, spec: Value) -> Answer {
        self.acme(Method::POST, collection, Some(json!({"name": name, "spec": spec}))).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(serde_json::to_vec(&body).unwrap())
            }
            None => Body::empty(),
        };
        self.call(request.body(body).unwrap()).await
    }

    /// Sends any request.
    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| match &bytes[..] {
            [] => Value::Null,
            other => Value::String(String::from_utf8_lossy(other).into_owned()),
        });
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request whose answer may be a stream.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The API itself, to be served.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Signs somebody in who exists already.
    pub(crate) async fn sign_in(&self, email: &str) -> String {
        let path = format!("/api/admin/users/{email}/sign-in-token");
        let token = self.send(Method::POST, &path, Some(&self.root), None).await.expect(201).text("/secret");
        let signed_in = self.post("/api/auth/sign-in", None, json!({"token": token})).await.expect(200);
        self.lasting(&signed_in.text("/accessToken")).await
    }

    /// A personal token for a session's: tests move the clock by days.
    async fn lasting(&self, token: &str) -> String {
        let body = json!({"name": "test", "scopes": ["read", "write"]});
        self.post("/api/auth/tokens", Some(token), body).await.expect(201).text("/secret")
    }

    /// Makes a user of an organisation, and signs them in.
    pub(crate) async fn member(&self, organisation: &str, email: &str, role: &str) -> String {
        let body = json!({"name": email, "spec": {"role": role}});
        self.post(&format!("/api/organisations/{organisation}/users"), Some(&self.root), body).await.expect(201);
        self.sign_in(email).await
    }
}
