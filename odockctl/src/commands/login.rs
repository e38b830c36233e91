//! `odockctl login`: a token, proven and kept.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use entity::session::WhoAmI;
use odock_client::Client;
use odock_client::context::{ConfigFile, Context, SignedIn, is_name};
use odock_client::credential::{self, PERSONAL, Reference, SIGN_IN, bounded};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use crate::error::{CliError, Exit};
use crate::session::{Chosen, Session};

/// Sign in to a gateway and keep the token.
///
/// The token comes from --token-file or --token-stdin, never from an argument. A one-time sign-in token (odock-signin-…)
/// is exchanged for a personal one. The token is kept in the operating system's keyring, and the context is made or
/// updated and becomes the current one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl login --url https://odock.acme.example --token-file ./token
  odockctl login --context prod --organisation acme --token-stdin < token
  odockctl login --token-file ./token --store file")]
pub struct Args {
    /// Where to keep the token: keyring or file (mode 0600).
    #[arg(long, value_enum, default_value_t, value_name = "PLACE", hide_possible_values = true)]
    store: Place,
    /// The name of the personal token that a one-time sign-in token becomes.
    #[arg(long, value_name = "NAME")]
    token_name: Option<String>,
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
/// The token is not accepted, or cannot be kept.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    if session.global.token_file.is_none() && !session.global.token_stdin {
        return Err(CliError::usage("login needs a token").hint("odockctl login --token-file FILE, or --token-stdin"));
    }
    let mut config = session.config()?;
    let (name, mut context) = context(session, &config)?;
    let token = session.lookup(None).resolve().await?.map(|found| found.token);
    let token = token.ok_or_else(|| CliError::usage("login needs a token"))?;
    let one_time = token.expose_secret().starts_with(SIGN_IN);
    if !one_time && !token.expose_secret().starts_with(PERSONAL) {
        return Err(CliError::usage(format!(
            "this is no token for signing in: they begin with {PERSONAL} or {SIGN_IN}"
        )));
    }
    warn_of_plain_http(session, &context.url);
    let keeper = Keeper::new(args.store, &name, &context.url)?;
    // Before a one-time token is spent: afterwards nobody could sign in with it again.
    keeper.check(session).await?;
    let chosen = Chosen { name: Some(name.clone()), context: context.clone() };
    let client = session.anonymous(&chosen)?;
    let token = if one_time { exchange(&client, &token, args.token_name).await? } else { token };
    let client = client.with_token(token.clone());
    // A token that was there before is proven first; one that cost a one-time token is kept first.
    let proven = if one_time { None } else { Some(client.whoami().await?) };
    if let Err(error) = keeper.keep(session, &token).await {
        return Err(if one_time { rescue(&keeper, &token, error) } else { error });
    }
    forget_former(session, &config, &name, context.credential.as_ref(), &keeper.reference).await;
    let who = match proven {
        Some(who) => who,
        None => client.whoami().await?,
    };
    context.credential = Some(keeper.reference());
    context.organisation = context.organisation.or_else(|| who.organisation.clone());
    context.signed_in = Some(SignedIn {
        email: who.email.clone(),
        token: who.token.name.clone(),
        scopes: who.token.scopes.clone(),
        expires_at: who.token.expires_at,
    });
    config.put(&name, &context)?;
    config.set_current(&name)?;
    session.out.note(&format!(
        "signed in to {} as {} ({}) until {}; the token is kept in {}; the context is {name}",
        context.url,
        who.email,
        who.role,
        crate::output::instant(who.token.expires_at),
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

async fn exchange(client: &Client, token: &SecretString, name: Option<String>) -> Result<SecretString, CliError> {
    let name = name.unwrap_or_else(|| {
        format!("odockctl {}", entity::Timestamp::now().to_string().split('T').next().unwrap_or_default())
    });
    let issued = client.sign_in(token, Some(&name)).await.map_err(|error| {
        let made = CliError::from(error);
        if made.exit() == Exit::NotSignedIn {
            made.hint("a sign-in token works once and not for long; ask for a new one")
        } else {
            made
        }
    })?;
    Ok(SecretString::from(issued.secret))
}

/// A one-time token was spent, and what it became cannot be kept where it should: losing it could lock everybody out.
fn rescue(keeper: &Keeper, token: &SecretString, error: CliError) -> CliError {
    let path = keeper.directory.join(format!("rescued-{}.token", std::process::id()));
    match credential::file::write(&path, token) {
        Ok(()) => {
            let path = path.display();
            error.hint(format!(
                "the one-time token is spent; the personal token that it became is in {path} (mode 0600): \
                 odockctl login --token-file {path} --store file, then remove it"
            ))
        }
        Err(_) => error.hint("the one-time token is spent and the personal token is lost; ask for a new one"),
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
fn directory() -> Result<PathBuf, CliError> {
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
