//! What specs refer to by name: in the same change, or in the database.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::check::{self, Violation, code};
use entity::manifest::Seen;
use entity::resource::{ApiKeySpec, Kind, ModelSpec, ProviderSpec, TeamSpec, UserSpec};
use entity::vocab::ModelType;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::plan::{Planned, Planner};
use crate::management::problem::{ApiError, shortened};
use crate::store;
use crate::store::kinds::Scope;

/// Names that are referred to, and what they stand for.
#[derive(Debug, Default)]
pub(in crate::management) struct Refs {
    declared: HashSet<(Kind, String)>,
    ids: HashMap<Kind, HashMap<String, Uuid>>,
    /// What was found in the database because something declared refers to it.
    looked_up: HashSet<(Kind, Uuid)>,
    wanted: HashMap<Kind, BTreeSet<String>>,
    /// The credentials of providers, by provider; `None` while the provider's own declaration is wrong.
    keys: HashMap<String, Option<BTreeMap<String, Uuid>>>,
    suggestions: HashMap<Kind, Vec<String>>,
    /// What models are for, as far as that is known.
    types: HashMap<String, ModelType>,
}

impl Refs {
    /// Notes a resource that is declared.
    pub(super) fn declare(&mut self, kind: Kind, name: &str, id: Uuid) {
        self.declared.insert((kind, name.to_owned()));
        self.ids.entry(kind).or_default().insert(name.to_owned(), id);
        if kind == Kind::Provider {
            self.keys.insert(name.to_owned(), None);
        }
    }

    /// Whether a resource is declared in this change.
    pub(super) fn is_declared(&self, kind: Kind, name: &str) -> bool {
        self.declared.contains(&(kind, name.to_owned()))
    }

    /// Whether something that is declared refers to a resource that is not.
    pub(super) fn is_looked_up(&self, kind: Kind, id: Uuid) -> bool {
        self.looked_up.contains(&(kind, id))
    }

    /// Notes the credentials that a declared provider will have.
    pub(super) fn declare_keys(&mut self, provider: &str, keys: BTreeMap<String, Uuid>) {
        self.keys.insert(provider.to_owned(), Some(keys));
    }

    /// Notes that a name is referred to.
    pub(super) fn want(&mut self, kind: Kind, name: &str) {
        if self.id(kind, name).is_none() {
            self.wanted.entry(kind).or_default().insert(name.to_owned());
        }
    }

    /// What a name stands for.
    pub(super) fn id(&self, kind: Kind, name: &str) -> Option<Uuid> {
        self.ids.get(&kind)?.get(name).copied()
    }

    /// What a name stands for, or what is wrong with it.
    pub(super) fn check(&self, kind: Kind, name: &str, pointer: &str, found: &mut Vec<Violation>) {
        if self.id(kind, name).is_some() {
            return;
        }
        let message = format!("there is no {} `{}`", super::word(kind), shortened(name));
        let near = self.suggestions.get(&kind).and_then(|names| check::nearest(name, names.iter().map(String::as_str)));
        let violation = Violation::new(pointer, code::BAD_REFERENCE, message);
        found.push(match near {
            Some(near) => violation.hint(format!("did you mean `{near}`?")),
            None => violation,
        });
    }

    /// Notes what a declared model is for.
    pub(super) fn declare_type(&mut self, model: &str, kind: ModelType) {
        self.types.insert(model.to_owned(), kind);
    }

    /// What is wrong with a reference to a model of a certain type.
    pub(super) fn check_model(&self, kind: ModelType, name: &str, pointer: &str, found: &mut Vec<Violation>) {
        self.check(Kind::Model, name, pointer, found);
        // Of a model whose own declaration is wrong, nothing can be said.
        if let Some(of) = self.types.get(name).filter(|of| **of != kind) {
            let message = format!("the model `{}` is of type {of}, and this policy is for {kind}", shortened(name));
            found.push(Violation::new(pointer, code::INVALID, message));
        }
    }

    /// A provider's credential.
    pub(super) fn key(&self, provider: &str, key: &str) -> Option<Uuid> {
        self.keys.get(provider)?.as_ref()?.get(key).copied()
    }

    /// What is wrong with a reference to a provider's credential.
    pub(super) fn check_key(&self, provider: &str, key: &str, found: &mut Vec<Violation>) {
        // Of a provider that is missing or wrong itself, nothing can be said.
        let Some(Some(keys)) = self.keys.get(provider) else { return };
        if keys.contains_key(key) {
            return;
        }
        let message = format!("the provider `{}` has no key `{}`", shortened(provider), shortened(key));
        let violation = Violation::new("/providerKey", code::BAD_REFERENCE, message);
        found.push(match check::nearest(key, keys.keys().map(String::as_str)) {
            Some(near) => violation.hint(format!("did you mean `{near}`?")),
            None if keys.is_empty() => violation.hint("it has no keys"),
            None => violation,
        });
    }
}

/// Looks up what is referred to and not declared.
pub(super) async fn load(planner: &mut Planner<'_>, tx: &impl ConnectionTrait) -> Result<(), ApiError> {
    let Some(scope) = planner.setting.space.scope() else { return suggest_declared(&mut planner.refs) };
    load_kind::<UserSpec>(planner, scope, tx).await?;
    load_kind::<TeamSpec>(planner, scope, tx).await?;
    let models = load_kind::<ModelSpec>(planner, scope, tx).await?;
    planner.refs.types.extend(store::kinds::types_of(tx, models).await?);
    load_kind::<ApiKeySpec>(planner, scope, tx).await?;
    let providers = load_kind::<ProviderSpec>(planner, scope, tx).await?;
    let refs = &mut planner.refs;
    let keys = store::provider_keys::of(tx, providers.values().copied()).await?;
    for (name, id) in providers {
        refs.declare_keys(&name, keys.get(&id).cloned().unwrap_or_default());
    }
    Ok(())
}

async fn load_kind<S: Planned>(
    planner: &mut Planner<'_>,
    scope: Scope,
    tx: &impl ConnectionTrait,
) -> Result<HashMap<String, Uuid>, ApiError> {
    let refs = &mut planner.refs;
    let Some(wanted) = refs.wanted.remove(&S::KIND) else { return Ok(HashMap::new()) };
    let names: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| refs.id(S::KIND, name).is_none()).collect();
    let heads = store::kinds::heads_of::<S>(tx, scope, &names).await?;
    for name in &names {
        let revision = heads.get(*name).map_or(0, |(_, revision)| *revision);
        planner.base.push(Seen { kind: S::KIND, name: (*name).to_owned(), revision });
    }
    let found: HashMap<String, Uuid> = heads.into_iter().map(|(name, (id, _))| (name, id)).collect();
    refs.looked_up.extend(found.values().map(|id| (S::KIND, *id)));
    if found.len() < names.len() {
        let mut known = store::kinds::some_names::<S>(tx, scope).await?;
        known.extend(refs.ids.get(&S::KIND).into_iter().flat_map(HashMap::keys).cloned());
        refs.suggestions.insert(S::KIND, known);
    }
    refs.ids.entry(S::KIND).or_default().extend(found.clone());
    Ok(found)
}

/// In a new organisation only what is declared with it can be meant.
fn suggest_declared(refs: &mut Refs) -> Result<(), ApiError> {
    for (kind, ids) in &refs.ids {
        refs.suggestions.insert(*kind, ids.keys().cloned().collect());
    }
    Ok(())
}
