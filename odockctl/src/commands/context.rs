//! `odockctl context`: named gateways.

use odock_client::context::{Color, ConfigFile, Context};
use odock_client::credential::Reference;

use crate::columns::ContextRow;
use crate::error::{CliError, Detail, Exit, Place};
use crate::prompt::Act;
use crate::session::Session;

/// Manage named gateways.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the contexts; the current one has a star.
    List(List),
    /// Add a context, or change one.
    Add(Add),
    /// Make a context the current one.
    Use(Use),
    /// Show a context, with what flags and variables make of it.
    Show(Show),
    /// Check the configuration file.
    Validate(Validate),
    /// Remove a context and forget its token.
    Remove(Remove),
}

/// List the contexts; the current one has a star.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context list
  odockctl context list -o name")]
pub struct List {}

/// Add a context, or change one.
///
/// What is not given stays as it is. The address and the organisation come from the global flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context add dev --url http://localhost:4000 --organisation acme
  odockctl context add prod --url https://odock.acme.example --protected --context-color red
  odockctl context add ci --url https://odock.acme.example --credential env:ODOCK_CI_TOKEN --read-only-context")]
pub struct Add {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Where the token is kept: keyring:ACCOUNT, exec:PROGRAM ARGUMENT…, file:PATH or env:NAME. Never a token.
    #[arg(long, value_name = "REFERENCE")]
    credential: Option<Reference>,
    /// A colour to tell contexts apart.
    #[arg(long, value_name = "COLOR")]
    context_color: Option<Color>,
    /// Whether destructive acts ask for the context's name.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    protected: Option<bool>,
    /// Whether nothing may be changed.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    read_only_context: Option<bool>,
    /// Make it the current context, too.
    #[arg(long = "use")]
    make_current: bool,
}

/// Make a context the current one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context use prod
  odockctl context use -")]
pub struct Use {
    /// Its name; `-` is the one that was current before.
    #[arg(value_name = "NAME")]
    name: String,
}

/// Show a context, with what flags and variables make of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context show
  odockctl context show prod -o json")]
pub struct Show {
    /// Its name; the current one if not given.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Check the configuration file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context validate
  odockctl context validate --connect")]
pub struct Validate {
    /// Ask every gateway for its version, too.
    #[arg(long)]
    connect: bool,
}

/// Remove a context and forget its token.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl context remove dev")]
pub struct Remove {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// The configuration file is wrong or cannot be written.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::List(_) => list(session),
        Command::Add(args) => add(session, args),
        Command::Use(args) => choose(session, &args.name),
        Command::Show(args) => show(session, args),
        Command::Validate(args) => validate(session, args).await,
        Command::Remove(args) => remove(session, args).await,
    }
}

fn choose(session: &Session, name: &str) -> Result<Exit, CliError> {
    let mut config = session.config()?;
    let name = match name {
        "-" => config.previous().ok_or_else(|| {
            CliError::usage("no other context was in use before").hint("name one: odockctl context list")
        })?,
        name => name,
    };
    let name = name.to_owned();
    config.set_current(&name)?;
    session.out.note(&format!("the context is {name}"));
    if let Some(variable) = session.global.context.as_ref().filter(|variable| **variable != name) {
        session.out.warn(&format!("ODOCK_CONTEXT or --context names {variable}, which stands before it"));
    }
    Ok(Exit::Done)
}

fn row(name: &str, context: &Context, current: bool) -> ContextRow {
    ContextRow {
        name: name.to_owned(),
        current,
        url: context.url.to_string(),
        organisation: context.organisation.clone(),
        credential: context.credential.as_ref().map(ToString::to_string),
        color: context.color.map(|color| color.to_string()),
        protected: context.protected,
        read_only: context.read_only,
        email: context.signed_in.as_ref().map(|known| known.email.clone()),
        expires_at: context.signed_in.as_ref().map(|known| known.expires_at),
    }
}

fn rows(config: &ConfigFile) -> Vec<ContextRow> {
    let is_current = |name: &str| config.current() == Some(name);
    config.contexts().iter().map(|(name, context)| row(name, context, is_current(name))).collect()
}

