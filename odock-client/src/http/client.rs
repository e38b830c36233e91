//! The connection to a gateway, and one request with its retries.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use super::reply::{self, causes, read_body, refusal, request_id, root_cause};
use super::retry::{self, Backoff, Repeat};
use super::streaming::Streaming;
use super::{Answer, ClientError, Path, Request};
use crate::credential::Credential;

/// The longest that one connection may take to be made.
const MAX_CONNECT: Duration = Duration::from_secs(10);
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A client of one gateway. Clones share its connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    base: Url,
    credential: Option<Credential>,
    timeout: Duration,
    retries: u32,
    backoff: Backoff,
    read_only: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.settings.base.as_str()).finish_non_exhaustive()
    }
}

/// How much of an answer a call waits for.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// Its beginning: it is a stream.
    Head,
    /// All of it: what breaks off is no answer, and is asked for again.
    Whole,
}

/// How to reach a gateway.
#[derive(Clone)]
pub struct ClientBuilder {
    settings: Settings,
    ca_file: Option<PathBuf>,
    user_agent: String,
}

impl ClientBuilder {
    /// The token to call with.
    #[must_use]
    pub fn token(mut self, token: SecretString) -> Self {
        self.settings.credential = Some(Credential::Token(token));
        self
    }

    /// How long one call may take, all its tries together. 30 s if not set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How often a failed call is tried again, where that is safe. 4 if not set.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.retries = retries;
        self
    }

    /// How long to wait between tries.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// Refuses to send anything that changes something.
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.settings.read_only = read_only;
        self
    }

    /// Trusts only the certificates in this PEM file, instead of the operating system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// The `User-Agent` to send.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// The address is no plain `http` or `https` URL, or the certificates cannot be read.
    pub fn build(self) -> Result<Client, ClientError> {
        let Self { mut settings, ca_file, user_agent } = self;
        settings.base = checked(settings.base)?;
        // The process may have installed a provider already; whichever came first serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(MAX_CONNECT.min(settings.timeout))
            // The certificate is shown to whoever looks for what is wrong.
            .tls_info(true)
            // A redirect would carry the token to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = ca_file {
            http = http.tls_certs_only(certificates(&path)?);
        } else if settings.base.scheme() == "http" {
            // Reading the operating system's certificates costs milliseconds that plain HTTP need not pay.
            http = http.tls_certs_only([]);
        }
        let http = http
            .build()
            .map_err(|error| ClientError::Tls { url: settings.base.to_string(), reason: root_cause(&error) })?;
        Ok(Client { http, settings: Arc::new(settings) })
    }
}

fn certificates(path: &FilePath) -> Result<Vec<Certificate>, ClientError> {
    let invalid =
        |reason: String| ClientError::Invalid(format!("{} holds no usable certificate: {reason}", path.display()));
    let pem = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| invalid(root_cause(&error)))?;
    if found.is_empty() { Err(invalid("there is no PEM block in it".into())) } else { Ok(found) }
}

fn checked(mut base: Url) -> Result<Url, ClientError> {
    let invalid = |what: &str| {
        Err(ClientError::Invalid(format!("the gateway's address {what}, such as https://odock.acme.example")))
    };
    if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
        return invalid("must be an http or https URL");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return invalid("must not hold a user or a password; write it plainly");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return invalid("must have no query and no fragment; write it plainly");
    }
    let path = base.path().trim_end_matches('/').to_owned();
    base.set_path(&path);
    Ok(base)
}

impl Client {
    /// Begins a client of the gateway at `url`.
    #[must_use]
    pub fn builder(url: Url) -> ClientBuilder {
        ClientBuilder {
            settings: Settings {
                base: url,
                credential: None,
                timeout: Duration::from_secs(30),
                retries: 4,
                backoff: Backoff::default(),
                read_only: false,
            },
            ca_file: None,
            user_agent: concat!("odock-client/", env!("CARGO_PKG_VERSION")).into(),
        }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: SecretString) -> Self {
        self.with_credential(Credential::Token(token))
    }

