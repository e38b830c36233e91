//! Sinks that belong to others, as these see them: the runner of GitHub Actions, and kubectl.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::{Gateway, Home, Run, TOKEN, issued, key};

const KEYS: &str = "/api/organisations/acme/apikeys";
const SECRET: &str = "sk-odock-secret-canary";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(&format!("POST {KEYS}"), 201, &issued("ci"));
    gateway.on(&format!("POST {KEYS}/ci/ack"), 200, &key("ci"));
    gateway
}

/// A home in which `kubectl` is a program that notes how it was called.
fn with_kubectl(gateway: &Gateway, ends: u8) -> Home {
    let home = Home::of(gateway);
    let bin = home.path("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >argv\ncat >stdin\ntr '\\0' '\\n' </proc/$$/environ >environ\n\
         for process in $$ $PPID; do tr '\\0' '\\n' </proc/$process/cmdline >>cmdline; done\nexit {ends}\n"
    );
    fs::write(bin.join("kubectl"), script).unwrap();
    fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    home.with("PATH", &format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()))
}

fn shows_nothing(run: &Run) {
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{run:?}");
}

#[test]
fn kubectl_gets_the_secret_on_its_input_and_nowhere_else() {
    let gateway = gateway();
    let home = with_kubectl(&gateway, 0);
    let sink = "k8s-secret:payments/odock-key:api.key";
    let run = home.run(&["key", "create", "ci", "--secret-out", sink, "-o", "json"]).ends(0);
    shows_nothing(&run);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap()["deliveredTo"], json!([sink]));
    assert_eq!(home.read("argv"), "apply\n--server-side\n--field-manager=odockctl\n-f\n-\n");
    let applied: Value = serde_json::from_str(&home.read("stdin")).unwrap();
    assert_eq!((&applied["kind"], &applied["type"]), (&json!("Secret"), &json!("Opaque")));
    assert_eq!(applied["metadata"], json!({"namespace": "payments", "name": "odock-key"}));
    assert_eq!(applied["stringData"], json!({"api.key": SECRET}));
    for file in ["cmdline", "environ"] {
        let text = home.read(file);
        assert!(!text.is_empty() && !text.contains(SECRET), "{file}: {text}");
        assert!(!text.contains(TOKEN), "the administrator's token was handed to kubectl");
    }
    assert!(gateway.lines().contains(&format!("POST {KEYS}/ci/ack")));
}

#[test]
fn a_kubectl_that_fails_or_is_missing_puts_no_key_in_force() {
    let gateway = gateway();
    let sink = "k8s-secret:payments/odock-key:api.key";
    let run = with_kubectl(&gateway, 7).run(&["key", "create", "ci", "--secret-out", sink]).ends(13);
    shows_nothing(&run);
    assert!(run.stderr.contains("k8s-secret:payments/odock-key:api.key: it failed: exit status: 7"), "{}", run.stderr);
    assert!(!gateway.lines().iter().any(|line| line.ends_with("/ack")));

    let gateway = self::gateway();
    let home = Home::of(&gateway).with("PATH", "/nonexistent");
    let run = home.run(&["key", "create", "ci", "--secret-out", sink]).ends(13);
    assert!(run.stderr.contains("`kubectl` is not there"), "{}", run.stderr);
    assert!(gateway.lines().is_empty(), "a key was made that could not be delivered");
}

#[test]
fn the_runner_masks_the_secret_before_it_learns_the_variable() {
    let gateway = gateway();
    for (before, gap) in [("", ""), ("FIRST=1\n", ""), ("FIRST=1", "\n")] {
        let home = Home::of(&gateway);
        let file = home.write("github_env", before);
        let home = home.with("GITHUB_ENV", file.to_str().unwrap());
        let run = home.run(&["key", "create", "ci", "--secret-out", "github-env:ODOCK_API_KEY"]).ends(0);
        // The one line that holds it is the command that hides it from then on.
        assert_eq!(run.stderr.lines().filter(|line| line.contains(SECRET)).count(), 1);
        assert!(run.stderr.lines().any(|line| line == format!("::add-mask::{SECRET}")), "{}", run.stderr);
        assert!(!run.stdout.contains(SECRET));
        let text = home.read("github_env");
        let entry = text.strip_prefix(before).unwrap().strip_prefix(gap).unwrap();
        let lines: Vec<&str> = entry.lines().collect();
        let [head, value, end] = lines[..] else { panic!("{entry}") };
        assert_eq!((head, value), (&*format!("ODOCK_API_KEY<<{end}"), SECRET));
        assert!(end.len() > 32 && entry.ends_with('\n'), "an end that could be guessed: {end}");
    }
}

#[test]
fn a_secret_of_several_lines_reaches_no_runner() {
    let gateway = Gateway::start();
    let odd = "sk-odock-secret-canary\n::set-output name=x::y\nPATH=/evil";
    gateway.on(&format!("POST {KEYS}"), 201, &json!({ "key": key("ci"), "secret": odd }));
    let home = Home::of(&gateway);
    let file = home.write("github_env", "FIRST=1\n");
    let home = home.with("GITHUB_ENV", file.to_str().unwrap());
    let run = home.run(&["key", "create", "ci", "--secret-out", "github-env:ODOCK_API_KEY"]).ends(13);
    assert!(!run.stderr.contains("::set-output") && !run.stderr.contains(SECRET), "{}", run.stderr);
    assert_eq!(home.read("github_env"), "FIRST=1\n");
    assert!(!gateway.lines().iter().any(|line| line.ends_with("/ack")));
}

#[test]
fn without_a_runner_nothing_is_made_for_one() {
    let gateway = gateway();
    let run = Home::of(&gateway).run(&["key", "create", "ci", "--secret-out", "github-env:X"]).ends(13);
    assert!(run.stderr.contains("GITHUB_ENV is not set"), "{}", run.stderr);
    let home = Home::of(&gateway).with("GITHUB_ENV", "/nonexistent/env");
    home.run(&["key", "create", "ci", "--secret-out", "github-env:X"]).ends(13);
    assert!(gateway.lines().is_empty());
    // The runner's file is there, and has no room.
    let home = Home::of(&gateway).with("GITHUB_ENV", "/dev/full");
    let run = home.run(&["key", "create", "ci", "--secret-out", "github-env:X"]).ends(13);
    assert_eq!(run.stderr.lines().filter(|line| line.contains(SECRET)).count(), 1, "the mask alone: {}", run.stderr);
    assert!(!gateway.lines().iter().any(|line| line.ends_with("/ack")));
}
