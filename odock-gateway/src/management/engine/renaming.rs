//! Renames: a resource that is found under the name that it had.

use std::collections::HashSet;

use entity::check::{Violation, code};
use entity::resource::Kind;
use sea_orm::ConnectionTrait;

use super::place::Place;
use super::plan::{Planned, Planner};
use super::{Declaration, Intent};
use crate::management::problem::{ApiError, REFERENCED, TAKEN, shortened};
use crate::store;
use crate::store::kinds::Found;

/// The names that resources lose.
pub(super) fn old_names(declarations: &[Declaration]) -> HashSet<String> {
    let old = |declaration: &Declaration| match &declaration.intent {
        Intent::Declare(declared) => declared.renamed_from.clone(),
        _ => None,
    };
    declarations.iter().filter_map(old).collect()
}

/// Which resource a manifest with `renamedFrom` is about, and the name that it loses.
///
/// Under its new name it was renamed before; under neither it is new. Under both nobody can tell which one is meant.
pub(super) fn find<S: Planned>(
    here: Option<Found<S>>,
    before: Option<Found<S>>,
    old: &str,
) -> Result<(Option<Found<S>>, Option<String>), Violation> {
    match (here, before) {
        (Some(_), Some(_)) => {
            let message = format!("`{}` is there, too, and so is what it shall be called", shortened(old));
            Err(Violation::new("/@renamedFrom", TAKEN, message).hint("delete one of them, or leave `renamedFrom` out"))
        }
        (here @ Some(_), None) => Ok((here, None)),
        (None, Some(found)) if found.resource.name == old => Ok((Some(found), Some(old.to_owned()))),
        (None, Some(_)) => Err(Violation::new("/@renamedFrom", code::INVALID, "is not the resource's name")),
        (None, None) => Ok((None, None)),
    }
}

/// Refuses to rename a model that the routing policy of another key names: policies hold names, which nothing rewrites.
pub(super) async fn refuse_if_routed(planner: &mut Planner<'_>, tx: &impl ConnectionTrait) -> Result<(), ApiError> {
    let models: Vec<(String, Place)> = planner
        .renamed
        .iter()
        .filter(|(kind, ..)| *kind == Kind::Model)
        .map(|(_, old, place)| (old.clone(), *place))
        .collect();
    let (false, Some(organisation)) = (models.is_empty(), planner.setting.space.organisation()) else { return Ok(()) };
    for (key, id, routing) in store::referrers::routed(tx, organisation).await? {
        // What is declared too says itself what it refers to.
        if planner.declared.contains(&id) {
            continue;
        }
        for (old, place) in &models {
            if routing.names().any(|(_, _, name)| name == old.as_str()) {
                let message =
                    format!("the routing policy of the apikey `{}` names `{}`", shortened(&key), shortened(old));
                let violation = Violation::new("/@renamedFrom", REFERENCED, message)
                    .hint("declare that key with the new name in the same set");
                planner.report(place.of_field(Kind::Model, old, violation));
            }
        }
    }
    Ok(())
}
