//! `odockctl key`: virtual keys and their secrets.

use entity::Timestamp;
use entity::resource::{ApiKey, ApiKeySpec, CreateApiKey, IssuedApiKey, RotateApiKey};
use entity::vocab::ApiKeyType;
use odock_client::http::ApiKeys;
use odock_client::virtual_key;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use crate::error::{CliError, Exit};
use crate::output::Format;
use crate::prompt::{Act, quoted};
use crate::session::{Session, interrupted};
use crate::sink::{Sink, Sinks};
use crate::span;

/// Create, rotate and revoke virtual keys.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a virtual key and deliver its secret.
    Create(Create),
    /// Deliver the secret of a key that nobody has seen yet. Works once.
    Reveal(Reveal),
    /// Give a key a new secret.
    Rotate(Rotate),
    /// Stop keys from working.
    Revoke(Revoke),
    /// Let revoked keys work again.
    Unrevoke(Unrevoke),
    /// List the rotations of a key, newest first.
    History(History),
    /// Say why a key would be refused for a model, gate by gate.
    Check(super::simulate::Check),
}

/// Where a new secret goes.
#[derive(Debug, clap::Args)]
pub struct Delivery {
    /// Where the secret goes: file:PATH (new, mode 0600), fd:N, - for stdout, github-env:NAME,
    /// k8s-secret:NAMESPACE/NAME:KEY or exec:PROGRAM (on its input). Can be given several times. Without it a terminal
    /// shows the secret once.
    #[arg(long, value_name = "SINK")]
    pub secret_out: Vec<Sink>,
}

/// Create a virtual key and deliver its secret.
///
/// The secret is shown once, by the sinks of --secret-out or on the terminal. The sinks are opened before the key is made,
/// and the key works only once its secret is delivered; if that fails, it lapses.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key create ci --team search --model support-fast --expiry 90d --secret-out file:./ci.key
  odockctl key create ada-laptop --user ada@acme.example --model support-fast
  odockctl key create batch --no-reveal
  odockctl key create ci --secret-out - | gh secret set ODOCK_API_KEY")]
pub struct Create {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The team that it calls for.
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    team: Option<String>,
    /// The user that it calls for, by e-mail address. Without team and user it calls for the organisation.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// A model that it may call. Can be given several times.
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// When it stops working: a date, a time, or a span from now such as 90d. Never if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    expiry: Option<Timestamp>,
    #[command(flatten)]
    delivery: Delivery,
    /// Leave the secret for one later `odockctl key reveal`.
    #[arg(long, conflicts_with = "secret_out")]
    no_reveal: bool,
}

/// Deliver the secret of a key that nobody has seen yet. Works once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key reveal ci
  odockctl key reveal ci --secret-out file:./ci.key")]
pub struct Reveal {
    /// The key's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    delivery: Delivery,
}

/// Give a key a new secret.
///
/// Name, grants and history stay. The old secret stops working once the new one is delivered, or --overlap after that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key rotate ci --overlap 24h --secret-out file:./ci.new.key
  odockctl key rotate ci --expiry 90d --yes --secret-out fd:3
  odockctl key rotate ci --finish --yes")]
pub struct Rotate {
    /// The key's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// How long the old secret works beside the new one, at most 30d.
    #[arg(long, value_name = "SPAN", default_value = "0s", value_parser = overlap)]
    overlap: u32,
    /// The new expiry; unchanged if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    expiry: Option<Timestamp>,
    /// End the overlap of the last rotation: the old secret stops working at once.
    #[arg(long, conflicts_with_all = ["overlap", "expiry", "secret_out"])]
    finish: bool,
    #[command(flatten)]
    delivery: Delivery,
}

/// Stop keys from working.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key revoke ci
  odockctl key revoke ci search --yes")]
