//! `odockctl login`: a session or a token, proven and kept.

mod ways;

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use entity::session::{SignedIn, WhoAmI};
use odock_client::Client;
use odock_client::context::{ConfigFile, Context, SignedIn as NotedSignIn, is_name};
use odock_client::credential::{self, KeptSession, Reference, bounded};
use secrecy::SecretString;
use serde::Serialize;
use url::Url;

use crate::error::{CliError, Exit};
use crate::session::{Chosen, Session};

use self::ways::Got;
pub(super) use self::ways::device;

/// Sign in to a gateway and keep the session.
///
/// With a password, with a code that is typed in a browser (GitHub, or any OpenID provider that the gateway knows), or with
/// a token from --token-file or --token-stdin, never from an argument. Without any of these, login asks. A session is
/// renewed by itself while it is used; personal tokens (odock-pat-…) and service accounts' (odock-sat-…) are kept as they
/// are. Both are kept in the operating system's keyring, and the context is made or updated and becomes the current one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl login --url https://odock.acme.example
  odockctl login --provider github
  odockctl login --email ada@acme.example --password-stdin < password
  odockctl login --context prod --organisation acme --token-stdin < token
  odockctl login --token-file ./token --store file")]
pub struct Args {
    /// Where to keep the session or token: keyring or file (mode 0600).
    #[arg(long, value_enum, default_value_t, value_name = "PLACE", hide_possible_values = true)]
    store: Place,
    /// Sign in with the password of this user.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["device", "provider"])]
    email: Option<String>,
    /// Read the password from standard input.
    #[arg(long, requires = "email")]
    password_stdin: bool,
    /// Sign in with a code that is typed in a browser.
    #[arg(long)]
    device: bool,
    /// The identity provider to do that with, where there are several.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// What the session is called where sessions are listed.
    #[arg(long, value_name = "NAME", visible_alias = "token-name")]
    name: Option<String>,
}

/// Where a token is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// The operating system's keyring.
    #[default]
    Keyring,
    /// A file that only its owner can read.
    File,
}

/// What signing in came to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done<'a> {
    context: &'a str,
    url: &'a str,
    credential: String,
    #[serde(flatten)]
    who: &'a WhoAmI,
}

/// Runs the command.
///
/// # Errors
/// Nobody is let in, or what they are let in with cannot be kept.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let config = session.config()?;
    let (name, context) = context(session, &config)?;
    warn_of_plain_http(session, &context.url);
    let client = session.anonymous(&Chosen { name: Some(name.clone()), context: context.clone() })?;
    let given = ways::Given {
        email: args.email.as_deref(),
        password_stdin: args.password_stdin,
        device: args.device,
        provider: args.provider.as_deref(),
    };
    let way = ways::choose(session, &client, given).await?;
    let keeper = Keeper::new(args.store, &name, &context.url)?;
    // Before a one-time token is spent: afterwards nobody could sign in with it again.
    keeper.check(session).await?;
    let got = ways::sign_in(session, &client, way, &session_name(args.name)).await?;
    settle(session, config, (name, context), &keeper, got).await
}

/// What a session is called where nobody says.
pub(super) fn session_name(given: Option<String>) -> String {
    given.unwrap_or_else(|| {
        format!("odockctl {}", entity::Timestamp::now().to_string().split('T').next().unwrap_or_default())
    })
}

/// Keeps a session that has begun elsewhere than in `login`, under the context that `login` would choose.
///
/// # Errors
/// It cannot be kept.
pub(super) async fn keep(
    session: &Session,
    place: Place,
    begin: impl AsyncFnOnce(&Client) -> Result<SignedIn, CliError>,
) -> Result<Exit, CliError> {
    let config = session.config()?;
    let (name, context) = context(session, &config)?;
    warn_of_plain_http(session, &context.url);
    let keeper = Keeper::new(place, &name, &context.url)?;
    keeper.check(session).await?;
    let client = session.anonymous(&Chosen { name: Some(name.clone()), context: context.clone() })?;
    let got = Got::Session(Box::new(begin(&client).await?));
    settle(session, config, (name, context), &keeper, got).await
}

