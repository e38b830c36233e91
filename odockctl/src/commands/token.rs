//! `odockctl token`: the user's own access tokens, and those of service accounts.

use entity::session::{CreateToken, IssuedToken, Token};
use entity::vocab::Scope;
use entity::{AccessTokenId, Timestamp};
use odock_client::http::OrganisationApi;
use odock_client::{Client, ClientError};
use secrecy::SecretString;
use serde::Serialize;

use super::key::Delivery;
use crate::error::{CliError, Exit};
use crate::prompt::Act;
use crate::session::Session;
use crate::sink::Sinks;
use crate::span;

/// Manage your own access tokens, and those of service accounts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List tokens.
    List(List),
    /// Create a token and deliver it.
    Create(Create),
    /// Stop tokens from working.
    Revoke(Revoke),
}

/// List your tokens, or those of a service account.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl token list
  odockctl token list --service-account deploy
  odockctl token list --fields name,expires -o csv")]
pub struct List {
    #[command(flatten)]
    of: Of,
}

/// Whose tokens.
#[derive(Debug, clap::Args)]
struct Of {
    /// Those of this service account, instead of your own.
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
}

/// Create a token and deliver it.
///
/// It may do at most what the token in use may. It is shown once, by the sinks of --secret-out or on the terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl token create ci --scope read --expires 30d --secret-out file:./ci.token
  odockctl token create laptop --scope read --scope write
  odockctl token create cron --service-account deploy --scope write --secret-out file:./deploy.token")]
pub struct Create {
    /// What it is for.
    #[arg(value_name = "NAME")]
    name: String,
    /// What it may be used for: read or write. Can be given several times.
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    scopes: Vec<Scope>,
    /// When it stops working: a date, a time, or a span from now such as 30d; 90d if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    delivery: Delivery,
}

/// Stop tokens from working.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl token revoke laptop
  odockctl token revoke 0198c0de-0000-7000-8000-000000000000 --yes")]
pub struct Revoke {
    /// Names or ids.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    of: Of,
}

/// The tokens of whoever they are of.
enum Tokens {
    Own(Client),
    Of(OrganisationApi, String),
}

impl Tokens {
    async fn of(session: &Session, of: Of) -> Result<Self, CliError> {
        Ok(match of.service_account {
            None => Self::Own(session.client().await?),
            Some(account) => Self::Of(session.api().await?, account),
        })
    }

    async fn list(&self) -> Result<Vec<Token>, ClientError> {
        match self {
            Self::Own(client) => client.tokens().await,
            Self::Of(api, account) => api.tokens_of(account).await,
        }
    }

    async fn create(&self, token: &CreateToken) -> Result<IssuedToken, ClientError> {
        match self {
            Self::Own(client) => client.create_token(token).await,
            Self::Of(api, account) => api.create_token_of(account, token).await,
        }
    }

    async fn revoke(&self, id: AccessTokenId) -> Result<(), ClientError> {
        match self {
            Self::Own(client) => client.revoke_token(id).await,
            Self::Of(api, account) => api.revoke_token_of(account, id).await,
        }
    }
}

/// A token, and where its secret went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    #[serde(flatten)]
    token: Token,
    delivered_to: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A guard, a sink or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::List(args) => {
            session.out.list(&Tokens::of(session, args.of).await?.list().await?, None)?;
            Ok(Exit::Done)
        }
        Command::Create(args) => create(session, args).await,
        Command::Revoke(args) => revoke(session, args).await,
    }
}

async fn create(session: &Session, args: Create) -> Result<Exit, CliError> {
    session.must_write()?;
    let tokens = Tokens::of(session, args.of).await?;
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let stdout_taken = sinks.take_stdout();
    let body = CreateToken { name: args.name, scopes: args.scopes, expires_at: args.expires };
    let IssuedToken { token, secret } = tokens.create(&body).await?;
    let places = match sinks.deliver(&SecretString::from(secret), &session.out) {
        Ok(places) => places,
        Err(error) => {
            // Nobody has it: it must not stay valid.
            return Err(match tokens.revoke(token.id).await {
                Ok(()) => error.hint("the token was revoked again; name another sink and create it anew"),
                Err(_) => {
                    error.hint(format!("the token exists, but nobody has it: odockctl token revoke {}", token.id))
                }
            });
        }
    };
    session.out.note(&format!("created token {}", token.name));
    if session.out.is_structured() {
        session.out.value(&Delivered { token, delivered_to: places })?;
    } else if !stdout_taken {
        session.out.note(&format!("it is in {}", places.join(", ")));
        session.out.one(&token)?;
    }
    Ok(Exit::Done)
}

async fn revoke(session: &Session, args: Revoke) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let tokens = Tokens::of(session, args.of).await?;
    let known = tokens.list().await?;
    let ids: Vec<AccessTokenId> = args.names.iter().map(|name| find(&known, name)).collect::<Result<_, _>>()?;
    let own = client.whoami().await?.token.id;
    let act = Act::new(format!("Revoke {}", args.names.join(", ")));
    let act = if ids.contains(&own) { act.so("One of them is the token in use: you will be signed out.") } else { act };
    session.confirm(&act).await?;
    // The token in use goes last, or the others would stay.
    let mut pairs: Vec<_> = ids.into_iter().zip(&args.names).collect();
    pairs.sort_by_key(|(id, _)| *id == own);
    for (id, name) in pairs {
        tokens.revoke(id).await.map_err(|error| CliError::from(error).about(&format!("token {name}")))?;
        session.out.note(&format!("revoked token {name}"));
    }
    Ok(Exit::Done)
}

/// Finds a token by id, or by a name that only one usable token has.
fn find(known: &[Token], name: &str) -> Result<AccessTokenId, CliError> {
    let usable: Vec<&Token> = known.iter().filter(|token| token.name == name && token.revoked_at.is_none()).collect();
    match (&usable[..], name.parse::<AccessTokenId>()) {
        (_, Ok(id)) => Ok(id),
        ([one], _) => Ok(one.id),
        ([], _) => Err(CliError::new(Exit::NotFound, "not_found", format!("there is no usable token {name}"))
            .hint("list them: odockctl token list")),
        (several, _) => {
            let ids: Vec<_> = several.iter().map(|token| token.id.to_string()).collect();
            Err(CliError::usage(format!("{} tokens are called {name}", several.len()))
                .hint(format!("use an id: {}", ids.join(", "))))
        }
    }
}
