//! `odockctl auth`: the credential in use, and who may do what.

use entity::session::WhoAmI;
use entity::vocab::Scope;
use entity::{SessionId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{CliError, Exit};
use crate::output::{Format, Table, instant};
use crate::prompt::Act;
use crate::session::{Session, not_signed_in};

/// Show the credential in use, or who may do what.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show where the credential comes from, its scopes and its expiry.
    Status(Status),
    /// Show who may do what, as the gateway enforces it.
    Matrix(Matrix),
    /// Say whether you may do something.
    #[command(name = "can-i")]
    CanI(super::can_i::Args),
    /// Set your password.
    Password(Password),
    /// List where you are signed in.
    Sessions(Sessions),
    /// Sign out somewhere else.
    EndSession(EndSession),
}

/// Show where the credential comes from, its scopes and its expiry.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth status
  odockctl auth status --offline -o json")]
pub struct Status {
    /// Do not ask the gateway.
    #[arg(long)]
    offline: bool,
}

/// Show who may do what, as the gateway enforces it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth matrix
  odockctl auth matrix -o json")]
pub struct Matrix {}

/// Set your password.
///
/// The old one is needed unless you signed in within the last ten minutes. Your other sessions end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth password
  odockctl auth password --current-file ./old --new-stdin < new")]
pub struct Password {
    /// Read the password until now from this file, instead of asking for it.
    #[arg(long, value_name = "FILE")]
    current_file: Option<std::path::PathBuf>,
    /// Read the new password from standard input.
    #[arg(long)]
    new_stdin: bool,
}

/// List where you are signed in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth sessions
  odockctl auth sessions -o json")]
pub struct Sessions {}

/// Sign out somewhere else.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl auth end-session 0198c0de-0000-7000-8000-000000000000
  odockctl auth end-session 0198c0de-0000-7000-8000-000000000000 --yes")]
pub struct EndSession {
    /// Sessions, by id.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<SessionId>,
}

/// Everything known about the credential in use.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    source: String,
    storage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadows: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Scope>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Whether the gateway said so just now, or it was noted when the token was kept.
    checked: bool,
}

/// Runs the command.
///
/// # Errors
/// There is no credential, or the gateway refuses it.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Status(args) => status(session, args).await,
        Command::Matrix(_) => matrix(session).await,
        Command::CanI(args) => super::can_i::run(session, args).await,
        Command::Password(args) => password(session, args).await,
        Command::Sessions(_) => {
            session.out.list(&session.client().await?.sessions().await?, None)?;
            Ok(Exit::Done)
        }
        Command::EndSession(args) => end_sessions(session, args).await,
    }
}

async fn status(session: &Session, args: Status) -> Result<Exit, CliError> {
    session.out.has_no_columns()?;
    let chosen = session.context()?;
    let Some(source) = session.credential_source(&chosen)? else {
        return Err(not_signed_in(&chosen));
    };
    let own = matches!(source, odock_client::credential::Source::Context(_));
    let mut report = Report {
        context: chosen.name.clone(),
        url: chosen.context.url.to_string(),
        organisation: chosen.context.organisation.clone(),
        source: source.to_string(),
        storage: source.storage().to_owned(),
        shadows: chosen.context.credential.as_ref().filter(|_| !own).map(ToString::to_string),
        ..Report::default()
    };
    // What was noted belongs to the kept token, not to one that stands before it.
    if let Some(noted) = chosen.context.signed_in.clone().filter(|_| own) {
        report.email = Some(noted.email);
        report.token = Some(noted.token);
        report.scopes = Some(noted.scopes);
        report.expires_at = Some(noted.expires_at);
    }
    let asked = if args.offline { None } else { Some(ask(session).await) };
    if let Some(Ok(who)) = &asked {
        report.checked = true;
        report.email = Some(who.name().to_owned());
        report.role = Some(who.role.to_string());
        report.token = Some(who.token.name.clone());
        report.scopes = Some(who.token.scopes.clone());
        report.expires_at = Some(who.token.expires_at);
    }
    show(session, &report)?;
    match asked {
        Some(Err(error)) => Err(error),
        _ if report.expires_at.is_some_and(|at| at <= Timestamp::now()) => {
            Err(CliError::new(Exit::NotSignedIn, "token_expired", "the token has expired").hint("odockctl login"))
        }
        _ => Ok(Exit::Done),
    }
}

async fn ask(session: &Session) -> Result<WhoAmI, CliError> {
    Ok(session.client().await?.whoami().await?)
}

