//! One kept-alive connection of the load generator.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::parties::Target;

/// A request that is sent over and over. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    host: HeaderValue,
    authorization: HeaderValue,
    key: HeaderValue,
    path: &'static str,
    body: Bytes,
}

impl Request {
    /// A chat request with this body to a path of a target.
    pub(crate) fn new(target: &Target, path: &'static str, body: Bytes) -> anyhow::Result<Self> {
        Ok(Self {
            host: target.address.to_string().parse()?,
            authorization: format!("Bearer {}", target.key).parse()?,
            key: target.key.parse()?,
            path,
            body,
        })
    }

    fn build(&self) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static(self.path);
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        if self.path.ends_with("/messages") {
            headers.insert("x-api-key", self.key.clone());
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        } else {
            headers.insert(header::AUTHORIZATION, self.authorization.clone());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("odock-bench"));
        request
    }
}

/// How long an answer took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// To the first byte of the body.
    pub(crate) first_byte: Duration,
    /// To its end.
    pub(crate) total: Duration,
}

/// A connection with at most one request under way.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What goes wrong here is seen by the request under way.
            let _ = connection.await;
        });
        Ok(Self { sender, _driver: driver })
    }

    /// Sends the request and reads the answer to its end. Anything but a complete 200 is an error.
    pub(crate) async fn ask(&mut self, request: &Request) -> anyhow::Result<Timing> {
        let begun = Instant::now();
        let mut body = self.begin(request).await?;
        let mut first_byte = None;
        while let Some(frame) = body.frame().await {
            frame.context("the answer broke off")?;
            first_byte.get_or_insert_with(|| begun.elapsed());
        }
        let total = begun.elapsed();
        Ok(Timing { first_byte: first_byte.unwrap_or(total), total })
    }

    /// Sends the request and reads the head of a 200.
    pub(crate) async fn begin(&mut self, request: &Request) -> anyhow::Result<Incoming> {
        self.sender.ready().await.context("the connection was closed")?;
        let response = self.sender.send_request(request.build()).await.context("no answer")?;
        if response.status() != http::StatusCode::OK {
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            bail!("answered {status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)]));
        }
        Ok(response.into_body())
    }
}
