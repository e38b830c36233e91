use clap::Parser as _;

use super::*;

fn commands() -> Vec<Leaf> {
    let mut root = Cli::command();
    root.build();
    tree(&root).commands
}

/// The words of an example as a shell would read them, from `odockctl` to the end of its command.
fn words(line: &str) -> Vec<String> {
    let line = &line[line.find("odockctl").unwrap()..];
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>' | '<') => break,
            (None, ' ') => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            (None, c) => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_and_every_example_parses() {
    for command in commands() {
        assert!(!command.examples.is_empty(), "{} has no example", command.command);
        for example in command.examples {
            let parsed = Cli::try_parse_from(words(&example));
            assert!(parsed.is_ok(), "{example}\n{}", parsed.unwrap_err());
            assert!(words(&example).join(" ").contains(&command.command), "{example} is about another command");
        }
    }
    for example in examples(&Cli::command()) {
        assert!(Cli::try_parse_from(words(&example)).is_ok(), "{example}");
    }
}

#[test]
fn every_global_flag_has_a_variable_but_those_that_must_not() {
    let mut root = Cli::command();
    root.build();
    let without: Vec<String> =
        tree(&root).global_flags.into_iter().filter(|f| f.env.is_none()).map(|f| f.name).collect();
    // The token's variables are read in their own order; a confirmation must be given each time; -v is for people.
    assert_eq!(without, ["--token-file", "--token-stdin", "--oidc-token-file", "--verbose", "--confirm"]);
}

#[test]
fn impacts_are_as_intended() {
    let of = |impact| {
        let found = commands().into_iter().filter(|command| command.impact == impact);
        found.map(|command| command.command).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        of(Impact::Destroy),
        "auth end-session, context remove, delete, key rotate, key revoke, user decline, invite revoke, token revoke"
    );
    assert_eq!(
        of(Impact::Write),
        "login, logout, auth password, context add, context use, edit, patch, apply, adopt, key create, key reveal, key unrevoke, provider test, model import, grant, ungrant, overlay set, overlay end, secrets rewrap, user approve, invite create, invite resend, invite accept, token create"
    );
}

#[test]
fn topics_are_there() {
    for topic in TOPICS {
        assert!(topics::text(topic).is_some_and(|text| text.lines().count() > 3), "{topic}");
    }
    assert!(topics::environment().contains("ODOCK_CONTEXT"));
}
