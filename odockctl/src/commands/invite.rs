//! `odockctl invite`: how people come in who are not known yet.

use entity::identity::BeginDevice;
use entity::invitation::{AcceptInvitation, Invitation, Invite, IssuedInvitation};
use entity::vocab::{InvitationStatus, Role};
use entity::{InvitationId, Timestamp};
use odock_client::Client;
use odock_client::credential::INVITATION;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::key::Delivery;
use super::login::{self, Place};
use crate::error::{CliError, Exit};
use crate::prompt::{Act, quoted};
use crate::session::Session;
use crate::sink::Sinks;
use crate::span;

/// Invite people, and accept an invitation.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Invite somebody, and deliver the invitation's token.
    Create(Create),
    /// List invitations.
    List(List),
    /// Make a new token for an invitation that waits; the one before no longer works.
    Resend(Resend),
    /// Take invitations back.
    Revoke(Revoke),
    /// Accept an invitation, and sign in.
    Accept(Accept),
}

/// Invite somebody, and deliver the invitation's token.
///
/// The gateway sends no mail: hand the token to the person, who runs `odockctl invite accept`. It is shown once, by the
/// sinks of --secret-out or on the terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invite create grace@acme.example --role MANAGER --secret-out file:./grace.invitation
  odockctl invite create ops@globex.example --new-organisation globex")]
pub struct Create {
    /// Who is invited.
    #[arg(value_name = "ADDRESS")]
    email: String,
    /// What they will be able to do: USER, MANAGER or ORG_ADMIN; never more than you.
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
    /// Invites to draft an organisation of this name, which comes to be when the invitation is accepted. For super admins.
    #[arg(long, value_name = "NAME")]
    new_organisation: Option<String>,
    /// When it lapses: a date, a time, or a span from now such as 3d; 7d if not given.
    #[arg(long, value_name = "WHEN", value_parser = span::future)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    delivery: Delivery,
}

/// List invitations.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invite list
  odockctl invite list -A -o wide")]
pub struct List {
    /// Those of every organisation. For super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
}

/// Make a new token for an invitation that waits; the one before no longer works.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invite resend grace@acme.example --secret-out file:./grace.invitation
  odockctl invite resend ops@globex.example -A")]
pub struct Resend {
    /// The address or the invitation's id.
    #[arg(value_name = "ADDRESS")]
    invitation: String,
    /// Looks among those of every organisation. For super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
    #[command(flatten)]
    delivery: Delivery,
}

/// Take invitations back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invite revoke grace@acme.example
  odockctl invite revoke grace@acme.example --yes")]
pub struct Revoke {
    /// Addresses or ids.
    #[arg(required = true, value_name = "ADDRESS")]
    invitations: Vec<String>,
    /// Looks among those of every organisation. For super admins.
    #[arg(short = 'A', long)]
    all_organisations: bool,
}

/// Accept an invitation, and sign in.
///
/// The invitation's token comes from --token-file or --token-stdin, or is asked for. Choose a password, or come in with the
/// identity that a provider knows you by (--device, --provider). The session is kept as `odockctl login` keeps it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl invite accept --url https://odock.acme.example --token-file ./grace.invitation
  odockctl invite accept --token-file ./grace.invitation --provider github")]
pub struct Accept {
    /// What people will call you.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// Read the password from standard input.
    #[arg(long, conflicts_with_all = ["device", "provider"])]
    password_stdin: bool,
    /// Come in with a code that is typed in a browser, instead of a password.
    #[arg(long)]
    device: bool,
    /// The identity provider to do that with, where there are several.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Where to keep the session: keyring or file (mode 0600).
    #[arg(long, value_enum, default_value_t, value_name = "PLACE", hide_possible_values = true)]
    store: Place,
}

/// An invitation, and where its token went.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    #[serde(flatten)]
    invitation: Invitation,
    delivered_to: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A guard, a sink or the gateway refuses.
pub async fn run(session: &Session, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::List(args) => {
            let organisation = scope(session, args.all_organisations)?;
            let all = session.client().await?.invitations(organisation.as_deref()).await?;
            session.out.list(&all, None)?;
            Ok(Exit::Done)
        }
        Command::Resend(args) => resend(session, args).await,
        Command::Revoke(args) => revoke(session, args).await,
        Command::Accept(args) => accept(session, args).await,
    }
}

/// Which invitations are meant: an organisation's, or all.
fn scope(session: &Session, all: bool) -> Result<Option<String>, CliError> {
    if all { Ok(None) } else { session.organisation().map(Some) }
}

async fn create(session: &Session, args: Create) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let organisation = if args.new_organisation.is_some() { None } else { Some(session.organisation()?) };
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let invite =
        Invite { email: args.email, role: args.role, organisation: args.new_organisation, expires_at: args.expires };
    let issued = client.invite(organisation.as_deref(), &invite).await?;
    deliver(session, &client, organisation.as_deref(), sinks, issued, "invited").await
}