pub struct Revoke {
    /// The keys' names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Let revoked keys work again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key unrevoke ci")]
pub struct Unrevoke {
    /// The keys' names.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// List the rotations of a key, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl key history ci
  odockctl key history ci -o json")]
pub struct History {
    /// The key's name.
    #[arg(value_name = "NAME")]
    name: String,
}

fn overlap(text: &str) -> Result<u32, String> {
    const MOST: u64 = 30 * 24 * 3_600;
    let seconds = span::duration(text)?.as_secs();
    if seconds > MOST {
        return Err("an overlap is 30d at the most".to_owned());
    }
    u32::try_from(seconds).map_err(|error| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// A guard, a sink or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::Reveal(args) => reveal(session, args).await,
        Command::Rotate(args) => rotate(session, args).await,
        Command::Revoke(args) => revoke(session, args).await,
        Command::Unrevoke(args) => unrevoke(session, args).await,
        Command::Check(args) => super::simulate::check(session, args).await,
        Command::History(args) => {
            let rotations = session.api().await?.apikeys().history(&args.name).await.map_err(about(&args.name))?;
            session.out.list(&rotations, None)?;
            if rotations.is_empty() {
                session.out.note(&format!("key {} was never rotated", args.name));
            }
            Ok(Exit::Done)
        }
    }
}

fn about(name: &str) -> impl Fn(odock_client::ClientError) -> CliError {
    move |error| {
        let missing = error.status() == Some(404);
        let made = CliError::from(error).about(&format!("key {name}"));
        if missing { made.or_hint("list them: odockctl get keys") } else { made }
    }
}

async fn create(session: &Session, args: Create) -> Result<Exit, CliError> {
    session.must_write()?;
    let (r#type, team, user) = match (args.team, args.user) {
        (Some(team), _) => (ApiKeyType::Team, Some(team), None),
        (_, Some(user)) => (ApiKeyType::User, None, Some(user)),
        _ => (ApiKeyType::Organisation, None, None),
    };
    let spec = ApiKeySpec {
        r#type,
        team,
        user,
        expiry: args.expiry,
        models: args.models.into_iter().collect(),
        policies: Default::default(),
        routing: Default::default(),
    };
    let name = args.name;
    let body = |reveal| CreateApiKey { name: name.clone(), spec: spec.clone(), reveal, pending: reveal };
    let keys = session.api().await?.apikeys();
    if args.no_reveal {
        let key = keys.create(&body(false)).await.map_err(about(&name))?.key;
        session.out.note(&format!("created key {name}; show its secret once: odockctl key reveal {}", quoted(&name)));
        return tell(session, key, Vec::new(), false);
    }
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let issued = keys.create(&body(true)).await.map_err(about(&name))?;
    let again = || format!("the key does not work yet; deliver another secret: odockctl key reveal {}", quoted(&name));
    let (key, places, stdout) = hand_over(session, &keys, issued, sinks).await.map_err(|error| error.hint(again()))?;
    session.out.note(&format!("created key {name}"));
    tell(session, key, places, stdout)
}

async fn reveal(session: &Session, args: Reveal) -> Result<Exit, CliError> {
    session.must_write()?;
    let keys = session.api().await?.apikeys();
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let issued = keys.reveal(&args.name).await.map_err(|error| {
        let seen = error.code() == "conflict";
        let made = about(&args.name)(error);
        if seen { made.or_hint(format!("get a new secret: odockctl key rotate {}", quoted(&args.name))) } else { made }
    })?;
    let waits = issued.key.status.pending_until.is_some();
    let delivered = if waits {
        hand_over(session, &keys, issued, sinks).await.map_err(|error| {
            error.hint(format!(
                "the key does not work yet; deliver another secret: odockctl key reveal {}",
                quoted(&args.name)
            ))
        })
    } else {
        deliver(session, issued, sinks).map(|(_, delivered)| delivered).map_err(|error| lost(error, &args.name))
    };
    let (key, places, stdout) = delivered?;
    tell(session, key, places, stdout)
}

async fn rotate(session: &Session, args: Rotate) -> Result<Exit, CliError> {
    session.must_write()?;
    let keys = session.api().await?.apikeys();
    let organisation = session.organisation()?;
    if args.finish {
        let act = Act::new(format!("End the rotation of key {} of {organisation}", args.name));
        session.confirm(&act.so("The old secret stops working at once.")).await?;
        let key = keys.finish_rotation(&args.name).await.map_err(about(&args.name))?;
        session.out.note(&format!("key {} has one secret now", args.name));
        return tell(session, key, Vec::new(), false);
    }
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let act = Act::new(format!("Rotate key {} of {organisation}", args.name));
    let act = match args.overlap {
        0 => act.so("The old secret stops working as soon as the new one is delivered."),
        seconds => act.so(format!("The old secret works for {seconds} s more.")),
    };
    session.confirm(&act).await?;
    let how = RotateApiKey { overlap_seconds: args.overlap, expiry: args.expiry, pending: true };
    let issued = keys.rotate(&args.name, &how).await.map_err(about(&args.name))?;
    let delivered = hand_over(session, &keys, issued, sinks).await;
    let (key, places, stdout) =
        delivered.map_err(|error| error.hint("nothing was rotated: the old secret works as before; rotate again"))?;
    session.out.note(&format!("rotated key {}", args.name));
    tell(session, key, places, stdout)
}

/// What to do when a secret was made and reached nobody.
fn lost(error: CliError, name: &str) -> CliError {
    error.hint(format!("the secret is lost; make a new one: odockctl key rotate {} --secret-out SINK", quoted(name)))
}

type Handed = (ApiKey, Vec<String>, bool);

/// Delivers a secret that is not in force yet, and has it put in force.
async fn hand_over(session: &Session, keys: &ApiKeys, issued: IssuedApiKey, sinks: Sinks) -> Result<Handed, CliError> {
    let (secret, (key, places, stdout)) = deliver(session, issued, sinks)?;
    let hash = virtual_key::hash(secret.expose_secret());
    match keys.acknowledge(&key.name, &hash).await {
        Ok(key) => Ok((key, places, stdout)),
        Err(error) => {
            Err(CliError::from(error).about("the secret was delivered, but not put in force").ends(Exit::Undelivered))
        }
    }
}

/// Hands the secret to the sinks: the one place where it is looked at.
fn deliver(session: &Session, issued: IssuedApiKey, sinks: Sinks) -> Result<(SecretString, Handed), CliError> {
    let IssuedApiKey { key, secret } = issued;
    let Some(secret) = secret.map(SecretString::from) else {
        return Err(CliError::new(Exit::Undelivered, "no_secret", "the gateway's answer holds no secret"));
    };
    let stdout = sinks.take_stdout();
    let places = sinks.deliver(&secret, &session.out)?;
    Ok((secret, (key, places, stdout)))
}

/// A key, and where its secret went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    #[serde(flatten)]
    key: ApiKey,
    delivered_to: Vec<String>,
}

/// Shows the key without its secret: as data if stdout is free, else in a word on stderr.
fn tell(session: &Session, key: ApiKey, places: Vec<String>, stdout_taken: bool) -> Result<Exit, CliError> {
    if session.out.is_structured() {
        session.out.value(&Delivered { key, delivered_to: places })?;
    } else if !stdout_taken {
        if !places.is_empty() {
            session.out.note(&format!("the secret is in {}", places.join(", ")));
        }
        session.out.one(&key)?;
    }
    Ok(Exit::Done)
}

async fn revoke(session: &Session, args: Revoke) -> Result<Exit, CliError> {
    session.must_write()?;
    let organisation = session.organisation()?;
    let what = match &args.names[..] {
        [name] => format!("Revoke key {name} of {organisation}"),
        names => format!("Revoke {} keys of {organisation}", names.len()),
    };
    let things = args.names.iter().filter(|_| args.names.len() > 1).cloned();
    session.confirm(&Act::new(what).to(things).so("Requests with them are refused within a second.")).await?;
    let keys = session.api().await?.apikeys();
    each(session, &args.names, "revoked", async |name| keys.revoke(name).await).await
}

async fn unrevoke(session: &Session, args: Unrevoke) -> Result<Exit, CliError> {
    session.must_write()?;
    let keys = session.api().await?.apikeys();
    each(session, &args.names, "unrevoked", async |name| keys.unrevoke(name).await).await
}

/// Does the same to several keys, stops at the first failure, and says what was done.
async fn each(
    session: &Session,
    names: &[String],
    done: &str,
    act: impl AsyncFn(&str) -> Result<ApiKey, odock_client::ClientError>,
) -> Result<Exit, CliError> {
    let mut changed = Vec::new();
    for name in names {
        let result = if session.is_interrupted() { Err(interrupted()) } else { act(name).await.map_err(about(name)) };
        match result {
            Ok(key) => {
                session.out.note(&format!("{done} key {name}"));
                changed.push(key);
            }
            Err(error) => {
                if names.len() > 1 {
                    session.out.warn(&format!("{done}: {} of {} keys", changed.len(), names.len()));
                }
                return Err(error);
            }
        }
    }
    if session.out.format != Format::Table {
        match &changed[..] {
            [one] => session.out.one(one)?,
            several => session.out.list(several, None)?,
        }
    }
    Ok(Exit::Done)
}
