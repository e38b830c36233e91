use entity::UserId;
use entity::check::{Violation, code};
use entity::plan::FieldChange;
use entity::resource::UserSpec;
use entity::row::user::ActiveModel;
use entity::vocab::{Role, UserStatus};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::engine::Space;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::problem::{ApiError, REFERENCED, TAKEN};

impl Planned for UserSpec {
    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        let nowhere = matches!(planner.setting.space, Space::Nowhere);
        if nowhere && item.spec.role != Role::SuperAdmin {
            let message = format!("a user of no organisation is a SUPER_ADMIN, not a {}", item.spec.role);
            found.push(
                Violation::new("/role", code::INVALID, message).hint("other users are made in their organisation"),
            );
        }
        if !nowhere && item.spec.role == Role::SuperAdmin {
            let message = "a SUPER_ADMIN belongs to no organisation";
            found.push(Violation::new("/role", code::INVALID, message).hint("the highest role here is ORG_ADMIN"));
        }
        if item.found.is_none() && planner.taken_users.contains(&item.name) {
            found.push(Violation::new("", TAKEN, format!("`{}` is the address of another user already", item.name)));
        }
        let last = planner.super_admins.len() == 1 && planner.super_admins.contains(&item.name);
        if nowhere && last && item.spec.status != UserStatus::Active {
            found.push(Violation::new("/status", REFERENCED, LAST).hint("make another super admin first"));
        }
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let organisation = match planner.setting.space {
            Space::Nowhere => None,
            Space::Tenant(_) | Space::New(_) => Some(planner.organisation()?),
        };
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            email: NotSet,
            display_name: Set(spec.display_name),
            role: Set(spec.role),
            status: Set(spec.status),
            last_sign_in_at: NotSet,
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        let rows = &mut planner.batch.users;
        match &item.found {
            Some(found) => rows.changed.push((found.resource.id, columns)),
            None => rows.new.push(ActiveModel {
                id: Set(UserId(item.id)),
                organisation_id: Set(organisation),
                email: Set(item.name.clone()),
                last_sign_in_at: Set(None),
                created_at: Set(now),
                ..columns
            }),
        }
        Ok(())
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        let was = item.found.as_ref().map(|found| found.resource.spec.status);
        if was == Some(UserStatus::Active) && item.spec.status != UserStatus::Active {
            return vec!["the user's tokens and keys are refused".into()];
        }
        Vec::new()
    }
}

/// Why the last super admin stays.
pub(in crate::management::engine) const LAST: &str = "this is the last active super admin";