async fn resend(session: &Session, args: Resend) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let organisation = scope(session, args.all_organisations)?;
    let known = client.invitations(organisation.as_deref()).await?;
    let id = find(&known, &args.invitation)?;
    let sinks = Sinks::open(&args.delivery.secret_out, &session.out)?;
    let issued = client.resend_invitation(organisation.as_deref(), id).await?;
    deliver(session, &client, organisation.as_deref(), sinks, issued, "invited again").await
}

async fn deliver(
    session: &Session,
    client: &Client,
    organisation: Option<&str>,
    sinks: Sinks,
    issued: IssuedInvitation,
    what: &str,
) -> Result<Exit, CliError> {
    let IssuedInvitation { invitation, token } = issued;
    let stdout_taken = sinks.take_stdout();
    let places = match sinks.deliver(&SecretString::from(token), &session.out) {
        Ok(places) => places,
        Err(error) => {
            // Nobody has it: it must not stay valid.
            return Err(match client.revoke_invitation(organisation, invitation.id).await {
                Ok(_) => error.hint("the invitation was revoked again; name another sink and invite anew"),
                Err(_) => error.hint(format!(
                    "the invitation waits, but nobody has its token: odockctl invite revoke {}",
                    invitation.id
                )),
            });
        }
    };
    session.out.note(&format!("{what} {} until {}", invitation.email, crate::output::instant(invitation.expires_at)));
    let url = client.base().as_str().trim_end_matches('/');
    session.out.note(&format!("they accept with: odockctl invite accept --url {} --token-stdin", quoted(url)));
    if session.out.is_structured() {
        session.out.value(&Delivered { invitation, delivered_to: places })?;
    } else if !stdout_taken {
        session.out.note(&format!("the token is in {}", places.join(", ")));
        session.out.one(&invitation)?;
    }
    Ok(Exit::Done)
}

async fn revoke(session: &Session, args: Revoke) -> Result<Exit, CliError> {
    session.must_write()?;
    let client = session.client().await?;
    let organisation = scope(session, args.all_organisations)?;
    let known = client.invitations(organisation.as_deref()).await?;
    let ids: Vec<InvitationId> = args.invitations.iter().map(|name| find(&known, name)).collect::<Result<_, _>>()?;
    session.confirm(&Act::new(format!("Take back the invitation of {}", args.invitations.join(", ")))).await?;
    for (id, name) in ids.into_iter().zip(&args.invitations) {
        let done = client.revoke_invitation(organisation.as_deref(), id).await;
        done.map_err(|error| CliError::from(error).about(&format!("invitation of {name}")))?;
        session.out.note(&format!("took back the invitation of {name}"));
    }
    Ok(Exit::Done)
}

/// Finds an invitation by id, or the newest of an address that waits or has lapsed.
fn find(known: &[Invitation], name: &str) -> Result<InvitationId, CliError> {
    if let Ok(id) = name.parse::<InvitationId>() {
        return Ok(id);
    }
    let open = [InvitationStatus::Pending, InvitationStatus::Expired];
    let found = known.iter().find(|one| one.email.eq_ignore_ascii_case(name) && open.contains(&one.status));
    found.map(|one| one.id).ok_or_else(|| {
        CliError::new(Exit::NotFound, "not_found", format!("no invitation of {name} waits"))
            .hint("list them: odockctl invite list")
    })
}

async fn accept(session: &Session, args: Accept) -> Result<Exit, CliError> {
    let mut lookup = session.lookup(None);
    lookup.oidc = None;
    let given = session.global.token_file.is_some() || session.global.token_stdin;
    let token = if given { lookup.kept().await? } else { None };
    let token = match token {
        Some(token) => token,
        None if session.can_ask() => session.secret("Invitation: ").await?,
        None => {
            return Err(CliError::usage("the invitation's token is needed").hint("--token-file FILE, or --token-stdin"));
        }
    };
    if !token.expose_secret().starts_with(INVITATION) {
        return Err(CliError::usage(format!("this is no invitation: they begin with {INVITATION}")));
    }
    let by_device = args.device || args.provider.is_some();
    let password = if by_device { None } else { Some(new_password(session, args.password_stdin).await?) };
    let name = login::session_name(None);
    let token = token.expose_secret().to_owned();
    login::keep(session, args.store, async |client: &Client| match password {
        Some(password) => {
            let accept = AcceptInvitation {
                token,
                display_name: args.display_name,
                password: password.expose_secret().to_owned(),
                name: Some(name),
            };
            Ok(client.accept_invitation(&accept).await?)
        }
        None => {
            let begin = BeginDevice { provider: args.provider, name: Some(name), invitation: Some(token) };
            login::device(session, client, &begin).await
        }
    })
    .await
}

async fn new_password(session: &Session, from_stdin: bool) -> Result<SecretString, CliError> {
    if from_stdin && session.global.token_stdin {
        return Err(CliError::usage(
            "standard input holds either the token or the password; put one of them in a file",
        ));
    }
    super::auth::new_password(session, from_stdin).await
}
