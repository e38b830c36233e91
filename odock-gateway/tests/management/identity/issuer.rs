//! An issuer of OpenID tokens, with keys of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Timestamp;
use http::{StatusCode, header};
use serde_json::{Value, json};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Well,
    AnotherIssuer,
    Elsewhere,
    Slowly,
    NotAtAll,
    NoJson,
    HugeKeys,
    ManyKeys,
    EndlessKeys,
}

/// A key pair with its id.
pub(super) struct Key {
    pub(super) id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.into(), pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id, "x": part(&point[1..33]), "y": part(&point[33..])})
    }

    /// The public key, as whoever confuses algorithms would take it for a shared secret.
    pub(super) fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let signed = unsigned(&json!({"alg": "ES256", "typ": "JWT", "kid": self.id}), claims);
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims of a token, without a signature.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

struct Shared {
    address: SocketAddr,
    keys: Mutex<Vec<Value>>,
    manner: Mutex<Manner>,
    asked: AtomicUsize,
}

/// A running issuer.
pub(super) struct Issuer {
    shared: Arc<Shared>,
    pub(super) key: Key,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = Key::new("one");
        let shared = Arc::new(Shared {
            address: listener.local_addr().unwrap(),
            keys: Mutex::new(vec![key.jwk()]),
            manner: Mutex::new(Manner::Well),
            asked: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/elsewhere", get(discovery))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shared, key }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    pub(super) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Replaces the keys.
    pub(super) fn publish(&self, keys: &[&Key]) {
        *self.shared.keys.lock().unwrap() = keys.iter().map(|key| key.jwk()).collect();
    }

    /// How often somebody asked for the keys.
    pub(super) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// The claims of a pipeline's token.
    pub(super) fn claims(&self, now: Timestamp) -> Value {
        let seconds = now.0 / 1_000_000;
        json!({
            "iss": self.url(), "aud": "odock", "sub": "repo:acme/web:ref:refs/heads/main", "repository": "acme/web",
            "iat": seconds, "nbf": seconds, "exp": seconds + 300, "jti": uuid::Uuid::now_v7().to_string(),
        })
    }

    pub(super) fn token(&self, now: Timestamp) -> String {
        self.key.sign(&self.claims(now))
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    let manner = *shared.manner.lock().unwrap();
    let own = format!("http://{}", shared.address);
    let issuer = if manner == Manner::AnotherIssuer { "https://somebody.else".to_owned() } else { own.clone() };
    let document = json!({"issuer": issuer, "jwks_uri": format!("{own}/keys")});
    match manner {
        Manner::Elsewhere => (StatusCode::FOUND, [(header::LOCATION, format!("{own}/elsewhere"))]).into_response(),
        Manner::NotAtAll => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Manner::NoJson => ([(header::CONTENT_TYPE, "text/html")], "<html>hello</html>").into_response(),
        Manner::Slowly => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            axum::Json(document).into_response()
        }
        _ => axum::Json(document).into_response(),
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let manner = *shared.manner.lock().unwrap();
    let keys = shared.keys.lock().unwrap().clone();
    match manner {
        Manner::HugeKeys => axum::Json(json!({"keys": keys, "more": "x".repeat(1 << 20)})).into_response(),
        Manner::ManyKeys => axum::Json(json!({"keys": vec![keys[0].clone(); 1_000]})).into_response(),
        Manner::EndlessKeys => {
            let drop = || async { tokio::time::sleep(Duration::from_millis(100)).await };
            let endless = futures_util::stream::unfold((), move |()| async move {
                drop().await;
                Some((Ok::<_, std::convert::Infallible>("{".repeat(64)), ()))
            });
            axum::body::Body::from_stream(endless).into_response()
        }
        _ => axum::Json(json!({"keys": keys})).into_response(),
    }
}
