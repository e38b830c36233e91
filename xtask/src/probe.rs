//! Asks a server whether it is there and lets the tests in, in just enough of its protocol.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

/// The parts of a server's URL that matter here.
struct Parts<'a> {
    user: &'a str,
    has_password: bool,
    host: &'a str,
    port: u16,
    path: &'a str,
}

fn parts(url: &str, default_port: u16) -> Option<Parts<'_>> {
    let rest = url.split_once("://")?.1;
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, default_port),
    };
    Some(Parts { user, has_password: !password.is_empty(), host: host.trim_matches(['[', ']']), port, path })
}

fn connect(parts: &Parts<'_>) -> Result<TcpStream, String> {
    let addresses = (parts.host, parts.port).to_socket_addrs().map_err(|error| format!("has no address ({error})"))?;
    let mut last = "has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                let set = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
                return set.map(|()| stream).map_err(|error| error.to_string());
            }
            Err(error) => last = format!("does not answer ({error})"),
        }
    }
    Err(last)
}

/// Begins a session with Postgres and reads the first answer.
pub(crate) fn postgres(url: &str) -> Result<(), String> {
    let parts = parts(url, 5432).ok_or("is not a URL")?;
    let mut stream = connect(&parts)?;
    let mut body = vec![0, 3, 0, 0];
    let database = if parts.path.is_empty() { parts.user } else { parts.path };
    for text in ["user", parts.user, "database", database] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).map_err(|_| "has an absurd URL")?;
    let mut answer = [0; 9];
    stream
        .write_all(&[&length.to_be_bytes(), body.as_slice()].concat())
        .and_then(|()| stream.read_exact(&mut answer))
        .map_err(|error| format!("does not speak Postgres ({error})"))?;
    match answer {
        [b'R', _, _, _, _, 0, 0, 0, 0] => Ok(()),
        // It wants the password that the URL holds; the tests will see whether that is right.
        [b'R', ..] if parts.has_password => Ok(()),
        [b'R', ..] => Err("wants a password (put it into ODOCK_TEST_POSTGRES_URL)".to_owned()),
        _ => Err("refuses the session".to_owned()),
    }
}

/// Sends Redis a PING.
pub(crate) fn redis(url: &str) -> Result<(), String> {
    let parts = parts(url, 6379).ok_or("is not a URL")?;
    let mut stream = connect(&parts)?;
    let mut answer = [0; 5];
    stream
        .write_all(b"PING\r\n")
        .and_then(|()| stream.read_exact(&mut answer))
        .map_err(|error| format!("does not speak Redis ({error})"))?;
    match &answer {
        b"+PONG" => Ok(()),
        b"-NOAU" if parts.has_password => Ok(()),
        b"-NOAU" => Err("wants a password (put it into ODOCK_TEST_REDIS_URL)".to_owned()),
        _ => Err("does not answer a PING".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> (String, bool, String, u16, String) {
        let parts = parts(url, 1).unwrap();
        (parts.user.into(), parts.has_password, parts.host.into(), parts.port, parts.path.into())
    }

    #[test]
    fn urls_are_taken_apart() {
        let full = told("postgres://odock:p:w@db.example:5433/test?sslmode=disable");
        assert_eq!(full, ("odock".into(), true, "db.example".into(), 5433, "test".into()));
        assert_eq!(told("redis://127.0.0.1"), (String::new(), false, "127.0.0.1".into(), 1, String::new()));
        assert_eq!(told("redis://[::1]:6380/2").2, "::1");
        assert_eq!(told("redis://[::1]").3, 1);
        assert!(parts("nonsense", 1).is_none() && parts("redis://host:port", 1).is_none());
    }

    #[test]
    fn a_closed_port_is_told_from_a_server_of_another_kind() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"220 mail ready\r\n").unwrap());
        assert!(redis(&url).unwrap_err().starts_with("does not "));
        server.join().unwrap();
        assert!(redis(&url).unwrap_err().starts_with("does not answer ("));
    }
}