async fn settle(
    session: &Session,
    mut config: ConfigFile,
    (name, mut context): (String, Context),
    keeper: &Keeper,
    got: Got,
) -> Result<Exit, CliError> {
    let client = session.anonymous(&Chosen { name: Some(name.clone()), context: context.clone() })?;
    let (kept, token, ends) = match &got {
        Got::Session(signed_in) => {
            let kept = KeptSession::from(&**signed_in);
            (kept.line(), kept.access(), Some(kept.expires_at))
        }
        Got::Token(token) => (token.clone(), token.clone(), None),
    };
    let client = client.with_token(token);
    // A token that was there before is proven first; a session that may have cost a one-time token is kept first.
    let proven = if ends.is_some() { None } else { Some(client.whoami().await?) };
    if let Err(error) = keeper.keep(session, &kept).await {
        return Err(if ends.is_some() { rescue(keeper, &kept, error) } else { error });
    }
    forget_former(session, &config, &name, context.credential.as_ref(), &keeper.reference).await;
    let who = match proven {
        Some(who) => who,
        None => client.whoami().await?,
    };
    let ends = ends.unwrap_or(who.token.expires_at);
    context.credential = Some(keeper.reference());
    context.organisation = context.organisation.or_else(|| who.organisation.clone());
    context.signed_in = Some(NotedSignIn {
        email: who.name().to_owned(),
        token: who.token.name.clone(),
        scopes: who.token.scopes.clone(),
        expires_at: ends,
    });
    config.put(&name, &context)?;
    config.set_current(&name)?;
    let what = if matches!(got, Got::Session(_)) { "session" } else { "token" };
    session.out.note(&format!(
        "signed in to {} as {} ({}) until {}; the {what} is kept in {}; the context is {name}",
        context.url,
        who.name(),
        who.role,
        crate::output::instant(ends),
        keeper.reference(),
    ));
    if session.out.is_structured() {
        session.out.value(&Done {
            context: &name,
            url: context.url.as_str(),
            credential: keeper.reference().to_string(),
            who: &who,
        })?;
    }
    Ok(Exit::Done)
}

/// Forgets the token that the context had before, unless another context has it, too.
async fn forget_former(
    session: &Session,
    config: &ConfigFile,
    name: &str,
    former: Option<&Reference>,
    new: &Reference,
) {
    let Some(former) = former.filter(|former| *former != new) else { return };
    let shared =
        config.contexts().iter().any(|(other, context)| other != name && context.credential.as_ref() == Some(former));
    if !shared && let Err(error) = forget(session, former).await {
        session.out.warn(&format!("the former token could not be forgotten: {}", error.message()));
    }
}

/// The context to sign in to: named, current, or called `default`; new if `--url` says where.
fn context(session: &Session, config: &ConfigFile) -> Result<(String, Context), CliError> {
    let global = &session.global;
    let name =
        global.context.clone().or_else(|| config.current().map(str::to_owned)).unwrap_or_else(|| "default".to_owned());
    if !is_name(&name) {
        return Err(CliError::usage(odock_client::context::ContextError::Name(name).to_string()));
    }
    let mut context = match (config.contexts().get(&name), &global.url) {
        (Some(known), None) => known.clone(),
        (Some(known), Some(url)) => Context { url: url.clone(), ..known.clone() },
        (None, Some(url)) => Context::new(url.clone()),
        (None, None) => {
            return Err(CliError::usage(format!("where is the gateway of context {name}?")).hint("add --url URL"));
        }
    };
    if global.organisation.is_some() {
        context.organisation.clone_from(&global.organisation);
    }
    Ok((name, context))
}

fn warn_of_plain_http(session: &Session, url: &Url) {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && !local {
        session.out.warn(&format!("{url} is not encrypted: everybody on the way can read the token"));
    }
}

