//! Manifests that are broken, endless or meant to harm: refused by every command that reads them, soon and with little memory.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::canary::encryption_key;
use crate::support::{Gateway, Home, Run};

/// Far more than any of these needs in a program with its checks on, and far less than hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// KiB of addresses: what a text of ten MiB may come to, and no more.
const ADDRESSES: u32 = 3 * 1024 * 1024;

/// Every command that reads manifests, on one file.
fn readers(file: &str) -> [Vec<&str>; 5] {
    [
        vec!["validate", "-f", file],
        vec!["diff", "-f", file],
        vec!["plan", "-f", file],
        vec!["apply", "-f", file, "--yes"],
        vec!["drift", "-f", file],
    ]
}

/// Runs the program with few addresses, and gives it up if it takes too long.
fn bounded(home: &Home, words: &[&str]) -> Run {
    let program = home.command(words);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {ADDRESSES}; exec \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(home.root()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{words:?} did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Run::of(child.wait_with_output().unwrap())
}

/// The mistakes that a run names, as `file:line:column message`.
fn mistakes(run: &Run) -> Vec<String> {
    let error = run.error();
    let shown = |of: &Value| {
        let source = &of["source"];
        let number = |name: &str| source[name].as_u64().map(|number| format!(":{number}")).unwrap_or_default();
        let (file, message) = (source["file"].as_str().unwrap_or("?"), of["message"].as_str().unwrap());
        format!("{file}{}{} {message}", number("line"), number("column"))
    };
    match error["errors"].as_array() {
        Some(errors) => errors.iter().map(shown).collect(),
        None => vec![shown(&error)],
    }
}

/// Every reader refuses the file as wrong, with this at the beginning of its first mistake, and asks the gateway nothing.
#[track_caller]
fn refused(home: &Home, gateway: &Gateway, file: &str, first: &str) {
    for words in readers(file) {
        let words: Vec<&str> = words.into_iter().chain(["-o", "json"]).collect();
        let run = bounded(home, &words).ends(64);
        let mistakes = mistakes(&run);
        assert!(mistakes[0].starts_with(first), "{words:?}: {mistakes:?}");
        assert!(mistakes[0].len() < 400 && run.stderr.len() < 1_000_000, "{:.500}", mistakes[0]);
    }
    assert!(gateway.lines().is_empty(), "a broken manifest was sent: {:?}", gateway.lines());
}

fn write(home: &Home, name: &str, bytes: &[u8]) {
    std::fs::write(home.path(name), bytes).unwrap();
}

const YAML: &str = "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec: {}\n";
const JSON: &str = r#"{"apiVersion": "odock/v1", "kind": "Team", "metadata": {"name": "a"}, "spec": {}}"#;
const TOML: &str = "[[resources]]\napiVersion = \"odock/v1\"\nkind = \"Team\"\nmetadata = {name = \"a\"}\nspec = {}\n";

#[test]
fn bombs() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..20 {
        laughs += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
    }
    write(&home, "laughs.yaml", laughs.as_bytes());
    refused(&home, &gateway, "laughs.yaml", "laughs.yaml:");
    for (name, text) in [
        ("deep.yaml", "{a: ".repeat(100_000)),
        ("deep.json", "[".repeat(100_000)),
        ("deep.toml", format!("a = {}", "[".repeat(100_000))),
        ("wide.toml", format!("{} = 1", vec!["a"; 100_000].join("."))),
    ] {
        write(&home, name, text.as_bytes());
        refused(&home, &gateway, name, &format!("{name}:1:"));
    }
}

#[test]
fn fifty_megabytes() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    for (name, line) in
        [("big.yaml", "# nothing\n"), ("big.json", "          \n"), ("big.toml", "# nothing\n"), ("big", "x: 1\n")]
    {
        write(&home, name, line.repeat(50 * 1024 * 1024 / line.len()).as_bytes());
        refused(&home, &gateway, name, &format!("{name} has more than 10 MiB"));
        std::fs::remove_file(home.path(name)).unwrap();
    }
}

