//! Credentials when the world is not as it should be: clocks that differ, keyrings that hang.

use serde_json::{Value, json};

use crate::support::{Gateway, Home, TOKEN, whoami};

/// What signing in leads to, by a gateway whose clock this machine does not share.
fn session(refresh: &str) -> Value {
    json!({
        "session": {
            "id": "0198c0de-0000-7000-8000-000000000009", "name": "laptop", "method": "one_time_token",
            "address": "192.0.2.7", "createdAt": "2026-11-01T10:00:00Z", "expiresAt": "2099-01-01T00:00:00Z", "current": true
        },
        "accessToken": TOKEN, "accessExpiresAt": "2099-01-01T00:00:00Z", "refreshToken": refresh
    })
}

/// Signed in, with a session in a file.
fn signed_in(gateway: &Gateway) -> Home {
    gateway.on("GET /api/whoami", 200, &whoami());
    gateway.on("POST /api/auth/sign-in", 200, &session("odock-ref-canary"));
    gateway.on("POST /api/auth/refresh", 200, &session("odock-ref-second-canary"));
    let home = Home::empty();
    home.write("token", "odock-signin-canary\n");
    home.run(&["login", "--url", &gateway.url, "--token-file", "token", "--store", "file"]).ends(0);
    gateway.forget("GET /api/whoami");
    home
}

fn refreshes(gateway: &Gateway) -> usize {
    gateway.lines().iter().filter(|line| line.ends_with("/refresh")).count()
}

#[test]
fn a_session_that_is_over_by_the_gateways_clock_alone_is_renewed_and_the_call_made_again() {
    let gateway = Gateway::start();
    let home = signed_in(&gateway);
    gateway.refuse("GET /api/whoami", 401, "token_expired", "the token's time is over");
    gateway.on("GET /api/whoami", 200, &whoami());
    home.run(&["whoami"]).ends(0);
    assert_eq!(refreshes(&gateway), 1);
    home.run(&["whoami"]).ends(0);
    assert_eq!(refreshes(&gateway), 1, "what it became was kept");
    assert!(home.read("credentials/default.token").contains("odock-ref-second-canary"));
}

#[test]
fn a_gateway_for_which_every_session_is_over_is_not_asked_for_ever() {
    let gateway = Gateway::start();
    let home = signed_in(&gateway);
    gateway.refuse("GET /api/whoami", 401, "token_expired", "the token's time is over");
    let run = home.run(&["whoami"]).ends(4);
    assert!(run.stderr.contains("odockctl login"), "{}", run.stderr);
    assert_eq!(refreshes(&gateway), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_keyring_that_accepts_and_never_answers_is_given_up() {
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, Instant};
    let gateway = Gateway::start();
    gateway.on("GET /api/whoami", 200, &whoami());
    let home = Home::empty();
    // A session bus of which the other end is stuck. Nobody accepts: connecting succeeds all the same.
    let bus = home.path("bus");
    let _stuck = UnixListener::bind(&bus).unwrap();
    let home = home.with("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", bus.display()));
    let config = format!(
        "current = \"test\"\n\n[contexts.test]\nurl = \"{}\"\norganisation = \"acme\"\ncredential = \"keyring:test\"\n",
        gateway.url
    );
    home.write("config.toml", &config);
    let begun = Instant::now();
    let error = home.run(&["whoami", "-o", "json"]).ends(4).error();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(error["message"].as_str().unwrap().contains("did not answer within 3 s"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("ODOCK_TOKEN"), "{error}");
    // Signing in spends no token on a store that cannot keep what comes of it.
    home.write("token", "odock-signin-canary\n");
    let error = home.run(&["login", "--url", &gateway.url, "--token-file", "token", "-o", "json"]).ends(1).error();
    for way in ["ODOCK_TOKEN", "--store file", "exec:"] {
        assert!(error["hint"].as_str().unwrap().contains(way), "{error}");
    }
    assert!(gateway.lines().is_empty());
}
