//! Listeners: connections in, requests to a router, and an orderly end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tower::ServiceExt;

use super::address::Peer;
use super::patience::{Opening, Patient};
use crate::config;
use crate::workers::{Crew, StreamExecutor};

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long connections may take to go away once they are cut.
const CUT: Duration = Duration::from_secs(2);
/// The pause after a failed accept, which mostly means that file descriptors ran out.
const BREATH: Duration = Duration::from_millis(50);

/// What a listener serves.
#[derive(Clone)]
pub enum Planes {
    /// One plane has the listener to itself.
    One(Router),
    /// Both share it: what begins with `/api` is the control plane's.
    Both {
        /// The data plane.
        data: Router,
        /// The control plane.
        control: Router,
    },
}

impl Planes {
    /// Serves a request. What is the control plane's is done on the runtime `main`: it may compute for long, and the
    /// thread of this connection has others to serve.
    async fn serve(self, request: Request<Incoming>, main: Handle) -> Result<Response<Body>, Infallible> {
        let request = request.map(Body::new);
        match self {
            Self::One(router) => router.oneshot(request).await,
            Self::Both { control, .. } if is_control(request.uri().path()) => elsewhere(main, control, request).await,
            Self::Both { data, .. } => data.oneshot(request).await,
        }
    }
}

fn is_control(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Has another runtime serve a request. It is given up when its caller goes away.
async fn elsewhere(runtime: Handle, router: Router, request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let serving = AbortOnDropHandle::new(runtime.spawn(router.oneshot(request)));
    serving.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request of the management API was not served");
        Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response())
    })
}

/// A bound listener.
pub struct Server {
    listener: TcpListener,
    /// Who serves its connections; without them the runtime that accepts does.
    crew: Option<Crew>,
    tls: Option<TlsAcceptor>,
    builder: Builder<StreamExecutor>,
    read_timeout: Duration,
    write_timeout: Duration,
}

impl Server {
    /// Binds `address`. Connections are served by `crew`, if there is one.
    ///
    /// # Errors
    /// When the address is taken or the TLS files cannot be used.
    pub async fn bind(config: &config::Http, address: SocketAddr, crew: Option<Crew>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let tls = config.tls.as_ref().map(acceptor).transpose()?;
        let mut builder = Builder::new(StreamExecutor(crew.clone()));
        builder
            .http1()
            .timer(TokioTimer::new())
            // hyper's one limit covers both the wait for a request and its head.
            .header_read_timeout(config.idle_timeout.max(config.read_timeout))
            .max_buf_size(config.max_header_bytes.max(8_192))
            .pipeline_flush(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Some(Duration::from_secs(30)))
            .keep_alive_timeout(Duration::from_secs(20));
        let (read_timeout, write_timeout) = (config.read_timeout, config.write_timeout);
        Ok(Self { listener, crew, tls, builder, read_timeout, write_timeout })
    }

    /// The address that was bound: with the port that the system chose, if it was asked to.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, then finishes what is under way, for `grace` at the most.
    pub async fn serve(self, planes: Planes, stop: CancellationToken, grace: Duration) {
        let graceful = GracefulShutdown::new();
        let (connections, tasks) = (CancellationToken::new(), TaskTracker::new());
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.attend(stream, peer, planes.clone(), &graceful, &connections, &tasks),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(self.listener);
        if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were still open after the shutdown grace; they are cut");
        }
        connections.cancel();
        tasks.close();
        // What is cut leaves its records as it goes; the last of them must be there before the journal is drained.
        let _ = tokio::time::timeout(CUT, tasks.wait()).await;
    }

    fn attend(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        planes: Planes,
        graceful: &GracefulShutdown,
        cut: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        // Without this, small chunks of a stream wait for the acknowledgement of the chunk before.
        let _ = stream.set_nodelay(true);
        let (builder, tls, main) = (self.builder.clone(), self.tls.clone(), Handle::current());
        let (read_timeout, write_timeout) = (self.read_timeout, self.write_timeout);
        let conversation = Conversation { builder, peer, planes, watcher: graceful.watcher(), main };
        let cut = cut.clone();
        let Some(crew) = &self.crew else {
            let stream = Patient::new(stream, write_timeout);
            tasks.spawn(async move { cut.run_until_cancelled(conversation.open(stream, tls, read_timeout)).await });
            return;
        };
        // The connection is to be woken by its worker's runtime, not by the one that accepted it.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "could not hand a connection on"),
        };
        crew.spawn(tasks.track_future(async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    let stream = Patient::new(stream, write_timeout);
                    cut.run_until_cancelled(conversation.open(stream, tls, read_timeout)).await;
                }
                Err(error) => tracing::warn!(%error, "could not take a connection over"),
            }
        }));
    }
}

/// One connection's side of what is said on it.
struct Conversation {
    builder: Builder<StreamExecutor>,
    peer: SocketAddr,
    planes: Planes,
    watcher: Watcher,
    /// Where the control plane's requests are served.
    main: Handle,
}

impl Conversation {
    /// Begins, with a handshake if TLS is spoken.
    async fn open(self, stream: Patient<TcpStream>, tls: Option<TlsAcceptor>, read_timeout: Duration) {
        let Some(tls) = tls else { return self.hold(Opening::new(stream, read_timeout)).await };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.hold(Opening::new(stream, read_timeout)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Serves what is said. In a place of its own on the heap: within the futures around it, each of which keeps what it
    /// was given beside what it waits for, an open connection would take several times its size.
    fn hold(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> BoxFuture<'static, ()> {
        let Self { builder, peer, planes, watcher, main } = self;
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            planes.clone().serve(request, main.clone())
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let served = watcher.watch(connection).map(|ended| {
            if let Err(error) = ended {
                // A peer that hangs up or speaks nonsense is no event.
                tracing::debug!(error = %error, "a connection ended badly");
            }
        });
        Box::pin(served)
    }
}

fn acceptor(files: &config::TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read certificates from {}", files.cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("cannot read a private key from {}", files.key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .context("the TLS certificate and its key do not fit together")?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
