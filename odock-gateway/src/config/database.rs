//! `[database]`: the system of record.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::check::Check;
use super::redact;

/// The system of record.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which database, and where.
    pub url: DatabaseUrl,
    /// Whether missing migrations run at start.
    pub auto_migrate: bool,
    /// The Postgres pool's size.
    pub max_open: u32,
    /// How many connections the Postgres pool keeps when idle.
    pub max_idle: u32,
    /// How long one Postgres connection lives.
    pub max_lifetime: Duration,
    /// Whether every statement is logged at debug level.
    pub log_queries: bool,
}

/// Which database, and where.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A Postgres server, with its credentials.
    Postgres(SecretString),
}

impl DatabaseUrl {
    /// Reads a database URL.
    ///
    /// # Errors
    /// Says what is wrong with `text`, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err("names no file; write \"sqlite:///path/to/odock.db\"".to_owned()),
                ":memory:" => Err("cannot be in memory, for connections would not share it; name a file".to_owned()),
                _ if path.contains('?') => Err("takes no parameters after an SQLite file".to_owned()),
                _ => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        let url = Url::parse(text)
            .map_err(|error| format!("is not a URL such as \"postgres://user:password@host:5432/name\": {error}"))?;
        match url.scheme() {
            "postgres" | "postgresql" => {
                PgConnectOptions::from_str(text).map_err(|error| format!("is not usable: {error}"))?;
                Ok(Self::Postgres(text.to_owned().into()))
            }
            scheme => Err(format!("begins with \"{scheme}:\"; only postgres: and sqlite: are served")),
        }
    }

    /// Says whether this is Postgres.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The address without its password, for people.
    pub fn redacted(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => redact::url(url.expose_secret()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Database {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let max_open = check.number("database.max_open", 1..=10_000_u32);
        let max_idle = check.number("database.max_idle", 0..=10_000_u32);
        if max_idle > max_open && max_open > 0 && check.is_set("database.max_idle") {
            check.refuse("database.max_idle", format!("is more than database.max_open ({max_open})"));
        }
        Self {
            url: check.parsed("database.url", DatabaseUrl::parse).unwrap_or(DatabaseUrl::Sqlite(PathBuf::new())),
            auto_migrate: check.flag("database.auto_migrate"),
            max_open,
            max_idle: max_idle.min(max_open),
            max_lifetime: check
                .duration("database.max_lifetime", Duration::from_secs(10)..=Duration::from_secs(7 * 86_400)),
            log_queries: check.flag("database.log_queries"),
        }
    }
}
