//! Processes: started of this program, found ready, stopped again.

use std::fmt::Display;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a process may take to stop by itself.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// Whom the load generator talks to, and how.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its name in the report.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The key that it is called with.
    pub(crate) key: String,
    /// Its process.
    pub(crate) pid: u32,
}

/// How to start a process.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    name: &'static str,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    port_in_env: Option<&'static str>,
}

impl Launch {
    /// A process of this program by a hidden subcommand.
    pub(crate) fn new(name: &'static str, subcommand: &str) -> Self {
        Self { name, args: vec![subcommand.to_owned()], env: Vec::new(), port_in_env: None }
    }

    /// Adds arguments.
    pub(crate) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// Sets a variable. Nothing else of the environment is passed on, since it could change what is measured.
    pub(crate) fn env(mut self, name: &'static str, value: impl Display) -> Self {
        self.env.push((name, value.to_string()));
        self
    }

    /// Gives the port by this variable in place of `--listen`.
    pub(crate) fn port_in_env(mut self, name: &'static str) -> Self {
        self.port_in_env = Some(name);
        self
    }

    /// Starts the process on a free port, with its output in a file of `scratch`.
    pub(crate) fn start(&self, scratch: &Path) -> anyhow::Result<Party> {
        let address = free_address()?;
        let log = scratch.join(format!("{}.log", self.name.replace(' ', "-")));
        let output = File::options().create(true).append(true).open(&log)?;
        // This program, even when a build has put another in its place meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("odock-bench");
        command.args(&self.args).env_clear().current_dir(scratch).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        match self.port_in_env {
            Some(name) => command.env(name, address.port().to_string()),
            None => command.args(["--listen", &address.to_string()]),
        };
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", self.name))?;
        Ok(Party { name: self.name, address, child, log, started })
    }
}

/// A port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A running process. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Party {
    name: &'static str,
    address: SocketAddr,
    child: Child,
    log: PathBuf,
    started: Instant,
}

impl Party {
    /// The process as a target that is called with this key.
    pub(crate) fn target(&self, key: &str) -> Target {
        Target { name: self.name, address: self.address, key: key.to_owned(), pid: self.child.id() }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Fails when the process has ended, with the end of what it wrote.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself ({status}):\n{}", self.name, self.last_words());
        }
        Ok(())
    }

    /// The end of what the process wrote.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Asks the process to stop, and ends it when it does not.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().context("cannot run kill")?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_GRACE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("{} did not stop within {STOP_GRACE:?}:\n{}", self.name, self.last_words())
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
