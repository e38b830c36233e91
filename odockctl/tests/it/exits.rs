//! Every way to fail: what a command says and how it ends, for people and for programs.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, Run, TOKEN, key};

/// What goes wrong.
enum Fault {
    /// Nothing: the command line itself is wrong, or a guard stops it.
    Nothing,
    /// The gateway refuses.
    Refusal(u16, &'static str),
    /// Something answers that is no gateway.
    Foreign(u16, &'static str),
    /// Nobody listens.
    Closed,
    /// Somebody accepts and never answers.
    Silent,
    /// The connection breaks in the middle of an answer.
    Broken,
    /// The environment has no token.
    NoToken,
}

struct Case {
    name: &'static str,
    words: &'static [&'static str],
    fault: Fault,
    exit: i32,
}

const fn case(name: &'static str, words: &'static [&'static str], fault: Fault, exit: i32) -> Case {
    Case { name, words, fault, exit }
}

#[rustfmt::skip] // A table reads better in columns.
const CASES: &[Case] = &[
    case("read_unauthorised", &["get", "keys"],                             Fault::Refusal(401, "token_expired"), 4),
    case("read_forbidden",    &["usage", "summary"],                        Fault::Refusal(403, "forbidden"), 5),
    case("read_not_found",    &["describe", "key", "nope"],                 Fault::Refusal(404, "not_found"), 6),
    case("write_conflict",    &["key", "unrevoke", "ci"],                   Fault::Refusal(409, "conflict"), 7),
    case("write_stale",       &["patch", "key/ci", "--set", "team=x"],      Fault::Refusal(412, "stale_revision"), 7),
    case("read_unprocessable",&["get", "keys", "--filter", "a=b"],          Fault::Refusal(400, "bad_request"), 64),
    case("read_limited",      &["whoami"],                                  Fault::Refusal(429, "rate_limited"), 11),
    case("read_broken",       &["budget", "status"],                        Fault::Refusal(500, "internal"), 1),
    case("read_unavailable",  &["audit", "list"],                           Fault::Refusal(503, "unavailable"), 10),
    case("diff_unavailable",  &["diff", "-f", "team.yaml"],                 Fault::Refusal(503, "unavailable"), 70),
    case("diff_forbidden",    &["diff", "-f", "team.yaml"],                 Fault::Refusal(403, "forbidden"), 70),
    case("apply_unauthorised",&["apply", "-f", "team.yaml", "--yes"],       Fault::Refusal(401, "unauthorized"), 4),
    case("foreign_page",      &["get", "teams"],                            Fault::Foreign(200, "<html>welcome</html>"), 1),
    case("foreign_gateway",   &["get", "teams"],                            Fault::Foreign(502, "<html>bad gateway</html>"), 10),
    case("closed",            &["get", "models"],                           Fault::Closed, 10),
    case("silent",            &["get", "models", "--timeout", "300ms"],     Fault::Silent, 10),
    case("broken",            &["get", "models"],                           Fault::Broken, 10),
    case("wait_too_long",     &["wait", "key/ci", "--for", "ready", "--within", "0s"], Fault::Refusal(404, "not_found"), 8),
    case("wait_unreachable",  &["wait", "key/ci", "--for", "ready", "--within", "0s"], Fault::Closed, 8),
    case("no_token",          &["get", "keys"],                             Fault::NoToken, 4),
    case("delete_unasked",    &["delete", "key", "ci"],                     Fault::Nothing, 12),
    case("revoke_unasked",    &["key", "revoke", "ci"],                     Fault::Nothing, 12),
    case("rotate_unasked",    &["key", "rotate", "ci", "--secret-out", "file:./x"], Fault::Nothing, 12),
    case("read_only",         &["patch", "key/ci", "--set", "team=x", "--read-only"], Fault::Nothing, 12),
    case("no_editor",         &["edit", "key/ci"],                          Fault::Nothing, 12),
    case("unknown_command",   &["frobnicate"],                              Fault::Nothing, 64),
    case("unknown_kind",      &["get", "kyes"],                             Fault::Nothing, 64),
    case("unknown_field",     &["explain", "key.modles"],                   Fault::Nothing, 64),
    case("unknown_context",   &["get", "keys", "--context", "prod"],        Fault::Nothing, 64),
    case("bad_filter",        &["get", "keys", "--jq", ".items["],          Fault::Nothing, 64),
    case("bad_manifest",      &["validate", "-f", "wrong.yaml"],            Fault::Nothing, 64),
    case("missing_manifest",  &["apply", "-f", "nowhere.yaml", "--yes"],    Fault::Nothing, 64),
];

fn broken() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let read = socket.read(&mut [0; 4096]).unwrap();
            assert!(read > 0);
            socket
                .write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"items\": [",
                )
                .unwrap();
        }
    });
    format!("http://{address}/")
}

