//! Reads what is there and what is wanted, and checks each spec by itself.

use std::collections::{HashMap, HashSet};

use entity::check::{self, Violation, code};
use entity::ownership;
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use super::claim::{self, Claim, Meta, Owners};
use super::merge::{merge, slips};
use super::place::Place;
use super::plan::{Planned, Planner};
use super::{Declaration, Declared, Intent, find, renaming};
use crate::management::problem::{ApiError, TAKEN};
use crate::store;
use crate::store::kinds::{Found, Scope};

/// A resource that is wanted, with what is there of it.
pub(in crate::management) struct Item<S: Planned> {
    pub(super) place: Place,
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) renamed_from: Option<String>,
    pub(super) spec: S,
    pub(super) meta: Meta,
    pub(super) found: Option<Found<S>>,
    /// The verb in the audit log, where it is not plain create or update.
    pub(super) verb: Option<&'static str>,
    pub(super) claim: Claim,
    pub(super) owners: Owners,
}

impl<S: Planned> Item<S> {
    /// The revision that the resource has once this is done.
    pub(super) fn next_revision(&self) -> i64 {
        self.found.as_ref().map_or(1, |found| found.resource.revision + 1)
    }
}

/// Prepares the declarations of one kind. What is wrong with them is reported to the planner.
pub(super) async fn prepare<S: Planned>(
    planner: &mut Planner<'_>,
    declarations: Vec<Declaration>,
    tx: &impl ConnectionTrait,
) -> Result<Vec<Item<S>>, ApiError> {
    if declarations.is_empty() {
        return Ok(Vec::new());
    }
    let mut existing = existing::<S>(planner, &declarations, tx).await?;
    let ids = existing.values().map(|found| found.resource.id);
    let mut owners = store::ownership::of_resources(tx, ids).await?;
    let renaming: HashSet<String> = renaming::old_names(&declarations);
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(declarations.len());
    let mut items = Vec::with_capacity(declarations.len());
    for (index, declaration) in declarations.into_iter().enumerate() {
        let Declaration { name, intent, place, .. } = declaration;
        if let Some(first) = seen.insert(name.clone(), index) {
            let message = format!("this {} is declared twice; it is {} of this kind already", S::KIND, ordinal(first));
            planner.report(place.of_name(S::KIND, &name, Violation::new("", code::DUPLICATE, message)));
            continue;
        }
        if renaming.contains(&name) {
            let message = format!("`{name}` is renamed by another manifest of this set, and declared here");
            planner.report(place.of_name(S::KIND, &name, Violation::new("", code::DUPLICATE, message)));
            continue;
        }
        let here = existing.remove(&name);
        let (found, renamed_from) = match (&intent, here) {
            (Intent::Declare(Declared { renamed_from: Some(old), .. }), here) => {
                match renaming::find::<S>(here, existing.remove(old), old) {
                    Ok(found) => found,
                    Err(violation) => {
                        planner.report(place.of_field(S::KIND, &name, violation));
                        continue;
                    }
                }
            }
            (_, here) => (here, None),
        };
        // Named by id, it goes on by its name.
        let name = match (&found, &renamed_from) {
            (Some(found), None) => found.resource.name.clone(),
            _ => name,
        };
        let id = found.as_ref().map_or_else(Uuid::now_v7, |found| found.resource.id);
        planner.saw::<S>(&name, found.as_ref());
        if let Some(old) = &renamed_from {
            // At once, so that what refers to it is read under the new name.
            store::kinds::rename::<S>(tx, id, &name).await?;
            planner.renamed.push((S::KIND, old.clone(), place));
        }
        planner.declared.insert(id);
        planner.refs.declare(S::KIND, &name, id);
        let owners = Owners::new(owners.remove(&id).unwrap_or_default());
        let Wanted { spec: value, meta, verb, mut wrong, claim } =
            wanted::<S>(intent, found.as_ref(), &owners, place, planner, &name)?;
        wrong.extend(check::check_spec(S::KIND, &value));
        let parsed = if wrong.is_empty() { check::parse_spec::<S>(S::KIND, &value) } else { Err(wrong) };
        match parsed {
            Ok(mut spec) => {
                spec.complete(found.as_ref().map(|found| &found.resource.spec));
                let item = Item { place, id, name, renamed_from, spec, meta, found, verb, claim, owners };
                S::register(&item, &mut planner.refs);
                items.push(item);
            }
            Err(wrong) => {
                for violation in wrong {
                    planner.report(place.of_spec(S::KIND, &name, violation));
                }
            }
        }
    }
    Ok(items)
}

fn ordinal(index: usize) -> String {
    format!("number {}", index + 1)
}

