//! A Postgres of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tempfile::TempDir;

use super::eventually;

/// A server on a free port, which waits for the disk as servers do; gone when dropped.
pub(crate) struct PostgresServer {
    dir: TempDir,
    port: u16,
    child: Child,
}

impl PostgresServer {
    /// Starts a server; `None`, loudly, where there is none to start.
    pub(crate) async fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        // Postgres refuses to run as root.
        if is_root() {
            let given = Command::new("chown").arg("postgres").arg(dir.path()).status();
            if !given.is_ok_and(|status| status.success()) {
                eprintln!("SKIPPED: this test needs a user `postgres` to run a server as");
                return None;
            }
        }
        let made = program("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(dir.path().join("data"))
            .stdout(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: this test needs Postgres' initdb, which is not installed");
            return None;
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(dir.path(), port);
        let server = Self { dir, port, child };
        server.wait().await;
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server as a crash would: no checkpoint, every connection cut.
    pub(crate) fn crash(&mut self) {
        let asked = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port; it recovers from its log.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.dir.path(), self.port);
        self.wait().await;
    }

    async fn wait(&self) {
        let mut options = ConnectOptions::new(self.url());
        options.max_connections(1).sqlx_logging(false);
        eventually("Postgres to answer", || async {
            let database = Database::connect(options.clone()).await.ok()?;
            database.execute_unprepared("SELECT 1").await.ok().map(drop)
        })
        .await;
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Killed, it would leave shared memory behind.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path, port: u16) -> Child {
    program("postgres")
        .arg("-D")
        .arg(dir.join("data"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "unix_socket_directories="])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One of Postgres' programs, as a user as whom it runs.
fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(debian_folders());
    let file = folders.map(|folder| folder.join(name)).find(|file| file.is_file()).unwrap_or_else(|| name.into());
    if !is_root() {
        return Command::new(file);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--clear-groups", "--"]).arg(file).current_dir("/");
    command
}

fn debian_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.split_whitespace().take(2).eq(["Uid:", "0"]))
}