/// A session has begun, perhaps for a one-time token, and cannot be kept where it should: losing it could lock everybody out.
fn rescue(keeper: &Keeper, token: &SecretString, error: CliError) -> CliError {
    let path = keeper.directory.join(format!("rescued-{}.token", std::process::id()));
    match credential::file::write(&path, token) {
        Ok(()) => {
            let path = path.display();
            error.hint(format!(
                "the session has begun, and is in {path} (mode 0600): \
                 odockctl context add NAME --url URL --credential file:{path}"
            ))
        }
        Err(_) => error.hint(
            "the session has begun and is lost; what it was begun with may be spent: ask for a new one-time token",
        ),
    }
}

/// Keeps one context's token.
struct Keeper {
    reference: Reference,
    directory: PathBuf,
}

impl Keeper {
    fn new(place: Place, name: &str, url: &Url) -> Result<Self, CliError> {
        let directory = directory()?;
        let reference = match place {
            // With the address, so that a context of the same name in another file has a token of its own.
            Place::Keyring => {
                Reference::Keyring(format!("{name}@{}", &url[url::Position::BeforeHost..url::Position::AfterPort]))
            }
            Place::File => Reference::File(directory.join(format!("{name}.token"))),
        };
        Ok(Self { reference, directory })
    }

    fn reference(&self) -> Reference {
        self.reference.clone()
    }

    /// Finds out whether a token can be kept.
    async fn check(&self, session: &Session) -> Result<(), CliError> {
        let Reference::Keyring(_) = &self.reference else { return Ok(()) };
        let store = Arc::clone(&session.store);
        bounded(move || store.probe()).await.map_err(|error| ways_out(&error.to_string()))
    }

    async fn keep(&self, session: &Session, token: &SecretString) -> Result<(), CliError> {
        match &self.reference {
            Reference::Keyring(account) => {
                let (store, account, token) = (Arc::clone(&session.store), account.clone(), token.clone());
                bounded(move || store.set(&account, &token)).await.map_err(|error| ways_out(&error.to_string()))
            }
            Reference::File(path) => {
                credential::file::write(path, token).map_err(|error| CliError::io(&path.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }
}

/// Removes a token from where this program keeps it. What programs, variables and files elsewhere give is theirs.
///
/// # Errors
/// The keyring or the operating system refuses.
pub async fn forget(session: &Session, reference: &Reference) -> Result<(), CliError> {
    match reference {
        Reference::Keyring(account) => {
            let (store, account) = (Arc::clone(&session.store), account.clone());
            bounded(move || store.delete(&account))
                .await
                .map_err(|error| CliError::new(Exit::Failed, "keyring", error.to_string()))
        }
        Reference::File(path) if path.starts_with(directory()?) => {
            credential::file::remove(path).map_err(|error| CliError::io(&path.display().to_string(), &error))
        }
        Reference::File(_) | Reference::Exec(_) | Reference::Env(_) => Ok(()),
    }
}

/// Where this program keeps tokens in files: beside the configuration.
pub(crate) fn directory() -> Result<PathBuf, CliError> {
    let config = Session::config_path()?;
    let config = std::path::absolute(&config).map_err(|error| CliError::io(&config.display().to_string(), &error))?;
    Ok(config.parent().map(|parent| parent.join("credentials")).unwrap_or_default())
}

/// Whether a token is kept by this program, and not given by something else.
///
/// # Errors
/// There is no place for a configuration file.
pub fn is_ours(reference: &Reference) -> Result<bool, CliError> {
    Ok(match reference {
        Reference::Keyring(_) => true,
        Reference::File(path) => path.starts_with(directory()?),
        Reference::Exec(_) | Reference::Env(_) => false,
    })
}

/// No keyring: nothing is written in clear text unless that is asked for by name.
fn ways_out(reason: &str) -> CliError {
    CliError::new(Exit::Failed, "no_keyring", format!("the token cannot be kept: {reason}")).hint(
        "three ways out: set ODOCK_TOKEN for each run; keep the token in a file of mode 0600 with --store file; or let a \
         program give it: odockctl context add NAME --url URL --credential 'exec:PROGRAM ARGUMENT…'",
    )
}
