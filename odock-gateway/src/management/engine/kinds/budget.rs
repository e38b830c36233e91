use entity::BudgetId;
use entity::check::Violation;
use entity::money::decimal;
use entity::plan::FieldChange;
use entity::resource::BudgetSpec;
use entity::row::{Thresholds, budget};
use sea_orm::ActiveValue::{NotSet, Set};

use super::holder::Holder;
use super::window;
use crate::management::access::bounds::Bounds;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;
use crate::store::kinds::holders;

fn owner(spec: &BudgetSpec) -> Holder<'_> {
    let BudgetSpec { owner, .. } = spec;
    Holder { kind: Some(holders::of_owner(owner.r#type)), name: owner.name.as_deref(), pointer: "/owner/name" }
}

impl Planned for BudgetSpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        owner(&item.spec).register(refs);
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        owner(&item.spec).check(planner, found);
    }

    fn permit(item: &Item<Self>, bounds: &Bounds, found: &mut Vec<Violation>) {
        bounds.budget(item.found.as_ref().map(|found| &found.resource.spec), &item.spec, found);
    }

    fn may_delete(spec: &Self, bounds: &Bounds) -> bool {
        bounds.may_delete_limit(&spec.owner)
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let owner_id = owner(&item.spec).take(item, planner)?;
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = budget::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            owner_type: Set(spec.owner.r#type),
            owner_id: Set(owner_id),
            currency: Set("USD".into()),
            amount_nanos: Set(spec.amount_usd.nanos()),
            enforcement: Set(spec.enforcement),
            period: Set(spec.period),
            starts_at: Set(spec.start),
            ends_at: Set(spec.end),
            timezone: Set(spec.timezone),
            rollover: Set(spec.rollover),
            thresholds: Set(Thresholds(spec.thresholds)),
            active: Set(spec.active),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.budgets.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.budgets.new.push(budget::ActiveModel {
                    id: Set(BudgetId(item.id)),
                    organisation_id,
                    name: Set(item.name.clone()),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        Ok(())
    }

    fn consequences(item: &Item<Self>, fields: &[FieldChange]) -> Vec<String> {
        let before = item.found.as_ref().map_or(0, |found| found.resource.spec.amount_usd.nanos());
        let more = item.spec.amount_usd.nanos().saturating_sub(before);
        window::what_is_left(item.found.as_ref().map(|found| &found.resource.status), more, fields, |nanos| {
            format!("${}", decimal(nanos))
        })
    }
}