fn list(session: &Session) -> Result<Exit, CliError> {
    let config = session.config()?;
    session.out.list(&rows(&config), None)?;
    if config.contexts().is_empty() {
        session.out.note("no contexts; add one: odockctl context add NAME --url URL");
    }
    Ok(Exit::Done)
}

fn add(session: &Session, args: Add) -> Result<Exit, CliError> {
    let mut config = session.config()?;
    let known = config.contexts().get(&args.name).cloned();
    let is_new = known.is_none();
    let mut context = match (known, &session.global.url) {
        (Some(known), None) => known,
        (Some(known), Some(url)) if known.url.origin() == url.origin() => Context { url: url.clone(), ..known },
        // A token of one address must not be sent to another.
        (Some(known), Some(url)) => Context { url: url.clone(), credential: None, signed_in: None, ..known },
        (None, Some(url)) => Context::new(url.clone()),
        (None, None) => {
            return Err(CliError::usage(format!("where is the gateway {}?", args.name)).hint("add --url URL"));
        }
    };
    if session.global.organisation.is_some() {
        context.organisation.clone_from(&session.global.organisation);
    }
    if args.credential.is_some() {
        context.credential = args.credential;
        context.signed_in = None;
    }
    context.color = args.context_color.or(context.color);
    context.protected = args.protected.unwrap_or(context.protected);
    context.read_only = args.read_only_context.unwrap_or(context.read_only);
    config.put(&args.name, &context)?;
    if args.make_current || config.current().is_none() {
        config.set_current(&args.name)?;
    }
    session.out.note(&format!("{} context {}", if is_new { "added" } else { "changed" }, args.name));
    Ok(Exit::Done)
}

fn show(session: &Session, args: Show) -> Result<Exit, CliError> {
    let config = session.config()?;
    let shown = match args.name {
        Some(name) => row(&name, config.context(&name)?, config.current() == Some(&name)),
        None => {
            let chosen = session.context()?;
            let name = chosen.name.unwrap_or_else(|| "-".to_owned());
            row(&name, &chosen.context, config.current() == Some(&name))
        }
    };
    session.out.one(&shown)?;
    Ok(Exit::Done)
}

async fn validate(session: &Session, args: Validate) -> Result<Exit, CliError> {
    let config = session.config()?;
    let mut wrong = Vec::new();
    for (name, context) in config.contexts() {
        let problem = match args.connect {
            true => reach(session, context).await.err(),
            false => session.anonymous(&crate::session::Chosen { name: None, context: context.clone() }).err(),
        };
        let place = || Place { file: Some(config.path().display().to_string()), ..Place::default() };
        wrong.extend(problem.map(|error| Detail {
            message: format!("context {name}: {}", error.message()),
            code: Some(error.code().to_owned()),
            source: Some(place()),
        }));
    }
    let count = config.contexts().len();
    if wrong.is_empty() {
        session.out.note(&format!("{}: {count} contexts, nothing wrong", config.path().display()));
        return Ok(Exit::Done);
    }
    let exit = if args.connect { Exit::Unreachable } else { Exit::Usage };
    Err(CliError::new(exit, "bad_context", format!("{} of {count} contexts cannot be used", wrong.len()))
        .details(wrong))
}

async fn reach(session: &Session, context: &Context) -> Result<(), CliError> {
    let chosen = crate::session::Chosen { name: None, context: context.clone() };
    session.anonymous(&chosen)?.version().await?;
    Ok(())
}

async fn remove(session: &Session, args: Remove) -> Result<Exit, CliError> {
    let mut config = session.config()?;
    let context = config.context(&args.name)?.clone();
    session
        .ask(&Act::new(format!("Remove context {}", args.name)).so("Its token is forgotten, but stays valid."))
        .await?;
    if let Some(reference) = &context.credential
        && let Err(error) = super::login::forget(session, reference).await
    {
        session.out.warn(&format!("the token could not be forgotten: {}", error.message()));
    }
    config.remove(&args.name)?;
    session.out.note(&format!("removed context {}", args.name));
    Ok(Exit::Done)
}