/// Runs a case, with what changes from run to run replaced in what it says.
fn run(case: &Case, more: &[&str]) -> Run {
    let gateway = Gateway::start();
    gateway.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |listener: &std::net::TcpListener| format!("http://{}/", listener.local_addr().unwrap());
    let url = match &case.fault {
        Fault::Refusal(status, code) => {
            gateway.refuse_all(*status, code, "the gateway says no");
            if case.name == "write_stale" {
                gateway.on("GET /api/organisations/acme/apikeys/ci", 200, &key("ci"));
            } else {
                gateway.forget("GET /api/organisations/acme/apikeys/ci");
            }
            gateway.url.clone()
        }
        Fault::Foreign(status, body) => {
            gateway.raw_all(*status, "text/html", body);
            gateway.url.clone()
        }
        Fault::Closed => address(&std::net::TcpListener::bind("127.0.0.1:0").unwrap()),
        Fault::Silent => address(&silent),
        Fault::Broken => broken(),
        Fault::Nothing | Fault::NoToken => gateway.url.clone(),
    };
    let home = Home::empty().with("ODOCK_RETRIES", "0");
    let home = if matches!(case.fault, Fault::NoToken) { home } else { home.with("ODOCK_TOKEN", TOKEN) };
    home.write(
        "config.toml",
        &format!("current = \"test\"\n\n[contexts.test]\nurl = \"{url}\"\norganisation = \"acme\"\n"),
    );
    let manifest = "apiVersion: odock/v1\nkind: Team\nmetadata: {name: search}\nspec: {}\n";
    home.write("team.yaml", manifest);
    home.write("wrong.yaml", &manifest.replace("spec: {}", "spec: {membres: []}"));
    let mut run = home.run(&[case.words, more].concat());
    let root = home.root().display().to_string();
    run.stderr = run
        .stderr
        .replace(&url, "http://GATEWAY/")
        .replace(url.trim_end_matches('/'), "http://GATEWAY")
        .replace(&root, "HOME");
    run
}

#[test]
fn each_failure_has_its_words_its_code_and_its_object() {
    let mut all = String::new();
    for case in CASES {
        let text = run(case, &[]);
        assert_eq!(text.code, case.exit, "{}: {text:?}", case.name);
        assert_eq!(text.stdout, "", "{}", case.name);
        assert!(text.stderr.starts_with("error: "), "{}: {}", case.name, text.stderr);
        all.push_str(&format!("$ odockctl {}\n{}exit {}\n\n", case.words.join(" "), text.stderr, case.exit));
        for format in ["json", "yaml"] {
            let structured = run(case, &["-o", format]);
            assert_eq!(structured.code, case.exit, "{} in {format}: {structured:?}", case.name);
            let error = structured.error();
            assert_eq!(error["exitCode"], json!(case.exit), "{}", case.name);
            for field in ["code", "message", "retryable"] {
                assert!(!error[field].is_null(), "{}: no {field} in {error}", case.name);
            }
            let first = text.stderr.lines().next().unwrap();
            let message = error["message"].as_str().unwrap();
            assert!(first.contains(message.lines().next().unwrap()), "{}: `{message}` is not in `{first}`", case.name);
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_exit_code_of_the_help_can_be_met() {
    let help = Home::empty().run(&["help", "--json"]).ends(0).stdout;
    let tree: Value = serde_json::from_str(&help).unwrap();
    let known: Vec<i64> = tree["exit_codes"]
        .as_array()
        .or(tree["exitCodes"].as_array())
        .unwrap()
        .iter()
        .map(|exit| exit["code"].as_i64().unwrap())
        .collect();
    for case in CASES {
        assert!(known.contains(&i64::from(case.exit)), "{} is not in the help", case.exit);
    }
    // 0, 1 and 2 of apply and diff, 13 of sinks and 130 of Ctrl-C have tests of their own.
    let met: Vec<i64> = CASES.iter().map(|case| case.exit.into()).collect();
    let rest: Vec<_> = known.into_iter().filter(|code| !met.contains(code)).collect();
    assert_eq!(rest, [0, 2, 13, 130]);
}

#[test]
fn where_nobody_can_be_asked_nobody_is() {
    let gateway = Gateway::start();
    for (name, value) in [("CI", "true"), ("CI", "1"), ("ODOCK_NO_INPUT", "1")] {
        let run = Home::of(&gateway).with(name, value).run(&["delete", "key", "ci"]).ends(12);
        assert!(run.stderr.contains("hint: odockctl delete key ci --yes"), "{}", run.stderr);
    }
    assert!(gateway.lines().is_empty());
}
