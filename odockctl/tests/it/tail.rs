use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Gateway, Home, Run, record};

const LIVE: &str = "GET /api/organisations/acme/live";

fn request(id: &str) -> String {
    format!("event: request\ndata: {}\n\n", record(id))
}

#[test]
fn requests_are_printed_as_they_end_across_connections() {
    let gateway = Gateway::start();
    let gap = "event: gap\ndata: {\"missed\":4}\n\n";
    gateway.raw(LIVE, 200, "text/event-stream", &format!(": hello\n\n{}{gap}", request("r1")));
    gateway.raw(LIVE, 200, "text/event-stream", &request("r2"));
    let run = Home::of(&gateway).run(&["usage", "tail", "--limit", "2", "-o", "jsonl"]).ends(0);
    let ids: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["requestId"].clone()).collect();
    assert_eq!(ids, ["r1", "r2"]);
    for said in ["4 requests are missing here", "the gateway ended the stream", "connected again"] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}

#[test]
fn a_line_has_what_an_administrator_looks_for() {
    let gateway = Gateway::start();
    gateway.raw(LIVE, 200, "text/event-stream", &request("r1"));
    let run = Home::of(&gateway).run(&["usage", "tail", "--limit", "1", "-o", "wide"]).ends(0);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn a_threshold_that_is_reached_is_said_beside_the_requests() {
    let gateway = Gateway::start();
    let reached = json!({
        "at": "2026-11-23T10:00:00Z", "organisationId": "0198c0de-0000-7000-8000-000000000005", "kind": "budget",
        "name": "search-monthly", "metric": "COST", "threshold": 80, "used": 41_000_000_000_i64,
        "limit": 50_000_000_000_i64, "endsAt": "2026-12-01T00:00:00Z"
    });
    let event = format!("event: threshold\ndata: {reached}\n\n");
    gateway.raw(LIVE, 200, "text/event-stream", &format!("{event}{}", request("r1")));
    let run = Home::of(&gateway).run(&["usage", "tail", "--limit", "1", "-o", "jsonl"]).ends(0);
    assert!(run.stderr.contains("budget search-monthly has reached 80 %: $41"), "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1, "data is requests only: {}", run.stdout);
}

#[test]
fn ticks_are_asked_for_by_name() {
    let gateway = Gateway::start();
    let tick = json!({
        "at": "2026-11-23T10:00:00Z", "totals": { "requests": 7 }, "denied": 1, "inFlight": 2,
        "latencyUs": { "p50": 1500, "p95": 2000, "p99": 9000 }, "overheadUs": { "p50": 1, "p95": 2, "p99": 3 },
        "topKeys": [], "topModels": [], "topTeams": []
    });
    gateway.raw(&format!("{LIVE}?requests=false"), 200, "text/event-stream", &format!("event: tick\ndata: {tick}\n\n"));
    let run = Home::of(&gateway).run(&["usage", "tail", "--ticks", "--limit", "1"]).ends(0);
    assert!(run.stdout.contains("7 requests") && run.stdout.contains("p99  9.00 ms"), "{}", run.stdout);
}

#[test]
fn what_can_never_work_is_not_tried_again() {
    let gateway = Gateway::start();
    gateway.refuse(LIVE, 403, "forbidden", "you may not see usage");
    Home::of(&gateway).run(&["usage", "tail"]).ends(5);
    Home::of(&gateway).run(&["usage", "tail", "-o", "yaml"]).ends(64);
    assert_eq!(gateway.lines().len(), 1);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_130() {
    let gateway = Gateway::start();
    gateway.raw(LIVE, 200, "text/event-stream", &request("r1"));
    let home = Home::of(&gateway);
    let mut child =
        home.command(&["usage", "tail", "-o", "jsonl"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("r1"));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let run = Run::of(child.wait_with_output().unwrap()).ends(130);
    assert!(run.stderr.contains("\"code\":\"interrupted\""), "{}", run.stderr);
}