#[test]
fn what_never_ends() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    refused(&home, &gateway, "/dev/zero", "/dev/zero has more than 10 MiB");
    std::os::unix::fs::symlink("/dev/zero", home.path("zero.yaml")).unwrap();
    refused(&home, &gateway, "zero.yaml", "zero.yaml has more than 10 MiB");
    // Nobody ever writes into this one.
    std::fs::create_dir(home.path("set")).unwrap();
    assert!(Command::new("mkfifo").arg(home.path("set/pipe.yaml")).status().unwrap().success());
    for file in ["set/pipe.yaml", "set"] {
        refused(&home, &gateway, file, "set/pipe.yaml cannot be read: it is a named pipe");
    }
    let _socket = std::os::unix::net::UnixListener::bind(home.path("socket.yaml")).unwrap();
    refused(&home, &gateway, "socket.yaml", "socket.yaml cannot be read: it is a named pipe or a socket");
    // A pipe that a shell hands down has somebody who writes into it.
    let mut command = Command::new("bash");
    let program = home.command(&[]);
    command.args(["-c", "\"$0\" validate -f <(cat team.yaml)"]).arg(program.get_program()).current_dir(home.root());
    home.write("team.yaml", YAML);
    assert_eq!(Run::of(command.output().unwrap()).ends(0).stdout, "1 manifest is valid: Team 1\n");
}

#[test]
fn a_secret_that_never_ends_is_none() {
    let gateway = Gateway::start();
    gateway.on("GET /api/encryption-key", 200, &encryption_key());
    let home = Home::of(&gateway);
    assert!(Command::new("mkfifo").arg(home.path("pipe")).status().unwrap().success());
    for (from, what) in [("./pipe", "it is a named pipe"), ("/dev/zero", "which is no secret")] {
        let provider = format!(
            "apiVersion: odock/v1\nkind: Provider\nmetadata: {{name: a}}\nspec: {{type: OPENAI, keys: [{{name: k, valueFrom: {{file: {from}}}}}]}}\n"
        );
        home.write("provider.yaml", &provider);
        let run = bounded(&home, &["apply", "-f", "provider.yaml", "--yes"]).ends(64);
        assert!(run.stderr.contains("provider.yaml:4:") && run.stderr.contains(what), "{}", run.stderr);
    }
}

#[test]
fn links_that_go_round_are_walked_once() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    std::fs::create_dir_all(home.path("set/inner/deep")).unwrap();
    home.write("set/team.yaml", YAML);
    std::os::unix::fs::symlink("../..", home.path("set/inner/deep/again")).unwrap();
    std::os::unix::fs::symlink(".", home.path("set/self")).unwrap();
    assert_eq!(bounded(&home, &["validate", "-f", "set"]).ends(0).stdout, "1 manifest is valid: Team 1\n");
    std::os::unix::fs::symlink("loop.yaml", home.path("set/loop.yaml")).unwrap();
    refused(&home, &gateway, "set", "set/loop.yaml cannot be read: ");
}

#[test]
fn other_encodings() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    for (end, text) in [("yaml", YAML), ("json", JSON), ("toml", TOML)] {
        for big in [false, true] {
            let name = format!("utf16.{end}");
            write(&home, &name, &[utf16_mark(big), utf16_units(text, big)].concat());
            refused(&home, &gateway, &name, &format!("{name}:1:1 is UTF-16; manifests are UTF-8"));
            // Without a mark it is a text full of zeros.
            write(&home, &name, &utf16_units(text, big));
            refused(
                &home,
                &gateway,
                &name,
                &format!("{name}:1:{} holds the control character U+0000", if big { 1 } else { 2 }),
            );
        }
        // Latin-1: an é of one byte, in the second line.
        let name = format!("latin1.{end}");
        let broken = [b"\n".as_slice(), text.as_bytes(), b"\n# caf\xE9\n"].concat();
        write(&home, &name, &broken);
        let line = text.matches('\n').count() + 3;
        refused(&home, &gateway, &name, &format!("{name}:{line}:6 is not UTF-8 from here on"));
        // A zero byte, where a line begins.
        let name = format!("zero.{end}");
        write(&home, &name, &[text.as_bytes(), b"\n\0"].concat());
        let line = text.matches('\n').count() + 2;
        refused(&home, &gateway, &name, &format!("{name}:{line}:1 holds the control character U+0000"));
        // A mark at the beginning, and lines that end as on Windows, are no mistakes.
        let name = format!("windows.{end}");
        write(&home, &name, format!("\u{feff}{}", text.replace('\n', "\r\n")).as_bytes());
        assert_eq!(
            bounded(&home, &["validate", "-f", &name]).ends(0).stdout,
            "1 manifest is valid: Team 1\n",
            "{name}"
        );
    }
    write(&home, "tabs.yaml", b"apiVersion: odock/v1\nmetadata:\n\tname: a\n");
    refused(&home, &gateway, "tabs.yaml", "tabs.yaml:3:");
}

