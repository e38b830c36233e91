//! The reference: the least that a proxy of this stack can do. axum in, reqwest out, no parsing, no governance.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;

/// How the pass-through is started.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    upstream: String,
}

#[derive(Clone)]
struct Upstream {
    client: reqwest::Client,
    base: String,
}

/// Headers of one connection, which a proxy does not hand on. Lengths are made anew.
const HOP: [HeaderName; 5] =
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE];

/// Passes requests through until the process is ended.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    // reqwest panics where no provider is installed, for plain HTTP too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let upstream = Upstream { client, base: args.upstream };
    super::runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let router = axum::Router::new()
            .fallback(pass)
            .with_state(upstream)
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20));
        axum::serve(listener, router).await.context("cannot serve")
    })
}

async fn pass(State(upstream): State<Upstream>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = upstream.client.request(method, format!("{}{path}", upstream.base)).headers(kept(headers)).body(body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    };
    let answer: http::Response<reqwest::Body> = answer.into();
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(header::TRANSFER_ENCODING);
    parts.headers.remove(header::CONNECTION);
    Response::from_parts(parts, Body::new(body))
}

fn kept(mut headers: HeaderMap) -> HeaderMap {
    for name in &HOP {
        headers.remove(name);
    }
    headers
}
