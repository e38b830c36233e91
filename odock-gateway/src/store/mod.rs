//! The system of record: the only place that builds SeaORM queries.
//!
//! Repositories take `&impl ConnectionTrait`, so that the caller owns the transaction.

pub mod api_keys;
pub mod audit;
pub mod batch;
pub mod bearers;
pub mod devices;
pub mod filters;
pub mod identities;
pub mod invitations;
pub mod invoices;
pub mod jobs;
pub mod kinds;
pub mod labels;
pub mod ledger;
pub mod limits;
pub mod listing;
pub mod locks;
pub mod metadata;
pub mod migrate;
pub mod organisations;
pub mod ownership;
pub mod principals;
pub mod provider_keys;
pub mod reach;
pub mod referrers;
pub mod retention;
pub mod rollups;
pub mod sealed;
pub mod service_accounts;
pub mod sessions;
pub mod statuses;
pub mod targets;
pub mod teams;
pub mod thresholds;
pub mod tokens;
pub mod usage;
mod usage_hours;
pub mod usage_records;
pub mod usage_sums;
pub mod users;
pub mod windows;

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;

use crate::config;

/// How long a caller waits for a free connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of a page of SQLite, and bytes in its log at which they are moved to the file itself.
const PAGE: u32 = 8 << 10;
const CHECKPOINT: u32 = 32 << 20;

/// The database: SQLite in one file, or Postgres.
///
/// SQLite has one writer at a time by nature, so it gets one connection that writes and a few that read; on Postgres both
/// are the same pool.
#[derive(Clone, Debug)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Database {
    /// Connects to the configured database, creating the SQLite file if it is missing. Runs no migration.
    ///
    /// # Errors
    /// When the file cannot be opened or the server cannot be reached.
    pub async fn connect(config: &config::Database) -> Result<Self, DbErr> {
        match &config.url {
            config::DatabaseUrl::Sqlite(path) => {
                let url = format!("sqlite://{}", path.display());
                // The writer comes first: it creates the file and sets the journal mode that the readers then find.
                let writer = sea_orm::Database::connect(sqlite(&url, 1, config.log_queries)).await?;
                let reader = sea_orm::Database::connect(sqlite(&url, 4, config.log_queries)).await?;
                Ok(Self { reader, writer })
            }
            config::DatabaseUrl::Postgres(url) => {
                let mut options = ConnectOptions::new(url.expose_secret());
                options
                    .max_connections(config.max_open)
                    .min_connections(config.max_idle.min(config.max_open))
                    .max_lifetime(config.max_lifetime)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .connect_timeout(ACQUIRE_TIMEOUT)
                    .sqlx_logging(config.log_queries)
                    .map_sqlx_postgres_opts(|options| {
                        // Compiling a sum with many columns takes longer than working it out.
                        options.options([("statement_timeout", "30s"), ("lock_timeout", "10s"), ("jit", "off")])
                    });
                let pool = sea_orm::Database::connect(options).await?;
                Ok(Self { reader: pool.clone(), writer: pool })
            }
        }
    }

    /// The connection for queries that change nothing.
    #[must_use]
    pub fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The connection for single statements that write.
    #[must_use]
    pub fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a transaction that writes. On SQLite it takes the write lock at once, so that it cannot fail half-way.
    ///
    /// # Errors
    /// When no connection is free in time or the database is gone.
    pub async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        match self.backend() {
            DbBackend::Sqlite => {
                let immediate = TransactionOptions {
                    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                self.writer.begin_with_options(immediate).await
            }
            _ => self.writer.begin().await,
        }
    }

    /// Which of the two databases this is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.backend() {
            DbBackend::Postgres => "postgres",
            _ => "sqlite",
        }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.reader.ping().await
    }

    /// Closes the connections; what is under way ends first.
    pub async fn close(self) {
        // A pool that fails to close is gone all the same.
        let _ = self.reader.close().await;
        let _ = self.writer.close().await;
    }
}

/// A statement with parameters `$1`, `$2`, …, as a database spells them.
pub(crate) fn numbered(backend: DbBackend, sql: &str) -> String {
    if backend == DbBackend::Postgres { sql.to_owned() } else { sql.replace('$', "?") }
}

fn sqlite(url: &str, connections: u32, log_queries: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(log_queries)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                // Of a new file. A usage record is about 2 KB: pages of 4 KiB would hold one each, and be half empty.
                .page_size(PAGE)
                .journal_mode(SqliteJournalMode::Wal)
                // FULL: a commit is on disk when it returns. Usage is written in batches off the request path, so this
                // costs a few milliseconds a batch and lets the journal forget what was committed.
                .synchronous(SqliteSynchronous::Full)
                // 32 MiB in all: the hot pages of indexes are rewritten by every batch, and reach the file once.
                .pragma("wal_autocheckpoint", (CHECKPOINT / PAGE).to_string())
                .busy_timeout(ACQUIRE_TIMEOUT)
                .foreign_keys(true)
        });
    options
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use sqlx_core::net::{Socket, WithSocket, connect_tcp};
    use tokio::net::{TcpListener, TcpStream};

    struct Nodelay;

    impl WithSocket for Nodelay {
        type Output = Option<bool>;

        async fn with_socket<S: Socket>(self, socket: S) -> Self::Output {
            let socket: Box<dyn Any + Send> = Box::new(socket);
            socket.downcast_ref::<TcpStream>()?.nodelay().ok()
        }
    }

    /// Otherwise every large statement waits 40 ms for an acknowledgement: `vendor/sqlx-core/README.md`.
    #[tokio::test]
    async fn connections_to_postgres_set_nodelay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(connect_tcp("127.0.0.1", port, Nodelay).await.unwrap(), Some(true));
    }
}
