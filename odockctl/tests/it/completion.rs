//! Completion as shells ask for it: in real shells, against a gateway.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Gateway, Home, keys};

const KEYS: &str = "GET /api/organisations/acme/apikeys";

fn gateway() -> Gateway {
    let gateway = Gateway::start();
    gateway.on(KEYS, 200, &keys(&["ci", "ci-batch", "laptop", "two words", "a$(id)"]));
    gateway
}

/// A shell in which `odockctl` is found, in a home of the gateway.
fn shell(home: &Home, program: &str, arguments: &[&str]) -> Option<String> {
    let own = Path::new(env!("CARGO_BIN_EXE_odockctl")).parent().unwrap();
    let path = format!("{}:{}", own.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(program);
    // A home has its variables; the command that it makes lends them to the shell.
    for (name, value) in home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))) {
        command.env(name, value);
    }
    let output = command.args(arguments).env("PATH", path).current_dir(home.root()).output().ok()?;
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} complains");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn names(home: &Home, line: &str) -> Vec<String> {
    // Where nothing else is known, flags are.
    bash(home, line).into_iter().filter(|word| !word.starts_with("--")).collect()
}

/// What bash offers for a line.
fn bash(home: &Home, line: &str) -> Vec<String> {
    let script = r#"
source <(odockctl completion bash)
COMP_LINE="$1"; COMP_POINT=${#1}; COMP_TYPE=9
read -ra COMP_WORDS <<< "$1"
[[ "$1" == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_clap_complete_odockctl odockctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}""#;
    let found = shell(home, "bash", &["--norc", "-c", script, "bash", line]).unwrap();
    found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_commands_flags_kinds_and_live_names() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    assert!(bash(&home, "odockctl ung").contains(&"ungrant".to_owned()));
    assert!(bash(&home, "odockctl key rotate --over").contains(&"--overlap".to_owned()));
    assert_eq!(bash(&home, "odockctl get prov"), ["providers"]);
    assert_eq!(bash(&home, "odockctl get keys ci"), ["ci", "ci-batch"]);
    assert_eq!(bash(&home, "odockctl describe key/la"), ["key/laptop"]);
    assert_eq!(bash(&home, "odockctl key revoke "), ["ci", "ci-batch", "laptop"]);
    assert_eq!(bash(&home, "odockctl usage list --key la"), ["laptop"]);
    assert_eq!(bash(&home, "odockctl context use "), ["test"]);
    assert_eq!(bash(&home, "odockctl explain key.spec.tea"), ["key.spec.team"]);
    assert_eq!(gateway.lines(), [format!("{KEYS}?limit=1000")], "names are remembered");
}

#[test]
fn names_are_remembered_for_one_place_in_a_private_file() {
    let gateway = gateway();
    gateway.on("GET /api/organisations/globex/apikeys", 200, &keys(&["other"]));
    let home = Home::of(&gateway);
    assert_eq!(bash(&home, "odockctl get key lap"), ["laptop"]);
    assert_eq!(bash(&home, "odockctl --organisation globex get key "), ["other"]);
    let directory = home.path(".cache/odock/completion");
    let files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    for file in files {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("odock-pat"));
        // An old memory is no memory.
        let old = std::time::SystemTime::now() - Duration::from_secs(61);
        std::fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
    }
    assert_eq!(bash(&home, "odockctl get key lap"), ["laptop"]);
    assert_eq!(gateway.lines().len(), 3);
}

#[test]
fn whatever_fails_is_silent_and_quick() {
    let refusing = Gateway::start();
    refusing.refuse(KEYS, 401, "token_expired", "no");
    assert_eq!(names(&Home::of(&refusing), "odockctl get keys "), [""; 0]);
    assert_eq!(names(&Home::empty(), "odockctl get keys "), [""; 0]);
    let home = Home::of(&refusing);
    home.write("config.toml", "this is not TOML");
    assert_eq!(names(&home, "odockctl get keys "), [""; 0]);
    // Somebody who accepts and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::empty()
        .with("ODOCK_URL", &format!("http://{}/", silent.local_addr().unwrap()))
        .with("ODOCK_ORGANISATION", "acme")
        .with("ODOCK_TOKEN", "odock-pat-x");
    let before = Instant::now();
    let mut command = home.command(&["--", "odockctl", "get", "keys", ""]);
    let output = command.env("ODOCK_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3").output().unwrap();
    assert!(before.elapsed() < Duration::from_millis(1_500), "{:?}", before.elapsed());
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn a_helper_program_is_not_run_for_names() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    let text = home.read("config.toml");
    home.write("config.toml", &format!("{text}credential = \"exec:touch {}\"\n", home.path("ran").display()));
    let home = home.with("ODOCK_TOKEN", "");
    assert_eq!(names(&home, "odockctl get keys "), [""; 0]);
    assert!(!home.path("ran").exists() && gateway.lines().is_empty());
}

#[test]
fn fish_and_zsh_read_their_scripts() {
    let gateway = gateway();
    let home = Home::of(&gateway);
    let fish = "odockctl completion fish | source; complete -C 'odockctl get key ci'";
    let mut asked = false;
    if let Some(offered) = shell(&home, "fish", &["--no-config", "-c", fish]) {
        asked = true;
        assert_eq!(offered.lines().collect::<Vec<_>>(), ["ci", "ci-batch"]);
    }
    // zsh completes only on a terminal; what its function is given can be shown without one.
    let zsh = "compdef() { :; }; _describe() { print -rl -- \"${completions[@]}\"; }; compadd() { print -rl -- \"$@\"; }
autoload -U is-at-least; source <(odockctl completion zsh); words=(odockctl get key ci); CURRENT=4; _clap_dynamic_completer_odockctl";
    if let Some(offered) = shell(&home, "zsh", &["-f", "-c", zsh]) {
        asked = true;
        assert!(offered.contains("ci-batch"), "{offered}");
    }
    for shell in ["powershell", "elvish"] {
        assert!(home.run(&["completion", shell]).ends(0).stdout.contains("odockctl"), "{shell}");
    }
    home.run(&["completion", "tcsh"]).ends(64);
    // A machine may have neither of the two shells.
    assert_eq!(gateway.lines().len(), usize::from(asked), "names are remembered from one shell to the next");
}