fn utf16_mark(big: bool) -> Vec<u8> {
    if big { vec![0xFE, 0xFF] } else { vec![0xFF, 0xFE] }
}

fn utf16_units(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn keys_that_stand_twice() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    write(&home, "twice.yaml", b"kind: Team\nkind: User\n");
    refused(&home, &gateway, "twice.yaml", "twice.yaml:2:1 the key `kind` stands here twice");
    write(&home, "twice.json", b"{\"kind\": \"Team\",\n \"k\\u0069nd\": \"User\"}");
    refused(&home, &gateway, "twice.json", "twice.json:2:2 the key `kind` stands here twice");
    write(&home, "twice.toml", b"[[resources]]\nkind = \"Team\"\nkind = \"User\"\n");
    refused(&home, &gateway, "twice.toml", "twice.toml:3:1 is not TOML: duplicate key");
}

/// A file of fifty manifests with one mistake each, at the lines that are given back.
fn wrong(format: &str) -> (String, Vec<u64>) {
    let (mut text, mut lines) = (String::new(), Vec::new());
    if format == "json" {
        text.push('[');
    }
    for number in 0..50 {
        // Each of these is wrong in its own way, and in one place.
        let (yaml, toml) = match number % 5 {
            0 => ("spec: {descripton: x}", "spec = {descripton = \"x\"}"),
            1 => ("spec: {description: 7}", "spec = {description = 7}"),
            2 => ("spec: {members: [{user: nobody}]}", "spec = {members = [{user = \"nobody\"}]}"),
            3 => (
                "spec: {policies: {ratelimit: {requests: {per_minute: -1}}}}",
                "spec = {policies = {ratelimit = {requests = {per_minute = -1}}}}",
            ),
            _ => ("spec: []", "spec = []"),
        };
        match format {
            "yaml" => {
                text +=
                    &format!("---\napiVersion: odock/v1\nkind: Team\nmetadata: {{name: {format}-{number}}}\n{yaml}\n")
            }
            "toml" => {
                text += &format!(
                    "[[resources]]\napiVersion = \"odock/v1\"\nkind = \"Team\"\nmetadata = {{name = \"{format}-{number}\"}}\n{toml}\n"
                )
            }
            _ => {
                let spec: Value = serde_saphyr::from_str(yaml).unwrap();
                let head = if number > 0 { ",\n" } else { "\n" };
                text += &format!(
                    "{head}{{\"apiVersion\": \"odock/v1\", \"kind\": \"Team\", \"metadata\": {{\"name\": \"{format}-{number}\"}},\n \"spec\": {}}}",
                    spec["spec"]
                );
            }
        }
        lines.push(match format {
            "json" => 2 * number + 3,
            _ => 5 * number + 5,
        });
    }
    if format == "json" {
        text.push_str("\n]\n");
    }
    (text, lines)
}

#[test]
fn a_hundred_and_fifty_mistakes_are_told_at_once_in_the_order_of_their_places() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    std::fs::create_dir(home.path("set")).unwrap();
    let mut places: Vec<String> = Vec::new();
    for format in ["json", "toml", "yaml"] {
        let (text, lines) = wrong(format);
        home.write(&format!("set/wrong.{format}"), &text);
        places.extend(lines.iter().map(|line| format!("set/wrong.{format}:{line}:")));
    }
    for words in readers("set") {
        let words: Vec<&str> = words.into_iter().chain(["-o", "json"]).collect();
        let mistakes = mistakes(&bounded(&home, &words).ends(64));
        assert_eq!(mistakes.len(), 150, "{words:?}: {mistakes:#?}");
        for (mistake, place) in mistakes.iter().zip(&places) {
            assert!(mistake.starts_with(place), "{words:?}: {mistake} is not at {place}");
        }
    }
    let text = bounded(&home, &["validate", "-f", "set"]).ends(64).stderr;
    assert!(text.starts_with("error: 150 mistakes in the manifests; nothing was changed\n"), "{text}");
    assert!(gateway.lines().is_empty());
}

#[test]
fn the_paths_of_files_control_no_terminal() {
    let gateway = Gateway::start();
    let home = Home::of(&gateway);
    let name = "a\u{1b}[31m.yaml";
    write(&home, name, b"kind: [");
    let run = bounded(&home, &["validate", "-f", name]).ends(64);
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
    assert!(Path::new(&home.path(name)).exists());
}
