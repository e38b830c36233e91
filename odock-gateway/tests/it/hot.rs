//! The contract of the hot store, kept by both: in this process, and on a Redis that the test starts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use odock_gateway::config;
use odock_gateway::hot::{HotStore, MemoryStore, RedisStore, Signal, Subject};

use crate::support::{RedisServer, eventually};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) async fn redis(server: &RedisServer) -> Arc<RedisStore> {
    let config = config::Redis {
        url: config::RedisUrl::parse(&server.url()).unwrap(),
        connections: 2,
        dial_timeout: Duration::from_secs(2),
        command_timeout: Duration::from_millis(500),
        key_prefix: "t".into(),
    };
    Arc::new(RedisStore::connect(&config, "t:invalidation").await.unwrap())
}

/// What callers of either store rely on.
async fn contract(store: Arc<dyn HotStore>) {
    store.ping().await.unwrap();
    assert!(store.bus_is_up());
    let claims = futures_util::future::join_all((0..50).map(|_| store.claim("once", MINUTE))).await;
    assert_eq!(claims.into_iter().filter(|claim| *claim.as_ref().unwrap()).count(), 1, "one of many gets a claim");
    assert!(store.claim("brief", Duration::from_millis(1)).await.unwrap());
    eventually("a claim to end", || async { store.claim("brief", MINUTE).await.unwrap().then_some(()) }).await;

    let (subject, other) = (Subject::now_v7(), Subject::now_v7());
    let mut signals = store.listen();
    store.changed(&[subject, other]).await.unwrap();
    match signals.recv().await.unwrap() {
        Signal::Changed(subjects) => assert_eq!(*subjects, [subject, other]),
        heard => panic!("heard {heard:?}"),
    }
    store.all_changed().await.unwrap();
    assert!(matches!(signals.recv().await.unwrap(), Signal::AllChanged));

    // A store may forget a fact at any time, but never give back a stale one.
    let before = store.mark().await.unwrap();
    let fact = Bytes::from_static(b"fact");
    let subjects = [subject];
    let keep = |mark| store.remember("f", fact.clone(), &subjects, mark, MINUTE);
    keep(before).await.unwrap();
    assert!(store.recall("f").await.unwrap().is_none_or(|found| found == fact));
    store.changed(&[subject]).await.unwrap();
    assert_eq!(store.recall("f").await.unwrap(), None, "it changed after it was read");
    keep(before).await.unwrap();
    assert_eq!(store.recall("f").await.unwrap(), None, "it was read before the change, and kept after it");
    keep(store.mark().await.unwrap()).await.unwrap();
    store.changed(&[other]).await.unwrap();
    assert!(
        store.recall("f").await.unwrap().is_none_or(|found| found == fact),
        "another subject is none of its business"
    );
    store.all_changed().await.unwrap();
    assert_eq!(store.recall("f").await.unwrap(), None);
}

#[tokio::test]
async fn the_in_process_store_keeps_the_contract() {
    contract(Arc::new(MemoryStore::default())).await;
}

#[tokio::test]
async fn redis_keeps_the_contract_and_shares_facts() {
    let Some(server) = RedisServer::start().await else { return };
    let (a, b) = (redis(&server).await, redis(&server).await);
    contract(a.clone()).await;
    let subject = Subject::now_v7();
    a.remember("shared", Bytes::from_static(b"x"), &[subject], a.mark().await.unwrap(), MINUTE).await.unwrap();
    assert_eq!(b.recall("shared").await.unwrap().as_deref(), Some(&b"x"[..]));
    b.changed(&[subject]).await.unwrap();
    assert_eq!(a.recall("shared").await.unwrap(), None);
    assert!(!b.claim("once", MINUTE).await.unwrap(), "the other node has it");
}

#[tokio::test]
async fn without_redis_nobody_waits_and_afterwards_nothing_old_is_trusted() {
    let Some(mut server) = RedisServer::start().await else { return };
    let store = redis(&server).await;
    let subject = Subject::now_v7();
    store.remember("f", Bytes::from_static(b"old"), &[subject], store.mark().await.unwrap(), MINUTE).await.unwrap();
    assert!(store.recall("f").await.unwrap().is_some());
    let mut signals = store.listen();
    server.stop().await;
    eventually("the bus to be down", || async { (!store.bus_is_up()).then_some(()) }).await;
    let asked = std::time::Instant::now();
    for _ in 0..20 {
        assert!(store.recall("f").await.is_err());
        assert!(store.claim("c", MINUTE).await.is_err());
    }
    assert!(asked.elapsed() < Duration::from_millis(500), "requests wait for nothing while the bus is down");
    assert!(store.changed(&[subject]).await.is_err(), "the change is not heard");
    server.start_again().await;
    eventually("the bus to be back", || async { store.bus_is_up().then_some(()) }).await;
    assert!(matches!(signals.recv().await.unwrap(), Signal::AllChanged));
    assert_eq!(store.recall("f").await.unwrap(), None, "the change that was missed does not come back to life");
}
