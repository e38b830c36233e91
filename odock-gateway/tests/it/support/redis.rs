//! A Redis of the test's own.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use odock_gateway::config;
use tempfile::TempDir;

use super::eventually;

/// A server on a free port, which keeps its data when it stops; gone when dropped.
pub(crate) struct RedisServer {
    dir: TempDir,
    port: u16,
    child: Child,
}

impl RedisServer {
    /// Starts a server; `None`, loudly, where there is no `redis-server`.
    pub(crate) async fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Ok(child) = spawn(&dir, port) else {
            eprintln!("SKIPPED: this test needs redis-server, which is not installed");
            return None;
        };
        let server = Self { dir, port, child };
        server.wait().await;
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How a gateway reaches it.
    pub(crate) fn settings(&self) -> config::Redis {
        config::Redis {
            url: config::RedisUrl::parse(&self.url()).unwrap(),
            connections: 2,
            dial_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_millis(500),
            key_prefix: "o".into(),
        }
    }

    /// Stops the server, which saves its data first.
    pub(crate) async fn stop(&mut self) {
        let mut redis = self.connect().await.unwrap();
        // It answers nothing: it is gone.
        let _ = redis::cmd("SHUTDOWN").arg("SAVE").query_async::<()>(&mut redis).await;
        let _ = self.child.wait();
    }

    /// Starts it again on the same port, with its data.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(&self.dir, self.port).unwrap();
        self.wait().await;
    }

    async fn connect(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        redis::Client::open(self.url())?.get_multiplexed_async_connection().await
    }

    async fn wait(&self) {
        eventually("Redis to answer", || async {
            let mut redis = self.connect().await.ok()?;
            redis::cmd("PING").query_async::<()>(&mut redis).await.ok()
        })
        .await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &TempDir, port: u16) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "3600 1", "--dir"])
        .arg(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
