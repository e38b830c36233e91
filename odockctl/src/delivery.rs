//! How the secrets of declared virtual keys reach their sinks.
//!
//! The sinks are checked, and those of secrets that are drawn here are filled, before the gateway hears of the key; so a
//! crash at any point is repaired by running again, and no key is ever in force whose secret nobody has.

use entity::Kind;
use entity::manifest::KeySecret;
use entity::plan::{Action, LEFT_TO_REVEAL, Plan};
use entity::resource::ApiKey;
use odock_client::Client;
use odock_client::manifest::{KeyOrigin, KeySource, ManifestSet, Secrets};
use odock_client::virtual_key;
use secrecy::{ExposeSecret as _, SecretString};

use crate::commands::diff::Wanted;
use crate::error::{CliError, Exit};
use crate::prompt::quoted;
use crate::session::Session;
use crate::sink::{Sink, Sinks, present};

/// Which sinks manifests may deliver to.
#[derive(Clone, Debug, Default)]
pub struct AllowedSinks(Vec<String>);

impl AllowedSinks {
    /// Sinks that match one of these patterns, in which `*` stands for anything.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self(patterns)
    }

    fn allow(&self, sink: &str) -> bool {
        self.0.iter().any(|pattern| matches(pattern, sink))
    }
}

/// Whether a text matches a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(left) = text.strip_prefix(head) else { return false };
    let parts: Vec<&str> = rest.split('*').collect();
    let Some((last, middle)) = parts.split_last() else { return true };
    let mut left = left;
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.len() >= last.len() && left.ends_with(last)
}

/// A declared virtual key, and how it gets its secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredKey {
    /// The file that declares it.
    pub file: String,
    /// Its organisation's slug.
    pub organisation: String,
    /// Its name.
    pub key: String,
    /// How it gets its secret.
    pub source: KeySource,
}

/// Says in a plan where the secrets of new keys go, which the gateway cannot know: sinks are on this side.
pub fn tell(set: &ManifestSet, organisation: &str, plan: &mut Plan) {
    for change in plan.changes.iter_mut().filter(|change| change.kind == Kind::ApiKey) {
        let declared = set.resources.iter().find(|resource| {
            let manifest = &resource.manifest;
            manifest.kind == Kind::ApiKey
                && manifest.metadata.name == change.name
                && resource.organisation() == Some(organisation)
        });
        let Some(source) = declared.and_then(|resource| resource.key.as_ref()) else { continue };
        if source.from == KeyOrigin::Server && source.deliver_to.is_empty() {
            continue;
        }
        for consequence in change.consequences.iter_mut().filter(|told| *told == LEFT_TO_REVEAL) {
            *consequence = told(source);
        }
    }
}

fn told(source: &KeySource) -> String {
    let sinks = source.deliver_to.join(", ");
    match &source.from {
        KeyOrigin::Client => format!("a secret is drawn where this is applied, and goes to {sinks}"),
        KeyOrigin::Server => format!("the gateway draws a secret, which goes to {sinks}"),
        KeyOrigin::Given(_) => "it gets the secret that `valueFrom` names".to_owned(),
    }
}

/// What is to be done for one key.
struct Delivery {
    organisation: String,
    key: String,
    source: KeySource,
    sinks: Vec<Sink>,
    /// Whether the key is new, or still waits for its secret.
    due: bool,
    /// Open sinks, for a secret that the gateway draws.
    open: Option<Sinks>,
    /// Whether sinks were filled for a key that the gateway does not know yet.
    filled: bool,
}

/// What is to be done for all declared keys.
pub struct Deliveries(Vec<Delivery>);

impl Deliveries {
    /// What the manifests say of secrets.
    ///
    /// # Errors
    /// A sink is none, or is not allowed.
    pub fn of(set: &ManifestSet, allowed: &AllowedSinks) -> Result<Self, CliError> {
        let declared = set.resources.iter().filter_map(|resource| {
            Some(DeclaredKey {
                file: resource.file.to_string(),
                organisation: resource.organisation()?.to_owned(),
                key: resource.manifest.metadata.name.clone(),
                source: resource.key.clone()?,
            })
        });
        Self::declared(declared, allowed)
    }

