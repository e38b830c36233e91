//! What goes out: everything that the core wants of the world, and the one place that may refuse it.

use entity::Timestamp;
use entity::policy::Factor;
use entity::resource::{OverlayScope, Owner};
use entity::vocab::{OwnerType, Scope, ScopeType};
use secrecy::SecretString;

use crate::acts;
use crate::model::Model;

/// Something to be done outside of the core.
#[derive(Debug)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Give the terminal back and stop, until the shell continues us.
    Suspend,
    /// Draw everything again, whatever the terminal shows.
    Redraw,
    /// Open the live stream, closing the one of an earlier generation.
    Connect {
        /// The generation that its messages carry.
        generation: u64,
        /// Whether to look the credential up again first.
        renew_credential: bool,
    },
    /// Fetch something.
    Load(u64, Load),
    /// Change something at the gateway.
    Mutate(u64, Mutation),
    /// Use another context of the configuration file.
    Switch(String),
    /// Put text on the clipboard.
    Copy(Copied),
}

/// What is put on the clipboard.
#[derive(Debug)]
pub struct Copied {
    /// What it is, for the notice: `the id of key ci`.
    pub what: String,
    /// The text. Held as a secret because it sometimes is one.
    pub text: SecretString,
}

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// Who the token belongs to.
    WhoAmI,
    /// The gateway's version.
    Version,
    /// Every virtual key.
    Keys,
    /// One virtual key.
    Key(KeyRef),
    /// Its rotations.
    History(KeyRef),
    /// Requests since an instant, or the latest.
    Recent(Option<Timestamp>),
    /// One request by its request id.
    Record(String),
    /// Usage since an instant.
    Summary(Timestamp),
    /// Budgets and quotas with their open windows.
    Limits,
    /// Budgets and quotas as they are declared.
    Declared,
    /// The overlays.
    Overlays,
    /// The contexts of the configuration file.
    Contexts,
}

/// Names a virtual key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyRef {
    /// Its organisation's slug.
    pub organisation: String,
    /// Its name.
    pub name: String,
}

/// Names what has limits that an overlay can scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRef {
    /// Its organisation's slug.
    pub organisation: String,
    /// What it is.
    pub scope: OverlayScope,
}

impl ScopeRef {
    /// The scope of a virtual key.
    #[must_use]
    pub fn key(key: &KeyRef) -> Self {
        Self::named(&key.organisation, ScopeType::ApiKey, &key.name)
    }

    /// The scope of something with a name.
    #[must_use]
    pub fn named(organisation: &str, r#type: ScopeType, name: &str) -> Self {
        let scope = OverlayScope { r#type, name: Some(name.to_owned()) };
        Self { organisation: organisation.to_owned(), scope }
    }

    /// The scope of a budget's owner. Users have no limits of their own.
    #[must_use]
    pub fn owner(organisation: &str, owner: &Owner) -> Option<Self> {
        let r#type = match owner.r#type {
            OwnerType::Org => ScopeType::Org,
            OwnerType::Team => ScopeType::Team,
            OwnerType::ApiKey => ScopeType::ApiKey,
            OwnerType::User => return None,
        };
        let scope = OverlayScope { r#type, name: owner.name.clone().filter(|_| r#type != ScopeType::Org) };
        Some(Self { organisation: organisation.to_owned(), scope })
    }

    const fn kind(&self) -> &'static str {
        scope_kind(self.scope.r#type)
    }

    /// As a sentence calls it: `key ci`, `organisation acme`.
    #[must_use]
    pub fn what(&self) -> String {
        match &self.scope.name {
            Some(name) => format!("{} {name}", self.kind()),
            None => format!("organisation {}", self.organisation),
        }
    }

    /// As `odockctl` spells it: `key/ci`, `org`.
    #[must_use]
    pub fn word(&self) -> String {
        scope_word(&self.scope)
    }

    /// The name that `odockctl overlay set` gives to an overlay of this scope: `key-ci`.
    #[must_use]
    pub fn overlay(&self) -> String {
        self.scope.name.as_ref().map_or_else(|| self.kind().to_owned(), |name| format!("{}-{name}", self.kind()))
    }
}

const fn scope_kind(r#type: ScopeType) -> &'static str {
    match r#type {
        ScopeType::Team => "team",
        ScopeType::ApiKey => "key",
        ScopeType::Model => "model",
        ScopeType::McpServer => "mcp",
        ScopeType::Org => "org",
        ScopeType::Global => "global",
    }
}

