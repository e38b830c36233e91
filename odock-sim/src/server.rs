//! The listener, its connections, and the handle that tests hold.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    Fault, Recorded, Script,
    answer::{Answer, Play},
    convention,
    openai::{self, ChatBody},
    recorder::{Recorder, Witness},
    socket::{ResetSwitch, Socket},
};

/// The largest request body that is read.
const MAX_BODY: usize = 64 << 20;

/// How a simulated upstream is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether requests are kept for [`Sim::requests`]. A benchmark has no use for them.
    pub record: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), record: true }
    }
}

/// A running simulated upstream. Dropping it stops it and closes its connections.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

/// What the connections of one upstream share.
#[derive(Debug)]
struct Shared {
    scripts: Mutex<Scripts>,
    recorder: Recorder,
    answered: AtomicU64,
}

#[derive(Debug, Default)]
struct Scripts {
    default: Arc<Script>,
    queue: VecDeque<Arc<Script>>,
}

impl Sim {
    /// Starts on a free loopback port with the default script.
    ///
    /// # Panics
    /// When no loopback port can be bound.
    pub async fn start() -> Self {
        match Self::with(Options::default()).await {
            Ok(sim) => sim,
            Err(error) => panic!("the simulated upstream could not bind a loopback port: {error}"),
        }
    }

    /// Starts as set up.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn with(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            scripts: Mutex::default(),
            recorder: Recorder::new(options.record),
            answered: AtomicU64::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, _accepting: accepting })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, without a trailing slash and without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Answers with this script from now on, where nothing else is asked for.
    pub fn script(&self, script: Script) {
        self.shared.scripts().default = Arc::new(script);
    }

    /// Answers one further request with this script; several are used up in order.
    pub fn enqueue(&self, script: Script) {
        self.shared.scripts().queue.push_back(Arc::new(script));
    }

    /// What was received, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.recorder.all()
    }

    /// What was received since the last time, in order of arrival.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.shared.recorder.take()
    }

    /// Waits until that many requests were received, and returns all that were.
    ///
    /// # Panics
    /// When there are not that many after ten seconds.
    pub async fn wait_for_requests(&self, wanted: usize) -> Vec<Recorded> {
        self.shared.recorder.wait_for(wanted).await
    }
}

impl Shared {
    fn scripts(&self) -> MutexGuard<'_, Scripts> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The script for one request: the one in the queue, else the one the request asks for, else the default.
    fn script_for(&self, parts: &Parts, model: Option<&str>) -> Result<Arc<Script>, Answer> {
        if let Some(script) = self.scripts().queue.pop_front() {
            return Ok(script);
        }
        if let Some(asked) = parts.headers.get("x-sim-script") {
            return serde_json::from_slice(asked.as_bytes()).map(Arc::new).map_err(|error| {
                openai::error(StatusCode::BAD_REQUEST, &format!("x-sim-script is not a script: {error}"), None)
            });
        }
        let default = Arc::clone(&self.scripts().default);
        match model.and_then(convention::script) {
            Some(named) => Ok(Arc::new(Script { access: default.access.clone(), ..named })),
            None => Ok(default),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            // Out of file descriptors, or the peer is gone already: the next one may do better.
            Err(_) => tokio::task::yield_now().await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let Ok((socket, switch)) = Socket::new(stream) else { return };
    let service = service_fn(|request| respond(request, &shared, &switch));
    // An error here is a client that went away, or a scripted fault.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

/// The connection is to end without an answer.
#[derive(Debug)]
struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("scripted to end without an answer")
    }
}

impl std::error::Error for NoAnswer {}

async fn respond(
    request: Request<Incoming>,
    shared: &Shared,
    switch: &ResetSwitch,
) -> Result<Response<Play>, NoAnswer> {
    let (parts, body) = request.into_parts();
    let number = shared.answered.fetch_add(1, Ordering::Relaxed) + 1;
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else { return Err(NoAnswer) };
    let body = body.to_bytes();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut witness = shared.recorder.note(&parts.method, path, &parts.headers, &body);
    let (answer, headers) = match answer(&parts, &body, shared, number) {
        Ok((script, answer)) => {
            match script.fault {
                Some(Fault::StallBeforeHeaders) => std::future::pending().await,
                _ if script.latency.is_zero() => {}
                _ => tokio::time::sleep(script.latency).await,
            }
            if script.fault == Some(Fault::Reset) {
                witness.played();
                switch.arm();
                return Err(NoAnswer);
            }
            (answer, script)
        }
        Err(answer) => (answer, Arc::default()),
    };
    Ok(response(answer, &headers.headers, number, switch, witness))
}

/// Finds the script and the answer of a request; `Err` is a refusal that no script has a say in.
fn answer(parts: &Parts, body: &Bytes, shared: &Shared, number: u64) -> Result<(Arc<Script>, Answer), Answer> {
    let path = parts.uri.path();
    if path.ends_with("/models") && parts.method == Method::GET {
        let script = shared.script_for(parts, None)?;
        openai::authorise(&script.access, &parts.headers)?;
        return Ok((script, openai::models()));
    }
    if !path.ends_with("/chat/completions") {
        let message = format!("Unknown request URL: {} {path}.", parts.method);
        return Err(openai::error(StatusCode::NOT_FOUND, &message, Some("unknown_url")));
    }
    if parts.method != Method::POST {
        return Err(openai::error(StatusCode::METHOD_NOT_ALLOWED, "Only POST is supported here.", None));
    }
    chat(parts, body, shared, number)
}

fn chat(parts: &Parts, body: &Bytes, shared: &Shared, number: u64) -> Result<(Arc<Script>, Answer), Answer> {
    let refuse = |message: String| openai::error(StatusCode::BAD_REQUEST, &message, None);
    let deployment = openai::deployment(parts)?;
    let parsed = ChatBody::parse(body);
    let model = parsed.as_ref().ok().and_then(ChatBody::model);
    let script = shared.script_for(parts, model)?;
    openai::authorise(&script.access, &parts.headers)?;
    let parsed = parsed.map_err(refuse)?;
    let call = parsed.call(deployment).map_err(refuse)?;
    let answer = openai::chat(&script, &call, number);
    Ok((script, answer))
}

fn response(
    answer: Answer,
    headers: &[(String, String)],
    number: u64,
    switch: &ResetSwitch,
    witness: Witness,
) -> Response<Play> {
    let Answer { status, content_type, declared_length, steps } = answer;
    let mut response = Response::new(Play::new(steps, switch.clone(), witness));
    *response.status_mut() = status;
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, text(&content_type));
    own.insert(HeaderName::from_static("x-request-id"), text(&format!("req_sim_{number}")));
    if let Some(length) = declared_length {
        own.insert(CONTENT_LENGTH, length.into());
    }
    // The first of a name replaces what stands there, so that a script can set any header once or several times.
    let mut set = Vec::new();
    for (name, value) in headers {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        if set.contains(&name) {
            own.append(name, text(value));
        } else {
            own.insert(name.clone(), text(value));
            set.push(name);
        }
    }
    response
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}
