use entity::UserId;
use entity::check::{Violation, code};
use entity::plan::FieldChange;
use entity::resource::UserSpec;
use entity::row::user::ActiveModel;
use entity::vocab::{Role, UserStatus};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::access::bounds::Bounds;
use crate::management::engine::Space;
use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::problem::{ApiError, FORBIDDEN, REFERENCED, TAKEN};

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
        let caller = &planner.setting.caller;
        let was = item.found.as_ref().map(|found| found.resource.spec.role);
        // A super admin is none of an organisation, whoever asks: that was said above.
        let more = item.spec.role < caller.role && item.spec.role != Role::SuperAdmin;
        if was != Some(item.spec.role) && more {
            let message = format!("your own role is {}, and nobody grants more than they hold", caller.role);
            found.push(Violation::new("/role", FORBIDDEN, message));
        }
        if item.found.is_none() && planner.taken_users.contains(&item.name) {
            found.push(Violation::new("", TAKEN, format!("`{}` is the address of another user already", item.name)));
        }
        let last = planner.super_admins.len() == 1 && planner.super_admins.contains(&item.name);
        if nowhere && last && item.spec.status != UserStatus::Active {
            found.push(Violation::new("/status", REFERENCED, LAST).hint("make another super admin first"));
        }
    }

    fn permit(item: &Item<Self>, _: &Bounds, found: &mut Vec<Violation>) {
        Bounds::user(item.found.as_ref().map(|found| &found.resource.spec), &item.spec, found);
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
            password_hash: NotSet,
            password_set_at: NotSet,
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        // A user who comes back signs in anew.
        if item.spec.status != UserStatus::Active && item.found.is_some() {
            planner.batch.signed_out.push((UserId(item.id), now));
        }
        let rows = &mut planner.batch.users;
        match &item.found {
            Some(found) => rows.changed.push((found.resource.id, columns)),
            None => rows.new.push(ActiveModel {
                id: Set(UserId(item.id)),
                organisation_id: Set(organisation),
                email: Set(item.name.clone()),
                last_sign_in_at: Set(None),
                password_hash: Set(None),
                password_set_at: Set(None),
                created_at: Set(now),
                ..columns
            }),
        }
        Ok(())
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        let was = item.found.as_ref().map(|found| found.resource.spec.status);
        if was == Some(UserStatus::Active) && item.spec.status != UserStatus::Active {
            return vec!["the user's sessions and tokens end, and their keys are refused".into()];
        }
        Vec::new()
    }
}

/// Why the last super admin stays.
pub(in crate::management::engine) const LAST: &str = "this is the last active super admin";
