//! `odockctl simulate` and `odockctl key check`: what each gate would say, and nothing sent.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use entity::simulation::{Simulation, Verdict};
use odock_client::http::Simulate;
use serde_json::Value;

use crate::error::{CliError, Exit};
use crate::output::{Format, Style};
use crate::session::Session;

/// Say what each gate would say to a request that is not sent.
///
/// The file holds the body of a chat completion as an application sends it. Nothing is taken from any limit. Ends with 1 if
/// the request would be refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl simulate -f request.json --key ci
  echo '{\"model\": \"fast\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}' | odockctl simulate -f - --key ci -o json")]
pub struct Args {
    /// The request; - for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The virtual key's name.
    #[arg(long, value_name = "NAME")]
    key: String,
}

/// Say why a key would be refused for a model, gate by gate.
///
/// Nothing is sent or spent. Ends with 1 if a request would be refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key check ci --model support-fast
  odockctl key check ci --model support-fast -o json")]
pub struct Check {
    /// The key's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The model that it is to call.
    #[arg(long, value_name = "NAME")]
    model: String,
}

/// Runs `simulate`.
///
/// # Errors
/// The file holds no JSON, or the gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let request = read(&args.file)?;
    tell(session, &args.key, &Simulate::Request(request)).await
}

/// Runs `key check`.
///
/// # Errors
/// The gateway refuses.
pub async fn check(session: &Session, args: Check) -> Result<Exit, CliError> {
    tell(session, &args.name, &Simulate::Model(args.model)).await
}

fn read(path: &Path) -> Result<Value, CliError> {
    let place = path.display().to_string();
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|error| CliError::io(&place, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        CliError::usage(format!("{place} holds no JSON: {error}")).hint("it is the body of POST /v1/chat/completions")
    })
}

async fn tell(session: &Session, key: &str, what: &Simulate) -> Result<Exit, CliError> {
    let simulation = session.api().await?.apikeys().simulate(key, what).await.map_err(|error| {
        let missing = error.status() == Some(404);
        let made = CliError::from(error).about(&format!("key {key}"));
        if missing { made.or_hint("list them: odockctl get keys") } else { made }
    })?;
    match session.out.format {
        Format::Json | Format::Yaml | Format::Toml if session.global.fields.is_none() => {
            session.out.value(&simulation)?
        }
        _ => session.out.list(&simulation.gates, None)?,
    }
    if !session.out.is_structured() {
        conclude(session, &simulation);
    }
    Ok(match simulation.verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Deny => Exit::Failed,
    })
}

fn conclude(session: &Session, simulation: &Simulation) {
    if let Some(tokens) = simulation.clamped_to {
        session.out.note(&format!("a hard budget would cut the answer to {tokens} tokens"));
    }
    let (style, word) = match simulation.verdict {
        Verdict::Pass => (Style::Green, "it would pass"),
        Verdict::Deny => (Style::Red, "it would be refused"),
    };
    session.out.verdict(style, word);
}
