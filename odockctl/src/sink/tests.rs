use super::file::in_git;
use super::*;
use crate::cli::Cli;
use clap::Parser as _;
use std::fs;
use std::process::Command;

fn out(words: &[&str]) -> Output {
    let words = ["odockctl"].iter().chain(words).chain(&["version"]);
    let mut out = Output::new(&Cli::try_parse_from(words).unwrap().global);
    out.terminal = false;
    out
}

fn secret() -> SecretString {
    SecretString::from("sk-odock-canary")
}

fn refusal(wanted: &[Sink], out: &Output) -> CliError {
    let Err(error) = Sinks::open(wanted, out) else { panic!("{wanted:?} was opened") };
    assert_eq!(error.exit(), Exit::Undelivered);
    assert!(!error.json().contains("canary"));
    error
}

#[test]
fn sinks_are_named_by_word_and_place() {
    assert_eq!("-".parse(), Ok(Sink::Stdout));
    assert_eq!("file:./ci.key".parse(), Ok(Sink::File("./ci.key".into())));
    assert_eq!("fd:3".parse(), Ok(Sink::Descriptor(3)));
    for text in
        ["exec:vault kv put secret/ci key=-", "github-env:ODOCK_API_KEY", "k8s-secret:payments/odock-key:api.key"]
    {
        assert_eq!(text.parse::<Sink>().unwrap().to_string(), text);
    }
    for wrong in [
        "",
        "file:",
        "fd:",
        "fd:x",
        "fd:0",
        "fd:1",
        "fd:2",
        "ci.key",
        "exec:",
        "github-env:1A",
        "github-env:",
        "k8s-secret:a/b",
        "k8s-secret:a:b",
        "s3:x",
    ] {
        assert!(wrong.parse::<Sink>().is_err(), "{wrong}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_is_made_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ci.key");
    let sinks = Sinks::open(&[Sink::File(path.clone())], &out(&[])).unwrap();
    assert!(!sinks.take_stdout());
    let delivered = sinks.deliver(&secret(), &out(&[])).unwrap();
    assert_eq!(delivered, [format!("file:{}", path.display())]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "sk-odock-canary\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_sink_without_a_secret_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ci.key");
    drop(Sinks::open(&[Sink::File(path.clone())], &out(&[])).unwrap());
    assert!(!path.exists());
}

#[test]
fn what_is_there_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ci.key");
    fs::write(&path, "mine").unwrap();
    refusal(&[Sink::File(path.clone())], &out(&[]));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[cfg(unix)]
#[test]
fn links_and_open_directories_are_refused() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    symlink(directory.path().join("elsewhere"), &link).unwrap();
    refusal(&[Sink::File(link)], &out(&[]));
    assert!(!directory.path().join("elsewhere").exists());
    let open = directory.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    refusal(&[Sink::File(open.join("ci.key"))], &out(&[]));
    refusal(&[Sink::File(directory.path().join("missing/ci.key"))], &out(&[]));
}

#[test]
fn one_bad_sink_spoils_all_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let good = directory.path().join("good");
    refusal(&[Sink::File(good.clone()), Sink::File(directory.path().join("no/where"))], &out(&[]));
    assert!(!good.exists());
}

#[test]
fn without_a_sink_only_a_terminal_will_do() {
    refusal(&[], &out(&[]));
    let mut terminal = out(&[]);
    terminal.terminal = true;
    assert!(Sinks::open(&[], &terminal).unwrap().take_stdout());
    let mut structured = out(&["-o", "json"]);
    structured.terminal = true;
    refusal(&[], &structured);
    refusal(&[Sink::Stdout], &structured);
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_gets_the_secret() {
    use std::os::fd::AsRawFd as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("handed-down");
    let file = File::create(&path).unwrap();
    let number = u32::try_from(file.as_raw_fd()).unwrap();
    Sinks::open(&[Sink::Descriptor(number)], &out(&[])).unwrap().deliver(&secret(), &out(&[])).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "sk-odock-canary\n");
    refusal(&[Sink::Descriptor(4_000_000)], &out(&[]));
}

#[test]
fn a_file_that_git_would_commit_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| Command::new("git").args(words).current_dir(directory.path()).output().unwrap();
    assert!(run(&["init", "--quiet"]).status.success());
    fs::write(directory.path().join(".gitignore"), "*.key\n").unwrap();
    assert!(!in_git(&directory.path().join("ci.key"), directory.path()));
    assert!(in_git(&directory.path().join("ci.txt"), directory.path()));
}

#[test]
fn a_program_gets_the_secret_on_its_input_and_must_be_there_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("seen");
    let exec = |line: &str| line.parse::<Sink>().unwrap();
    let sink = exec(&format!("exec:tee {}", path.display()));
    let delivered = Sinks::open(std::slice::from_ref(&sink), &out(&[])).unwrap().deliver(&secret(), &out(&[])).unwrap();
    assert_eq!(
        (fs::read_to_string(&path).unwrap().as_str(), delivered[0].as_str()),
        ("sk-odock-canary", &*sink.to_string())
    );
    refusal(&[exec("exec:no-such-program-anywhere")], &out(&[]));
    let failing = Sinks::open(&[exec("exec:false")], &out(&[])).unwrap().deliver(&secret(), &out(&[])).unwrap_err();
    assert_eq!(failing.exit(), Exit::Undelivered);
    assert!(!failing.json().contains("canary"));
}

#[cfg(unix)]
#[test]
fn a_file_that_holds_a_key_is_read_back_and_nothing_else_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ci.key");
    assert!(present(&path).unwrap().is_none());
    let key = odock_client::virtual_key::generate().unwrap();
    Sinks::open(&[Sink::File(path.clone())], &out(&[])).unwrap().deliver(&key, &out(&[])).unwrap();
    assert_eq!(present(&path).unwrap().unwrap().expose_secret(), key.expose_secret());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(present(&path).is_err(), "others could have read it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "something else").unwrap();
    assert!(present(&path).is_err());
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(present(&link).is_err());
}
