//! `odockctl wait`: until resources are as they shall be.

mod condition;

use std::time::Duration;

use entity::Kind;
use odock_client::ClientError;
use serde_json::Value;
use tokio::time::Instant;

use self::condition::Condition;
use super::target::{self, Target, for_kind, noun};
use crate::error::{CliError, Exit};
use crate::session::{Session, interrupted};
use crate::span;

/// Wait until resources are as they shall be.
///
/// A resource that does not exist yet is waited for. Ends with 8 when the time is over, and says how things stand then.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl wait key/ci --for ready
  odockctl wait provider openai --for create --within 5m
  odockctl wait key ci --for delete
  odockctl wait budget/search-monthly --for 'jq:.status.window.left == \"0\"' --for 'jq:.spec.active | not' --any")]
pub struct Args {
    /// A kind and names, or kind/name.
    #[arg(required = true, value_name = "KIND NAME… | KIND/NAME…")]
    targets: Vec<String>,
    /// What to wait for: create, delete, ready, or jq:FILTER, which must find something true. May be repeated.
    #[arg(long = "for", required = true, value_name = "CONDITION", value_parser = Condition::parse)]
    conditions: Vec<Condition>,
    /// One condition of one resource is enough, instead of all of all.
    #[arg(long)]
    any: bool,
    /// How long to wait at most, such as 30s or 5m.
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = span::duration)]
    within: Duration,
}

/// A resource, none if there is none, or why nobody knows at the moment.
type Seen = Result<Option<Value>, String>;

/// One condition of one resource.
struct Question {
    kind: Kind,
    name: String,
    condition: Condition,
    /// How it stands: the reason why it is not met.
    state: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// The time is over, or the gateway refuses for good.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let mut questions = Vec::new();
    for Target { kind, names } in target::targets(&args.targets)? {
        if names.is_empty() {
            return Err(CliError::usage(format!("name the {} to wait for", noun(kind))));
        }
        for name in names {
            questions.extend(args.conditions.iter().map(|condition| Question {
                kind,
                name: name.clone(),
                condition: condition.clone(),
                state: Some("it was not looked at yet".to_owned()),
            }));
        }
    }
    let deadline = Instant::now() + args.within;
    let mut pause = Duration::from_millis(250);
    loop {
        look(session, &mut questions).await?;
        let met = |question: &Question| question.state.is_none();
        if (args.any && questions.iter().any(met)) || questions.iter().all(met) {
            for question in questions.iter().filter(|question| met(question)) {
                let Question { kind, name, condition, .. } = question;
                session.out.note(&format!("{} {name}: {condition}", noun(*kind)));
            }
            return Ok(Exit::Done);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_late(&questions, args.within));
        }
        session.pause(pause.min(left)).await?;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

fn too_late(questions: &[Question], within: Duration) -> CliError {
    let open = questions.iter().filter_map(|question| {
        let state = question.state.as_ref()?;
        Some(format!("{} {} is not {}: {state}", noun(question.kind), question.name, question.condition))
    });
    let open = open.collect::<Vec<_>>().join("; ");
    CliError::new(Exit::WaitTimedOut, "wait_timed_out", format!("after {} s, {open}", within.as_secs()))
        .hint("wait longer: --within 5m; or look closer: odockctl describe KIND/NAME")
}

/// Asks for each resource once.
async fn look(session: &Session, questions: &mut [Question]) -> Result<(), CliError> {
    let mut seen: Vec<((Kind, String), Seen)> = Vec::new();
    for question in questions {
        if session.is_interrupted() {
            return Err(interrupted());
        }
        let key = (question.kind, question.name.clone());
        let known = seen.iter().find(|(known, _)| *known == key).map(|(_, found)| found.clone());
        let found = match known {
            Some(found) => found,
            None => {
                let found = ask(session, question.kind, &question.name).await?;
                seen.push((key, found.clone()));
                found
            }
        };
        question.state = match found {
            Ok(resource) => question.condition.unmet(question.kind, resource.as_ref())?,
            Err(trouble) => Some(trouble),
        };
    }
    Ok(())
}

/// Asks for a resource; what may pass is no error.
async fn ask(session: &Session, kind: Kind, name: &str) -> Result<Seen, CliError> {
    let client = session.client().await?;
    let found: Result<Value, ClientError> = for_kind!(kind, T => {
        let api = match kind {
            Kind::Organisation => client.organisation(name),
            _ => client.organisation(&session.organisation()?),
        };
        api.get::<T>(name).await.map(|found| serde_json::to_value(found).unwrap_or_default())
    });
    match found {
        Ok(resource) => Ok(Ok(Some(resource))),
        Err(error) if error.status() == Some(404) => Ok(Ok(None)),
        // What may pass is waited for as well.
        Err(error) if error.retryable() => Ok(Err(error.to_string())),
        Err(error) => Err(CliError::from(error).about(&format!("{} {name}", noun(kind)))),
    }
}
