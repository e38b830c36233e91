//! Guessing passwords at several nodes.

use std::time::Duration;

use odock_gateway::hot::attempts::{SharedAttempts, Tally, Verdict};
use serde_json::json;

use super::passwords::with_password;
use crate::support::{Answer, Api};

const ADA: &str = "ada@acme.example";

async fn guess(api: &Api, password: &str) -> Answer {
    api.post("/api/auth/sign-in", None, json!({"email": ADA, "password": password})).await
}

#[tokio::test]
async fn nodes_count_failed_sign_ins_together() {
    let a = Api::with_organisations().await;
    let Some(b) = a.another().await else { return };
    with_password(&a, ADA).await;
    let mut admitted = 0;
    for number in 0..20 {
        let api = if number % 2 == 0 { &a } else { &b };
        let answer = guess(api, "a wrong password").await;
        admitted += u32::from(answer.status == 401);
        assert!(answer.status == 401 || answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    assert!((5..10).contains(&admitted), "{admitted} guesses at two nodes, each of which allows five at once");
    // Other ways in are counted by address, over both nodes as well.
    let mut admitted = 0;
    for number in 0..20 {
        let api = if number % 2 == 0 { &a } else { &b };
        let token = json!({"token": format!("odock-signin-{number:040}")});
        admitted += u32::from(api.post("/api/auth/sign-in", None, token).await.status == 401);
    }
    assert!(admitted < 10, "{admitted} more from the same address, of which each node allows ten failures");
    let events = a.get("/api/admin/audit", Some(&a.root)).await.expect(200).body.to_string();
    assert!(events.contains("rate_limited"), "that somebody had to wait is on record");
}

#[tokio::test]
async fn what_succeeds_at_one_node_is_forgiven_at_the_other() {
    let a = Api::with_organisations().await;
    let Some(b) = a.another().await else { return };
    with_password(&a, ADA).await;
    for _ in 0..3 {
        for _ in 0..2 {
            guess(&a, "a wrong password").await.expect(401);
        }
        guess(&b, "correct horse battery").await.expect(200);
    }
}

#[tokio::test]
async fn shared_attempts_are_counted_once_and_taken_back_once() {
    let api = Api::start().await;
    let Some(shared) = api.gateway.hot.attempts() else { return };
    let memory = Duration::from_secs(60);
    let tally = |counts| Tally { key: "t".into(), free: 3, most: Duration::from_secs(8), forgives: false, counts };
    let may = async |shared: &dyn SharedAttempts| shared.attempt(&[tally(true)], memory).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(may(shared).await, Verdict::May(_)));
    }
    // The third makes the next wait; taken back, it does not.
    let Verdict::May(third) = may(shared).await else { panic!("the third is free") };
    assert!(matches!(may(shared).await, Verdict::Wait(wait) if wait <= Duration::from_secs(1)));
    shared.take_back(&third).await.unwrap();
    let Verdict::May(again) = may(shared).await else { panic!("it was taken back") };
    assert_eq!(again.len(), 1);
    // What fails elsewhere meanwhile keeps its own wait.
    shared.count(&tally(true), memory).await.unwrap();
    shared.take_back(&again).await.unwrap();
    assert!(matches!(may(shared).await, Verdict::Wait(_)));
    // Whoever only looks is told the same, and is not counted.
    assert!(matches!(shared.attempt(&[tally(false)], memory).await.unwrap(), Verdict::Wait(_)));
    shared.forget("t").await.unwrap();
    assert!(
        matches!(shared.attempt(&[tally(false)], memory).await.unwrap(), Verdict::May(counted) if counted.is_empty())
    );
}
