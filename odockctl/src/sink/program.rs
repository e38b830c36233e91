//! Sinks that are other programs: the secret goes to their standard input, never to their arguments.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use super::undelivered;
use crate::error::CliError;

/// A key of a Kubernetes Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K8sSecret {
    /// The namespace.
    pub namespace: String,
    /// The Secret.
    pub name: String,
    /// The key among its data.
    pub key: String,
}

impl FromStr for K8sSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "after k8s-secret: comes NAMESPACE/NAME:KEY".to_owned();
        let (namespace, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (name, key) = rest.split_once(':').ok_or_else(wrong)?;
        let plain = |text: &str, extra: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        if !plain(namespace, "-") || !plain(name, "-.") || !plain(key, "-._") {
            return Err(wrong());
        }
        Ok(Self { namespace: namespace.into(), name: name.into(), key: key.into() })
    }
}

impl fmt::Display for K8sSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.name, self.key)
    }
}

/// Finds a program before anything depends on it.
pub(super) fn find(program: &str) -> Result<PathBuf, CliError> {
    let missing = || undelivered(format!("the program `{program}` is not there, or cannot be run"));
    if program.contains('/') {
        let path = PathBuf::from(program);
        return if is_program(&path) { Ok(path) } else { Err(missing()) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| is_program(path));
    found.ok_or_else(missing)
}

fn is_program(path: &Path) -> bool {
    let Ok(facts) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        facts.is_file() && facts.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    facts.is_file()
}

/// Runs a program with a secret on its standard input. Its output goes to stderr, for stdout is data.
pub(super) fn run(program: &Path, arguments: &[String], input: &[u8]) -> std::io::Result<()> {
    let mut child = Command::new(program)
        .args(arguments)
        // The administrator's token is no concern of a program that gets a key.
        .env_remove("ODOCK_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let written = match child.stdin.take() {
        // Dropping it ends the input.
        Some(mut stdin) => stdin.write_all(input).and_then(|()| stdin.flush()),
        None => Err(std::io::Error::other("it has no standard input")),
    };
    let status = child.wait()?;
    if !status.success() {
        return Err(std::io::Error::other(format!("it failed: {status}")));
    }
    written
}

/// Puts a secret into one key of a Kubernetes Secret and leaves its other keys alone.
pub(super) fn to_kubernetes(kubectl: &Path, place: &K8sSecret, secret: &SecretString) -> std::io::Result<()> {
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": place.namespace, "name": place.name},
        "type": "Opaque",
        "stringData": {place.key.as_str(): secret.expose_secret()},
    });
    let text = Zeroizing::new(manifest.to_string());
    let arguments = ["apply", "--server-side", "--field-manager=odockctl", "-f", "-"].map(str::to_owned);
    run(kubectl, &arguments, text.as_bytes())
}

/// Opens the file in which a step of GitHub Actions leaves variables for the steps after it.
pub(super) fn github_env() -> Result<File, CliError> {
    let outside = || {
        undelivered("github-env: works in a step of GitHub Actions only: GITHUB_ENV is not set")
            .hint("elsewhere use file:PATH or exec:PROGRAM")
    };
    let path = std::env::var_os("GITHUB_ENV").filter(|path| !path.is_empty()).ok_or_else(outside)?;
    File::options().read(true).append(true).open(&path).map_err(|error| undelivered(format!("GITHUB_ENV: {error}")))
}

/// Masks the secret in the job's log, and only then leaves it for later steps.
pub(super) fn to_github(name: &str, file: &mut File, secret: &SecretString) -> std::io::Result<()> {
    let text = secret.expose_secret();
    // What has lines of its own could name other variables, and give the runner commands.
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(std::io::Error::other("the gateway's secret is no line of text, and is not handed to the runner"));
    }
    // A command to the runner, which reads both streams and prints neither the command nor, from then on, the value.
    let mask = Zeroizing::new(format!("::add-mask::{text}\n"));
    let mut talk = std::io::stderr().lock();
    talk.write_all(mask.as_bytes())?;
    talk.flush()?;
    // Nobody can write the end of a value that nobody can guess. An earlier step may have left its last line open.
    let end = format!("odock_{}", uuid::Uuid::new_v4().simple());
    let gap = if ends_a_line(file)? { "" } else { "\n" };
    let entry = Zeroizing::new(format!("{gap}{name}<<{end}\n{text}\n{end}\n"));
    file.write_all(entry.as_bytes())?;
    match file.sync_all() {
        // A pipe has nothing to be synced.
        Err(error) if error.kind() != std::io::ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// Whether what is appended begins a line.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
