//! `get --watch` and filters of lists.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, key, keys};

const LIST: &str = "GET /api/organisations/acme/apikeys";
const WATCH: &str = "GET /api/organisations/acme/apikeys?watch=true";

fn event(word: &str, id: Option<u32>, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {word}\n{id}data: {data}\n\n")
}

fn told(word: &str, id: Option<u32>, object: &Value) -> String {
    event(word, id, &json!({ "type": word, "object": object }))
}

fn bookmark(id: u32) -> String {
    event("BOOKMARK", Some(id), &json!({ "type": "BOOKMARK", "revision": id.to_string() }))
}

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let begin = [told("ADDED", None, &key("ci")), told("ADDED", None, &key("batch")), bookmark(7)].concat();
    let mut changed = key("ci");
    changed["status"]["revokedAt"] = "2026-11-03T00:00:00Z".into();
    let more = [
        told("MODIFIED", Some(8), &changed),
        event("FUTURE", None, &json!({})),
        told("DELETED", Some(9), &json!({ "id": "0198c0de-0000-7000-8000-000000000001", "name": "batch" })),
    ];
    gateway.raw(WATCH, 200, "text/event-stream", &format!(": connected\n\n{begin}{}", more.concat()));
    let after = [told("ADDED", Some(10), &key("new")), bookmark(10)].concat();
    gateway.raw(WATCH, 200, "text/event-stream", &after);
    gateway
}

#[test]
fn a_watch_tells_what_is_there_and_what_changes_and_goes_on_where_it_ended() {
    let gateway = gateway();
    let run = Home::of(&gateway).run(&["get", "keys", "--watch", "--limit", "5"]).ends(0);
    insta::assert_snapshot!(run.stdout);
    assert_eq!(run.stderr, "the gateway ended the stream; connecting again\n");
    let seen: Vec<_> =
        gateway.requests().into_iter().map(|request| request.headers.get("last-event-id").cloned()).collect();
    assert_eq!(seen, [None, Some("9".to_owned())]);
}

#[test]
fn programs_get_one_event_a_line() {
    let gateway = gateway();
    let run = Home::of(&gateway).run(&["get", "keys", "-w", "--limit", "4", "-o", "jsonl"]).ends(0);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words: Vec<_> = lines.iter().map(|line| (&line["type"], &line["object"]["name"])).collect();
    let expected = [("ADDED", "ci"), ("ADDED", "batch"), ("MODIFIED", "ci"), ("DELETED", "batch")];
    assert_eq!(
        words,
        expected.map(|(word, name)| (json!(word), json!(name))).iter().map(|(a, b)| (a, b)).collect::<Vec<_>>()
    );
    let named = Home::of(&self::gateway()).run(&[
        "get",
        "key",
        "ci",
        "-w",
        "--changes-only",
        "--limit",
        "1",
        "--jq",
        ".type",
        "-o",
        "jsonl",
    ]);
    assert_eq!(named.ends(0).stdout, "\"MODIFIED\"\n");
    Home::of(&self::gateway()).run(&["get", "keys", "-w", "-o", "json"]).ends(64);
}

#[test]
fn a_gap_is_said_and_what_can_never_work_ends() {
    let gateway = Gateway::start();
    let gap = event("GAP", None, &json!({ "type": "GAP", "reason": "restored from a backup" }));
    gateway.raw(WATCH, 200, "text/event-stream", &format!("{gap}{}", told("ADDED", None, &key("ci"))));
    let run = Home::of(&gateway).run(&["get", "keys", "-w", "--limit", "1", "-o", "name"]).ends(0);
    assert_eq!(run.stdout, "apikey/ci\n");
    assert!(run.stderr.contains("changes may be missing here: restored from a backup"), "{}", run.stderr);
    let refusing = Gateway::start();
    refusing.refuse(LIST, 403, "forbidden", "no");
    Home::of(&refusing).run(&["get", "keys", "-w"]).ends(5);
    // An older gateway answers with the list.
    let older = Gateway::start();
    older.on(LIST, 200, &keys(&["ci"]));
    let run = Home::of(&older).run(&["get", "keys", "-w"]).ends(1);
    assert!(run.stderr.contains("not a stream of events"), "{}", run.stderr);
}

#[test]
fn filters_go_to_the_gateway_which_knows_them() {
    let gateway = Gateway::start();
    gateway.on(LIST, 200, &keys(&["ci"]));
    Home::of(&gateway)
        .run(&["get", "keys", "--filter", "team=search", "--field", "revoked=false", "-q", "c", "--sort", "-name"])
        .ends(0);
    assert_eq!(gateway.lines(), [format!("{LIST}?limit=1000&q=c&revoked=false&sort=-name&team=search")]);
    let strict = Gateway::start();
    let refusal = json!({ "status": 400, "code": "bad_request", "title": "the list has no parameter `tema`",
        "hint": "it has limit, cursor, q, sort, team", "requestId": "req-9" });
    strict.on(LIST, 400, &refusal);
    let run = Home::of(&strict).run(&["get", "keys", "--filter", "tema=x"]).ends(64);
    assert!(run.stderr.contains("hint: it has limit"), "{}", run.stderr);
    Home::of(&strict).run(&["get", "keys", "--filter", "team"]).ends(64);
    Home::of(&strict).run(&["get", "key", "ci", "--filter", "team=x"]).ends(64);
}

#[test]
fn several_kinds_at_once() {
    let gateway = Gateway::start();
    gateway.on(LIST, 200, &keys(&["ci"]));
    gateway.on("GET /api/organisations/acme/teams", 200, &json!({ "items": [] }));
    let home = Home::of(&gateway);
    assert_eq!(home.run(&["get", "keys,teams", "-o", "name"]).ends(0).stdout, "apikey/ci\n");
    assert_eq!(home.run(&["get", "k,t", "--jq", ".items[].kind"]).ends(0).stdout, "ApiKey\n");
    home.run(&["get", "keys,modles"]).ends(64);
}