/// A scope as `odockctl` spells it: `key/ci`, `org`.
#[must_use]
pub fn scope_word(scope: &OverlayScope) -> String {
    let kind = scope_kind(scope.r#type);
    scope.name.as_ref().map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"))
}

/// A change at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A virtual key changes.
    Key {
        /// Which.
        key: KeyRef,
        /// How.
        change: Change,
    },
    /// The limits of a scope are scaled for a while.
    Overlay {
        /// Whose.
        scope: ScopeRef,
        /// By how much.
        factor: Factor,
        /// For how long.
        seconds: u32,
        /// Why.
        reason: Option<String>,
    },
    /// An overlay ends before its time.
    EndOverlay {
        /// The organisation's slug.
        organisation: String,
        /// The overlay's name.
        name: String,
    },
}

impl Mutation {
    /// The slug of the organisation in which something changes.
    #[must_use]
    pub fn organisation(&self) -> &str {
        match self {
            Self::Key { key, .. } => &key.organisation,
            Self::Overlay { scope, .. } => &scope.organisation,
            Self::EndOverlay { organisation, .. } => organisation,
        }
    }

    /// The verb.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Key { change, .. } => change.verb(),
            Self::Overlay { factor, .. } if factor.thousandths() > 1_000 => "boost",
            Self::Overlay { .. } => "brake",
            Self::EndOverlay { .. } => "end",
        }
    }

    /// What has been done, once it is.
    #[must_use]
    pub fn past(&self) -> &'static str {
        match self {
            Self::Key { change, .. } => change.past(),
            Self::Overlay { factor, .. } if factor.thousandths() > 1_000 => "boosted",
            Self::Overlay { .. } => "braked",
            Self::EndOverlay { .. } => "ended",
        }
    }

    /// What changes, as a sentence calls it.
    #[must_use]
    pub fn object(&self) -> String {
        match self {
            Self::Key { key, .. } => format!("key {}", key.name),
            Self::Overlay { scope, .. } => scope.what(),
            Self::EndOverlay { name, .. } => format!("overlay {name}"),
        }
    }
}

/// How a virtual key changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new secret; the old one works for so many seconds more.
    Rotate {
        /// The overlap.
        overlap_seconds: u32,
    },
    /// The key is refused from now on.
    Revoke,
    /// A revoked key works again.
    Unrevoke,
}

impl Change {
    /// The verb, as `odockctl key` spells it.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotate",
            Self::Revoke => "revoke",
            Self::Unrevoke => "unrevoke",
        }
    }

    /// What has been done, once it is.
    #[must_use]
    pub const fn past(self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotated",
            Self::Revoke => "revoked",
            Self::Unrevoke => "unrevoked",
        }
    }
}

/// What an effect can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impact {
    /// Only this program and its terminal.
    Local,
    /// Nothing; it reads from the gateway.
    Read,
    /// Something at the gateway.
    Write,
}

impl Effect {
    /// What the effect can change. Exhaustive on purpose: a new effect has to be classified to compile.
    #[must_use]
    pub const fn impact(&self) -> Impact {
        match self {
            Self::Quit | Self::Suspend | Self::Redraw | Self::Switch(_) | Self::Copy(_) => Impact::Local,
            Self::Connect { .. } | Self::Load(..) => Impact::Read,
            Self::Mutate(..) => Impact::Write,
        }
    }
}

/// The choke point: every effect of every step passes here before it leaves the core, and a change leaves only if the
/// session allows changes and the gateway is there to make them. No screen and no dialog has a say in it.
///
/// # Errors
/// Says why the change is refused.
pub fn admit(model: &Model, effect: &Effect) -> Result<(), String> {
    match effect.impact() {
        Impact::Local | Impact::Read => Ok(()),
        Impact::Write => writable(model),
    }
}

/// Whether changes are possible at all right now; screens ask so that they can say so before a dialog opens.
///
/// # Errors
/// Says why not.
pub fn writable(model: &Model) -> Result<(), String> {
    if model.session.read_only {
        return Err("read-only: nothing can be changed in this session".to_owned());
    }
    if model.whoami.value().is_some_and(|who| !who.token.scopes.contains(&Scope::Write)) {
        return Err("read-only: this token may only read".to_owned());
    }
    if !model.link.usable() {
        return Err("the gateway is not connected: changes are disabled until it is back".to_owned());
    }
    Ok(())
}

/// Sorts a step's effects: those that may leave, in order. A refused change becomes a notice and a line of the log.
pub(crate) fn release(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    let mut leaving = Vec::with_capacity(effects.len());
    for effect in effects {
        match admit(model, &effect) {
            Ok(()) => {
                if let Effect::Mutate(id, mutation) = &effect {
                    let line = acts::command(&model.session, mutation);
                    model.acts.began(*id, model.env.now, line);
                }
                leaving.push(effect);
            }
            Err(reason) => model.refuse(reason),
        }
    }
    leaving
}
