//! Tries a provider: one call that spends no tokens, with the credential and over the connections that requests use.
//!
//! The control plane opens no credential; it asks this, which belongs to the data plane, and gets what was found.

mod answer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::ProviderId;
use entity::probe::ProviderTest;
use entity::row::provider;
use entity::vocab::{ProbeOutcome, ProviderType};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use sea_orm::DbErr;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::answer::{listed, refusal};
use crate::gateway::Gateway;
use crate::models::{Credential, KeyRef, Problem, upstream};
use crate::pipeline::send::UpstreamFailure;
use crate::store::targets::{self, ProviderKeyRow};

/// How long a test may take, where the provider's own timeout is longer: somebody is waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest list of models that is read.
const LARGEST: usize = 8 << 20;
/// Tests at once in this process. More would be traffic of their own.
static TURNS: Semaphore = Semaphore::const_new(8);

/// Why a provider was not tried.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The provider is gone.
    #[error("there is no such provider")]
    NoProvider,
    /// It has no credential of that name.
    #[error("the provider has no credential of that name")]
    NoKey,
    /// There are as many tests under way as there may be.
    #[error("too many providers are being tested")]
    Busy,
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// Asks a provider for its list of models, with the named credential or with the one that its models use.
///
/// # Errors
/// It was not tried. That it does not answer as it should is no error: it is what the test is for.
pub async fn probe(gw: &Gateway, id: ProviderId, key: Option<&str>) -> Result<ProviderTest, ProbeError> {
    let _turn = TURNS.try_acquire().map_err(|_| ProbeError::Busy)?;
    let rows = targets::by_provider(gw.database.reader(), id, key).await?;
    let (provider, own) = rows.ok_or(ProbeError::NoProvider)?;
    if key.is_some() && own.is_none() {
        return Err(ProbeError::NoKey);
    }
    let mut found = Found::new(&provider, own.as_ref());
    match ready(gw, &provider, own, &mut found).await {
        Ok(question) => question.ask(gw, &mut found).await,
        Err(detail) => found.ends(ProbeOutcome::NotConfigured, detail),
    }
    Ok(found.0)
}

/// Everything that asking takes, or why the provider cannot be asked.
async fn ready(
    gw: &Gateway,
    provider: &provider::Model,
    own: Option<ProviderKeyRow>,
    found: &mut Found,
) -> Result<Question, &'static str> {
    let address = upstream::address(&gw.config, provider).map_err(unusable)?;
    let uri = address.models(provider.kind, &provider.config).ok_or(unusable(Problem::NotConfigured))?;
    found.0.url = Some(without_query(&uri));
    let key = upstream::key(&gw.config, provider.kind, own).map_err(unusable)?;
    let credential = gw.credentials.header(provider.kind, &key).await.map_err(|error| {
        tracing::warn!(%error, provider.id = %provider.id, "A credential cannot be opened");
        "the credential cannot be opened by this gateway: set it again"
    })?;
    Ok(Question {
        kind: provider.kind,
        uri,
        proves: !matches!(key, KeyRef::None) && !is_open(provider.kind),
        credential,
        connect_timeout: upstream::connect_timeout(&gw.config, provider).min(PATIENCE),
        patience: upstream::total_timeout(&gw.config, provider).min(PATIENCE),
    })
}

const fn unusable(problem: Problem) -> &'static str {
    match problem {
        Problem::NotConfigured => "the provider has no usable base URL",
        Problem::AddressRefused => "the base URL is in link-local space, which this gateway does not call",
        Problem::NoKey => "the provider has no credential",
        Problem::KeyRevoked => "the credential was revoked",
    }
}

/// Whether the family shows its list of models to everybody, so that the list proves nothing of a credential.
const fn is_open(provider: ProviderType) -> bool {
    // The router's list is public: https://router.huggingface.co/v1/models
    matches!(provider, ProviderType::HuggingFace)
}

/// A call that is ready to be made.
struct Question {
    kind: ProviderType,
    uri: Uri,
    credential: Option<Arc<Credential>>,
    /// Whether a list means that the credential was taken.
    proves: bool,
    connect_timeout: Duration,
    patience: Duration,
}

impl Question {
    async fn ask(self, gw: &Gateway, found: &mut Found) {
        let began = Instant::now();
        let answer = timeout(self.patience, self.call(gw, began, found)).await;
        match answer {
            Ok(Ok((status, body))) => self.judge(status, &body, found),
            Ok(Err(UpstreamFailure::Timeout)) | Err(_) => {
                let waited = began.elapsed().as_secs_f64();
                let whole = if found.0.reachable { "its answer was not complete" } else { "it did not answer" };
                found.ends(ProbeOutcome::TimedOut, format!("{whole} within {waited:.1} s"));
            }
            Ok(Err(failure)) => found.ends(ProbeOutcome::Unreachable, unreached(failure)),
        }
    }

