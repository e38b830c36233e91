//! The ways to sign in: a token, a password, a code in a browser.

use std::time::Duration;

use entity::Timestamp;
use entity::identity::{BeginDevice, IdentityProvider};
use entity::session::SignedIn;
use odock_client::Client;
use odock_client::credential::{PERSONAL, SERVICE, SIGN_IN};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{CliError, Exit};
use crate::output::clean;
use crate::session::Session;

/// What signing in came to.
pub enum Got {
    /// A session, which has begun and must be kept.
    Session(Box<SignedIn>),
    /// A token that was there before.
    Token(SecretString),
}

/// How to sign in.
pub enum Way {
    /// With a token: `--token-file` or `--token-stdin`.
    Token(SecretString),
    /// With a password.
    Password(String, SecretString),
    /// With a code in a browser, at the named provider or the only one.
    Device(Option<String>),
}

/// What the command line says about the way.
pub struct Given<'a> {
    pub(super) email: Option<&'a str>,
    pub(super) password_stdin: bool,
    pub(super) device: bool,
    pub(super) provider: Option<&'a str>,
}

/// Finds out how to sign in: from the flags, or by asking.
///
/// # Errors
/// The flags contradict each other, or nobody can be asked.
pub async fn choose(session: &Session, client: &Client, given: Given<'_>) -> Result<Way, CliError> {
    if session.global.token_file.is_some() || session.global.token_stdin {
        if given.email.is_some() || given.password_stdin || given.device || given.provider.is_some() {
            return Err(CliError::usage("a token needs no e-mail address, password or provider; give either"));
        }
        let mut lookup = session.lookup(None);
        lookup.oidc = None;
        let token = lookup.kept().await?.ok_or_else(|| CliError::usage("login needs a token"))?;
        let known = [SIGN_IN, PERSONAL, SERVICE].iter().any(|prefix| token.expose_secret().starts_with(prefix));
        if !known {
            return Err(CliError::usage(format!(
                "this is no token for signing in: they begin with {SIGN_IN}, {PERSONAL} or {SERVICE}"
            )));
        }
        return Ok(Way::Token(token));
    }
    if given.device || given.provider.is_some() {
        return Ok(Way::Device(given.provider.map(str::to_owned)));
    }
    if given.password_stdin {
        let email = given.email.ok_or_else(|| CliError::usage("--password-stdin needs --email"))?;
        let password = super::super::auth::password_from_stdin().await?;
        return Ok(Way::Password(email.to_owned(), password));
    }
    if !session.can_ask() {
        return Err(CliError::usage("login needs a way to sign in, and nobody can be asked")
            .hint("--token-file FILE, --token-stdin, --email ADDRESS --password-stdin, --device, or --provider NAME"));
    }
    match given.email {
        Some(email) => with_password(session, email).await,
        None => ask(session, client).await,
    }
}

async fn with_password(session: &Session, email: &str) -> Result<Way, CliError> {
    let password = session.secret(&format!("Password of {email}: ")).await?;
    Ok(Way::Password(email.to_owned(), password))
}

async fn ask(session: &Session, client: &Client) -> Result<Way, CliError> {
    let providers = client.identity_providers().await?.providers;
    let mut text = "Sign in with\n  1  e-mail address and password\n  2  a one-time token\n".to_owned();
    for (index, IdentityProvider { name, issuer, .. }) in providers.iter().enumerate() {
        text.push_str(&format!("  {}  {} ({})\n", index + 3, clean(name), clean(issuer)));
    }
    let choice = session.answer(&format!("{text}Which? [1] ")).await?;
    match choice.trim() {
        "" | "1" => {
            let email = session.answer("E-mail address: ").await?;
            with_password(session, email.trim()).await
        }
        "2" => Ok(Way::Token(session.secret("Token: ").await?)),
        other => match other.parse::<usize>().ok().and_then(|number| providers.get(number.checked_sub(3)?)) {
            Some(provider) => Ok(Way::Device(Some(provider.name.clone()))),
            None => Err(CliError::usage(format!("there is no choice `{other}`"))),
        },
    }
}

/// Signs in.
///
/// # Errors
/// The gateway refuses, or the person does.
pub async fn sign_in(session: &Session, client: &Client, way: Way, name: &str) -> Result<Got, CliError> {
    let signed_in = match way {
        Way::Token(token) if !token.expose_secret().starts_with(SIGN_IN) => return Ok(Got::Token(token)),
        Way::Token(token) => client.sign_in(&token, Some(name)).await.map_err(|error| {
            let made = CliError::from(error);
            if made.exit() == Exit::NotSignedIn {
                made.hint("a sign-in token works once and not for long; ask for a new one")
            } else {
                made
            }
        })?,
        Way::Password(email, password) => {
            client.sign_in_by_password(&email, &password, Some(name)).await.map_err(|error| {
                let made = CliError::from(error);
                if made.exit() == Exit::NotSignedIn {
                    made.hint("an administrator can give you a one-time token: odockctl login --token-stdin")
                } else {
                    made
                }
            })?
        }
        Way::Device(provider) => {
            let begin = BeginDevice { provider, name: Some(name.to_owned()), invitation: None };
            device(session, client, &begin).await?
        }
    };
    Ok(Got::Session(Box::new(signed_in)))
}

/// Shows the code, and waits until somebody has typed it.
///
/// # Errors
/// The provider or the person refuses, the code lapses, or Ctrl-C is pressed.
pub async fn device(session: &Session, client: &Client, begin: &BeginDevice) -> Result<SignedIn, CliError> {
    let prompt = client.begin_device(begin).await?;
    // To stderr even if it is quiet: without it nobody can go on.
    crate::output::talk(&clean(&format!(
        "Open {} in a browser, anywhere, and type the code {}\n",
        prompt.verification_uri, prompt.user_code
    )));
    if let Some(whole) = &prompt.verification_uri_complete {
        crate::output::talk(&clean(&format!("or open {whole} and compare the code\n")));
    }
    let mut wait = prompt.interval;
    loop {
        session.pause(Duration::from_secs(wait.clamp(1, 300))).await?;
        if prompt.expires_at <= Timestamp::now() {
            return Err(CliError::new(Exit::NotSignedIn, "token_expired", "nobody typed the code in time"));
        }
        let state = client.poll_device(&prompt.handle).await?;
        match state.signed_in {
            Some(signed_in) => return Ok(signed_in),
            None => wait = state.interval.unwrap_or(wait),
        }
    }
}
