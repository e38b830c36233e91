//! `odock-gateway healthcheck`: one request to the gateway's own readiness route, for containers that have no curl.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::config::Http;

/// Longer answers are of no interest.
const ENOUGH: u64 = 16 << 10;

/// Fails unless the gateway that `http` describes says that it is ready.
pub(super) fn run(http: &Http, timeout: Duration) -> anyhow::Result<()> {
    let address = reachable(http.addr);
    let answer = ask(address, http.tls.is_some(), timeout)
        .with_context(|| format!("the gateway at {address} does not answer"))?;
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    if !answer.starts_with("HTTP/1.") || status.len() != 3 {
        bail!("what listens at {address} does not speak HTTP");
    }
    if status != "200" {
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
        bail!("the gateway at {address} is not ready: {status} {body}");
    }
    Ok(())
}

/// A listener on all addresses is reached on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn ask(address: SocketAddr, tls: bool, timeout: Duration) -> anyhow::Result<String> {
    let deadline = Instant::now() + timeout;
    let stream = Deadline { stream: TcpStream::connect_timeout(&address, timeout)?, deadline };
    if !tls {
        return exchange(stream, address);
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName(provider)))
        .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), ServerName::IpAddress(address.ip().into()))?;
    exchange(StreamOwned::new(client, stream), address)
}

fn exchange(mut stream: impl Read + Write, address: SocketAddr) -> anyhow::Result<String> {
    // In one piece, for whoever answers before having read it all would reset the connection.
    let request = format!("GET /v1/healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(ENOUGH).read_to_end(&mut answer) {
        // What matters came first; a server may close without TLS's own farewell.
        Err(error) if answer.is_empty() => return Err(error.into()),
        _ => {}
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A connection whose every read and write ends at one deadline.
struct Deadline {
    stream: TcpStream,
    deadline: Instant,
}

impl Deadline {
    fn left(&self) -> std::io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(std::io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Deadline {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Deadline {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Takes any certificate: it is made out to the public name, and nothing secret is sent or believed here.
#[derive(Debug)]
struct AnyName(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::net::TcpListener;
    use std::thread;

    /// A server that answers one request with these bytes, or never.
    fn server(answer: Option<&'static str>) -> Http {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut http = Config::for_tests("/nowhere").http;
        http.addr = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), listener.local_addr().unwrap().port());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /v1/healthz HTTP/1.1\r\n"));
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).unwrap(),
                None => drop(stream.read(&mut request)),
            }
        });
        http
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_ready_gateway_passes() {
        run(&server(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")), MINUTE).unwrap();
    }

    #[test]
    fn a_gateway_that_is_not_ready_fails_with_its_reason() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"database\":\"down\"}";
        let error = run(&server(Some(answer)), MINUTE).unwrap_err().to_string();
        assert!(error.ends_with("is not ready: 503 {\"database\":\"down\"}"), "{error}");
    }

    #[test]
    fn something_else_on_the_port_fails() {
        let error = run(&server(Some("220 mail ready\r\n")), MINUTE).unwrap_err().to_string();
        assert!(error.ends_with("does not speak HTTP"), "{error}");
    }

    #[test]
    fn silence_ends_at_the_deadline() {
        let error = run(&server(None), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().ends_with("does not answer"), "{error}");
    }

    #[test]
    fn a_closed_port_fails_at_once() {
        let mut http = Config::for_tests("/nowhere").http;
        // Bound and dropped again, so that nobody listens there.
        http.addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(run(&http, MINUTE).is_err());
    }
}
