use serde_json::{Value, json};

use crate::support::{Gateway, Home, key, record};

const ACME: &str = "/api/organisations/acme";

fn resource(name: &str, spec: Value, status: Value) -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000009", "name": name, "organisation": "acme", "revision": 4,
        "createdAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-02T10:00:00Z", "spec": spec, "status": status
    })
}

fn window(limit: i64, used: i64, reserved: i64) -> Value {
    json!({ "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z", "limit": limit, "used": used,
        "reserved": reserved, "left": limit - used - reserved })
}

fn budget(name: &str, status: Value) -> Value {
    let spec = json!({ "owner": { "type": "TEAM", "name": "search" }, "period": "MONTHLY", "timezone": "Europe/Paris",
        "amountUsd": "50", "rollover": false, "thresholds": [50, 90], "enforcement": "hard", "active": true });
    resource(name, spec, status)
}

fn overlay(name: &str) -> Value {
    let spec = json!({ "scope": { "type": "TEAM", "name": "search" }, "factor": "0.2", "reason": "incident",
        "ends": "2099-01-01T00:00:00Z" });
    resource(name, spec, json!({ "inForce": true }))
}

fn limits() -> Value {
    json!({ "items": [
        { "kind": "budget", "name": "search-monthly", "owner": { "type": "TEAM", "name": "search" }, "metric": "COST",
          "enforcement": "hard", "active": true, "window": window(50_000_000_000, 31_400_000_000, 5_000_000_000),
          "usedLastHour": 1_250_000_000, "runsOutAt": "2026-11-24T09:00:00Z" },
        { "kind": "budget", "name": "everything", "owner": { "type": "ORG" }, "metric": "COST",
          "enforcement": "standard", "active": false, "usedLastHour": 0 },
        { "kind": "quota", "name": "ci-tokens", "owner": { "type": "APIKEY", "name": "ci" }, "metric": "TOKENS",
          "enforcement": "standard", "active": true, "window": window(1_000, 1_200, 0), "usedLastHour": 40,
          "runsOutAt": "2026-11-23T10:00:00Z" }
    ] })
}

#[test]
fn budgets_quotas_and_overlays_are_listed() {
    let gateway = Gateway::start();
    let list = json!({ "items": [budget("search-monthly", json!({ "window": window(50_000_000_000, 12_345_678_900, 0) })),
        budget("untouched", json!({}))] });
    gateway.on(&format!("GET {ACME}/budgets"), 200, &list);
    gateway.on(&format!("GET {ACME}/overlays"), 200, &json!({ "items": [overlay("team-search")] }));
    let quota = json!({ "owner": { "type": "ORG" }, "metric": "LATENCY_MS", "limit": 3_600_000, "period": "DAILY",
        "timezone": "UTC", "rollover": true, "active": true });
    let quotas = json!({ "items": [resource("latency", quota, json!({ "window": window(3_600_000, 7, 0) }))] });
    gateway.on(&format!("GET {ACME}/quotas"), 200, &quotas);
    let home = Home::of(&gateway);
    insta::assert_snapshot!("get_budgets", home.run(&["get", "budgets"]).ends(0).stdout);
    insta::assert_snapshot!("get_budgets_wide", home.run(&["get", "budgets", "-o", "wide"]).ends(0).stdout);
    insta::assert_snapshot!("get_quotas", home.run(&["get", "quota"]).ends(0).stdout);
    insta::assert_snapshot!("get_overlays", home.run(&["overlay", "list"]).ends(0).stdout);
    assert_eq!(home.run(&["get", "overlays"]).ends(0).stdout, home.run(&["overlay", "list"]).stdout);
    assert_eq!(
        home.run(&["get", "budgets", "--fields", "name,status.window.left", "-o", "csv"]).ends(0).stdout,
        "name,status.window.left\r\nsearch-monthly,37654321100\r\nuntouched,\r\n"
    );
}

