//! `odockctl logout`: the token revoked and forgotten.

use odock_client::credential::Reference;

use crate::error::{CliError, Exit};
use crate::session::Session;

/// Revoke the kept token and forget it.
///
/// The token is forgotten on this machine even if the gateway cannot be reached to revoke it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl logout
  odockctl logout --context prod --local")]
pub struct Args {
    /// Only forget the token here; leave it valid.
    #[arg(long)]
    local: bool,
}

/// Runs the command.
///
/// # Errors
/// The token is not kept here, or could not be revoked.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    let mut config = session.config()?;
    let chosen = session.context()?;
    let Some((name, reference)) = chosen.name.clone().zip(chosen.context.credential.clone()) else {
        return Err(CliError::new(Exit::NotSignedIn, "no_credential", "no token is kept for this gateway"));
    };
    let theirs = !super::login::is_ours(&reference)?;
    let revoked = if args.local { Ok(()) } else { revoke(session, &reference).await };
    super::login::forget(session, &reference).await?;
    let mut context = config.context(&name)?.clone();
    context.signed_in = None;
    if !theirs {
        context.credential = None;
    }
    config.put(&name, &context)?;
    revoked.map_err(|error| {
        error
            .about(&format!("the token of context {name} was forgotten here, but not revoked"))
            .or_hint("it stays valid until it expires")
    })?;
    let what = if args.local { "forgotten here; it stays valid until it expires" } else { "revoked and forgotten" };
    session.out.note(&format!("the token of context {name} is {what}"));
    if theirs {
        session.out.note(&format!("the context still asks {reference} for a token"));
    }
    Ok(Exit::Done)
}

/// Revokes the kept token itself, whatever stands before it in the environment.
async fn revoke(session: &Session, reference: &Reference) -> Result<(), CliError> {
    let chosen = session.context()?;
    let mut lookup = session.lookup(Some(reference));
    lookup.token_file = None;
    lookup.token_stdin = false;
    let nothing = |name: &str| if name.starts_with("ODOCK_TOKEN") { None } else { std::env::var_os(name) };
    lookup.env = &nothing;
    lookup.oidc = None;
    let Some(found) = lookup.resolve().await? else { return Ok(()) };
    match session.anonymous(&chosen)?.with_credential(found.credential).sign_out().await {
        Ok(()) => Ok(()),
        // Expired or revoked already.
        Err(error) if error.status() == Some(401) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
