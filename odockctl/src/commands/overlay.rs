//! `odockctl overlay`: a brake or a boost for a while.

use std::time::Duration;

use entity::resource::{Overlay, OverlayScope, OverlaySpec};
use entity::vocab::ScopeType;
use entity::{Kind, Timestamp};
use odock_client::http::ListQuery;
use serde_json::json;

use crate::error::{CliError, Exit};
use crate::output::instant;
use crate::session::Session;
use crate::span;
use entity::policy::Factor;

/// Scale the limits of a scope for a while.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Scale the limits of an organisation, team, key or model for a while.
    Set(Set),
    /// End overlays now.
    End(End),
    /// List overlays.
    List(List),
}

/// Scale the limits of an organisation, team, key or model for a while.
///
/// A factor below 1 is a brake, above 1 a boost; 0 lets nothing pass that is limited. A scope without limits stays without.
/// Setting it again for the same scope replaces it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl overlay set org --factor 0.2 --for 1h --reason 'upstream incident'
  odockctl overlay set team/search --factor 2 --until 2027-07-01 --name launch
  odockctl overlay set key/ci --factor 0 --for 30m")]
pub struct Set {
    /// What to scale: org, team/NAME, key/NAME or model/NAME.
    #[arg(value_name = "SCOPE", value_parser = scope)]
    scope: OverlayScope,
    /// By how much: a decimal from 0 to 1000.
    #[arg(long, value_name = "FACTOR")]
    factor: Factor,
    /// For how long, such as 1h.
    #[arg(long = "for", value_name = "SPAN", value_parser = span::duration, required_unless_present = "until", conflicts_with = "until")]
    span: Option<Duration>,
    /// When it ends: a date, a time, or a span from now.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    until: Option<Timestamp>,
    /// When it begins: a date, a time, or a span from now; at once if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    from: Option<Timestamp>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Its name; made from the scope if not given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// End overlays now: the limits are what they were before. The audit log keeps them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl overlay end launch
  odockctl overlay end org team-search")]
pub struct End {
    /// The overlays' names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// List overlays, in force or not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl overlay list
  odockctl overlay list -o json")]
pub struct List {}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Set(args) => set(session, args).await,
        Command::End(args) => end(session, &args.names).await,
        Command::List(List {}) => {
            let overlays = session.api().await?.list::<Overlay>(&ListQuery::default()).await?;
            session.out.list(&overlays, None)?;
            if overlays.is_empty() {
                session.out.note("no overlays");
            }
            Ok(Exit::Done)
        }
    }
}

async fn set(session: &Session, args: Set) -> Result<Exit, CliError> {
    session.must_write()?;
    let begins = args.from.unwrap_or_else(Timestamp::now);
    let ends = match (args.until, args.span) {
        (Some(until), _) => until,
        (None, span) => begins.plus(span.unwrap_or_default()),
    };
    let name = args.name.unwrap_or_else(|| default_name(&args.scope));
    let spec = OverlaySpec { scope: args.scope, factor: args.factor, reason: args.reason, starts: args.from, ends };
    let api = session.api().await?;
    let about = |error: odock_client::ClientError| CliError::from(error).about(&format!("overlay {name}"));
    let there = match api.get::<Overlay>(&name).await {
        Ok(there) => Some(there),
        Err(error) if error.status() == Some(404) => None,
        Err(error) => return Err(about(error)),
    };
    let overlay = match there {
        None => api.create::<Overlay>(&name, spec).await.map_err(about)?,
        Some(there) => {
            // Whatever the new one leaves out shall not stay behind from the old one.
            let patch = json!({
                "scope": { "type": spec.scope.r#type, "name": spec.scope.name },
                "factor": spec.factor, "reason": spec.reason, "starts": spec.starts, "ends": spec.ends,
            });
            api.patch::<Overlay>(&name, &patch, Some(there.revision)).await.map_err(about)?
        }
    };
    session.out.one(&overlay)?;
    session.out.note(&format!("until {}; end it before: odockctl overlay end {name}", instant(overlay.spec.ends)));
    Ok(Exit::Done)
}

async fn end(session: &Session, names: &[String]) -> Result<Exit, CliError> {
    session.must_write()?;
    let api = session.api().await?;
    for name in names {
        api.delete(Kind::Overlay, name, false).await.map_err(|error| {
            let missing = error.status() == Some(404);
            let made = CliError::from(error).about(&format!("overlay {name}"));
            if missing { made.or_hint("list them: odockctl overlay list") } else { made }
        })?;
        session.out.note(&format!("ended overlay {name}"));
    }
    Ok(Exit::Done)
}

/// Reads `org`, `team/search`, `key/ci` or `model/support-fast`.
fn scope(text: &str) -> Result<OverlayScope, String> {
    let wrong = || format!("`{text}` is no scope: write org, team/NAME, key/NAME or model/NAME");
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) if !name.is_empty() => (kind, Some(name.to_owned())),
        Some(_) => return Err(wrong()),
        None => (text, None),
    };
    let r#type = match (Kind::find(kind), &name) {
        (Some(Kind::Organisation), None) => ScopeType::Org,
        (Some(Kind::Team), Some(_)) => ScopeType::Team,
        (Some(Kind::ApiKey), Some(_)) => ScopeType::ApiKey,
        (Some(Kind::Model), Some(_)) => ScopeType::Model,
        _ => return Err(wrong()),
    };
    Ok(OverlayScope { r#type, name })
}

/// `org`, `team-search`, `key-ci`, `model-support-fast`.
fn default_name(scope: &OverlayScope) -> String {
    let kind = match scope.r#type {
        ScopeType::Team => "team",
        ScopeType::ApiKey => "key",
        ScopeType::Model => "model",
        ScopeType::Org | ScopeType::Global | ScopeType::McpServer => "org",
    };
    scope.name.as_ref().map_or_else(|| kind.to_owned(), |name| format!("{kind}-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_kind_and_name() {
        let read = |text: &str| scope(text).map(|scope| (scope.r#type, default_name(&scope))).ok();
        assert_eq!(read("org"), Some((ScopeType::Org, "org".into())));
        assert_eq!(read("team/search"), Some((ScopeType::Team, "team-search".into())));
        assert_eq!(read("key/ci"), Some((ScopeType::ApiKey, "key-ci".into())));
        assert_eq!(read("apikey/a/b"), Some((ScopeType::ApiKey, "key-a/b".into())));
        assert_eq!(read("model/fast"), Some((ScopeType::Model, "model-fast".into())));
        for wrong in ["", "team", "team/", "org/acme", "user/ada@acme.example", "provider/openai", "/x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