    /// What declarations say of secrets.
    ///
    /// # Errors
    /// A sink is none, or is not allowed.
    pub fn declared(declared: impl Iterator<Item = DeclaredKey>, allowed: &AllowedSinks) -> Result<Self, CliError> {
        let mut deliveries = Vec::new();
        for DeclaredKey { file, organisation, key, source } in declared {
            let mut sinks = Vec::with_capacity(source.deliver_to.len());
            for text in &source.deliver_to {
                let sink: Sink =
                    text.parse().map_err(|error: String| CliError::usage(format!("key {key}: {error}")))?;
                if !allowed.allow(text) {
                    let message = format!("{file}: key {key} wants its secret delivered to {text}");
                    return Err(CliError::new(Exit::Guard, "sink_not_allowed", message)
                        .hint(format!("if that is right: --allow-sinks {}", quoted(text))));
                }
                sinks.push(sink);
            }
            deliveries.push(Delivery { organisation, key, source, sinks, due: false, open: None, filled: false });
        }
        Ok(Self(deliveries))
    }

    /// Whether nothing is to be delivered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|delivery| !delivery.due && !matches!(delivery.source.from, KeyOrigin::Given(_)))
    }

    /// Finds out which keys are new, or still wait for their secret.
    ///
    /// # Errors
    /// The gateway does not say.
    pub async fn meet(&mut self, client: &Client, plans: &[Plan]) -> Result<(), CliError> {
        let created = |delivery: &Delivery| {
            plans.iter().flat_map(|plan| &plan.changes).any(|change| {
                change.action == Action::Create
                    && change.kind == Kind::ApiKey
                    && change.name == delivery.key
                    && change.organisation.as_deref().is_none_or(|slug| slug == delivery.organisation)
            })
        };
        for delivery in &mut self.0 {
            delivery.due = created(delivery);
            if !delivery.due && !matches!(delivery.source.from, KeyOrigin::Given(_)) {
                let key = client.organisation(&delivery.organisation).get::<ApiKey>(&delivery.key).await;
                match key {
                    Ok(key) => delivery.due = key.status.pending_until.is_some(),
                    // Renamed in the same step: it has its secret.
                    Err(error) if error.status() == Some(404) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Opens the sinks, and draws what is drawn here into them.
    ///
    /// # Errors
    /// A sink cannot be used, or a secret cannot be had: nothing was changed at the gateway.
    pub async fn draw(
        &mut self,
        session: &Session,
        secrets: &Secrets<'_>,
        allow_env: &[String],
        wanted: &mut [Wanted],
    ) -> Result<(), CliError> {
        for delivery in &mut self.0 {
            let Some(one) = wanted.iter_mut().find(|it| it.batch.organisation == delivery.organisation) else {
                continue;
            };
            let key = delivery.key.clone();
            match &delivery.source.from {
                KeyOrigin::Given(from) => {
                    let secret = secrets.fetch(from, allow_env).await.map_err(|(message, hint)| {
                        let error = CliError::new(Exit::Usage, "secret", format!("key {key}: {message}"));
                        match hint {
                            Some(hint) => error.hint(hint),
                            None => error,
                        }
                    })?;
                    if !virtual_key::is_well_formed(secret.expose_secret()) {
                        let message = format!("key {key}: the secret is no virtual key, or was mistyped");
                        return Err(CliError::new(Exit::Usage, "secret", message).hint(
                            "a virtual key is sk-odock-, 43 characters and a checksum; `generate: client` draws one",
                        ));
                    }
                    let registered = Some(virtual_key::registered(&secret));
                    one.request.secrets.push(KeySecret { key, registered, replace: true });
                }
                KeyOrigin::Client if delivery.due => {
                    let secret = delivery.fill(session)?;
                    let registered = Some(virtual_key::registered(&secret));
                    one.request.secrets.push(KeySecret { key, registered, replace: false });
                }
                KeyOrigin::Server if delivery.due && !delivery.sinks.is_empty() => {
                    delivery.open = Some(Sinks::open(&delivery.sinks, &session.out)?);
                    one.request.secrets.push(KeySecret { key, registered: None, replace: false });
                }
                KeyOrigin::Client | KeyOrigin::Server => {}
            }
        }
        Ok(())
    }

    /// An apply failed: what may have been left where.
    #[must_use]
    pub fn failed(&self, error: CliError) -> CliError {
        let filled: Vec<String> = self.0.iter().filter(|it| it.filled).map(|it| it.key.clone()).collect();
        if filled.is_empty() {
            return error;
        }
        error.or_hint(format!(
            "the secrets of {} are in their sinks already; applying again registers those, and draws no others",
            filled.join(", ")
        ))
    }

    /// Has the gateway draw what it draws, delivers it, and says so.
    ///
    /// # Errors
    /// A secret could not be delivered: its key does not work and lapses.
    pub async fn hand_over(self, session: &Session, client: &Client) -> Result<(), CliError> {
        for delivery in self.0 {
            let Delivery { organisation, key, open: Some(sinks), .. } = delivery else { continue };
            let keys = client.organisation(&organisation).apikeys();
            let again = "the key does not work without it; applying again delivers another secret";
            let failed = |error: CliError| error.about(&format!("key {key}")).ends(Exit::Undelivered).or_hint(again);
            let issued = keys.reveal(&key).await.map_err(|error| failed(error.into()))?;
            let Some(secret) = issued.secret.map(SecretString::from) else {
                return Err(failed(CliError::new(
                    Exit::Undelivered,
                    "no_secret",
                    "the gateway's answer holds no secret",
                )));
            };
            let places = sinks.deliver(&secret, &session.out).map_err(failed)?;
            let hash = virtual_key::hash(secret.expose_secret());
            keys.acknowledge(&key, &hash).await.map_err(|error| failed(error.into()))?;
            session.out.note(&format!("the secret of key {key} is in {}", places.join(", ")));
        }
        Ok(())
    }
}

impl Delivery {
    /// Draws a secret into every sink. A file that holds one from a run that broke off is read back instead.
    fn fill(&mut self, session: &Session) -> Result<SecretString, CliError> {
        let mut kept: Option<SecretString> = None;
        let mut empty = Vec::new();
        for sink in &self.sinks {
            let found = match sink {
                Sink::File(path) => present(path)?,
                _ => None,
            };
            match (found, &kept) {
                (None, _) => empty.push(sink.clone()),
                (Some(found), Some(kept)) if found.expose_secret() != kept.expose_secret() => {
                    let message = format!("key {}: two sinks hold different keys already", self.key);
                    return Err(CliError::new(Exit::Undelivered, "undelivered", message)
                        .hint("remove those that are not wanted"));
                }
                (Some(found), _) => kept = Some(found),
            }
        }
        let secret = match kept {
            Some(kept) => kept,
            None => virtual_key::generate().map_err(|error| CliError::internal(error.to_string()))?,
        };
        if !empty.is_empty() {
            let places = Sinks::open(&empty, &session.out)?.deliver(&secret, &session.out)?;
            session.out.note(&format!("the secret of key {} is in {}", self.key, places.join(", ")));
        }
        self.filled = true;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_sinks_match_whole() {
        for (pattern, sink, expected) in [
            ("file:./ci.key", "file:./ci.key", true),
            ("file:./ci.key", "file:./ci.keys", false),
            ("file:./keys/*", "file:./keys/a/b", true),
            ("file:./keys/*", "exec:curl", false),
            ("file:*.key", "file:./a.key", true),
            ("file:*.key", "file:./a.key.txt", false),
            ("k8s-secret:*/odock-*:key", "k8s-secret:pay/odock-ci:key", true),
            ("*", "-", true),
            ("a*a", "a", false),
            ("", "-", false),
        ] {
            assert_eq!(matches(pattern, sink), expected, "{pattern} {sink}");
        }
    }
}