#[test]
fn statuses_say_what_is_left_and_for_how_long() {
    let gateway = Gateway::start();
    gateway.on(&format!("GET {ACME}/limits"), 200, &limits());
    let home = Home::of(&gateway);
    insta::assert_snapshot!("budget_status", home.run(&["budget", "status"]).ends(0).stdout);
    insta::assert_snapshot!("quota_status", home.run(&["quota", "status", "ci-tokens", "-o", "wide"]).ends(0).stdout);
    let one: Value =
        serde_json::from_str(&home.run(&["budget", "status", "search-monthly", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!(one, limits()["items"][0]);
    // A quota is no budget.
    let missing = home.run(&["budget", "status", "ci-tokens", "-o", "json"]).ends(6).error();
    assert_eq!((&missing["code"], &missing["hint"]), (&"not_found".into(), &"list them: odockctl get budgets".into()));
}

#[test]
fn an_overlay_is_set_replaced_and_ended() {
    let gateway = Gateway::start();
    gateway.on(&format!("POST {ACME}/overlays"), 201, &overlay("team-search"));
    gateway.on(&format!("PATCH {ACME}/overlays/team-search"), 200, &overlay("team-search"));
    gateway.raw(&format!("DELETE {ACME}/overlays/team-search"), 204, "application/json", "");
    let home = Home::of(&gateway);
    let set = ["overlay", "set", "team/search", "--factor", "0.2", "--until", "2099-01-01", "--reason", "incident"];
    insta::assert_snapshot!(home.run(&set).ends(0).shown(&gateway));
    let sent: Value = serde_json::from_str(&gateway.bodies()[1]).unwrap();
    let spec = json!({ "scope": { "type": "TEAM", "name": "search" }, "factor": "0.2", "reason": "incident",
        "ends": "2099-01-01T00:00:00Z" });
    assert_eq!(sent, json!({ "name": "team-search", "spec": spec }));
    // It is there now: what the new one leaves out is taken out.
    gateway.on(&format!("GET {ACME}/overlays/team-search"), 200, &overlay("team-search"));
    home.run(&["overlay", "set", "team/search", "--factor", "2", "--until", "2099-01-01"]).ends(0);
    let sent: Value = serde_json::from_str(gateway.bodies().last().unwrap()).unwrap();
    assert_eq!((&sent["factor"], &sent["reason"], sent.get("starts")), (&"2".into(), &Value::Null, Some(&Value::Null)));
    assert_eq!(home.run(&["overlay", "end", "team-search"]).ends(0).stderr, "ended overlay team-search\n");
    let missing = home.run(&["overlay", "end", "launch"]).ends(6).stderr;
    assert!(missing.contains("odockctl overlay list"), "{missing}");
    for wrong in [
        &["user/ada@acme.example", "--factor", "1", "--for", "1h"][..],
        &["org", "--factor", "-1", "--for", "1h"],
        &["org", "--factor", "1"],
        &["org", "--factor", "1", "--for", "1h", "--until", "2099-01-01"],
    ] {
        home.run(&[&["overlay", "set"], wrong].concat()).ends(64);
    }
    home.run(&["overlay", "set", "org", "--factor", "0", "--for", "1h", "--read-only"]).ends(12);
}

#[test]
fn rankings_say_of_how_much_they_are_the_top() {
    let gateway = Gateway::start();
    let sums = |requests: u64, cost: i64| {
        json!({ "requests": requests, "errors": 1, "tokensIn": 10, "tokensOut": 5, "costNanos": cost, "unpriced": 0,
            "meanLatencyUs": 1_234 })
    };
    let mut row = sums(7, 1_500_000_000);
    row["name"] = "ci".into();
    let top = json!({ "from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "by": "key", "total": sums(9, 2_000_000_000),
        "rows": [row] });
    gateway.on(&format!("GET {ACME}/usage/top"), 200, &top);
    let home = Home::of(&gateway);
    insta::assert_snapshot!(
        home.run(&["usage", "top", "--by", "key", "--metric", "cost", "--limit", "1"]).ends(0).shown(&gateway)
    );
    assert_eq!(gateway.lines(), [format!("GET {ACME}/usage/top?by=key&limit=1&metric=cost")]);
    home.run(&["usage", "top", "--metric", "colour"]).ends(64);
}

fn invoice() -> Value {
    let line = |key: &str, cost: i64| {
        json!({ "apiKey": key, "model": "support-fast", "requests": 2, "tokensIn": 100, "tokensOut": 50,
            "costNanos": cost, "unpriced": 0 })
    };
    let mut of_team = line("ci", 1_000_000_001);
    of_team["team"] = "search".into();
    json!({ "organisation": "acme", "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z",
        "lines": [of_team, line("batch", 2_000_000_002)], "totalNanos": 3_000_000_003_i64, "records": 4, "unpriced": 0 })
}

#[test]
fn an_invoice_is_shown_and_written() {
    let gateway = Gateway::start();
    gateway.on(&format!("GET {ACME}/invoices/preview"), 200, &invoice());
    let home = Home::of(&gateway);
    insta::assert_snapshot!(home.run(&["invoice", "preview", "--from", "2026-10-01"]).ends(0).shown(&gateway));
    let whole: Value = serde_json::from_str(&home.run(&["invoice", "preview", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!(whole, invoice());
    let csv = "team,key,model,requests,tokensIn,tokensOut,unpriced,costUsd\r\nsearch,ci,support-fast,2,100,50,0,1.000000001\r\n,batch,support-fast,2,100,50,0,2.000000002\r\ntotal,,,4,200,100,0,3.000000003\r\n";
    home.run(&["invoice", "export", "--out", "october.csv"]).ends(0);
    assert_eq!(home.read("october.csv"), csv);
    assert_eq!(home.run(&["invoice", "export", "--as", "csv", "--out", "-"]).ends(0).stdout, csv);
    assert!(home.run(&["invoice", "export", "--out", "october.csv"]).ends(1).stderr.contains("name another file"));
    home.run(&["invoice", "export", "--out", "october.pdf"]).ends(0);
    assert!(std::fs::read(home.path("october.pdf")).unwrap().starts_with(b"%PDF-"));
    home.run(&["invoice", "export", "--out", "october"]).ends(64);
}

#[test]
fn a_request_is_shown_gate_by_gate() {
    let gateway = Gateway::start();
    let mut shown = record("req-1");
    shown["dispatched"] = true.into();
    shown["bill"] = json!({ "lines": [
        { "class": "input_text", "quantity": 12, "rateNanosPer1k": 400_000, "nanos": 4_800 },
        { "class": "output_text", "quantity": 5, "rateNanosPer1k": 1_600_000, "discountPercent": 0, "nanos": 8_000 }
    ], "totalNanos": 12_800, "priceVersion": 3 });
    shown["routing"] = json!({ "attempts": [
        { "model": "support-fast", "provider": "openai", "status": 200, "durationUs": 300_000 }] });
    shown["metadata"] = json!({
        "stages": [{ "stage": "authenticate", "atUs": 120 }, { "stage": "reserve", "atUs": 180 }],
        "limits": [["pre_auth", "organisation", "ip", 0, 0, "pass"], ["early", "api_key", "rpm", 60, 59, "pass"],
            ["final", "team", "tpm", 1_000, 0, "shadow"]],
        "reservations": [["budget", "search-monthly", "COST", 1_000_000, 50_000_000_000_i64, 18_600_000_000_i64,
            1796083200000000_i64, false]],
        "clampedTo": 256, "replayOf": "req-0", "clientAddress": "192.0.2.1" });
    gateway.on(&format!("GET {ACME}/usage/req-1"), 200, &shown);
    let home = Home::of(&gateway);
    insta::assert_snapshot!(home.run(&["request", "show", "req-1"]).ends(0).stdout);
    let json: Value =
        serde_json::from_str(&home.run(&["request", "show", "req-1", "-o", "json"]).ends(0).stdout).unwrap();
    assert_eq!(json["metadata"]["limits"][1], json!(["early", "api_key", "rpm", 60, 59, "pass"]));
    home.run(&["request", "show", "req-2"]).ends(6);
    home.run(&["request", "show", "req-1", "-o", "csv"]).ends(64);
}

#[test]
fn a_simulation_says_what_each_gate_would_say() {
    let gateway = Gateway::start();
    let passed = |gate: &str, detail: &str| json!({ "gate": gate, "ok": true, "detail": detail });
    let mark = json!(["budget", "small", "COST", 50_000_000, 10_000_000, 10_000_000, 1796083200000000_i64, true]);
    let denied = json!({ "verdict": "deny", "gates": [
        passed("authenticate", "the key ci is in force"),
        { "gate": "early", "ok": true, "detail": "within the limit", "limit": ["early", "api_key", "rpm", 60, 59, "pass"] },
        { "gate": "reserve", "ok": false, "detail": "what is left is too little", "code": "budget_exceeded",
            "reservation": mark }
    ] });
    let line = format!("POST {ACME}/apikeys/ci/simulate");
    gateway.on(&line, 200, &denied);
    gateway.on(&line, 200, &json!({ "verdict": "pass", "gates": [passed("model", "fine")], "clampedTo": 9 }));
    let home = Home::of(&gateway);
    insta::assert_snapshot!(
        home.run(&["key", "check", "ci", "--model", "fast", "--read-only"]).ends(1).shown(&gateway)
    );
    home.write("request.json", r#"{"model": "fast", "messages": []}"#);
    let passes = home.run(&["simulate", "-f", "request.json", "--key", "ci"]).ends(0);
    assert!(
        passes.stderr.contains("cut the answer to 9 tokens") && passes.stderr.contains("it would pass"),
        "{passes:?}"
    );
    assert_eq!(gateway.bodies(), [r#"{"model":"fast"}"#, r#"{"request":{"messages":[],"model":"fast"}}"#]);
    home.write("broken.json", "{");
    home.run(&["simulate", "-f", "broken.json", "--key", "ci"]).ends(64);
    home.run(&["key", "check", "nobody", "--model", "fast"]).ends(6);
}

#[test]
fn a_description_says_what_limits_a_key() {
    let gateway = Gateway::start();
    gateway.on(&format!("GET {ACME}/apikeys/ci"), 200, &key("ci"));
    gateway.on(&format!("GET {ACME}/apikeys/ci/history"), 200, &json!({ "items": [] }));
    gateway.on(&format!("GET {ACME}/limits"), 200, &limits());
    gateway.on(&format!("GET {ACME}/overlays"), 200, &json!({ "items": [overlay("team-search")] }));
    gateway.on(&format!("GET {ACME}/budgets/search-monthly"), 200, &budget("search-monthly", json!({})));
    let home = Home::of(&gateway);
    insta::assert_snapshot!("describe_key", home.run(&["describe", "key", "ci"]).ends(0).stdout);
    insta::assert_snapshot!("describe_budget", home.run(&["describe", "budget/search-monthly"]).ends(0).stdout);
}
