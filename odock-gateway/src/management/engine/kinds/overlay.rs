use entity::OverlayId;
use entity::check::Violation;
use entity::plan::FieldChange;
use entity::resource::OverlaySpec;
use entity::row::policy_overlay;
use sea_orm::ActiveValue::{NotSet, Set};

use super::holder::Holder;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;
use crate::store::kinds::holders;

fn scope(spec: &OverlaySpec) -> Holder<'_> {
    let OverlaySpec { scope, .. } = spec;
    Holder { kind: holders::of_scope(scope.r#type), name: scope.name.as_deref(), pointer: "/scope/name" }
}

impl Planned for OverlaySpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        scope(&item.spec).register(refs);
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        scope(&item.spec).check(planner, found);
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let scope_id = scope(&item.spec).take(item, planner)?;
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = policy_overlay::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            scope_type: Set(spec.scope.r#type),
            scope_id: Set(scope_id),
            factor_thousandths: Set(i32::try_from(spec.factor.thousandths()).map_err(ApiError::internal)?),
            reason: Set(spec.reason),
            starts_at: Set(spec.starts),
            ends_at: Set(spec.ends),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.overlays.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.overlays.new.push(policy_overlay::ActiveModel {
                    id: Set(OverlayId(item.id)),
                    organisation_id,
                    name: Set(item.name.clone()),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        Ok(())
    }
}
