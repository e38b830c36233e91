//! `odockctl help`: commands, topics, and the whole tree for programs.

use clap::{Arg, CommandFactory as _};
use entity::Kind;
use serde::Serialize;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::output::Format;
use crate::session::Session;

/// Explain a command or a topic.
///
/// Topics are exit-codes, environment, output and secrets. With --json, the whole command tree for programs.
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
            ["delete", ..] | ["key", "rotate" | "revoke", ..] | ["token", "revoke", ..] | ["context", "remove", ..] => {
                Self::Destroy
            }
            ["whoami" | "auth" | "get" | "describe" | "diff" | "validate" | "usage" | "audit" | "completion", ..]
            | [
                "version" | "tui" | "help" | "chat" | "request" | "simulate" | "budget" | "quota" | "invoice"
                | "ledger",
                ..,
            ]
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
    if args.json || (args.words.is_empty() && session.out.format == Format::Json) {
        let tree = serde_json::to_string_pretty(&tree(&root)).map_err(|error| CliError::internal(error.to_string()))?;
        session.out.raw(&format!("{tree}\n"))?;
        return Ok(Exit::Done);
    }
    if let [topic] = &args.words[..]
        && let Some(text) = topic_text(topic)
    {
        session.out.raw(&text)?;
        return Ok(Exit::Done);
    }
    let mut command = &root;
    for word in &args.words {
        command = command.find_subcommand(word).ok_or_else(|| {
            CliError::usage(format!("there is no command or topic `{}`", args.words.join(" ")))
                .hint("commands: odockctl --help; topics: exit-codes, environment, output, secrets")
        })?;
    }
    session.out.raw(&command.clone().render_long_help().to_string())?;
    Ok(Exit::Done)
}

fn topic_text(topic: &str) -> Option<String> {
    Some(match topic {
        "exit-codes" => Exit::ALL.iter().map(|(exit, meaning)| format!("{:>4}  {meaning}\n", exit.code())).collect(),
        "environment" => environment(),
        "output" => OUTPUT.to_owned(),
        "secrets" => SECRETS.to_owned(),
        _ => return None,
    })
}

const OUTPUT: &str = "\
-o table    columns for people           -o json     one document: {\"items\": […], \"nextCursor\": …}, or the one thing
-o wide     more columns                 -o jsonl    one document a line
-o name     kind/name, one a line        -o yaml, -o toml
-o csv      values with a heading (RFC 4180): amounts in nanos of USD, times in full

--fields a,b takes columns by heading (name,state) or values by path (spec.provider). An unknown field is an error that
lists them all. stdout holds nothing but data; notes, warnings and errors go to stderr. With a JSON format an error is one
JSON object on stderr: code, message, hint, status, requestId, retryable, retryAfter, source, errors, exitCode.
";

const SECRETS: &str = "\
Tokens are looked for in this order: --token-file or --token-stdin, ODOCK_TOKEN, ODOCK_TOKEN_FILE, the context's
reference (keyring:, exec:, file: of mode 0600, env:). None is ever an argument, and none is ever printed.

New secrets leave through sinks: --secret-out file:PATH (new, mode 0600, nothing is overwritten), fd:N (an inherited
descriptor), - (stdout). Sinks are opened before the secret exists. Without one, a terminal shows the secret once. No
secret stands in -o json or any other format.
";

fn environment() -> String {
    let mut root = Cli::command();
    root.build();
    let mut lines: Vec<(String, String)> = Vec::new();
    collect(&root, &mut lines);
    let others = [
        ("ODOCK_TOKEN", "the token itself"),
        ("ODOCK_TOKEN_FILE", "a file that holds the token"),
        ("ODOCK_API_KEY", "the virtual key of `odockctl chat`"),
        ("ODOCK_CLI_CONFIG", "the configuration file; $XDG_CONFIG_HOME/odock/config.toml if not set"),
        ("CI", "if set, no question is asked"),
        ("NO_COLOR", "if set, no colour is used"),
    ];
    lines.extend(others.map(|(name, what)| (name.to_owned(), what.to_owned())));
    lines.sort();
    lines.dedup_by(|a, b| a.0 == b.0);
    lines.into_iter().map(|(name, what)| format!("{name:<20} {what}\n")).collect()
}

fn collect(command: &clap::Command, lines: &mut Vec<(String, String)>) {
    for argument in command.get_arguments() {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            lines.push((name.to_string_lossy().into_owned(), format!("--{long}: {}", summary(argument))));
        }
    }
    command.get_subcommands().for_each(|below| collect(below, lines));
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
