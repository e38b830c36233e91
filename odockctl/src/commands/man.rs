//! `odockctl man`: manual pages.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::error::{CliError, Exit};
use crate::session::Session;

/// Print a manual page, or write all of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl man | man -l -
  odockctl man key rotate
  odockctl man --dir ./man1")]
pub struct Args {
    /// The command; the whole program if not given.
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
    /// Write the pages of all commands into this directory.
    #[arg(long, value_name = "DIR", conflicts_with = "words")]
    dir: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// There is no such command, or a page cannot be written.
pub fn run(session: &Session, args: &Args) -> Result<Exit, CliError> {
    let mut root = Cli::command();
    root.build();
    if let Some(directory) = &args.dir {
        std::fs::create_dir_all(directory).map_err(|error| CliError::io(&directory.display().to_string(), &error))?;
        let written = all(&root, "odockctl", directory)?;
        session.out.note(&format!("wrote {written} pages to {}", directory.display()));
        return Ok(Exit::Done);
    }
    let mut command = &root;
    let mut name = "odockctl".to_owned();
    for word in &args.words {
        command = command.find_subcommand(word).ok_or_else(|| {
            CliError::usage(format!("there is no command `{}`", args.words.join(" "))).hint("see: odockctl --help")
        })?;
        name = format!("{name}-{}", command.get_name());
    }
    session.out.raw(&page(command, &name)?)?;
    Ok(Exit::Done)
}

fn all(command: &clap::Command, name: &str, directory: &Path) -> Result<usize, CliError> {
    let path = directory.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).map_err(|error| CliError::io(&path.display().to_string(), &error))?;
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    below
        .map(|below| all(below, &format!("{name}-{}", below.get_name()), directory))
        .sum::<Result<usize, _>>()
        .map(|n| n + 1)
}

fn page(command: &clap::Command, name: &str) -> Result<String, CliError> {
    let mut text = Vec::new();
    Man::new(command.clone())
        .title(name.to_owned())
        .source(concat!("odockctl ", env!("CARGO_PKG_VERSION")))
        .manual("Odock")
        .date("")
        .render(&mut text)
        .map_err(|error| CliError::io("the page", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
