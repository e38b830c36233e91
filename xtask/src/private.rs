//! Servers of the tests' own: a fresh directory, a free port, gone at the end.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::probe;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that was started for the tests.
pub(crate) struct Private {
    pub(crate) url: String,
    child: Child,
    dir: PathBuf,
}

impl Private {
    /// Starts a Postgres that trusts everybody on this machine and does not wait for the disk.
    pub(crate) fn postgres() -> Result<Self, String> {
        let bin = |name| find(name, &postgres_folders()).ok_or_else(|| format!("there is no {name} to start one with"));
        let (initdb, postgres) = (bin("initdb")?, bin("postgres")?);
        let user = Unprivileged::find()?;
        let (dir, port) = (fresh_dir("postgres")?, free_port()?);
        user.own(&dir)?;
        let data = dir.join("data");
        let mut command = user.command(&initdb);
        command
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data);
        let output =
            command.current_dir(&dir).output().map_err(|error| format!("initdb cannot be started: {error}"))?;
        if !output.status.success() {
            let _ = fs::remove_dir_all(&dir);
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut command = user.command(&postgres);
        command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        for setting in ["unix_socket_directories=", "fsync=off", "synchronous_commit=off", "max_connections=300"] {
            command.args(["-c", setting]);
        }
        Self::start(command, dir, format!("postgres://postgres@127.0.0.1:{port}/postgres"), probe::postgres)
    }

    /// Starts a Redis that keeps nothing on disk.
    pub(crate) fn redis() -> Result<Self, String> {
        let redis = find("redis-server", &[]).ok_or("there is no redis-server to start one with")?;
        let (dir, port) = (fresh_dir("redis")?, free_port()?);
        let mut command = Command::new(redis);
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        Self::start(command, dir, format!("redis://127.0.0.1:{port}"), probe::redis)
    }

    fn start(
        mut command: Command,
        dir: PathBuf,
        url: String,
        probe: fn(&str) -> Result<(), String>,
    ) -> Result<Self, String> {
        command.current_dir(&dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
        let mut started = Self { url, child, dir };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match probe(&started.url) {
                Ok(()) => return Ok(started),
                Err(reason) if Instant::now() > deadline => return Err(format!("the one started here {reason}")),
                Err(_) if matches!(started.child.try_wait(), Ok(Some(_))) => {
                    return Err("the one started here ended at once".to_owned());
                }
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // Both shut down quickly and cleanly on an interrupt; Postgres would leave shared memory behind if killed.
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// How to run a program that refuses to run as root.
struct Unprivileged(Option<(PathBuf, &'static str)>);

impl Unprivileged {
    fn find() -> Result<Self, String> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let is_root = status.lines().any(|line| line.split_whitespace().take(2).eq(["Uid:", "0"]));
        if !is_root {
            return Ok(Self(None));
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = ["postgres", "nobody"]
            .into_iter()
            .find(|user| users.lines().any(|line| line.starts_with(&format!("{user}:"))));
        match (find("setpriv", &[]), user) {
            (Some(setpriv), Some(user)) => Ok(Self(Some((setpriv, user)))),
            _ => Err("Postgres does not start as root, and there is no setpriv to start it as another user".to_owned()),
        }
    }

    fn command(&self, program: &Path) -> Command {
        match &self.0 {
            None => Command::new(program),
            Some((setpriv, user)) => {
                let mut command = Command::new(setpriv);
                command.arg(format!("--reuid={user}")).args(["--clear-groups", "--"]).arg(program);
                command
            }
        }
    }

    fn own(&self, dir: &Path) -> Result<(), String> {
        let Some((_, user)) = &self.0 else { return Ok(()) };
        match Command::new("chown").arg(user).arg(dir).status() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(format!("{} cannot be given to {user}", dir.display())),
        }
    }
}

/// Finds a program in PATH, or in one of these folders.
fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(folders.iter().cloned()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Where Debian and its kin keep Postgres' programs, newest version first.
fn postgres_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut versions: Vec<PathBuf> = versions.collect();
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    versions.iter().map(|version| version.join("bin")).collect()
}

fn fresh_dir(name: &str) -> Result<PathBuf, String> {
    let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let dir = env::temp_dir().join(format!("odock-test-{name}-{}-{nanos}", std::process::id()));
    fs::create_dir(&dir).map_err(|error| format!("{} cannot be made: {error}", dir.display()))?;
    Ok(dir)
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_redis_answers_while_it_is_held_and_not_after() {
        let Ok(server) = Private::redis() else { return };
        let (url, dir) = (server.url.clone(), server.dir.clone());
        assert_eq!(probe::redis(&url), Ok(()));
        drop(server);
        assert!(probe::redis(&url).is_err() && !dir.exists());
    }

    #[test]
    fn a_private_postgres_answers_while_it_is_held_and_not_after() {
        let Ok(server) = Private::postgres() else { return };
        let (url, dir) = (server.url.clone(), server.dir.clone());
        assert_eq!(probe::postgres(&url), Ok(()));
        drop(server);
        assert!(probe::postgres(&url).is_err() && !dir.exists());
    }
}
