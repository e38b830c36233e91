//! `doctor` finds what is wrong, and says what to do.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, whoami};

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    let version = json!({ "version": env!("CARGO_PKG_VERSION"), "database": "sqlite", "hotStore": "memory" });
    gateway.on("GET /api/version", 200, &version);
    gateway.on("GET /api/whoami", 200, &whoami());
    let acme = json!({
        "id": "0198c0de-0000-7000-8000-000000000009", "name": "acme", "revision": 1,
        "createdAt": "2026-11-01T10:00:00Z", "updatedAt": "2026-11-01T10:00:00Z", "spec": {}, "status": {}
    });
    gateway.on("GET /api/organisations/acme", 200, &acme);
    gateway
}

/// The verdict and the hint of each check.
fn findings(home: &Home, code: i32) -> Value {
    let run = home.run(&["doctor", "-o", "json"]).ends(code);
    assert_eq!(run.stderr, "");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let items = document["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["check"].as_str().unwrap().to_owned(), item.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn nothing_is_in_the_way() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    let found = findings(&home, 0);
    for check in [
        "configuration",
        "context",
        "proxy",
        "gateway",
        "version",
        "clock",
        "credential",
        "sign-in",
        "role",
        "organisation",
    ] {
        assert_eq!(found[check]["verdict"], "ok", "{check}: {found:#}");
    }
    let people = home.run(&["doctor"]).ends(0);
    assert!(people.stdout.contains("agrees with the gateway's") && people.stderr.ends_with("nothing is in the way\n"));
}

#[test]
fn each_trouble_is_named_with_what_to_do() {
    let fails = |found: &Value, check: &str, what: &str| {
        assert_eq!(found[check]["verdict"], "fail", "{check}: {found:#}");
        assert!(found[check]["found"].as_str().unwrap().contains(what), "{check}: {found:#}");
        assert!(found[check]["hint"].is_string(), "{check} has no advice: {found:#}");
    };
    // Nobody there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").map(|it| it.local_addr().unwrap()).unwrap();
    let home = Home::empty()
        .with("ODOCK_URL", &format!("http://{closed}/"))
        .with("ODOCK_TOKEN", "odock-pat-x")
        .with("ODOCK_RETRIES", "0");
    let found = findings(&home, 1);
    fails(&found, "gateway", "cannot be reached");
    assert_eq!((&found["sign-in"]["verdict"], &found["configuration"]["verdict"]), (&json!("skip"), &json!("warn")));
    // Nobody signed in, and a token that is over.
    let known = gateway();
    fails(&findings(&Home::of(&known).with("ODOCK_TOKEN", ""), 1), "credential", "not signed in");
    let refusing = Gateway::start();
    refusing.on("GET /api/version", 200, &json!({ "version": "9.9.9", "database": "sqlite", "hotStore": "memory" }));
    refusing.refuse("GET /api/whoami", 401, "token_expired", "the token has expired");
    let found = findings(&Home::of(&refusing), 1);
    fails(&found, "sign-in", "has expired");
    assert_eq!(found["version"]["verdict"], "warn");
    // An organisation that is not there.
    let home = Home::of(&known).with("ODOCK_ORGANISATION", "nowhere");
    fails(&findings(&home, 1), "organisation", "nowhere does not exist");
    // No gateway chosen at all.
    fails(&findings(&Home::empty(), 1), "context", "no gateway is chosen");
    // Names that lead nowhere.
    let home = Home::empty()
        .with("ODOCK_URL", "http://odock.invalid/")
        .with("ODOCK_TOKEN", "odock-pat-x")
        .with("ODOCK_RETRIES", "0");
    fails(&findings(&home, 1), "dns", "odock.invalid");
}

#[cfg(unix)]
#[test]
fn a_configuration_that_others_can_change_is_a_failure() {
    use std::os::unix::fs::PermissionsExt as _;
    let gateway = gateway();
    let home = Home::of(&gateway);
    std::fs::set_permissions(home.path("config.toml"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let found = findings(&home, 1);
    assert_eq!(found["configuration"]["verdict"], "fail");
    assert!(found["configuration"]["hint"].as_str().unwrap().starts_with("chmod 600 "));
}

#[test]
fn a_proxy_and_a_clock_that_is_wrong_are_seen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let read = socket.read(&mut [0; 4096]).unwrap();
            assert!(read > 0);
            let body = r#"{"version":"0.1.0","database":"sqlite","hotStore":"memory"}"#;
            let head = "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-type: application/json\r\nconnection: close";
            write!(socket, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    let home = Home::empty().with("ODOCK_URL", &url).with("ODOCK_TOKEN", "odock-pat-x").with("ODOCK_RETRIES", "0");
    let found = findings(&home, 1);
    assert!(found["clock"]["found"].as_str().unwrap().contains("ahead of the gateway's"), "{found:#}");
    let through = Home::empty()
        .with("ODOCK_URL", "http://odock.invalid/")
        .with("HTTP_PROXY", &url)
        .with("ODOCK_TOKEN", "odock-pat-x")
        .with("ODOCK_RETRIES", "0");
    let found = findings(&through, 1);
    assert_eq!((&found["proxy"]["verdict"], &found["dns"]["verdict"]), (&json!("warn"), &json!("skip")));
    assert_eq!(found["gateway"]["verdict"], "ok", "{found:#}");
}
