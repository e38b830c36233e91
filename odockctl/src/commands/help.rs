//! `odockctl help`: commands, topics, and the whole tree for programs.

mod topics;

use clap::{Arg, CommandFactory as _};
use entity::Kind;
use serde::Serialize;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::session::Session;

pub use topics::TOPICS;

/// Explain a command or a topic.
///
/// Topics are exit-codes, environment, formatting, secrets, manifests and ownership. With --json, the whole command tree for programs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl help key rotate
  odockctl help exit-codes
  odockctl help --json")]
pub struct Args {
    /// The command or topic.
    #[arg(value_name = "COMMAND | TOPIC")]
    words: Vec<String>,
    /// The whole command tree with flags, environment, exit codes and impact, as JSON.
    #[arg(long, conflicts_with = "words")]
    json: bool,
}

/// What a command does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// It changes nothing.
    Read,
    /// It changes something, in a way that can be changed back.
    Write,
    /// It ends something for good, or stops traffic.
    Destroy,
}

impl Impact {
    /// The impact of a command, by its path in the tree. What is not known counts as writing.
    #[must_use]
    pub fn of(path: &[&str]) -> Self {
        match path {
            ["delete", ..]
            | ["key", "rotate" | "revoke", ..]
            | ["token", "revoke", ..]
            | ["auth", "end-session", ..]
            | ["invite", "revoke", ..]
            | ["user", "decline", ..]
            | ["context", "remove", ..] => Self::Destroy,
            ["auth", "password", ..] => Self::Write,
            ["invite", "list", ..] => Self::Read,
            [
                "whoami" | "auth" | "get" | "describe" | "explain" | "wait" | "doctor" | "diff" | "validate" | "usage"
                | "audit" | "completion",
                ..,
            ]
            | [
                "version" | "man" | "tui" | "help" | "chat" | "request" | "simulate" | "budget" | "quota" | "invoice"
                | "ledger",
                ..,
            ]
            | ["plan" | "drift" | "export", ..]
            | ["secrets", "list", ..]
            | ["key", "history" | "check", ..]
            | ["overlay", "list", ..]
            | ["model", "catalog", ..]
            | ["token", "list", ..]
            | ["context", "list" | "show" | "validate", ..] => Self::Read,
            _ => Self::Write,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// There is no such command or topic.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let mut root = Cli::command();
    root.build();
    if args.words.is_empty() && session.out.is_structured() {
        session.out.value(&tree(&root))?;
        return Ok(Exit::Done);
    }
    if args.json {
        let tree = serde_json::to_string_pretty(&tree(&root)).map_err(|error| CliError::internal(error.to_string()))?;
        session.out.raw(&format!("{tree}\n"))?;
        return Ok(Exit::Done);
    }
    if let [topic] = &args.words[..]
        && let Some(text) = topics::text(topic)
    {
        session.out.raw(&text)?;
        return Ok(Exit::Done);
    }
    let mut command = &root;
    for word in &args.words {
        command = command.find_subcommand(word).ok_or_else(|| {
            CliError::usage(format!("there is no command or topic `{}`", args.words.join(" ")))
                .hint(format!("commands: odockctl --help; topics: {}", TOPICS.join(", ")))
        })?;
    }
    session.out.raw(&command.clone().render_long_help().to_string())?;
    Ok(Exit::Done)
}

fn summary(argument: &Arg) -> String {
    argument.get_help().map(ToString::to_string).unwrap_or_default()
}

/// The command tree for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tree {
    schema: &'static str,
    version: &'static str,
    kinds: Vec<&'static str>,
    exit_codes: Vec<ExitCode>,
    global_flags: Vec<Flag>,
    commands: Vec<Leaf>,
}

#[derive(Serialize)]
struct ExitCode {
    code: u8,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Leaf {
    command: String,
    about: String,
    impact: Impact,
    usage: String,
    arguments: Vec<Flag>,
    flags: Vec<Flag>,
    examples: Vec<String>,
}

#[derive(Serialize)]
struct Flag {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<char>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<String>,
    help: String,
    required: bool,
    repeatable: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

fn tree(root: &clap::Command) -> Tree {
    let mut commands = Vec::new();
    leaves(root, &mut Vec::new(), &mut commands);
    Tree {
        schema: "1.0",
        version: env!("CARGO_PKG_VERSION"),
        kinds: Kind::ALL.iter().map(|kind| kind.plural()).collect(),
        exit_codes: Exit::ALL.iter().map(|(exit, meaning)| ExitCode { code: exit.code(), meaning }).collect(),
        global_flags: root.get_arguments().filter(|argument| argument.is_global_set()).map(flag).collect(),
        commands,
    }
}

fn leaves<'a>(command: &'a clap::Command, path: &mut Vec<&'a str>, found: &mut Vec<Leaf>) {
    for below in command.get_subcommands() {
        path.push(below.get_name());
        if below.has_subcommands() {
            leaves(below, path, found);
        } else {
            let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
            let (arguments, flags): (Vec<_>, Vec<_>) =
                below.get_arguments().filter(own).partition(|a| a.is_positional());
            found.push(Leaf {
                command: path.join(" "),
                about: below.get_about().map(ToString::to_string).unwrap_or_default(),
                impact: Impact::of(path),
                usage: below.clone().render_usage().to_string().trim_start_matches("Usage: ").to_owned(),
                arguments: arguments.into_iter().map(flag).collect(),
                flags: flags.into_iter().map(flag).collect(),
                examples: examples(below),
            });
        }
        path.pop();
    }
}

fn flag(argument: &Arg) -> Flag {
    let name = argument.get_long().map_or_else(|| argument.get_id().to_string(), |long| format!("--{long}"));
    let takes_value = argument.get_action().takes_values();
    let value = argument.get_value_names().filter(|_| takes_value).map(|names| names.join(" "));
    let many = matches!(argument.get_action(), clap::ArgAction::Append | clap::ArgAction::Count)
        || argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    Flag {
        name,
        short: argument.get_short(),
        value,
        env: argument.get_env().map(|name| name.to_string_lossy().into_owned()),
        help: summary(argument),
        required: argument.is_required_set(),
        repeatable: many,
        values: if takes_value {
            argument.get_possible_values().iter().map(|v| v.get_name().to_owned()).collect()
        } else {
            Vec::new()
        },
    }
}

/// The example lines of a command's help.
fn examples(command: &clap::Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    help.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| line.contains("odockctl"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests;
