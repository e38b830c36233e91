use serde_json::json;

use crate::support::{Gateway, Home, TOKEN, whoami};

const LIST: &str = "GET /api/organisations/acme/apikeys";

#[test]
fn refusals_have_the_specified_exit_codes_in_every_format() {
    for (status, code, exit) in [
        (401, "token_expired", 4),
        (403, "forbidden", 5),
        (404, "not_found", 6),
        (409, "conflict", 7),
        (412, "stale_revision", 7),
        (429, "rate_limited", 11),
        (422, "invalid", 64),
        (500, "internal", 1),
        (503, "unavailable", 10),
    ] {
        let gateway = Gateway::start();
        gateway.refuse(LIST, status, code, "no");
        let home = Home::of(&gateway).with("ODOCK_RETRIES", "0");
        let text = home.run(&["get", "keys"]).ends(exit);
        assert_eq!(text.stdout, "");
        assert!(
            text.stderr.starts_with("error: no\n") && text.stderr.ends_with("request id: req-9\n"),
            "{}",
            text.stderr
        );
        for format in ["json", "jsonl", "yaml", "toml"] {
            let error = home.run(&["get", "keys", "-o", format]).ends(exit).error();
            assert_eq!(
                (&error["code"], &error["status"], &error["requestId"]),
                (&json!(code), &json!(status), &json!("req-9"))
            );
            assert_eq!(error["exitCode"], json!(exit));
            assert_eq!(error["retryable"], json!([429, 503].contains(&status)));
        }
    }
}

#[test]
fn an_error_says_what_to_do_next() {
    let gateway = Gateway::start();
    let run = Home::of(&gateway).run(&["get", "key", "nope"]).ends(6);
    insta::assert_snapshot!(run.shown(&gateway));
    let refused = json!({
        "status": 422, "code": "invalid", "title": "2 fields are wrong", "requestId": "req-9",
        "errors": [
            { "pointer": "/spec/team", "code": "bad_reference", "message": "there is no team `serach`" },
            { "pointer": "/name", "code": "invalid", "message": "a name has at most 63 characters" }
        ]
    });
    gateway.on("POST /api/organisations/acme/apikeys", 422, &refused);
    let run = Home::of(&gateway).run(&["key", "create", "x", "--team", "serach", "--no-reveal"]).ends(64);
    insta::assert_snapshot!(run.shown(&gateway));
}

#[test]
fn a_gateway_that_is_not_there_is_unreachable() {
    let home = Home::empty().with("ODOCK_URL", &closed_port()).with("ODOCK_TOKEN", TOKEN).with("ODOCK_RETRIES", "0");
    let error = home.run(&["whoami", "-o", "json"]).ends(10).error();
    assert_eq!((&error["code"], &error["retryable"]), (&json!("unreachable"), &json!(true)));
}

fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

#[test]
fn something_else_at_the_address_is_named() {
    let gateway = Gateway::start();
    gateway.raw("GET /api/whoami", 200, "text/html", "<html>welcome</html>");
    let run = Home::of(&gateway).run(&["whoami"]).ends(1);
    assert!(
        run.stderr.contains("is not understood: it is not JSON") && run.stderr.contains("matching version"),
        "{}",
        run.stderr
    );
}

#[test]
fn nobody_signed_in_is_exit_4() {
    let gateway = Gateway::start();
    let home = Home::empty().with("ODOCK_URL", &gateway.url);
    let error = home.run(&["whoami", "-o", "json"]).ends(4).error();
    assert_eq!(error["code"], "no_credential");
    assert!(gateway.lines().is_empty());
    Home::empty().run(&["whoami"]).ends(64);
}

#[test]
fn usage_mistakes_are_exit_64() {
    for arguments in [
        &["frobnicate"][..],
        &["get"],
        &["get", "keys", "--limit", "0"],
        &["key", "rotate", "ci", "--overlap", "31d"],
        &[],
    ] {
        let run = Home::empty().run(arguments).ends(64);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    assert_eq!(Home::empty().run(&["get", "-o", "json"]).ends(64).error()["code"], "usage");
    assert_eq!(Home::empty().with("ODOCK_OUTPUT", "json").run(&["frobnicate"]).ends(64).error()["exitCode"], 64);
    let gateway = Gateway::start();
    let run = Home::of(&gateway).run(&["get", "modles"]).ends(64);
    assert!(run.stderr.contains("did you mean `models`?"), "{}", run.stderr);
}

#[test]
fn an_unknown_context_names_those_that_there_are() {
    let gateway = Gateway::start();
    let run = Home::of(&gateway).run(&["whoami", "--context", "prod"]).ends(64);
    assert!(run.stderr.contains("there is no context `prod`; there are: test"), "{}", run.stderr);
}

#[test]
fn a_configuration_mistake_is_named_by_place_and_not_quoted() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    home.write("config.toml", "[contexts.test]\nurl = \"http://a/\"\ntoken = \"odock-pat-secret\"\n");
    let error = home.run(&["whoami", "-o", "json"]).ends(64).error();
    assert_eq!((&error["source"]["line"], &error["source"]["column"]), (&json!(3), &json!(9)));
    assert!(!error.to_string().contains("odock-pat-secret"));
}

#[test]
fn verbose_shows_calls_and_no_secret() {
    let gateway = Gateway::start();
    gateway.on("GET /api/whoami", 200, &whoami());
    for verbose in ["-v", "-vv"] {
        let run = Home::of(&gateway).run(&["whoami", verbose]).ends(0);
        assert!(run.stderr.contains("/api/whoami") && run.stderr.contains("req-9"), "{}", run.stderr);
    }
}