    async fn call(
        &self,
        gw: &Gateway,
        began: Instant,
        found: &mut Found,
    ) -> Result<(StatusCode, bytes::Bytes), UpstreamFailure> {
        let response = gw.upstreams.ask(self.request(), self.connect_timeout).await?;
        found.0.reachable = true;
        found.0.status = Some(response.status().as_u16());
        found.0.latency_us = u64::try_from(began.elapsed().as_micros()).ok();
        let (head, body): (_, Incoming) = response.into_parts();
        match Limited::new(body, LARGEST).collect().await {
            Ok(body) => Ok((head.status, body.to_bytes())),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(UpstreamFailure::Malformed),
            Err(_) => Err(UpstreamFailure::Reset),
        }
    }

    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
        headers
            .insert(http::header::USER_AGENT, HeaderValue::from_static(concat!("odock/", env!("CARGO_PKG_VERSION"))));
        if self.kind == ProviderType::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        if let Some(credential) = &self.credential {
            headers.insert(credential.name.clone(), credential.value.clone());
        }
        request
    }

    /// What an answer means.
    fn judge(&self, status: StatusCode, body: &bytes::Bytes, found: &mut Found) {
        if let (true, Some(models)) = (status.is_success(), listed(body)) {
            found.0.models = Some(models);
            found.0.credential_accepted = self.proves.then_some(true);
            let detail = match (&self.credential, self.proves) {
                (None, _) => "it answers, and wants no credential",
                (Some(_), true) => "it answers, and takes the credential",
                (Some(_), false) => "it answers; its list is open to everybody, so nothing is known of the credential",
            };
            return found.ends(ProbeOutcome::Ok, detail);
        }
        found.0.message = refusal(self.credential.as_deref(), body);
        match status.as_u16() {
            401 | 403 if self.credential.is_some() => {
                found.0.credential_accepted = Some(false);
                found.ends(
                    ProbeOutcome::CredentialRefused,
                    format!("it refused the credential with status {}", status.as_u16()),
                );
            }
            401 | 403 => {
                found.ends(ProbeOutcome::CredentialRefused, "it wants a credential, and the provider has none");
            }
            429 => found.ends(ProbeOutcome::Unexpected, "it answers, but has had too many requests (status 429)"),
            200..=299 => found
                .ends(ProbeOutcome::Unexpected, "it answers, but not with a list of models: is the base URL right?"),
            300..=399 => {
                let detail = format!("it sends callers elsewhere (status {}): is the base URL right?", status.as_u16());
                found.ends(ProbeOutcome::Unexpected, detail);
            }
            404 | 405 => {
                let detail = format!(
                    "it answers, but has no list of models there (status {}): is the base URL right?",
                    status.as_u16()
                );
                found.ends(ProbeOutcome::Unexpected, detail);
            }
            other => found.ends(ProbeOutcome::Unexpected, format!("it answered with status {other}")),
        }
    }
}

fn unreached(failure: UpstreamFailure) -> &'static str {
    match failure {
        UpstreamFailure::Connect => {
            "no connection came about: nothing listens there, its name is unknown, or its certificate is not trusted"
        }
        UpstreamFailure::Timeout => "it did not answer in time",
        UpstreamFailure::Reset => "the connection broke",
        UpstreamFailure::Malformed => "what it answered cannot be understood",
    }
}

/// What is known so far.
struct Found(ProviderTest);

impl Found {
    fn new(provider: &provider::Model, key: Option<&ProviderKeyRow>) -> Self {
        Self(ProviderTest {
            provider: provider.name.clone(),
            r#type: provider.kind,
            key: key.map(|key| key.name.clone()),
            url: None,
            outcome: ProbeOutcome::NotConfigured,
            reachable: false,
            credential_accepted: None,
            status: None,
            latency_us: None,
            models: None,
            detail: String::new(),
            message: None,
        })
    }

    fn ends(&mut self, outcome: ProbeOutcome, detail: impl Into<String>) {
        self.0.outcome = outcome;
        self.0.detail = detail.into();
    }
}

fn without_query(uri: &Uri) -> String {
    let text = uri.to_string();
    text.split_once('?').map_or(text.as_str(), |(before, _)| before).to_owned()
}
