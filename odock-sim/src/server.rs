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
    HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
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
    answer::{Answer, Operation, Play, Reply},
    convention,
    family::{self, Family, Problem},
    files,
    recorder::{Recorder, Witness},
    request::Inbound,
    socket::{ResetSwitch, Socket},
    tap::Tap,
    transit,
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
    fn script_for(&self, inbound: &Inbound<'_>, model: Option<&str>) -> Result<Arc<Script>, Problem> {
        if let Some(script) = self.scripts().queue.pop_front() {
            return Ok(script);
        }
        if let Some(asked) = inbound.headers.get("x-sim-script") {
            return serde_json::from_slice(asked.as_bytes())
                .map(Arc::new)
                .map_err(|error| Problem::Invalid(format!("x-sim-script is not a script: {error}")));
        }
        let default = Arc::clone(&self.scripts().default);
        match model.and_then(|model| convention::script(model, inbound.body)) {
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
    let tap = shared.recorder.is_on().then(Tap::default);
    let Ok((socket, switch)) = Socket::new(stream, tap.clone()) else { return };
    let service = service_fn(|request| respond(request, &shared, &switch, tap.as_ref()));
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
    tap: Option<&Tap>,
) -> Result<Response<Play>, NoAnswer> {
    let (parts, body) = request.into_parts();
    let lines = tap.map(|tap| tap.head(&parts.headers));
    let number = shared.answered.fetch_add(1, Ordering::Relaxed) + 1;
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else { return Err(NoAnswer) };
    let body = body.to_bytes();
    if let Some(tap) = tap {
        tap.clear();
    }
    let mut witness = shared.recorder.note(&parts, lines.unwrap_or_default(), &body);
    let mut inbound = inbound(&parts, &body, number);
    let (family, route) = family::of(&inbound);
    inbound.route = route;
    let (answer, script) = match answer(family, &inbound, shared) {
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
        Err(problem) => (family.error(&inbound, &problem), Arc::default()),
    };
    let headers = family.headers(&inbound, answer.status);
    Ok(response(answer, headers, &script.headers, switch, witness))
}

fn inbound<'a>(parts: &'a Parts, body: &'a Bytes, number: u64) -> Inbound<'a> {
    let path = parts.uri.path();
    let path = if path.starts_with('/') { path } else { "/" }; // `OPTIONS *` and `CONNECT host` have none
    Inbound {
        method: &parts.method,
        path,
        route: path,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body,
        number,
    }
}

/// Finds the script and the answer of a request; `Err` is a refusal that no script has a say in.
fn answer(
    family: &'static dyn Family,
    inbound: &Inbound<'_>,
    shared: &Shared,
) -> Result<(Arc<Script>, Answer), Problem> {
    let asked = files::read(inbound).map_or_else(|| family.read(inbound), Ok)?;
    let script = shared.script_for(inbound, asked.model.as_deref())?;
    if !asked.public {
        family::authorise(family, &script.access, inbound)?;
    }
    let operation = asked.operation.map_err(Problem::Invalid)?;
    let answer = scripted(family, inbound, &operation, &script);
    Ok((script, answer))
}

/// Answers a request with which nothing is wrong.
fn scripted(family: &dyn Family, inbound: &Inbound<'_>, operation: &Operation<'_>, script: &Script) -> Answer {
    let status = StatusCode::from_u16(script.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = if let Some(payload) = &script.payload {
        Answer::whole(status, &payload.content_type, payload.bytes.clone())
    } else if status.is_client_error() || status.is_server_error() {
        family.error(inbound, &Problem::Scripted(status))
    } else {
        match operation(script) {
            Reply::Whole { content_type, body } => Answer::whole(status, content_type, body),
            Reply::Failed { status, body } => Answer::json(status, body),
            Reply::Stream(events) => {
                let mut answer = events.answer(script, status);
                transit::stream(script, &mut answer);
                return answer;
            }
        }
    };
    transit::whole(script, &mut answer);
    answer
}

fn response(
    answer: Answer,
    of_family: Vec<(HeaderName, HeaderValue)>,
    scripted: &[(String, String)],
    switch: &ResetSwitch,
    witness: Witness,
) -> Response<Play> {
    let Answer { status, content_type, declared_length, encoding, steps } = answer;
    let mut response = Response::new(Play::new(steps, switch.clone(), witness));
    *response.status_mut() = status;
    let own = response.headers_mut();
    own.insert(CONTENT_TYPE, family::header_value(&content_type));
    own.extend(of_family);
    if let Some(length) = declared_length {
        own.insert(CONTENT_LENGTH, length.into());
    }
    if let Some(encoding) = encoding {
        own.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    // The first of a name replaces what stands there, so that a script can set any header once or several times.
    let mut set = Vec::new();
    for (name, value) in scripted {
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        if set.contains(&name) {
            own.append(name, family::header_value(value));
        } else {
            own.insert(name.clone(), family::header_value(value));
            set.push(name);
        }
    }
    response
}
