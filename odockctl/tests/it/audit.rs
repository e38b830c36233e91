//! Who may do what, and who did what.

use serde_json::{Value, json};

use crate::support::{Gateway, Home};

fn answer(allowed: bool, access: &str) -> Value {
    let permission = json!({
        "verb": "rotate", "resource": "apikey", "access": access, "inScope": true, "method": "POST",
        "path": "/api/organisations/{organisation}/apikeys/{name}/rotate"
    });
    json!({"allowed": allowed, "reason": "because the table says so", "permissions": [permission]})
}

#[test]
fn can_i_says_yes_with_0_and_no_with_1() {
    let gateway = Gateway::start();
    gateway.on("GET /api/can-i?kind=key&name=ci&verb=rotate", 200, &answer(true, "teams"));
    gateway.on("GET /api/can-i?kind=provider&verb=create", 200, &answer(false, "deny"));
    gateway.on("GET /api/can-i", 200, &answer(true, "own"));
    let home = Home::of(&gateway);
    let yes = home.run(&["auth", "can-i", "rotate", "key/ci"]).ends(0);
    assert_eq!(yes.stdout, "yes\n");
    assert!(yes.stderr.contains("because the table says so"), "{}", yes.stderr);
    assert_eq!(home.run(&["auth", "can-i", "create", "provider"]).ends(1).stdout, "no\n");
    let json = home.run(&["auth", "can-i", "create", "provider", "-o", "json"]).ends(1).stdout;
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["allowed"], false);
    let list = home.run(&["auth", "can-i", "--list"]).ends(0).stdout;
    assert!(list.contains("RESOURCE") && list.contains("rotate") && list.contains("own"), "{list}");
    home.run(&["auth", "can-i"]).ends(64);
}

fn verification(broken: Option<&str>) -> Value {
    let broken = broken.map(|what| json!({"seq": 7, "at": "2026-11-23T10:00:00Z", "what": what}));
    let chain = json!({
        "chain": "0199c0de-0000-7000-8000-000000000000", "organisation": "acme", "events": 812, "head": 812,
        "headHash": "9f2c", "unchained": 3, "broken": broken
    });
    json!({"ok": broken.is_none(), "chains": [chain]})
}

#[test]
fn a_whole_log_ends_with_0_and_a_broken_one_names_the_event() {
    let gateway = Gateway::start();
    gateway.on("GET /api/organisations/acme/audit/verify", 200, &verification(None));
    gateway.on(
        "GET /api/organisations/acme/audit/verify?anchor=7%3Aab",
        200,
        &verification(Some("event 7 is missing")),
    );
    let home = Home::of(&gateway);
    let whole = home.run(&["audit", "verify"]).ends(0).stdout;
    let expected =
        "acme: 812 events, none altered or missing\n  3 older events stand outside the chain\n  head 812:9f2c\n";
    assert_eq!(whole, expected);
    let broken = home.run(&["audit", "verify", "--anchor", "7:ab"]).ends(1).stdout;
    assert!(broken.starts_with("acme: BROKEN at 7 (2026-11-23T10:00:00Z): event 7 is missing\n"), "{broken}");
}

fn event(seq: u64, name: &str) -> String {
    let object = json!({
        "id": "0199c0de-0000-7000-8000-000000000000", "at": "2026-11-23T10:00:00Z", "actor": "ada@acme.example",
        "verb": "create", "resource": "team", "name": name, "requestId": "r", "outcome": "done", "seq": seq, "hash": "h"
    });
    format!("event: ADDED\nid: {seq}\ndata: {}\n\n", json!({"type": "ADDED", "object": object}))
}

#[test]
fn the_log_is_followed_across_connections_without_a_gap() {
    let gateway = Gateway::start();
    let follow = |since: &str| format!("GET /api/organisations/acme/audit?resource=team{since}&watch=true");
    let bookmark = "event: BOOKMARK\nid: 9\ndata: {\"type\":\"BOOKMARK\",\"revision\":\"9\"}\n\n";
    gateway.raw(&follow(""), 200, "text/event-stream", &format!(": connected\n\n{}{bookmark}", event(8, "first")));
    let gap = "event: GAP\ndata: {\"type\":\"GAP\",\"reason\":\"restored\"}\n\n";
    let again = format!("{gap}{}", event(9, "second"));
    gateway.raw(&follow("&since=8"), 200, "text/event-stream", &again);
    let run = Home::of(&gateway).run(&["audit", "tail", "--resource", "team", "--limit", "2"]).ends(0);
    let names: Vec<&str> = run.stdout.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(names, ["first", "second"]);
    assert!(run.stderr.contains("events may be missing here: restored"), "{}", run.stderr);
}
