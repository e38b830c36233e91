//! `odockctl completion`: scripts for shells, which ask this program for what may come next.

mod names;
mod words;

use std::ffi::OsStr;

use clap::CommandFactory as _;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use self::words::What;
use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// The variable in which a shell's script names the shell when it asks.
const VARIABLE: &str = "ODOCK_COMPLETE";

/// Print a completion script for a shell.
///
/// The script asks odockctl on each TAB, so that it knows the names of your keys, models, teams and contexts. Names come
/// from the gateway within 0.2 s or not at all, and are remembered for a minute. Helper programs (exec:) are not run for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl completion bash > ~/.local/share/bash-completion/completions/odockctl
  odockctl completion zsh > ~/.zfunc/_odockctl
  odockctl completion fish > ~/.config/fish/completions/odockctl.fish")]
pub struct Args {
    /// bash, zsh, fish, powershell or elvish.
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "powershell", "elvish"], hide_possible_values = true)]
    shell: String,
}

/// Runs the command.
///
/// # Errors
/// stdout is closed.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).ok_or_else(|| CliError::usage("there is no such shell"))?;
    shell
        .write_registration(VARIABLE, "odockctl", "odockctl", "odockctl", &mut script)
        .map_err(|error| CliError::io("the script", &error))?;
    let text = String::from_utf8_lossy(&script);
    session.out.raw(&format!("{}\n", text.trim_end()))?;
    Ok(Exit::Done)
}

/// Answers a shell's script, if one asks. Says nothing about anything that fails: a command line is being typed.
pub fn answer() -> Option<Exit> {
    std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let directory = std::env::current_dir().ok();
    // Whatever goes wrong, there is nothing to offer.
    let _ = CompleteEnv::with_factory(tree)
        .var(VARIABLE)
        .bin("odockctl")
        .completer("odockctl")
        .try_complete(std::env::args_os(), directory.as_deref());
    Some(Exit::Done)
}

/// The whole tree, `--help` included, which only building it adds.
fn tree() -> clap::Command {
    let mut root = Cli::command();
    root.build();
    taught(root, &mut Vec::new())
}

/// The command tree in which arguments know what may stand for them.
fn taught(command: clap::Command, path: &mut Vec<String>) -> clap::Command {
    let typing_a_flag = current_word().starts_with('-');
    let command = command.mut_args(|argument| {
        // Two dozen flags would drown the names: they are offered once a dash is typed, or if there is nothing else.
        let argument = if typing_a_flag || argument.is_positional() { argument } else { argument.hide(true) };
        match words::of(path, argument.get_id().as_str()) {
            Some(what) => argument.add(ArgValueCompleter::new(move |current: &OsStr| candidates(what, current))),
            None => argument,
        }
    });
    command.mut_subcommands(|below| {
        path.push(below.get_name().to_owned());
        let below = taught(below, path);
        path.pop();
        below
    })
}

/// The words of the command line, as the shell's script hands them over.
fn typed() -> Vec<String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The word that is being typed.
fn current_word() -> String {
    let at = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse::<usize>().ok());
    let words = typed();
    // The index counts the program itself.
    at.and_then(|at| words.get(at.checked_sub(1)?)).or(words.last()).cloned().unwrap_or_default()
}

fn candidates(what: What, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let found = what.candidates(&typed(), current);
    found.into_iter().filter(|name| name.starts_with(current)).map(CompletionCandidate::new).collect()
}
