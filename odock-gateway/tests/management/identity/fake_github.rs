//! A GitHub that answers as its documentation says: errors with status 200, forms unless JSON is asked for.
//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow>

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use url::form_urlencoded;

pub(super) const CLIENT: &str = "Iv1.0123456789abcdef";
const DEVICE_CODE: &str = "3584d83530557fdd1f46af8289938c8ef79f9dc5";
const ACCESS: &str = "gho_16C7e42F292c6912E7710c838347Ae178B4a";

/// What the person does, or what GitHub does instead of answering that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Waiting,
    /// Asked too often: from now on so many seconds.
    Hurried(u64),
    Approved,
    Declined,
    Expired,
    DeviceFlowOff,
    /// Out of order, with a page for people.
    Down,
    /// Too many requests.
    Limited,
    /// The app may not read addresses.
    NoAddresses,
}

struct Shared {
    mood: Mutex<Mood>,
    user: Mutex<Value>,
    addresses: Mutex<Value>,
    asked: Mutex<u32>,
}

/// A running GitHub.
pub(super) struct GitHub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl GitHub {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            mood: Mutex::new(Mood::Waiting),
            user: Mutex::new(json!({"login": "ada", "id": 583_231, "name": "Ada", "email": null, "type": "User"})),
            addresses: Mutex::new(json!([
                {"email": "ada@private.example", "verified": true, "primary": false, "visibility": null},
                {"email": "Ada@acme.example", "verified": true, "primary": true, "visibility": "private"},
            ])),
            asked: Mutex::default(),
        });
        let router = Router::new()
            .route("/login/device/code", post(code))
            .route("/login/oauth/access_token", post(token))
            .route("/api/v3/user", get(user))
            .route("/api/v3/user/emails", get(addresses))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    /// Its address, as a GitHub Enterprise Server's is configured.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn feel(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    pub(super) fn set_addresses(&self, addresses: Value) {
        *self.shared.addresses.lock().unwrap() = addresses;
    }

    pub(super) fn set_user(&self, user: Value) {
        *self.shared.user.lock().unwrap() = user;
    }

    /// How often it was asked for a token.
    pub(super) fn asked(&self) -> u32 {
        *self.shared.asked.lock().unwrap()
    }
}

/// An answer of the OAuth side, whose status is 200 whatever it says.
fn said(headers: &HeaderMap, fields: &Value) -> Response {
    if headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json") {
        return axum::Json(fields).into_response();
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.as_object().unwrap() {
        form.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    ([(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")], form.finish()).into_response()
}

fn error(headers: &HeaderMap, error: &str) -> Response {
    let described = format!("About {error}.");
    said(headers, &json!({"error": error, "error_description": described, "error_uri": "https://docs.github.com"}))
}

fn field(body: &str, name: &str) -> String {
    form_urlencoded::parse(body.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn code(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let mood = *shared.mood.lock().unwrap();
    if field(&body, "client_id") != CLIENT {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"error": "Not Found"}))).into_response();
    }
    if mood == Mood::DeviceFlowOff {
        return error(&headers, "device_flow_disabled");
    }
    assert_eq!(field(&body, "scope"), "user:email");
    let whole = json!({
        "device_code": DEVICE_CODE, "user_code": "WDJB-MJHT", "verification_uri": "https://github.com/login/device",
        "expires_in": 900, "interval": 5,
    });
    said(&headers, &whole)
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    *shared.asked.lock().unwrap() += 1;
    if field(&body, "client_id") != CLIENT {
        return error(&headers, "incorrect_client_credentials");
    }
    if field(&body, "grant_type") != "urn:ietf:params:oauth:grant-type:device_code" {
        return error(&headers, "unsupported_grant_type");
    }
    if field(&body, "device_code") != DEVICE_CODE {
        return error(&headers, "incorrect_device_code");
    }
    let mood = *shared.mood.lock().unwrap();
    match mood {
        Mood::Waiting | Mood::DeviceFlowOff => error(&headers, "authorization_pending"),
        Mood::Hurried(interval) => said(
            &headers,
            &json!({"error": "slow_down", "error_description": "Too many requests.", "interval": interval}),
        ),
        Mood::Declined => error(&headers, "access_denied"),
        Mood::Expired => error(&headers, "expired_token"),
        Mood::Down => {
            (StatusCode::BAD_GATEWAY, [(header::CONTENT_TYPE, "text/html")], "<html>Unicorn!</html>").into_response()
        }
        Mood::Limited => {
            (StatusCode::TOO_MANY_REQUESTS, axum::Json(json!({"message": "rate limit exceeded"}))).into_response()
        }
        Mood::Approved | Mood::NoAddresses => {
            said(&headers, &json!({"access_token": ACCESS, "token_type": "bearer", "scope": "user:email"}))
        }
    }
}

/// Refuses what GitHub's API refuses.
fn refused(headers: &HeaderMap) -> Option<Response> {
    if !headers.contains_key(header::USER_AGENT) {
        return Some((StatusCode::FORBIDDEN, "Request forbidden by administrative rules.").into_response());
    }
    let right = headers.get(header::AUTHORIZATION).is_some_and(|it| it == format!("Bearer {ACCESS}").as_str());
    (!right).then(|| {
        (StatusCode::UNAUTHORIZED, axum::Json(json!({"message": "Bad credentials", "status": "401"}))).into_response()
    })
}

async fn user(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    refused(&headers).unwrap_or_else(|| axum::Json(shared.user.lock().unwrap().clone()).into_response())
}

async fn addresses(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(refused) = refused(&headers) {
        return refused;
    }
    if *shared.mood.lock().unwrap() == Mood::NoAddresses {
        return (StatusCode::NOT_FOUND, axum::Json(json!({"message": "Not Found", "status": "404"}))).into_response();
    }
    axum::Json(shared.addresses.lock().unwrap().clone()).into_response()
}