/// What is there, by the name that the declaration uses.
async fn existing<S: Planned>(
    planner: &Planner<'_>,
    declarations: &[Declaration],
    tx: &impl ConnectionTrait,
) -> Result<HashMap<String, Found<S>>, ApiError> {
    let Some(scope) = planner.setting.space.scope() else { return Ok(HashMap::new()) };
    if let [Declaration { name, intent: Intent::Merge(..) | Intent::Edit(..), .. }] = declarations {
        // What the caller does not reach cannot be changed: for the caller it is not there.
        let mut found = find::<S>(tx, planner.setting.scope().unwrap_or(scope), name).await?;
        S::as_of(tx, planner.now, std::slice::from_mut(&mut found)).await?;
        return Ok(HashMap::from([(name.clone(), found)]));
    }
    let mut names: Vec<&str> = declarations.iter().map(|declaration| declaration.name.as_str()).collect();
    names.extend(declarations.iter().filter_map(|declaration| match &declaration.intent {
        Intent::Declare(declared) => declared.renamed_from.as_deref(),
        _ => None,
    }));
    let mut found = store::kinds::by_names::<S>(tx, scope, &names).await?;
    S::as_of(tx, planner.now, &mut found).await?;
    Ok(found.into_iter().map(|found| (found.resource.name.clone(), found)).collect())
}

/// What is wanted, and what that means for whose the fields are.
struct Wanted {
    spec: Value,
    meta: Meta,
    verb: Option<&'static str>,
    wrong: Vec<Violation>,
    claim: Claim,
}

impl Wanted {
    fn by_hand<S: Planned>(spec: Value, found: Option<&Found<S>>) -> Self {
        let meta = found.map_or_else(Meta::default, |found| Meta {
            labels: found.resource.labels.clone(),
            protect: found.resource.protect,
        });
        Self { spec, meta, verb: None, wrong: Vec::new(), claim: Claim::ByHand }
    }
}

/// The spec that is wanted.
fn wanted<S: Planned>(
    intent: Intent,
    found: Option<&Found<S>>,
    owners: &Owners,
    place: Place,
    planner: &mut Planner<'_>,
    name: &str,
) -> Result<Wanted, ApiError> {
    let current = || match found {
        Some(found) => serde_json::to_value(&found.resource.spec).map_err(ApiError::internal),
        None => Err(ApiError::not_found(super::word(S::KIND), name)),
    };
    Ok(match intent {
        Intent::Declare(declared) => return merged::<S>(declared, found, owners, place, planner, name),
        Intent::Create(value) => {
            if found.is_some_and(|found| !S::may_be_made_anew(found)) {
                let message = format!("the {} `{name}` exists already", super::word(S::KIND));
                planner.report(place.of_name(S::KIND, name, Violation::new("", TAKEN, message)));
            }
            Wanted::by_hand(value, found)
        }
        Intent::Merge(patch, meant) => {
            let mut value = current()?;
            meant.check(found.map_or(0, |found| found.resource.revision))?;
            let slips = slips(S::KIND, &value, &patch);
            merge(&mut value, patch);
            Wanted { wrong: slips, ..Wanted::by_hand(value, found) }
        }
        Intent::Edit(verb, edit) => {
            let mut value = current()?;
            edit(&mut value)?;
            Wanted { verb: Some(verb), ..Wanted::by_hand(value, found) }
        }
    })
}

/// What a manifest comes to, given what is there and whose that is.
fn merged<S: Planned>(
    declared: Declared,
    found: Option<&Found<S>>,
    owners: &Owners,
    place: Place,
    planner: &mut Planner<'_>,
    name: &str,
) -> Result<Wanted, ApiError> {
    let Declared { spec, meta, .. } = declared;
    let unmerged = |spec, wrong| Wanted { spec, meta: Meta::default(), verb: None, wrong, claim: Claim::ByHand };
    let parsed = match check::parse_spec::<S>(S::KIND, &spec) {
        Ok(parsed) => parsed,
        Err(wrong) => return Ok(unmerged(spec, wrong)),
    };
    let json = |spec: &S| serde_json::to_value(spec).map_err(ApiError::internal);
    let applied = planner.setting.applied();
    let adopt = applied.is_some_and(|applied| applied.adopt);
    if adopt && found.is_none() {
        let message = format!("there is no {} `{name}` to adopt", super::word(S::KIND));
        planner.report(place.of_name(S::KIND, name, Violation::new("", code::BAD_REFERENCE, message)));
        return Ok(unmerged(spec, Vec::new()));
    }
    let live = match found {
        Some(found) => {
            let was = Meta { labels: found.resource.labels.clone(), protect: found.resource.protect };
            Some(was.beside(json(&found.resource.spec)?))
        }
        None => None,
    };
    let from = claim::Declared {
        owner: planner.setting.owner(),
        declared: &meta.beside(spec),
        canonical: &meta.beside(json(&parsed)?),
        live: live.as_ref(),
        force: applied.is_some_and(|applied| applied.force),
        adopt,
    };
    let (mut spec, claim, conflicts) = claim::claim(&from, owners);
    for conflict in conflicts {
        let pointer = ownership::index_pointer(from.declared, &conflict.path);
        planner.report(place.of_field(S::KIND, name, claim::complaint(&conflict, pointer, adopt)));
    }
    let meta = Meta::out_of(&mut spec);
    Ok(Wanted { spec, meta, verb: None, wrong: Vec::new(), claim })
}

/// Names of `S` that are taken outside of `scope`, where names are unique everywhere.
pub(super) async fn taken_elsewhere<S: Planned>(
    names: &[&str],
    tx: &impl ConnectionTrait,
) -> Result<Vec<String>, ApiError> {
    let heads = store::kinds::heads_of::<S>(tx, Scope::Everywhere, names).await?;
    Ok(heads.into_keys().collect())
}
