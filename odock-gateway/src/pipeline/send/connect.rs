//! Connections to providers: pooled, without Nagle, HTTP/2 where offered, and never to link-local addresses.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, vec};

use dashmap::DashMap;
use foldhash::fast::RandomState;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use super::pieces::Pieces;
use crate::providers::is_link_local;
use crate::workers;

/// How long an idle connection is kept. Most providers close theirs after a minute or more.
const IDLE: Duration = Duration::from_secs(55);

/// An HTTP client of providers.
pub(super) type UpstreamClient = Client<HttpsConnector<HttpConnector<GuardedResolver>>, Pieces>;

/// The clients, one for each worker and each connect timeout that is in use; each pools its connections by address.
pub struct Upstreams {
    allow_link_local: bool,
    tls: Arc<rustls::ClientConfig>,
    clients: DashMap<(Option<usize>, Duration), UpstreamClient, RandomState>,
}

impl Upstreams {
    /// Clients that trust the system's certificate authorities, and Mozilla's where the system has none.
    #[must_use]
    pub fn new(allow_link_local: bool) -> Self {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|error| unreachable!("ring speaks TLS 1.2 and 1.3: {error}"))
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { allow_link_local, tls: Arc::new(tls), clients: DashMap::default() }
    }

    /// This thread's client with the given connect timeout. A connection is driven by the thread that opened it, and is
    /// of no use to the others.
    pub(super) fn client(&self, connect_timeout: Duration) -> UpstreamClient {
        let which = (workers::current(), connect_timeout);
        if let Some(client) = self.clients.get(&which) {
            return client.clone();
        }
        self.clients.entry(which).or_insert_with(|| self.build(connect_timeout)).clone()
    }

    fn build(&self, connect_timeout: Duration) -> UpstreamClient {
        let resolver = GuardedResolver { system: GaiResolver::new(), allow_link_local: self.allow_link_local };
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(rustls::ClientConfig::clone(&self.tls))
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(Duration::from_secs(30))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .http2_adaptive_window(true)
            .build(connector)
    }
}

/// Resolves names, and leaves out addresses that must never be called: a name may point anywhere.
#[derive(Clone)]
pub(super) struct GuardedResolver {
    system: GaiResolver,
    allow_link_local: bool,
}

impl Service<Name> for GuardedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.system.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolving, allow_link_local) = (self.system.call(name), self.allow_link_local);
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                resolving.await?.filter(|address| allow_link_local || !is_link_local(address.ip())).collect();
            if found.is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name has no address that may be called",
                ));
            }
            Ok(found.into_iter())
        })
    }
}
