//! `odockctl provider`: trying what was configured.

use entity::probe::ProviderTest;
use entity::vocab::ProbeOutcome;

use crate::error::{CliError, Exit};
use crate::output::Style;
use crate::session::{Session, interrupted};

/// Try what was configured for a provider.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask providers for their models with their credentials; no tokens are spent.
    Test(Test),
}

/// Ask providers for their models with their credentials; no tokens are spent.
///
/// The gateway asks, over the connections that it serves requests with, and takes ten seconds at the most for each. The
/// credential never leaves it. Exit codes: 0 every provider listed its models, 1 at least one did not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl provider test openai
  odockctl provider test openai --key secondary
  odockctl provider test openai azure -o json")]
pub struct Test {
    /// The providers' names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// The credential to send, by name; the one that the provider's models use if not given.
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
}

/// Runs `provider`.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    let Command::Test(Test { names, key }) = command;
    session.must_write()?;
    let api = session.api().await?;
    let mut tests: Vec<ProviderTest> = Vec::new();
    for name in &names {
        if session.is_interrupted() {
            return Err(interrupted());
        }
        let test = api.test_provider(name, key.as_deref()).await;
        tests.push(test.map_err(|error| {
            CliError::from(error).about(&format!("provider {name}")).or_hint("list them: odockctl get providers")
        })?);
    }
    match &tests[..] {
        [one] => session.out.one(one)?,
        several => session.out.list(several, None)?,
    }
    tests.iter().for_each(|test| tell(session, test));
    let good = tests.iter().all(|test| test.outcome == ProbeOutcome::Ok);
    Ok(if good { Exit::Done } else { Exit::Failed })
}

/// Says in plain words on stderr what was found.
fn tell(session: &Session, test: &ProviderTest) {
    let style = if test.outcome == ProbeOutcome::Ok { Style::Green } else { Style::Red };
    let name = crate::output::one_line(&test.provider);
    let detail = crate::output::one_line(&test.detail);
    session.out.verdict(style, &format!("{name}: {detail}"));
    if let Some(message) = &test.message {
        session.out.note(&format!("  it said: {}", crate::output::one_line(message)));
    }
    let hint = match test.outcome {
        ProbeOutcome::CredentialRefused => Some("set it again: odockctl apply, with the provider's manifest"),
        ProbeOutcome::Unreachable | ProbeOutcome::TimedOut => Some("see its address: odockctl get providers -o wide"),
        _ => None,
    };
    if let Some(hint) = hint {
        session.out.note(&format!("hint: {hint}"));
    }
}
