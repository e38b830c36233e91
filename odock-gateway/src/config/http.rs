//! `[http]`: listeners, limits on what clients may do, and who stands in front.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::check::Check;

/// Listeners, limits on what clients may do, and who stands in front.
#[derive(Clone, Debug)]
pub struct Http {
    /// The address of the main listener.
    pub addr: SocketAddr,
    /// The address of the management API's own listener; without it, both share the main one.
    pub management_addr: Option<SocketAddr>,
    /// How long a client may take to send a request's head and body.
    pub read_timeout: Duration,
    /// How long a client may take to accept a unary answer.
    pub write_timeout: Duration,
    /// How long a kept-alive connection may wait for its next request.
    pub idle_timeout: Duration,
    /// The largest request head.
    pub max_header_bytes: usize,
    /// The largest request body.
    pub max_body_bytes: usize,
    /// The largest upload: a form with files, which is not held in memory.
    pub max_upload_bytes: usize,
    /// The process-wide cap on requests in flight, if there is one.
    pub max_concurrent_requests: Option<usize>,
    /// Threads that serve connections: as many as there are cores, unless it was told.
    pub workers: usize,
    /// How long shutdown waits for requests in flight.
    pub shutdown_grace: Duration,
    /// What to serve TLS with, if at all.
    pub tls: Option<TlsFiles>,
    /// The networks whose `X-Forwarded-For` and `Forwarded` are believed; empty means nobody's.
    pub trusted_proxies: Vec<IpNet>,
}

/// The PEM files that TLS is served with.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

impl Http {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let host = check.parsed("http.host", host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let port = check.number("http.port", 0..=u16::MAX);
        let addr = SocketAddr::new(host, port);
        let management_addr = check.parsed("http.management_addr", socket_addr);
        if management_addr == Some(addr) && port != 0 {
            check.refuse("http.management_addr", "is the main listener's address; leave it out to share that listener");
        }
        let max = check.number("http.max_concurrent_requests", 0..=1_000_000_usize);
        let workers = match check.number("http.workers", 0..=1_024_usize) {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        Self {
            addr,
            management_addr,
            read_timeout: check.duration("http.read_timeout", SECOND..=HOUR),
            write_timeout: check.duration("http.write_timeout", SECOND..=HOUR),
            idle_timeout: check.duration("http.idle_timeout", SECOND..=HOUR),
            // The server needs room for at least one read of the socket.
            max_header_bytes: size(check.bytes("http.max_header_bytes", 8_192..=16 << 20)),
            max_body_bytes: size(check.bytes("http.max_body_bytes", 1_024..=1 << 30)),
            max_upload_bytes: size(check.bytes("http.max_upload_bytes", 1_024..=16 << 30)),
            max_concurrent_requests: Some(max).filter(|max| *max > 0),
            workers,
            shutdown_grace: check.duration("http.shutdown_grace", Duration::ZERO..=HOUR),
            tls: tls(check),
            trusted_proxies: proxies(check),
        }
    }
}

/// Sizes are checked to be far below what the smallest machine can address.
pub(super) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text.trim_start_matches('[').trim_end_matches(']') {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        bare => bare.parse().map_err(|_| format!("\"{text}\" is neither an IP address nor \"localhost\"")),
    }
}

fn socket_addr(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("\"{text}\" is not an address such as \"127.0.0.1:8081\"");
    let (before, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let host = if before.is_empty() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { host(before).map_err(|_| wrong())? };
    Ok(SocketAddr::new(host, port))
}

fn tls(check: &mut Check<'_>) -> Option<TlsFiles> {
    let enabled = check.flag("http.enable_tls");
    let mut file = |path: &'static str| {
        let found = check.path(path);
        match &found {
            None if enabled => check.refuse(path, "is needed when http.enable_tls is true"),
            Some(file) if enabled => {
                if let Err(error) = std::fs::File::open(file) {
                    check.refuse(path, format!("{} cannot be read: {error}", file.display()));
                }
            }
            Some(_) => check.warnings.push(format!("{path} has no effect while http.enable_tls is false")),
            None => {}
        }
        found
    };
    let (cert, key) = (file("http.tls_cert_file"), file("http.tls_key_file"));
    if !enabled {
        return None;
    }
    Some(TlsFiles { cert: cert?, key: key? })
}

fn proxies(check: &mut Check<'_>) -> Vec<IpNet> {
    let trust = check.flag("http.trust_proxy_headers");
    let path = "http.trusted_proxy_cidrs";
    let mut networks = Vec::new();
    for item in check.list(path) {
        match item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => check.refuse(path, format!("\"{item}\" is not a network such as \"10.0.0.0/8\"")),
        }
    }
    if trust && !check.is_set(path) {
        check.refuse("http.trust_proxy_headers", "trusts nobody until http.trusted_proxy_cidrs lists the proxies");
    }
    if !trust && !networks.is_empty() {
        check.warnings.push(format!("{path} has no effect while http.trust_proxy_headers is false"));
        networks.clear();
    }
    networks
}
