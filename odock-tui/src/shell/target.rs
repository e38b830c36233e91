//! Which gateway, as whom: contexts and credentials in odockctl's order.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use odock_client::context::{ConfigFile, Context};
use odock_client::credential::{CredentialStore, Keyring, Lookup, Reference};
use odock_client::{Client, ClientError};
use odock_tui::model::{Scope, Session};
use odock_tui::msg::{ContextRow, Failure, FailureKind};
use tokio::sync::Mutex;
use url::Url;

use super::args::Args;
use super::calls::failure;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Variables whose token is for whatever gateway the program was started on.
const GENERAL: [&str; 2] = ["ODOCK_TOKEN", "ODOCK_TOKEN_FILE"];
const TIMEOUT: Duration = Duration::from_secs(12);

/// A gateway that can be called.
pub(crate) struct Target {
    /// What the core knows of it.
    pub(crate) session: Session,
    context: Context,
    args: Args,
    anonymous: Client,
    signed_in: Mutex<Option<Client>>,
    scope: Mutex<Option<Scope>>,
    /// After a switch the context's own credential comes before the environment's: the one in the environment was meant
    /// for the gateway that the program was started on.
    switched: bool,
}

impl Target {
    /// The gateway that the arguments name.
    pub(crate) fn first(args: &Args) -> anyhow::Result<Self> {
        let config = config()?;
        let name = args.context.clone().or_else(|| config.current().map(str::to_owned));
        let mut other_url = false;
        let (name, mut context) = match name {
            Some(name) => {
                let mut context = config.context(&name)?.clone();
                if let Some(url) = args.url.as_ref().filter(|url| **url != context.url) {
                    if url.origin() != context.url.origin() {
                        context.credential = None;
                    }
                    context.url = url.clone();
                    other_url = true;
                }
                (Some(name), context)
            }
            None => (None, Context::new(args.url.clone().map_or_else(|| Url::parse(DEFAULT_URL), Ok)?)),
        };
        if let Some(organisation) = &args.organisation {
            context.organisation = Some(organisation.clone());
        }
        let mut target = Self::new(args, name, context, false)?;
        target.session.other_url = other_url;
        Ok(target)
    }

    /// The gateway of a context of the configuration file, as it is now.
    pub(crate) fn named(args: &Args, name: &str) -> Result<Self, Failure> {
        let unusable = |error: String| Failure::new(FailureKind::Other, error);
        let config = config().map_err(|error| unusable(format!("{error:#}")))?;
        let context = config.context(name).map_err(|error| unusable(error.to_string()))?.clone();
        Self::new(args, Some(name.to_owned()), context, true).map_err(|error| failure(&error))
    }

    fn new(args: &Args, name: Option<String>, context: Context, switched: bool) -> Result<Self, ClientError> {
        let read_only = args.read_only || context.read_only;
        let mut builder = Client::builder(context.url.clone())
            .timeout(TIMEOUT)
            // The stream is opened again by the core, and a person sees the rest fail and presses `r`.
            .retries(0)
            // The second lock: the first is the core's choke point.
            .read_only(read_only)
            .user_agent(concat!("odock-tui/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &args.ca_file {
            builder = builder.ca_file(path);
        }
        let session = Session {
            context: name,
            url: context.url.to_string().trim_end_matches('/').to_owned(),
            other_url: false,
            organisation: context.organisation.clone(),
            color: context.color.map(|color| color.to_string()),
            protected: context.protected,
            read_only,
        };
        let anonymous = builder.build()?;
        let (args, signed_in, scope) = (args.clone(), Mutex::new(None), Mutex::new(None));
        Ok(Self { session, context, args, anonymous, signed_in, scope, switched })
    }

    /// A client with a token, looked up at the first call and whenever `renew` asks for it.
    pub(crate) async fn client(&self, renew: bool) -> Result<Client, Failure> {
        let mut kept = self.signed_in.lock().await;
        if let Some(client) = kept.as_ref().filter(|_| !renew) {
            return Ok(client.clone());
        }
        let client = self.sign_in().await?;
        *kept = Some(client.clone());
        Ok(client)
    }

    async fn sign_in(&self) -> Result<Client, Failure> {
        let own_first = self.switched && self.context.credential.is_some();
        let names_it =
            matches!(&self.context.credential, Some(Reference::Env(name)) if GENERAL.contains(&name.as_str()));
        let environment = |name: &str| variable(name);
        let without_general = |name: &str| variable(name).filter(|_| names_it || !GENERAL.contains(&name));
        let lookup = Lookup {
            token_file: self.args.token_file.as_deref().filter(|_| !own_first),
            token_stdin: false,
            env: if own_first { &without_general } else { &environment },
            oidc: None,
            locks: locks(),
            reference: self.context.credential.as_ref(),
            store: Arc::new(Keyring) as Arc<dyn CredentialStore>,
        };
        let hint = "set ODOCK_TOKEN, use --token-file, or run `odockctl login`";
        match lookup.resolve().await {
            Ok(Some(found)) => Ok(self.anonymous.with_credential(found.credential)),
            Ok(None) => Err(Failure::new(FailureKind::SignedOut, "not signed in: there is no token").hint(hint)),
            Err(error) => Err(Failure::new(FailureKind::SignedOut, error.to_string()).hint(hint)),
        }
    }

    /// Whose traffic: the organisation that was named, else the user's own, else everybody's.
    pub(crate) async fn scope(&self, client: &Client) -> Result<Scope, Failure> {
        let mut kept = self.scope.lock().await;
        if let Some(scope) = kept.as_ref() {
            return Ok(scope.clone());
        }
        let scope = match &self.session.organisation {
            Some(slug) => Scope::Organisation(slug.clone()),
            None => match client.whoami().await.map_err(|error| failure(&error))?.organisation {
                Some(slug) => Scope::Organisation(slug),
                None => Scope::Everything,
            },
        };
        *kept = Some(scope.clone());
        Ok(scope)
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Where programs take turns to renew a session: beside the configuration, as `odockctl` does.
fn locks() -> PathBuf {
    let config = ConfigFile::default_path(variable).ok().and_then(|path| std::path::absolute(path).ok());
    config.and_then(|path| Some(path.parent()?.join("credentials"))).unwrap_or_else(std::env::temp_dir)
}

fn config() -> anyhow::Result<ConfigFile> {
    Ok(ConfigFile::load(ConfigFile::default_path(variable)?)?)
}

/// The contexts of the configuration file.
pub(crate) fn contexts() -> Result<Vec<ContextRow>, Failure> {
    let config = config().map_err(|error| Failure::new(FailureKind::Other, format!("{error:#}")))?;
    let rows = config.contexts().iter().map(|(name, context)| ContextRow {
        name: name.clone(),
        url: context.url.to_string(),
        organisation: context.organisation.clone(),
        credential: context.credential.as_ref().map(ToString::to_string),
        protected: context.protected,
        read_only: context.read_only,
        default: config.current() == Some(name.as_str()),
    });
    Ok(rows.collect())
}
