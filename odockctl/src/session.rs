//! One run of the program: its flags, its context, its way to the gateway, its manners.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use odock_client::Client;
use odock_client::context::{ConfigFile, Context};
use odock_client::credential::{CredentialStore, Keyring, Lookup, Reference, Resolved, Source, oidc};
use odock_client::http::OrganisationApi;
use tokio::sync::{OnceCell, watch};

use crate::cli::Global;
use crate::error::{CliError, Exit};
use crate::output::Output;

/// One run of the program. Commands get it by reference.
pub struct Session {
    /// The flags that every command has.
    pub global: Global,
    /// Where data and talk go.
    pub out: Output,
    /// The keyring.
    pub store: Arc<dyn CredentialStore>,
    interrupted: watch::Sender<bool>,
    client: OnceCell<Client>,
}

/// A context as this run sees it: from the file, changed by flags.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its name; none when `--url` stands alone.
    pub name: Option<String>,
    /// Its fields.
    pub context: Context,
}

impl Session {
    /// A run with these flags.
    #[must_use]
    pub fn new(global: Global) -> Self {
        let out = Output::new(&global);
        Self { global, out, store: Arc::new(Keyring), interrupted: watch::Sender::new(false), client: OnceCell::new() }
    }

    /// An environment variable.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    /// The configuration file, with all contexts.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn config(&self) -> Result<ConfigFile, CliError> {
        Ok(ConfigFile::load(Self::config_path()?)?)
    }

    /// Where the configuration file is.
    ///
    /// # Errors
    /// There is no place for one.
    pub fn config_path() -> Result<PathBuf, CliError> {
        Ok(ConfigFile::default_path(|name| std::env::var_os(name))?)
    }

    /// The context that this run is about.
    ///
    /// # Errors
    /// There is none, and no `--url` either.
    pub fn context(&self) -> Result<Chosen, CliError> {
        let config = match Self::config_path() {
            Ok(path) => Some(ConfigFile::load(path)?),
            // A container may have no home: an address is enough.
            Err(_) if self.global.url.is_some() && self.global.context.is_none() => None,
            Err(error) => return Err(error),
        };
        let current = || config.as_ref()?.current().map(str::to_owned);
        let name = self.global.context.clone().or_else(current);
        let mut chosen = match (name.zip(config.as_ref()), &self.global.url) {
            (Some((name, config)), url) => {
                let mut context = config.context(&name)?.clone();
                if let Some(url) = url.as_ref().filter(|url| **url != context.url) {
                    // A token goes only where its context says: never to an address from elsewhere.
                    if url.origin() != context.url.origin() {
                        context.credential = None;
                        context.signed_in = None;
                    }
                    context.url = url.clone();
                }
                Chosen { name: Some(name), context }
            }
            (None, Some(url)) => Chosen { name: None, context: Context::new(url.clone()) },
            (None, None) => {
                return Err(CliError::new(Exit::Usage, "no_context", "no gateway is chosen")
                    .hint("odockctl login --url URL; or use --url URL"));
            }
        };
        if let Some(organisation) = &self.global.organisation {
            chosen.context.organisation = Some(organisation.clone());
        }
        chosen.context.read_only |= self.global.read_only;
        Ok(chosen)
    }

    /// The organisation that this run is about.
    ///
    /// # Errors
    /// None is chosen.
    pub fn organisation(&self) -> Result<String, CliError> {
        self.context()?.context.organisation.ok_or_else(|| {
            CliError::new(Exit::Usage, "no_organisation", "no organisation is chosen")
                .hint("use --organisation NAME, or keep one: odockctl context add NAME --organisation NAME")
        })
    }

    /// Refuses if nothing may be changed. Ask before anything is prepared for a change.
    ///
    /// # Errors
    /// The context or `--read-only` forbids changes.
    pub fn must_write(&self) -> Result<(), CliError> {
        let chosen = self.context()?;
        if !chosen.context.read_only {
            return Ok(());
        }
        let why = match (&chosen.name, self.global.read_only) {
            (_, true) => "--read-only forbids changes".to_owned(),
            (Some(name), _) => format!("context {name} is read-only"),
            (None, _) => "changes are forbidden".to_owned(),
        };
        Err(CliError::new(Exit::Guard, "read_only", why))
    }

    /// The token that this run calls with, and where it came from.
    ///
    /// # Errors
    /// The source that counts holds no usable token.
    pub async fn credential(&self, chosen: &Chosen) -> Result<Option<Resolved>, CliError> {
        Ok(self.lookup(chosen.context.credential.as_ref()).resolve().await?)
    }

    /// Which source the token would come from.
    ///
    /// # Errors
    /// The surroundings are contradictory.
    pub fn credential_source(&self, chosen: &Chosen) -> Result<Option<Source>, CliError> {
        Ok(self.lookup(chosen.context.credential.as_ref()).source()?)
    }

    /// The order in which tokens are looked for.
    #[must_use]
    pub fn lookup<'a>(&'a self, reference: Option<&'a Reference>) -> Lookup<'a> {
        Lookup {
            token_file: self.global.token_file.as_deref(),
            token_stdin: self.global.token_stdin,
            env: &variable,
            oidc: oidc::detect(
                oidc::Surroundings {
                    file: self.global.oidc_token_file.as_deref(),
                    account: self.global.as_service_account.as_deref(),
                    organisation: self.global.organisation.as_deref(),
                },
                &variable,
            ),
            locks: crate::commands::login::directory().unwrap_or_else(|_| std::env::temp_dir()),
            reference,
            store: Arc::clone(&self.store),
        }
    }

    /// A client of the chosen gateway that is signed in. The token is looked up once: standard input can be read only
    /// once, and a helper program may ask the user.
    ///
    /// # Errors
    /// No gateway is chosen, or there is no usable token.
    pub async fn client(&self) -> Result<Client, CliError> {
        self.client.get_or_try_init(|| self.sign_in()).await.cloned()
    }

    async fn sign_in(&self) -> Result<Client, CliError> {
        let chosen = self.context()?;
        let Some(found) = self.credential(&chosen).await? else {
            return Err(not_signed_in(&chosen));
        };
        if let Some(shadowed) = &found.shadowed {
            tracing::info!("{} stands before the context's {shadowed}", found.source);
        }
        Ok(self.anonymous(&chosen)?.with_credential(found.credential))
    }

    /// A client of a gateway that is not signed in.
    ///
    /// # Errors
    /// The address or the certificates are unusable.
    pub fn anonymous(&self, chosen: &Chosen) -> Result<Client, CliError> {
        let mut builder = Client::builder(chosen.context.url.clone())
            .timeout(self.global.timeout)
            .retries(self.global.retries)
            .read_only(chosen.context.read_only)
            .user_agent(concat!("odockctl/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.global.ca_file {
            builder = builder.ca_file(path);
        }
        Ok(builder.build()?)
    }

    /// The chosen organisation's calls.
    ///
    /// # Errors
    /// No organisation is chosen, or there is no usable token.
    pub async fn api(&self) -> Result<OrganisationApi, CliError> {
        let organisation = self.organisation()?;
        Ok(self.client().await?.organisation(&organisation))
    }

    /// Notes that the user pressed Ctrl-C.
    pub fn interrupt(&self) {
        self.interrupted.send_replace(true);
    }

    /// Whether the user pressed Ctrl-C. Ask between one change and the next.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    /// Waits until the user presses Ctrl-C.
    pub async fn interruption(&self) {
        // The sender lives as long as this session.
        let _ = self.interrupted.subscribe().wait_for(|interrupted| *interrupted).await;
    }

    /// Waits for a while, or until the user presses Ctrl-C.
    ///
    /// # Errors
    /// The user pressed Ctrl-C.
    pub async fn pause(&self, span: Duration) -> Result<(), CliError> {
        tokio::select! {
            () = tokio::time::sleep(span) => Ok(()),
            () = self.interruption() => Err(interrupted()),
        }
    }
}

/// The error of a command that needs a token and finds none.
#[must_use]
pub fn not_signed_in(chosen: &Chosen) -> CliError {
    CliError::new(Exit::NotSignedIn, "no_credential", format!("not signed in to {}", chosen.context.url))
        .hint("odockctl login; or set ODOCK_TOKEN")
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The error of a command that Ctrl-C ended.
#[must_use]
pub fn interrupted() -> CliError {
    CliError::new(Exit::Interrupted, "interrupted", "interrupted")
}
