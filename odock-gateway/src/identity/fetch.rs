//! Asks issuers for documents: over HTTPS, without following anybody elsewhere, for a short time, and for little.

use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::{Host, Url};

use crate::config;
use crate::providers::is_link_local;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document that is read.
const LARGEST: usize = 256 << 10;

/// Why a document cannot be had. Names the address, never what was sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// It may not be asked.
    #[error("{url} is not asked: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// It did not answer as it should.
    #[error("{url} {reason}")]
    Failed {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl FetchError {
    /// An answer that cannot be used.
    pub(super) fn failed(url: &Url, reason: impl ToString) -> Self {
        failed(url, reason)
    }
}

/// Asks issuers for documents.
#[derive(Debug)]
pub struct Fetcher {
    allow_link_local: bool,
    allow_plain_loopback: bool,
    ca_file: Option<std::path::PathBuf>,
    /// Made when it is first needed: the system's certificates take memory that most gateways need not spend.
    client: OnceLock<Result<Client, String>>,
}

impl Fetcher {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(config: &config::Identity, allow_link_local: bool) -> Self {
        Self {
            allow_link_local,
            allow_plain_loopback: config.allow_plain_loopback,
            ca_file: config.ca_file.clone(),
            client: OnceLock::new(),
        }
    }

    /// The JSON document at `url`.
    ///
    /// # Errors
    /// It may not be asked, or does not answer with such a document.
    pub async fn document(&self, url: &Url) -> Result<Value, FetchError> {
        let (status, document) = self.send(url, Client::get).await?;
        if status == StatusCode::OK { Ok(document) } else { Err(failed(url, format!("answered {}", status.as_u16()))) }
    }

    /// Sends a request that `begin` builds, and reads the JSON that it is answered with, whatever the status.
    ///
    /// # Errors
    /// It may not be asked, or does not answer with JSON.
    pub async fn send(
        &self,
        url: &Url,
        begin: impl FnOnce(&Client, Url) -> RequestBuilder,
    ) -> Result<(StatusCode, Value), FetchError> {
        self.check(url)?;
        let client = self.client.get_or_init(|| self.build()).as_ref().map_err(|reason| failed(url, reason))?;
        let request = begin(client, url.clone()).header("accept", "application/json");
        let asked = async {
            let response = request.send().await.map_err(|error| failed(url, said(error)))?;
            let status = response.status();
            if status.is_redirection() {
                return Err(failed(url, "answers that it is elsewhere, and is not followed there"));
            }
            let body = read(url, response).await?;
            let document = serde_json::from_slice(&body);
            Ok((status, document.map_err(|_| failed(url, format!("answered {} without JSON", status.as_u16())))?))
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(failed(url, format!("did not answer within {} s", PATIENCE.as_secs()))),
        }
    }

    fn check(&self, url: &Url) -> Result<(), FetchError> {
        let refused = |reason| Err(FetchError::Refused { url: shown(url), reason });
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return refused("it has no host"),
        };
        if literal.is_some_and(|address| is_link_local(address) && !self.allow_link_local) {
            return refused("link-local addresses are not called");
        }
        let local = literal.is_some_and(|address| address.is_loopback()) || url.host_str() == Some("localhost");
        match url.scheme() {
            "https" => Ok(()),
            "http" if local && self.allow_plain_loopback => Ok(()),
            "http" if local => refused("identity.allow_plain_loopback is off"),
            _ => refused("it is not an https:// URL"),
        }
    }

    fn build(&self) -> Result<Client, String> {
        // The process may have installed a provider already; whichever came first serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("odock-gateway/", env!("CARGO_PKG_VERSION")))
            // `send` watches the time of the whole; this is for connections that it leaves behind.
            .timeout(PATIENCE * 2)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(std::sync::Arc::new(Guarded { allow_link_local: self.allow_link_local }));
        if let Some(path) = &self.ca_file {
            let pem = std::fs::read(path).map_err(|error| format!("identity.ca_file cannot be read: {error}"))?;
            let trusted = reqwest::Certificate::from_pem_bundle(&pem)
                .map_err(|error| format!("identity.ca_file holds no usable certificate: {error}"))?;
            client = client.tls_certs_merge(trusted);
        }
        client.build().map_err(|error| format!("cannot be asked: {error}"))
    }
}

async fn read(url: &Url, mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(url, said(error)))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(failed(url, format!("answered with more than {} KiB", LARGEST >> 10)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(url: &Url, reason: impl ToString) -> FetchError {
    FetchError::Failed { url: shown(url), reason: reason.to_string() }
}

/// An error without the URL, and with its causes.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("cannot be asked: {cause}")
}

/// An address without its query.
fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// Resolves names, and leaves out addresses that must never be called: a name may point anywhere.
struct Guarded {
    allow_link_local: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_link_local = self.allow_link_local;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let callable: Vec<SocketAddr> =
                found.filter(|address| allow_link_local || !is_link_local(address.ip())).collect();
            if callable.is_empty() {
                return Err("the name has no address that may be called".into());
            }
            Ok(Box::new(callable.into_iter()) as Addrs)
        })
    }
}
