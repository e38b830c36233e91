//! Writes of the client whose answers get lost on the way: done once, and answered all the same.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entity::resource::{CreateApiKey, RotateApiKey, Team};
use http::Method;
use odock_client::Client;
use odock_client::http::Backoff;
use secrecy::SecretString;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Api;

/// A way to a gateway on which answers get lost.
struct Way {
    address: SocketAddr,
    /// How many answers get lost from now on.
    losses: Arc<AtomicUsize>,
}

impl Way {
    async fn to(api: &Api) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let router = api.router();
        tokio::task::spawn(async move { axum::serve(listener, router).await });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let way = Self { address: listener.local_addr().unwrap(), losses: Arc::default() };
        let losses = Arc::clone(&way.losses);
        tokio::task::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::task::spawn(pass(caller, gateway, Arc::clone(&losses)));
            }
        });
        way
    }

    fn client(&self, token: &str) -> Client {
        let backoff = Backoff { base: Duration::from_millis(1), cap: Duration::from_millis(5) };
        let builder = Client::builder(format!("http://{}/", self.address).parse().unwrap());
        builder.token(SecretString::from(token)).backoff(backoff).build().unwrap()
    }

    /// Lets the next answers get lost.
    fn lose(&self, answers: usize) {
        let left = self.losses.swap(answers, Ordering::SeqCst);
        assert_eq!(left, 0, "the call before was not sent as often as its answers got lost");
    }
}

/// Passes a connection on; or, once the gateway has answered, cuts it instead.
async fn pass(caller: TcpStream, gateway: SocketAddr, losses: Arc<AtomicUsize>) {
    let (mut from_caller, mut to_caller) = caller.into_split();
    let (mut from_gateway, mut to_gateway) = TcpStream::connect(gateway).await.unwrap().into_split();
    let there = tokio::io::copy(&mut from_caller, &mut to_gateway);
    let back = async {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_gateway.read(&mut piece).await {
            let is_lost = losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if is_lost || to_caller.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = there => {}
        () = back => {}
    }
}

#[tokio::test]
async fn what_was_done_is_answered_and_not_done_again() {
    let api = Api::with_organisations().await;
    let way = Way::to(&api).await;
    let client = way.client(&api.root);
    let acme = client.organisation("acme");

    way.lose(2);
    let team: Team = acme.create("search", serde_json::from_value(json!({})).unwrap()).await.unwrap();
    assert_eq!(team.name, "search");

    let key = |name: &str, reveal: bool| -> CreateApiKey {
        serde_json::from_value(json!({"name": name, "spec": {"type": "ORGANISATION"}, "reveal": reveal})).unwrap()
    };
    way.lose(1);
    let made = acme.apikeys().create(&key("ci", true)).await.unwrap();
    assert!(made.secret.is_some(), "the secret is shown once, and this is the once");

    way.lose(3);
    let rotated = acme.apikeys().rotate("ci", &RotateApiKey::default()).await.unwrap();
    assert_eq!(rotated.key.status.rotations, 1);
    assert!(rotated.secret.is_some() && rotated.secret != made.secret);

    way.lose(0);
    acme.apikeys().create(&key("hidden", false)).await.unwrap();
    way.lose(1);
    assert!(acme.apikeys().reveal("hidden").await.unwrap().secret.is_some());

    way.lose(1);
    acme.apikeys().delete("hidden").await.unwrap();
    way.lose(1);
    acme.delete(entity::Kind::Team, "search", false).await.unwrap();
    way.lose(0);

    // The log has each of them once.
    let events = api.acme(Method::GET, "audit?limit=1000", None).await.expect(200);
    let mut done: Vec<String> = Vec::new();
    for event in events.body["items"].as_array().unwrap() {
        let word = |field: &str| event[field].as_str().unwrap_or_default();
        if ["team", "apikey"].contains(&word("resource").to_lowercase().as_str()) {
            done.push(format!("{} {} {}", word("verb"), word("name"), word("outcome")));
        }
    }
    let all = done.len();
    done.sort();
    done.dedup();
    assert_eq!((done.len(), all), (7, 7), "{done:?}");
}
