//! Postgres and Redis: a database and keys of the benchmark's own, which go away with it.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use redis::AsyncCommands as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};
use tokio::time::timeout;
use url::Url;

/// How long either server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most keys that are deleted at the end.
const MOST_KEYS: usize = 1_000_000;

/// A database and a key prefix.
#[derive(Debug)]
pub(crate) struct Servers {
    name: String,
    postgres: Url,
    redis: Url,
}

impl Servers {
    /// Creates the database, when both servers answer.
    pub(crate) async fn create(postgres: &Url, redis: &Url, governed: bool) -> anyhow::Result<Self> {
        for url in [postgres, redis] {
            ensure!(is_loopback(url), "{} is not a loopback address", url.host_str().unwrap_or("it"));
        }
        let servers = Self {
            name: format!("odock_bench_{}{}", std::process::id(), if governed { "_governed" } else { "" }),
            postgres: postgres.clone(),
            redis: redis.clone(),
        };
        servers.redis().await.context("Redis does not answer")?;
        servers.execute(&format!("CREATE DATABASE {}", servers.name)).await.context("Postgres does not answer")?;
        Ok(servers)
    }

    /// The name of the database, and of everything in Redis.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the database.
    pub(crate) fn database_url(&self) -> String {
        let mut url = self.postgres.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// The URL of Redis.
    pub(crate) fn redis_url(&self) -> &str {
        self.redis.as_str()
    }

    /// Drops the database and deletes the keys.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        let dropped = self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
        let deleted = timeout(6 * PATIENCE, self.delete_keys()).await;
        dropped.with_context(|| format!("cannot drop the database {}", self.name))?;
        deleted.context("Redis takes too long")?.with_context(|| format!("cannot delete the keys {}*", self.name))
    }

    async fn execute(&self, statement: &str) -> anyhow::Result<()> {
        let mut options = ConnectOptions::new(self.postgres.as_str());
        options.max_connections(1).connect_timeout(PATIENCE).acquire_timeout(PATIENCE).sqlx_logging(false);
        let database = timeout(PATIENCE, Database::connect(options)).await.context("no connection in time")??;
        let done = timeout(2 * PATIENCE, database.execute_unprepared(statement)).await;
        database.close().await?;
        done.context("no answer in time")??;
        Ok(())
    }

    async fn redis(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.redis.as_str())?;
        let mut connection =
            timeout(PATIENCE, client.get_multiplexed_async_connection()).await.context("no connection in time")??;
        let pong: String = timeout(PATIENCE, connection.ping()).await.context("no answer in time")??;
        if pong != "PONG" {
            bail!("it answers a ping with {pong}");
        }
        Ok(connection)
    }

    async fn delete_keys(&self) -> anyhow::Result<()> {
        let mut connection = self.redis().await?;
        let (pattern, mut cursor, mut deleted) = (format!("{}*", self.name), 0_u64, 0);
        loop {
            let (next, keys): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg("MATCH")
                .arg(&pattern)
                .arg("COUNT")
                .arg(1_000)
                .query_async(&mut connection)
                .await?;
            if !keys.is_empty() {
                deleted += keys.len();
                let _: u64 = connection.unlink(keys).await?;
            }
            cursor = next;
            if cursor == 0 || deleted > MOST_KEYS {
                return Ok(());
            }
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_servers_are_used() {
        for (url, expected) in [
            ("postgres://postgres@127.0.0.1:5432/postgres", true),
            ("redis://[::1]:6379", true),
            ("redis://localhost", true),
            ("redis://192.0.2.7:6379", false),
            ("redis://db.acme.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