fn show(session: &Session, report: &Report) -> Result<(), CliError> {
    if session.out.is_structured() {
        return session.out.value(report);
    }
    let scopes =
        report.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "));
    let lines = [
        ("context", report.context.clone()),
        ("gateway", Some(report.url.clone())),
        ("organisation", report.organisation.clone()),
        ("credential", Some(report.source.clone())),
        ("kept in", Some(report.storage.clone())),
        ("stands before", report.shadows.clone()),
        ("user", report.email.clone()),
        ("role", report.role.clone()),
        ("token", report.token.clone()),
        ("scopes", scopes),
        ("expires", report.expires_at.map(instant)),
        (
            "checked",
            Some(if report.checked { "with the gateway" } else { "offline, as noted when signing in" }.to_owned()),
        ),
    ];
    let lines = lines.into_iter().filter_map(|(key, value)| Some(format!("{:<15}{}\n", format!("{key}:"), value?)));
    session.out.text(&lines.collect::<String>())
}

async fn matrix(session: &Session) -> Result<Exit, CliError> {
    let matrix = session.client().await?.auth_matrix().await?;
    if session.out.is_structured() || matches!(session.out.format, Format::Name | Format::Csv) {
        session.out.value(&matrix)?;
        return Ok(Exit::Done);
    }
    match rows(&matrix) {
        Some(text) => session.out.text(&text)?,
        None => session.out.value(&matrix)?,
    }
    Ok(Exit::Done)
}

/// A list of objects as a table, in which a nested object gives a column a member; anything else has no columns.
fn rows(matrix: &Value) -> Option<String> {
    let lists = [Some(matrix), matrix.get("items"), matrix.get("rows"), matrix.get("rules")];
    let items = lists.into_iter().flatten().find_map(Value::as_array)?;
    let objects: Vec<_> = items.iter().map(|item| item.as_object().map(flat)).collect::<Option<_>>()?;
    let mut columns: Vec<&String> = Vec::new();
    for key in objects.iter().flat_map(|object| object.keys()) {
        if !columns.contains(&key) {
            columns.push(key);
        }
    }
    let mut table = Table::new(columns.iter().map(|column| column.to_uppercase()));
    for object in &objects {
        table.row(columns.iter().map(|column| object.get(*column).map(plain).unwrap_or_default()));
    }
    Some(table.render())
}

/// The members of nested objects beside those of the object itself.
fn flat(object: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (key, value) in object {
        match value {
            Value::Object(inner) => flat.extend(inner.clone()),
            other => drop(flat.insert(key.clone(), other.clone())),
        }
    }
    flat
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Bool(yes) => crate::output::yes_no(*yes),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

async fn password(session: &Session, args: Password) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let current = match &args.current_file {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| CliError::io(&path.display().to_string(), &error))?;
            Some(SecretString::from(text.trim_end_matches(['\r', '\n'])))
        }
        None => None,
    };
    let new = new_password(session, args.new_stdin).await?;
    match client.set_password(&new, current.as_ref()).await {
        // Not so fresh any more: now the old one is needed after all.
        Err(error) if error.status() == Some(403) && current.is_none() && session.can_ask() => {
            let current = session.secret("Password until now: ").await?;
            client.set_password(&new, Some(&current)).await?;
        }
        other => other?,
    }
    session.out.note("the password is set; your other sessions have ended");
    Ok(Exit::Done)
}

/// Asks for a new password twice, or reads it from standard input.
pub(super) async fn new_password(session: &Session, from_stdin: bool) -> Result<SecretString, CliError> {
    if from_stdin {
        return password_from_stdin().await;
    }
    if !session.can_ask() {
        return Err(CliError::usage("a password is needed, and nobody can be asked")
            .hint("--new-stdin, or --password-stdin where an invitation is accepted"));
    }
    let new = session.secret("New password: ").await?;
    let again = session.secret("Once more: ").await?;
    if new.expose_secret() == again.expose_secret() {
        Ok(new)
    } else {
        Err(CliError::usage("the two are not the same; nothing was done"))
    }
}

/// A password on standard input: everything up to the line's end, spaces included.
pub(super) async fn password_from_stdin() -> Result<SecretString, CliError> {
    use std::io::Read as _;
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().take(8_192).read_to_string(&mut text).map(|_| SecretString::from(text))
    });
    let read = read.await.map_err(|error| CliError::internal(error.to_string()))?;
    let text = read.map_err(|error| CliError::io("standard input", &error))?;
    let password = text.expose_secret().trim_end_matches(['\r', '\n']);
    if password.is_empty() { Err(CliError::usage("standard input is empty")) } else { Ok(SecretString::from(password)) }
}

async fn end_sessions(session: &Session, args: EndSession) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let act = Act::new(format!("End {} session(s)", args.ids.len())).to(args.ids.iter().map(ToString::to_string));
    session.confirm(&act).await?;
    for id in args.ids {
        client.end_session(id).await.map_err(|error| CliError::from(error).about(&format!("session {id}")))?;
        session.out.note(&format!("ended session {id}"));
    }
    Ok(Exit::Done)
}
