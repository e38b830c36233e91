use serde_json::json;

use crate::support::{Gateway, Home, key};

const KEY: &str = "/api/organisations/acme/apikeys/ci";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(&format!("DELETE {KEY}"), 204, &json!(null));
    gateway.on(&format!("POST {KEY}/revoke"), 200, &key("ci"));
    gateway
}

fn protected(gateway: &Gateway) -> Home {
    let home = Home::of(gateway);
    let text = home.read("config.toml");
    home.write("config.toml", &format!("{text}protected = true\n"));
    home
}

#[test]
fn without_a_terminal_a_destructive_act_stops_and_names_the_command() {
    let gateway = gateway();
    let error = Home::of(&gateway).run(&["delete", "key", "ci", "-o", "json"]).ends(12).error();
    assert_eq!(error["code"], "unconfirmed");
    assert_eq!(error["hint"], "odockctl delete key ci -o json --yes");
    assert!(gateway.lines().is_empty());
    let run = Home::of(&gateway).run(&["delete", "key", "ci", "--yes"]).ends(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "deleted key ci\n"));
    assert_eq!(gateway.lines(), [format!("DELETE {KEY}")]);
}

#[test]
fn a_protected_context_needs_its_name() {
    let gateway = gateway();
    let error = protected(&gateway).run(&["key", "revoke", "ci", "--yes", "-o", "json"]).ends(12).error();
    assert_eq!(error["hint"], "odockctl key revoke ci --yes -o json --confirm test");
    protected(&gateway).run(&["key", "revoke", "ci", "--confirm", "prod"]).ends(12);
    assert!(gateway.lines().is_empty());
    protected(&gateway).run(&["key", "revoke", "ci", "--confirm", "test"]).ends(0);
    assert_eq!(gateway.lines(), [format!("POST {KEY}/revoke")]);
}

#[test]
fn read_only_changes_nothing() {
    let gateway = gateway();
    let changes: [&[&str]; 7] = [
        &["delete", "key", "ci", "--yes"],
        &["key", "create", "x", "--no-reveal"],
        &["key", "reveal", "ci", "--secret-out", "file:./x"],
        &["key", "rotate", "ci", "--yes", "--secret-out", "file:./x"],
        &["key", "revoke", "ci", "--yes"],
        &["grant", "key", "ci", "--model", "m"],
        &["token", "create", "x", "--scope", "read", "--secret-out", "file:./x"],
    ];
    for change in changes {
        let home = Home::of(&gateway);
        assert_eq!(home.run(&[change, &["--read-only", "-o", "json"]].concat()).ends(12).error()["code"], "read_only");
        assert!(!home.path("x").exists(), "{change:?} opened a sink");
    }
    let home = Home::of(&gateway);
    let text = home.read("config.toml");
    home.write("config.toml", &format!("{text}read_only = true\n"));
    assert!(home.run(&["key", "revoke", "ci", "--yes"]).ends(12).stderr.contains("context test is read-only"));
    assert!(gateway.lines().is_empty());
}

#[test]
fn a_token_is_not_sent_to_another_address() {
    let (gateway, other) = (Gateway::start(), Gateway::start());
    let home = Home::of(&gateway);
    let token = home.write("kept", "odock-pat-kept\n");
    let text = home.read("config.toml");
    home.write("config.toml", &format!("{text}credential = \"exec:cat {}\"\n", token.display()));
    let run = |home: &Home, url: &str| {
        let mut command = home.command(&["get", "keys", "--url", url]);
        command.env_remove("ODOCK_TOKEN").output().unwrap().status.code()
    };
    assert_eq!(run(&home, &other.url), Some(4));
    assert!(other.lines().is_empty());
    assert_eq!(run(&home, &gateway.url), Some(6));
    assert_eq!(gateway.credentials(), ["Bearer odock-pat-kept"]);
}

#[test]
fn of_several_what_was_done_is_said() {
    let gateway = gateway();
    let run = Home::of(&gateway).run(&["delete", "keys", "ci", "gone", "other", "--yes"]).ends(6);
    assert!(run.stderr.contains("warning: deleted: key ci; not deleted: key gone, key other"), "{}", run.stderr);
}

#[test]
fn a_conflict_says_how_to_go_on() {
    let gateway = Gateway::start();
    gateway.refuse(
        "DELETE /api/organisations/acme/providers/openai",
        409,
        "conflict",
        "model support-fast refers to it",
    );
    let run = Home::of(&gateway).run(&["delete", "provider/openai", "--yes"]).ends(7);
    assert!(
        run.stderr.contains("provider openai: model support-fast refers to it") && run.stderr.contains("--cascade"),
        "{}",
        run.stderr
    );
}

#[test]
fn grants_work_from_either_side() {
    let gateway = Gateway::start();
    for (key, model) in [("ci", "a"), ("ci", "b"), ("batch", "a")] {
        gateway.on(&format!("PUT /api/organisations/acme/apikeys/{key}/models/{model}"), 204, &json!(null));
    }
    Home::of(&gateway).run(&["grant", "key", "ci", "--model", "a", "--model", "b"]).ends(0);
    Home::of(&gateway).run(&["grant", "model", "a", "--key", "ci", "--key", "batch"]).ends(0);
    assert_eq!(gateway.lines().len(), 4);
    Home::of(&gateway).run(&["grant", "key", "ci"]).ends(64);
    Home::of(&gateway).run(&["grant", "team", "search", "--model", "a"]).ends(64);
}

/// A gateway that takes its time: it answers when it is told to.
#[cfg(unix)]
#[test]
fn ctrl_c_lets_a_change_in_flight_finish() {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::process::{Command, Stdio};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::empty()
        .with("ODOCK_URL", &format!("http://{}/", listener.local_addr().unwrap()))
        .with("ODOCK_ORGANISATION", "acme")
        .with("ODOCK_TOKEN", "odock-pat-x");
    let mut command = home.command(&["delete", "keys", "ci", "batch", "--yes"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut socket, _) = listener.accept().unwrap();
    let asked = socket.read(&mut [0; 4096]).unwrap();
    assert!(asked > 0);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("finishing the request in flight"), "{line}");
    socket.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        rest.contains("deleted key ci\n") && rest.contains("warning: deleted: key ci; not deleted: key batch"),
        "{rest}"
    );
}
