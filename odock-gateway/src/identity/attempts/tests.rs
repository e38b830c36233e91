//! What waits there are, without a clock.

use std::sync::Arc;
use std::time::Duration;

use entity::Timestamp;
use futures_util::future::join_all;

use super::slot::Slot;
use super::{Attempts, TooSoon};
use crate::hot::MemoryStore;

fn attempts() -> Attempts {
    Attempts::new(Arc::new(MemoryStore::default()))
}

const START: Timestamp = Timestamp(1_000_000_000_000);

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[tokio::test]
async fn each_failure_makes_the_next_wait_longer() {
    let slot = Slot::Both("ada".into(), "192.0.2.1".into());
    let waits: Vec<u64> = (4..12).map(|failures| slot.wait(failures).as_secs()).collect();
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64]);
    assert_eq!(slot.wait(u32::MAX).as_secs(), 900, "and never longer than a quarter of an hour");
    let attempts = attempts();
    let (mut now, mut admitted) = (START, 0);
    while now < at(3_600) {
        match attempts.begin(now, "192.0.2.1", Some("ada"), true).await {
            Ok(attempt) => {
                attempt.failed().await;
                admitted += 1;
            }
            Err(TooSoon { wait }) => now = now.plus(wait),
        }
    }
    assert!((10..=20).contains(&admitted), "{admitted} guesses in an hour, as fast as they go");
}

#[tokio::test]
async fn many_at_once_are_no_way_around() {
    let attempts = attempts();
    let begun: Vec<_> = join_all((0..100).map(|_| attempts.begin(START, "192.0.2.1", Some("ada"), false))).await;
    assert_eq!(begun.iter().filter(|attempt| attempt.is_ok()).count(), 5);
}

#[tokio::test]
async fn an_address_that_guesses_is_stopped_and_others_are_not() {
    let attempts = attempts();
    for name in 0..10 {
        attempts.begin(START, "192.0.2.1", Some(&format!("user-{name}")), false).await.unwrap().failed().await;
    }
    assert!(attempts.begin(START, "192.0.2.1", None, false).await.is_err());
    attempts.begin(START, "192.0.2.2", None, false).await.unwrap().failed().await;
    attempts.begin(at(61), "192.0.2.1", None, false).await.unwrap().failed().await;
    // Time forgives an address what it does not forgive an account.
    for _ in 0..10 {
        attempts.begin(at(1_200), "192.0.2.1", None, false).await.unwrap().failed().await;
    }
    assert!(attempts.begin(at(1_200), "192.0.2.1", None, false).await.is_err());
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let attempts = attempts();
    for host in 0..10 {
        attempts.begin(START, &format!("2001:db8::{host:x}"), None, false).await.unwrap().failed().await;
    }
    assert!(attempts.begin(START, "2001:db8::ffff:1", None, false).await.is_err());
    attempts.begin(START, "2001:db8:0:1::1", None, false).await.unwrap().failed().await;
}

#[tokio::test]
async fn strangers_do_not_lock_an_account_where_its_user_is_at_home() {
    let attempts = attempts();
    for host in 0..40 {
        if let Ok(attempt) = attempts.begin(START, &format!("198.51.100.{host}"), Some("ada"), false).await {
            attempt.failed().await;
        }
    }
    let elsewhere = attempts.begin(START, "203.0.113.1", Some("ada"), false).await.unwrap_err();
    assert!(elsewhere.wait <= Duration::from_secs(30));
    attempts.begin(START, "192.0.2.1", Some("ada"), true).await.unwrap().succeeded().await;
    attempts.begin(START, "203.0.113.1", Some("grace"), false).await.unwrap().failed().await;
}

#[tokio::test]
async fn success_forgives_mistakes_made_there() {
    let attempts = attempts();
    for round in 0..3 {
        // Apart, so that the address itself is not slowed down.
        let now = at(round * 600);
        for _ in 0..4 {
            attempts.begin(now, "192.0.2.1", Some("ada"), true).await.unwrap().failed().await;
        }
        attempts.begin(now, "192.0.2.1", Some("ada"), true).await.unwrap().succeeded().await;
    }
}

#[tokio::test]
async fn good_callers_who_share_an_address_do_not_wait_for_each_other() {
    let attempts = attempts();
    let begun: Vec<_> = join_all((0..50).map(|_| attempts.begin(START, "192.0.2.1", None, false))).await;
    join_all(begun.into_iter().map(|attempt| attempt.unwrap().succeeded())).await;
    attempts.begin(START, "192.0.2.1", None, false).await.unwrap().succeeded().await;
}
