use entity::QuotaId;
use entity::check::Violation;
use entity::plan::FieldChange;
use entity::resource::QuotaSpec;
use entity::row::{Thresholds, quota};
use sea_orm::ActiveValue::{NotSet, Set};

use super::holder::Holder;
use super::window;
use crate::management::access::bounds::Bounds;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;
use crate::store::kinds::holders;

fn owner(spec: &QuotaSpec) -> Holder<'_> {
    let QuotaSpec { owner, .. } = spec;
    Holder { kind: Some(holders::of_owner(owner.r#type)), name: owner.name.as_deref(), pointer: "/owner/name" }
}

impl Planned for QuotaSpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        owner(&item.spec).register(refs);
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        owner(&item.spec).check(planner, found);
    }

    fn permit(item: &Item<Self>, bounds: &Bounds, found: &mut Vec<Violation>) {
        bounds.quota(item.found.as_ref().map(|found| &found.resource.spec), &item.spec, found);
    }

    fn may_delete(spec: &Self, bounds: &Bounds) -> bool {
        bounds.may_delete_limit(&spec.owner)
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let owner_id = owner(&item.spec).take(item, planner)?;
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = quota::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            owner_type: Set(spec.owner.r#type),
            owner_id: Set(owner_id),
            metric: Set(spec.metric),
            limit_value: Set(i64::try_from(spec.limit).map_err(ApiError::internal)?),
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
            Some(found) => planner.batch.quotas.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.quotas.new.push(quota::ActiveModel {
                    id: Set(QuotaId(item.id)),
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
        let amount = |spec: &Self| i64::try_from(spec.limit).unwrap_or(i64::MAX);
        let before = item.found.as_ref().map_or(0, |found| amount(&found.resource.spec));
        let more = amount(&item.spec).saturating_sub(before);
        window::what_is_left(item.found.as_ref().map(|found| &found.resource.status), more, fields, |left| {
            left.to_string()
        })
    }
}
