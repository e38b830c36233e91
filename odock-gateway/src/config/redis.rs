//! `[redis]`: shared state between gateways.

use std::fmt;
use std::time::Duration;

use redis::IntoConnectionInfo;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::check::Check;
use super::redact;

/// Shared state between gateways.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where the server is, with its credentials.
    pub url: RedisUrl,
    /// How many multiplexed connections to open.
    pub connections: usize,
    /// How long connecting may take.
    pub dial_timeout: Duration,
    /// How long one command may take.
    pub command_timeout: Duration,
    /// What stands in front of every key.
    pub key_prefix: String,
}

/// The address of a Redis server, with its credentials.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// Reads a Redis URL.
    ///
    /// # Errors
    /// Says what is wrong with `text`, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = "is not a URL such as \"redis://user:password@host:6379/0\"";
        text.into_connection_info().map_err(|error| match error.detail() {
            Some(detail) => format!("{shape}: {detail}"),
            None => shape.to_owned(),
        })?;
        Ok(Self(text.to_owned().into()))
    }

    /// The address with its password, for the client.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The address without its password, for people.
    pub fn redacted(&self) -> String {
        redact::url(self.expose())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Redis {
    /// Reads the section; without an address there is no Redis, but the rest is checked all the same.
    pub(super) fn read(check: &mut Check<'_>) -> Option<Self> {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let connections = check.number("redis.pool_size", 1..=1_000);
        let dial_timeout = check.duration("redis.dial_timeout", Duration::from_millis(10)..=minute);
        let command_timeout = check.duration("redis.command_timeout", Duration::from_millis(1)..=30 * second);
        let key_prefix = check.parsed("redis.key_prefix", prefix).unwrap_or_default();
        Some(Self { url: address(check)?, connections, dial_timeout, command_timeout, key_prefix })
    }
}

fn prefix(text: &str) -> Result<String, String> {
    if text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)) {
        return Err(format!("\"{text}\" is not up to 64 letters, digits, dots, dashes, underscores or colons"));
    }
    Ok(text.to_owned())
}

/// Takes the URL or the parts, whichever was set later in the order of sources.
fn address(check: &mut Check<'_>) -> Option<RedisUrl> {
    let by_url = check.parsed("redis.url", RedisUrl::parse);
    let by_parts = parts(check);
    let rank = |path| check.source(path).map_or(0, super::problem::Source::rank);
    match (check.is_set("redis.url"), check.is_set("redis.addr")) {
        (true, true) if rank("redis.url") == rank("redis.addr") => {
            check.refuse("redis.url", "and redis.addr are both set; keep one of them");
            None
        }
        (true, both) if !both || rank("redis.url") > rank("redis.addr") => by_url,
        (_, true) => by_parts,
        _ => {
            for path in ["redis.username", "redis.password", "redis.db"] {
                if check.is_set(path) {
                    check.refuse(path, "has no effect without redis.addr");
                }
            }
            None
        }
    }
}

fn parts(check: &mut Check<'_>) -> Option<RedisUrl> {
    let (username, password) = (check.text("redis.username"), check.secret("redis.password"));
    let db: u32 = check.number("redis.db", 0..=1_000_000);
    check.parsed("redis.addr", |addr| {
        let wrong = || format!("\"{addr}\" is not an address such as \"localhost:6379\"");
        if addr.contains(['@', '/']) {
            return Err(wrong());
        }
        let mut url = Url::parse(&format!("redis://{addr}/{db}")).map_err(|_| wrong())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        url.set_username(username.as_deref().unwrap_or_default()).map_err(|()| wrong())?;
        url.set_password(password.as_ref().map(ExposeSecret::expose_secret)).map_err(|()| wrong())?;
        RedisUrl::parse(url.as_str())
    })
}