    /// The same client with another credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        self.with(Some(credential))
    }

    fn with(&self, credential: Option<Credential>) -> Self {
        let settings = Settings { credential, ..(*self.settings).clone() };
        Self { http: self.http.clone(), settings: Arc::new(settings) }
    }

    /// The token to call with now.
    async fn token(&self, refused: Option<&SecretString>) -> Result<Option<SecretString>, ClientError> {
        match &self.settings.credential {
            None => Ok(None),
            Some(Credential::Token(token)) => Ok(Some(token.clone())),
            Some(Credential::Renewed(source)) => source.token(&self.with(None), refused).await.map(Some),
        }
    }

    /// The gateway's address.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.settings.base
    }

    /// Whether the client refuses to change anything.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.settings.read_only
    }

    pub(super) fn address(&self, path: &Path) -> Url {
        let mut url = self.settings.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        // The path is encoded already, and `set_path` leaves percent signs alone.
        url.set_path(&format!("{prefix}{path}"));
        url
    }

    /// Sends a request, tries again where that is safe, and reads the whole answer.
    ///
    /// # Errors
    /// The call failed for good.
    pub async fn send(&self, request: Request) -> Result<Answer, ClientError> {
        self.look(request).await.map(|(_, answer)| answer)
    }

    /// Sends a request and reads the whole answer, whose head is wanted too.
    pub(super) async fn look(&self, request: Request) -> Result<(http::response::Response<()>, Answer), ClientError> {
        let (mut response, body) = self.tries(request, Wanted::Whole).await?;
        let mut head = http::response::Response::new(());
        std::mem::swap(head.headers_mut(), response.headers_mut());
        std::mem::swap(head.extensions_mut(), response.extensions_mut());
        let request_id = head.headers().get("x-request-id").and_then(reply::handle);
        Ok((head, Answer { url: shown(response.url()), request_id, body }))
    }

    /// Sends a request and returns as soon as the answer begins, for streams.
    ///
    /// # Errors
    /// The call failed for good.
    pub async fn open(&self, mut request: Request) -> Result<Streaming, ClientError> {
        request.inner.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let (response, _) = self.tries(request, Wanted::Head).await?;
        Ok(Streaming::new(shown(response.url()), response))
    }

    /// One call with all its tries: the answer, and its body if that is wanted.
    async fn tries(&self, mut request: Request, wanted: Wanted) -> Result<(Response, Bytes), ClientError> {
        if self.settings.read_only && !request.harmless {
            let (method, path) = (request.inner.method().to_string(), request.inner.url().path().to_owned());
            return Err(ClientError::ReadOnly { method, path });
        }
        let deadline = Instant::now() + self.settings.timeout;
        let mut attempt = 0;
        let mut token = self.token(None).await?;
        let mut renewed = !matches!(self.settings.credential, Some(Credential::Renewed(_)));
        // Whether an earlier try may have been carried out.
        let mut arrived = false;
        loop {
            let error = match self.attempt(&request, token.as_ref(), deadline, wanted).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // By the gateway's clock it is over, by this machine's it is not. Nothing was done yet.
            if error.code() == "token_expired" && !renewed {
                renewed = true;
                token = self.token(token.as_ref()).await?;
                continue;
            }
            // The gateway cannot look keys up, which is no reason to do nothing as long as none is needed.
            if error.code() == "idempotency_unavailable"
                && (!arrived || request.repeat == Repeat::Keyed { again: true })
            {
                request = request.without_key(if arrived { Repeat::Safe } else { Repeat::Unsent });
                continue;
            }
            arrived |= !retry::again(&error, Repeat::Unsent);
            // What may be done twice is done anew, if the first answer is gone for good.
            let anew = request.repeat == Repeat::Keyed { again: true } && retry::answer_is_lost(&error);
            if attempt >= self.settings.retries || !(anew || retry::again(&error, request.repeat)) {
                return Err(error);
            }
            if anew {
                request.draw_key();
            }
            let wait = match error.retry_after() {
                Some(asked) if asked > MAX_RETRY_AFTER => return Err(error),
                Some(asked) => asked + self.settings.backoff.wait(0),
                None => self.settings.backoff.wait(attempt),
            };
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(attempt, wait_ms = wait.as_millis(), "Trying again after: {error}");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        token: Option<&SecretString>,
        deadline: Instant,
        wanted: Wanted,
    ) -> Result<(Response, Bytes), ClientError> {
        let url = shown(request.inner.url());
        let mut inner =
            request.inner.try_clone().ok_or_else(|| ClientError::Invalid("the request cannot be repeated".into()))?;
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                .map_err(|_| ClientError::Invalid("the token holds characters that no token has".into()))?;
            value.set_sensitive(true);
            inner.headers_mut().insert(AUTHORIZATION, value);
        }
        inner.headers_mut().entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        let mut response = timeout_at(deadline, self.http.execute(inner))
            .await
            .map_err(|_| self.too_late(&url))?
            .map_err(|error| self.broken(&url, &error))?;
        tracing::debug!(
            status = response.status().as_u16(),
            request_id = request_id(&response),
            replayed = response.headers().contains_key("idempotent-replayed"),
            "{} {url}",
            request.inner.method()
        );
        if !response.status().is_success() {
            return Err(timeout_at(deadline, refusal(response, url.clone()))
                .await
                .unwrap_or_else(|_| self.too_late(&url)));
        }
        let body = match wanted {
            Wanted::Head => Bytes::new(),
            Wanted::Whole => {
                timeout_at(deadline, read_body(&mut response, &url)).await.map_err(|_| self.too_late(&url))??
            }
        };
        Ok((response, body))
    }

    fn connect_timeout(&self) -> Duration {
        MAX_CONNECT.min(self.settings.timeout)
    }

    fn too_late(&self, url: &str) -> ClientError {
        ClientError::Timeout { url: url.to_owned(), after: self.settings.timeout }
    }

    fn broken(&self, url: &str, error: &reqwest::Error) -> ClientError {
        let (url, reason) = (url.to_owned(), root_cause(error));
        if error.is_timeout() {
            return if error.is_connect() {
                ClientError::Unreachable {
                    url,
                    reason: format!("no connection within {} s", self.connect_timeout().as_secs_f64()),
                    sent: false,
                }
            } else {
                self.too_late(&url)
            };
        }
        if error.is_builder() {
            return ClientError::Invalid(reason);
        }
        if causes(error).any(|cause| cause.downcast_ref::<rustls::Error>().is_some()) {
            return ClientError::Tls { url, reason };
        }
        ClientError::Unreachable { url, reason, sent: !error.is_connect() }
    }
}

/// An address without its query, which may name people.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}
