//! The names of what effects are about.

use entity::resource::{OverlayScope, Owner};
use entity::vocab::{OwnerType, ScopeType};

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
