use std::io::Read as _;
use std::process::Stdio;

use crate::support::Home;

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(Home::empty().run(&["--help"]).ends(0).stdout);
}

#[test]
fn help_of_commands() {
    for command in
        [&["get"][..], &["apply"], &["login"], &["key", "create"], &["usage", "tail"], &["chat"], &["model", "import"]]
    {
        let arguments: Vec<&str> = command.iter().copied().chain(["-h"]).collect();
        insta::assert_snapshot!(command.join("-"), Home::empty().run(&arguments).ends(0).stdout);
    }
}

#[test]
fn the_tree_for_programs_does_not_drift_unnoticed() {
    let run = Home::empty().run(&["help", "--json"]).ends(0);
    let mut tree: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    tree["version"] = "VERSION".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&tree).unwrap());
}

#[test]
fn help_is_found_by_command_and_by_topic() {
    let home = Home::empty();
    assert!(home.run(&["help", "key", "rotate"]).ends(0).stdout.contains("Give a key a new secret"));
    assert!(home.run(&["help", "exit-codes"]).ends(0).stdout.contains("13  a new secret could not be delivered"));
    assert!(home.run(&["help", "nonsense"]).ends(64).stderr.contains("hint: commands: odockctl --help"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let home = Home::empty();
    let mut child = home.command(&["help", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}
