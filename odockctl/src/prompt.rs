//! Asking before something is destroyed.

use std::io::IsTerminal as _;

use secrecy::SecretString;

use crate::error::{CliError, Exit};
use crate::output::{clean, talk};
use crate::session::{Session, interrupted};

/// Something that deserves a question.
#[derive(Clone, Debug)]
pub struct Act {
    /// What would be done, as a sentence without its end: `Delete 2 keys of acme`.
    pub what: String,
    /// To which things, one a line.
    pub things: Vec<String>,
    /// What follows from it.
    pub consequence: Option<String>,
}

impl Act {
    /// An act that is said in one line.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), things: Vec::new(), consequence: None }
    }

    /// Names the things that it is done to.
    #[must_use]
    pub fn to(mut self, things: impl IntoIterator<Item = String>) -> Self {
        self.things = things.into_iter().collect();
        self
    }

    /// Says what follows from it.
    #[must_use]
    pub fn so(mut self, consequence: impl Into<String>) -> Self {
        self.consequence = Some(consequence.into());
        self
    }
}

/// What has to be given before an act.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Needed {
    Nothing,
    Yes,
    Name(String),
}

impl Session {
    /// Asks whether an act is meant: by a prompt on a terminal, by `--yes` without one. In a protected context the
    /// context's name has to be typed, or given by `--confirm`, and `--yes` is not enough.
    ///
    /// # Errors
    /// The answer was no, or nobody can be asked: the exact command that would go on is in the hint.
    pub async fn confirm(&self, act: &Act) -> Result<(), CliError> {
        let chosen = self.context()?;
        let protected = chosen.name.clone().filter(|_| chosen.context.protected);
        let needed = needed(protected.as_deref(), self.global.confirm.as_deref(), self.global.yes)?;
        let place = chosen.name.map(|name| format!(" (context {name})")).unwrap_or_default();
        self.obtain(act, &place, &needed).await
    }

    /// Asks whether an act on this machine is meant, which no context protects.
    ///
    /// # Errors
    /// The answer was no, or nobody can be asked.
    pub async fn ask(&self, act: &Act) -> Result<(), CliError> {
        self.obtain(act, "", &needed(None, None, self.global.yes)?).await
    }

    async fn obtain(&self, act: &Act, place: &str, needed: &Needed) -> Result<(), CliError> {
        if *needed == Needed::Nothing {
            return Ok(());
        }
        if !self.can_ask() {
            let flag = match needed {
                Needed::Name(name) => format!("--confirm {name}"),
                _ => "--yes".to_owned(),
            };
            return Err(CliError::new(Exit::Guard, "unconfirmed", format!("{}: this needs to be confirmed", act.what))
                .hint(format!("{} {flag}", this_command())));
        }
        question(act, place, needed);
        let answer = self.line().await?;
        let agreed = match needed {
            Needed::Name(name) => answer.trim() == name,
            _ => matches!(answer.trim(), "y" | "Y" | "yes"),
        };
        if agreed { Ok(()) } else { Err(CliError::new(Exit::Guard, "declined", "nothing was done")) }
    }

    /// Whether there is somebody to ask.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        let ci = self.env("CI").is_some_and(|value| value != "false" && value != "0");
        !self.global.no_input && !ci && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a line.
    ///
    /// # Errors
    /// The terminal cannot be read, or Ctrl-C was pressed.
    pub async fn answer(&self, question: &str) -> Result<String, CliError> {
        talk(&clean(question));
        self.line().await
    }

    /// Asks for a secret, which the terminal does not show.
    ///
    /// # Errors
    /// The terminal cannot be read, or Ctrl-C was pressed.
    pub async fn secret(&self, question: &str) -> Result<SecretString, CliError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let question = clean(question);
        std::thread::spawn(move || {
            let _ = sender.send(rpassword::prompt_password(question));
        });
        let text = tokio::select! {
            answer = receiver => match answer {
                Ok(Ok(text)) => text,
                Ok(Err(error)) => return Err(CliError::io("the terminal", &error)),
                Err(_) => return Err(CliError::internal("the terminal could not be read")),
            },
            () = self.interruption() => return Err(interrupted()),
        };
        if text.is_empty() { Err(CliError::usage("nothing was typed")) } else { Ok(SecretString::from(text)) }
    }

    /// Reads one line from the terminal, unless Ctrl-C comes first.
    async fn line(&self) -> Result<String, CliError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // A thread of its own: at the end the runtime would wait for a blocking task that still reads.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = sender.send(std::io::stdin().read_line(&mut line).map(|_| line));
        });
        tokio::select! {
            answer = receiver => match answer {
                Ok(Ok(line)) => Ok(line),
                Ok(Err(error)) => Err(CliError::io("the terminal", &error)),
                Err(_) => Err(CliError::internal("the terminal could not be read")),
            },
            () = self.interruption() => Err(interrupted()),
        }
    }
}

/// Puts the question.
fn question(act: &Act, place: &str, needed: &Needed) {
    let mut text = format!("{}{place}?\n", act.what);
    for thing in &act.things {
        text.push_str(&format!("  {thing}\n"));
    }
    if let Some(consequence) = &act.consequence {
        text.push_str(&format!("{consequence}\n"));
    }
    text.push_str(&match needed {
        Needed::Name(name) => format!("The context is protected. Type its name ({name}) to go on: "),
        _ => "Go on? [y/N] ".to_owned(),
    });
    talk(&clean(&text));
}

/// What an act needs, given what the command line says already.
fn needed(protected: Option<&str>, confirmed: Option<&str>, yes: bool) -> Result<Needed, CliError> {
    match (protected, confirmed) {
        (Some(name), Some(given)) if name == given => Ok(Needed::Nothing),
        (Some(name), Some(given)) => Err(CliError::new(
            Exit::Guard,
            "unconfirmed",
            format!("--confirm names {given}, but the protected context is {name}"),
        )),
        (Some(name), None) => Ok(Needed::Name(name.to_owned())),
        (None, _) if yes => Ok(Needed::Nothing),
        (None, _) => Ok(Needed::Yes),
    }
}

/// The command that runs, to be pasted into a shell.
fn this_command() -> String {
    let words = std::env::args().skip(1).map(|word| quoted(&word));
    std::iter::once("odockctl".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell reads it.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_context_needs_its_name_and_nothing_less() {
        assert_eq!(needed(Some("prod"), None, true).unwrap(), Needed::Name("prod".into()));
        assert_eq!(needed(Some("prod"), Some("prod"), false).unwrap(), Needed::Nothing);
        assert_eq!(needed(Some("prod"), Some("dev"), true).unwrap_err().exit(), Exit::Guard);
        assert_eq!(needed(None, None, true).unwrap(), Needed::Nothing);
        assert_eq!(needed(None, Some("dev"), false).unwrap(), Needed::Yes);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("key/ci"), "key/ci");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
