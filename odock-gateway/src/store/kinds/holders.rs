//! What budgets, quotas and overlays belong to: one of several kinds, so that no foreign key says which.

use std::collections::HashMap;

use entity::resource::Kind;
use entity::row::{api_key, model, team, user};
use entity::vocab::{OwnerType, ScopeType};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::model::names as names_of;

/// The kind of a budget's or quota's owner.
#[must_use]
pub const fn of_owner(owner: OwnerType) -> Kind {
    match owner {
        OwnerType::Org => Kind::Organisation,
        OwnerType::Team => Kind::Team,
        OwnerType::User => Kind::User,
        OwnerType::ApiKey => Kind::ApiKey,
    }
}

/// The kind of what an overlay scales, if it is a resource.
#[must_use]
pub const fn of_scope(scope: ScopeType) -> Option<Kind> {
    match scope {
        ScopeType::Org => Some(Kind::Organisation),
        ScopeType::Team => Some(Kind::Team),
        ScopeType::ApiKey => Some(Kind::ApiKey),
        ScopeType::Model => Some(Kind::Model),
        ScopeType::Global | ScopeType::McpServer => None,
    }
}

/// The names of holders, by id. Organisations have none, since what they hold is in them.
pub async fn names(
    db: &impl ConnectionTrait,
    holders: impl Iterator<Item = (Kind, Uuid)>,
) -> Result<HashMap<Uuid, String>, DbErr> {
    let mut by_kind: HashMap<Kind, Vec<Uuid>> = HashMap::new();
    for (kind, id) in holders {
        by_kind.entry(kind).or_default().push(id);
    }
    let mut ids = |kind| by_kind.remove(&kind).unwrap_or_default().into_iter();
    let mut names = names_of::<team::Entity>(db, [team::Column::Id, team::Column::Name], ids(Kind::Team)).await?;
    names.extend(names_of::<user::Entity>(db, [user::Column::Id, user::Column::Email], ids(Kind::User)).await?);
    let keys = [api_key::Column::Id, api_key::Column::Name];
    names.extend(names_of::<api_key::Entity>(db, keys, ids(Kind::ApiKey)).await?);
    names.extend(names_of::<model::Entity>(db, [model::Column::Id, model::Column::Name], ids(Kind::Model)).await?);
    Ok(names)
}
