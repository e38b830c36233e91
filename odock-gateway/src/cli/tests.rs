//! The command line as a tree, and what it refuses.

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_tree_is_sound_and_every_help_shows_an_example() {
    fn walk(command: &clap::Command) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("odock-gateway"), "{} has no example", command.get_name());
        assert!(command.get_about().is_some(), "{} does not say what it does", command.get_name());
        command.get_subcommands().for_each(walk);
    }
    let command = Cli::command();
    command.clone().debug_assert();
    walk(&command);
}

#[test]
fn examples_of_the_help_parse() {
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let own = help.lines().filter_map(|line| Some(line[line.find("odock-gateway")?..].to_owned()));
        own.chain(command.get_subcommands().flat_map(examples)).collect()
    }
    let found = examples(&Cli::command());
    assert!(found.len() >= 10, "{found:?}");
    for example in found {
        let line = example.split(" > ").next().unwrap();
        assert!(parse(line).is_ok(), "{line}");
    }
}

#[test]
fn serving_is_what_happens_without_a_subcommand() {
    assert!(parse("odock-gateway --port 1").unwrap().command.is_none());
    assert!(matches!(parse("odock-gateway serve").unwrap().command, Some(Command::Serve)));
}

#[test]
fn flags_stand_before_or_after_the_subcommand() {
    for line in ["odock-gateway --port 9000 serve", "odock-gateway serve --port 9000"] {
        assert_eq!(parse(line).unwrap().flags.port, Some(9000), "{line}");
    }
}

#[test]
fn taking_back_a_migration_wants_a_yes() {
    let action = |line| match parse(line).unwrap().command {
        Some(Command::Migrate(action)) => action.confirmed(),
        other => panic!("{other:?}"),
    };
    assert!(action("odock-gateway migrate down").is_err());
    assert!(action("odock-gateway migrate down --yes").is_ok());
    assert!(action("odock-gateway migrate up").is_ok());
}

#[test]
fn exit_codes_tell_what_kind_of_trouble_it_is() {
    let bad = Config::load(&Flags::default(), [("HTTP_PORT", "x")]).unwrap_err();
    assert_eq!(code(&bad.into()), 78);
    assert_eq!(code(&Misuse("no".to_owned()).into()), 64);
    assert_eq!(code(&anyhow::anyhow!("gone")), 1);
}
