use entity::OrganisationId;
use entity::check::Violation;
use entity::plan::FieldChange;
use entity::policy::Policies;
use entity::resource::OrganisationSpec;
use entity::routing::RoutingSwitch;
use entity::row::organisation::ActiveModel;
use entity::vocab::OrganisationStatus;
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::problem::{ApiError, FORBIDDEN};

impl Planned for OrganisationSpec {
    fn check(_: &Item<Self>, fields: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        if !planner.setting.caller.is_super_admin() {
            let refused = |field: &FieldChange| {
                Violation::new(&field.path, FORBIDDEN, "only a super admin changes an organisation itself")
            };
            found.extend(fields.iter().map(refused));
        }
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = ActiveModel {
            id: NotSet,
            slug: NotSet,
            display_name: Set(spec.display_name),
            contact: Set(spec.contact),
            status: Set(spec.status),
            policies: Set(Some(spec.policies).filter(|policies| *policies != Policies::default())),
            routing: Set(Some(spec.routing).filter(|routing| *routing != RoutingSwitch::default())),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        let rows = &mut planner.batch.organisations;
        match &item.found {
            Some(found) => rows.changed.push((found.resource.id, columns)),
            None => rows.new.push(ActiveModel {
                id: Set(OrganisationId(item.id)),
                slug: Set(item.name.clone()),
                created_at: Set(now),
                ..columns
            }),
        }
        Ok(())
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        let was = item.found.as_ref().map(|found| found.resource.spec.status);
        match (was, item.spec.status) {
            (Some(OrganisationStatus::Active), OrganisationStatus::Suspended) => {
                vec!["every key of the organisation is refused, and its people cannot administer it".into()]
            }
            (Some(OrganisationStatus::Suspended), OrganisationStatus::Active) => {
                vec!["the keys of the organisation work again".into()]
            }
            _ => Vec::new(),
        }
    }
}
