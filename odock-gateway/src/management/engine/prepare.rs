//! Reads what is there and what is wanted, and checks each spec by itself.

use std::collections::HashMap;

use entity::check::{self, Violation, code};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use super::merge::{merge, slips};
use super::place::Place;
use super::plan::{Planned, Planner};
use super::{Declaration, Intent, find};
use crate::management::problem::{ApiError, TAKEN};
use crate::store;
use crate::store::kinds::{Found, Scope};

/// A resource that is wanted, with what is there of it.
pub(in crate::management) struct Item<S: Planned> {
    pub(super) place: Place,
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) spec: S,
    pub(super) found: Option<Found<S>>,
    /// The verb in the audit log, where it is not plain create or update.
    pub(super) verb: Option<&'static str>,
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
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(declarations.len());
    let mut items = Vec::with_capacity(declarations.len());
    for (index, declaration) in declarations.into_iter().enumerate() {
        let Declaration { name, intent, place, .. } = declaration;
        if let Some(first) = seen.insert(name.clone(), index) {
            let message = format!("this {} is declared twice; it is {} of this kind already", S::KIND, ordinal(first));
            planner.report(place.of_name(S::KIND, &name, Violation::new("", code::DUPLICATE, message)));
            continue;
        }
        let found = existing.remove(&name);
        // Named by id, it goes on by its name.
        let name = found.as_ref().map_or(name, |found| found.resource.name.clone());
        let id = found.as_ref().map_or_else(Uuid::now_v7, |found| found.resource.id);
        planner.refs.declare(S::KIND, &name, id);
        let (value, verb, mut wrong) = wanted::<S>(intent, found.as_ref(), place, planner, &name)?;
        wrong.extend(check::check_spec(S::KIND, &value));
        let parsed = if wrong.is_empty() { check::parse_spec::<S>(S::KIND, &value) } else { Err(wrong) };
        match parsed {
            Ok(mut spec) => {
                spec.complete(found.as_ref().map(|found| &found.resource.spec));
                let item = Item { place, id, name, spec, found, verb };
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
        let mut found = find::<S>(tx, scope, name).await?;
        S::as_of(tx, planner.now, std::slice::from_mut(&mut found)).await?;
        return Ok(HashMap::from([(name.clone(), found)]));
    }
    let names: Vec<&str> = declarations.iter().map(|declaration| declaration.name.as_str()).collect();
    let mut found = store::kinds::by_names::<S>(tx, scope, &names).await?;
    S::as_of(tx, planner.now, &mut found).await?;
    Ok(found.into_iter().map(|found| (found.resource.name.clone(), found)).collect())
}

type Wanted = (Value, Option<&'static str>, Vec<Violation>);

/// The spec that is wanted.
fn wanted<S: Planned>(
    intent: Intent,
    found: Option<&Found<S>>,
    place: Place,
    planner: &mut Planner<'_>,
    name: &str,
) -> Result<Wanted, ApiError> {
    let current = || match found {
        Some(found) => serde_json::to_value(&found.resource.spec).map_err(ApiError::internal),
        None => Err(ApiError::not_found(super::word(S::KIND), name)),
    };
    Ok(match intent {
        Intent::Declare(value) => (value, None, Vec::new()),
        Intent::Create(value) => {
            if found.is_some() {
                let message = format!("the {} `{name}` exists already", super::word(S::KIND));
                planner.report(place.of_name(S::KIND, name, Violation::new("", TAKEN, message)));
            }
            (value, None, Vec::new())
        }
        Intent::Merge(patch, meant) => {
            let mut value = current()?;
            meant.check(found.map_or(0, |found| found.resource.revision))?;
            let slips = slips(S::KIND, &value, &patch);
            merge(&mut value, patch);
            (value, None, slips)
        }
        Intent::Edit(verb, edit) => {
            let mut value = current()?;
            edit(&mut value)?;
            (value, Some(verb), Vec::new())
        }
    })
}

/// Names of `S` that are taken outside of `scope`, where names are unique everywhere.
pub(super) async fn taken_elsewhere<S: Planned>(
    names: &[&str],
    tx: &impl ConnectionTrait,
) -> Result<Vec<String>, ApiError> {
    let ids = store::kinds::ids_of::<S>(tx, Scope::Everywhere, names).await?;
    Ok(ids.into_keys().collect())
}
