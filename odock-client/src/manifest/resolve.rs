//! Fetches the secrets that manifests refer to, and seals them at once.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::diagnostic::{Diagnostic, code};
use super::expand::Variables;
use super::secret::ValueFrom;
use super::{Env, ManifestSet};
use crate::credential::{CredentialStore, bounded};
use crate::seal::Sealer;

/// How long a program may take to print a secret.
const LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of a secret.
const BYTES: u64 = 16 * 1024;

/// Where secrets may be fetched from.
pub struct Secrets<'a> {
    /// The environment.
    pub env: Env<'a>,
    /// The operating system's keyring, or what stands for it.
    pub store: Arc<dyn CredentialStore>,
    /// Whether manifests may run programs. They come from repositories, so the user has to say so.
    pub allow_exec: bool,
}

impl ManifestSet {
    /// Fetches every secret and puts it, sealed, where it belongs.
    ///
    /// # Errors
    /// Every secret that cannot be had. Nothing of a secret stands in them.
    pub async fn resolve(&mut self, sealer: &Sealer, secrets: &Secrets<'_>) -> Result<(), Vec<Diagnostic>> {
        let mut found = Vec::new();
        let variables = Variables { env: secrets.env, allowed: &self.allow_env };
        for resource in &mut self.resources {
            for secret in &resource.secrets {
                let sealed = match fetch(&secret.from, secrets, &variables).await {
                    Err(complaint) if secret.optional && complaint.absent => continue,
                    Ok(clear) => sealer.seal(&clear).map_err(|error| Complaint::new(error.to_string())),
                    Err(complaint) => Err(complaint),
                };
                match sealed
                    .and_then(|sealed| serde_json::to_value(sealed).map_err(|error| Complaint::new(error.to_string())))
                {
                    Ok(sealed) => {
                        let field = secret.pointer.strip_prefix("/spec").and_then(|pointer| pointer.rsplit_once('/'));
                        if let Some((owner, name)) = field
                            && let Some(owner) = resource.manifest.spec.pointer_mut(owner)
                        {
                            owner[name] = sealed;
                        }
                    }
                    Err(Complaint { message, hint, .. }) => {
                        let place = super::read::place_of(&resource.node, &secret.pointer, "");
                        let diagnostic = Diagnostic::new(&resource.file, place, code::SECRET, message);
                        found.push(Diagnostic { hint, ..diagnostic.pointer(secret.pointer.clone()) });
                    }
                }
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

impl Secrets<'_> {
    /// Fetches one secret.
    ///
    /// # Errors
    /// Why it cannot be had, and what to do. Nothing of it stands there.
    pub async fn fetch(
        &self,
        from: &ValueFrom,
        allow_env: &[String],
    ) -> Result<SecretString, (String, Option<String>)> {
        let variables = Variables { env: self.env, allowed: allow_env };
        fetch(from, self, &variables).await.map_err(|complaint| (complaint.message, complaint.hint))
    }
}

struct Complaint {
    message: String,
    hint: Option<String>,
    /// Whether there is simply nothing there.
    absent: bool,
}

impl Complaint {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, absent: false }
    }

    fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

async fn fetch(from: &ValueFrom, secrets: &Secrets<'_>, variables: &Variables<'_>) -> Result<SecretString, Complaint> {
    let (clear, from) = match from {
        ValueFrom::Env(name) => (env(name, variables)?, format!("the variable `{name}`")),
        ValueFrom::File(path) => (file(path)?, format!("the file {}", path.display())),
        ValueFrom::Keyring(account) => {
            (keyring(account, &secrets.store).await?, format!("the keyring's entry `{account}`"))
        }
        ValueFrom::Exec(words) if !secrets.allow_exec => {
            let message = format!(
                "the program `{}` is not run: manifests run programs only when that is allowed",
                words.join(" ")
            );
            return Err(Complaint::new(message).hint("--allow-exec allows it"));
        }
        ValueFrom::Exec(words) => (exec(words).await?, format!("the program `{}`", words.join(" "))),
    };
    let clear = clear.trim_end_matches(['\r', '\n']);
    if clear.trim().is_empty() {
        return Err(Complaint::new(format!("{from} holds no secret: it is empty")));
    }
    if clear.chars().any(char::is_control) {
        return Err(Complaint::new(format!(
            "{from} holds more than one line, or control characters; a secret is one line"
        )));
    }
    Ok(SecretString::from(clear))
}

fn env(name: &str, variables: &Variables<'_>) -> Result<Zeroizing<String>, Complaint> {
    if !variables.may_hold_secret(name) {
        let message =
            format!("the variable `{name}` is not read: only names that begin with ODOCK_ are, except ODOCK_TOKEN");
        return Err(Complaint::new(message).hint(format!("--allow-env {name} allows it")));
    }
    let value = (variables.env)(name).map(Zeroizing::new);
    value.ok_or_else(|| {
        Complaint::new(format!("the variable `{name}` is not set")).absent().hint(format!("export {name}=…"))
    })
}

fn file(path: &Path) -> Result<Zeroizing<String>, Complaint> {
    let unreadable = |error: std::io::Error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let complaint = Complaint::new(format!("the file {} cannot be read: {error}", path.display()));
        if missing { complaint.absent() } else { complaint }
    };
    let mut bytes = Zeroizing::new(Vec::new());
    super::plain::open(path).map_err(unreadable)?.take(BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    text(&bytes, || format!("the file {}", path.display()))
}

async fn keyring(account: &str, store: &Arc<dyn CredentialStore>) -> Result<Zeroizing<String>, Complaint> {
    use secrecy::ExposeSecret as _;
    let (owned, store) = (account.to_owned(), Arc::clone(store));
    match bounded(move || store.get(&owned)).await {
        Ok(Some(secret)) => Ok(Zeroizing::new(secret.expose_secret().to_owned())),
        Ok(None) => {
            Err(Complaint::new(format!("the keyring has no entry `{account}` of the service `odock`")).absent())
        }
        Err(error) => Err(Complaint::new(error.to_string())),
    }
}

async fn exec(words: &[String]) -> Result<Zeroizing<String>, Complaint> {
    let shown = words.join(" ");
    let [program, arguments @ ..] = words else { return Err(Complaint::new("`exec` names no program")) };
    let failed = |error: std::io::Error| Complaint::new(format!("the program `{shown}` cannot be run: {error}"));
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let mut bytes = Zeroizing::new(Vec::new());
    let run = async {
        if let Some(stdout) = child.stdout.take() {
            stdout.take(BYTES + 1).read_to_end(&mut bytes).await?;
        }
        child.wait().await
    };
    match tokio::time::timeout(LIMIT, run).await {
        Err(_) => Err(Complaint::new(format!("the program `{shown}` did not end within {} s", LIMIT.as_secs()))),
        Ok(Err(error)) => Err(failed(error)),
        Ok(Ok(status)) if !status.success() => Err(Complaint::new(format!("the program `{shown}` failed: {status}"))),
        Ok(Ok(_)) => text(&bytes, || format!("the program `{shown}`")),
    }
}

fn text(bytes: &[u8], from: impl Fn() -> String) -> Result<Zeroizing<String>, Complaint> {
    if bytes.len() > usize::try_from(BYTES).unwrap_or(usize::MAX) {
        return Err(Complaint::new(format!("{} holds more than {} KiB, which is no secret", from(), BYTES / 1024)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Complaint::new(format!("{} holds something that is no text", from()))),
    }
}
