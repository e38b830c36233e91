use serde_json::Value;

use crate::support::{Gateway, Home, issued, key};

const KEYS: &str = "/api/organisations/acme/apikeys";
const SECRET: &str = "sk-odock-secret-canary";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(&format!("POST {KEYS}"), 201, &issued("ci"));
    gateway.on(&format!("POST {KEYS}/ci/ack"), 200, &key("ci"));
    gateway.on(&format!("POST {KEYS}/ci/finish-rotation"), 200, &key("ci"));
    gateway.on(&format!("POST {KEYS}/ci/reveal"), 200, &issued("ci"));
    gateway.on(&format!("POST {KEYS}/ci/rotate"), 200, &issued("ci"));
    gateway
}

#[test]
fn a_secret_goes_to_its_sink_and_nowhere_else() {
    let gateway = gateway();
    for format in ["table", "json", "yaml", "csv", "name"] {
        let home = Home::of(&gateway);
        let run = home
            .run(&[
                "key",
                "create",
                "ci",
                "--team",
                "search",
                "--model",
                "fast",
                "--secret-out",
                "file:./ci.key",
                "-o",
                format,
                "-vv",
            ])
            .ends(0);
        assert_eq!(home.read("ci.key"), format!("{SECRET}\n"));
        assert!(!run.stdout.contains("secret-canary") && !run.stderr.contains("secret-canary"), "{run:?}");
        if format == "json" {
            let key: Value = serde_json::from_str(&run.stdout).unwrap();
            assert_eq!((&key["name"], &key["deliveredTo"][0]), (&"ci".into(), &"file:./ci.key".into()));
        }
    }
    let sent: Value = serde_json::from_str(&gateway.bodies()[0]).unwrap();
    assert_eq!(sent["spec"]["type"], "TEAM");
    assert_eq!((&sent["reveal"], &sent["pending"]), (&true.into(), &true.into()), "it works once it is delivered");
    let acknowledged: Value = serde_json::from_str(&gateway.bodies()[1]).unwrap();
    assert_eq!(acknowledged["hash"], odock_client::virtual_key::hash(SECRET));
}

#[test]
fn stdout_is_a_sink_when_it_is_asked_for() {
    let gateway = gateway();
    let run = Home::of(&gateway).run(&["key", "create", "ci", "--secret-out", "-"]).ends(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("sk-odock-secret-canary\n", "created key ci\n"));
    Home::of(&gateway).run(&["key", "create", "ci", "--secret-out", "-", "-o", "json"]).ends(13);
}

#[test]
fn nothing_is_created_that_could_not_be_delivered() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    home.write("taken", "mine");
    for sink in ["file:./taken", "file:./no/such/directory/x", "fd:77"] {
        let error = home.run(&["key", "create", "ci", "--secret-out", sink, "-o", "json"]).ends(13).error();
        assert_eq!(error["code"], "undelivered", "{sink}");
    }
    assert_eq!(
        home.run(&["key", "create", "ci", "-o", "json"]).ends(13).error()["code"],
        "undelivered",
        "no terminal, no sink"
    );
    assert!(gateway.lines().is_empty());
    assert_eq!(home.read("taken"), "mine");
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_whose_secret_reached_nobody_is_not_acknowledged() {
    let gateway = gateway();
    // A device that is always full takes the place of a disk that is.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let home = Home::of(&gateway);
    let mut command = home.command(&["key", "create", "ci", "--secret-out", "-"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(13));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("odockctl key reveal ci") && !stderr.contains("secret-canary"), "{stderr}");
    assert_eq!(gateway.lines(), [format!("POST {KEYS}")]);
    // A program that fails is no better.
    home.run(&["key", "rotate", "ci", "--secret-out", "exec:false", "--yes"]).ends(13);
    assert!(!gateway.lines().iter().any(|line| line.ends_with("/ack")));
}

#[test]
fn a_secret_that_is_delivered_and_not_put_in_force_is_said_so() {
    let gateway = Gateway::start();
    gateway.on(&format!("POST {KEYS}"), 201, &issued("ci"));
    gateway.refuse(&format!("POST {KEYS}/ci/ack"), 503, "unavailable", "not now");
    let home = Home::of(&gateway).with("ODOCK_RETRIES", "0");
    let run = home.run(&["key", "create", "ci", "--secret-out", "file:./ci.key"]).ends(13);
    assert!(run.stderr.contains("not put in force") && run.stderr.contains("odockctl key reveal ci"), "{}", run.stderr);
}

#[test]
fn rotation_asks_first_and_tells_the_overlap_in_seconds() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    home.run(&["key", "rotate", "ci", "--overlap", "24h", "--secret-out", "file:./new.key"]).ends(12);
    assert!(gateway.lines().is_empty() && !home.path("new.key").exists());
    home.run(&["key", "rotate", "ci", "--overlap", "24h", "--secret-out", "file:./new.key", "--yes"]).ends(0);
    assert_eq!(gateway.bodies()[0], "{\"overlapSeconds\":86400,\"pending\":true}");
    assert_eq!(home.read("new.key"), format!("{SECRET}\n"));
    home.run(&["key", "rotate", "ci", "--finish"]).ends(12);
    home.run(&["key", "rotate", "ci", "--finish", "--yes"]).ends(0);
    assert_eq!(gateway.lines().last().unwrap(), &format!("POST {KEYS}/ci/finish-rotation"));
}

#[test]
fn a_secret_that_was_seen_is_not_shown_again() {
    let gateway = Gateway::start();
    gateway.refuse(&format!("POST {KEYS}/ci/reveal"), 409, "conflict", "the secret was shown already");
    let home = Home::of(&gateway);
    let run = home.run(&["key", "reveal", "ci", "--secret-out", "file:./ci.key"]).ends(7);
    assert!(run.stderr.contains("odockctl key rotate ci"), "{}", run.stderr);
    assert!(!home.path("ci.key").exists());
}

#[test]
fn keys_without_a_look_at_the_secret() {
    let gateway = gateway();
    gateway.on(&format!("POST {KEYS}/ci/unrevoke"), 200, &key("ci"));
    let run = Home::of(&gateway).run(&["key", "create", "ci", "--no-reveal", "-o", "name"]).ends(0);
    assert_eq!(run.stdout, "apikey/ci\n");
    assert_eq!(gateway.lines(), [format!("POST {KEYS}")]);
    assert_eq!(Home::of(&gateway).run(&["key", "unrevoke", "ci", "-o", "name"]).ends(0).stdout, "apikey/ci\n");
}
