//! Tables whose rows say that one thing is linked to another.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::IN_LIST;

/// The columns of a table of links: whose a link is, its own id, and the id of what it leads to.
pub(super) struct Link<L: EntityTrait> {
    pub(super) owner: L::Column,
    pub(super) id: L::Column,
    pub(super) to: L::Column,
}

/// The columns of what links lead to.
pub(super) struct End<T: EntityTrait> {
    pub(super) id: T::Column,
    pub(super) name: T::Column,
}

/// For each of the owners the names that its links lead to, with the links' ids.
pub(super) async fn links<L: EntityTrait, T: EntityTrait>(
    db: &impl ConnectionTrait,
    link: Link<L>,
    end: End<T>,
    owners: &[Uuid],
) -> Result<HashMap<Uuid, BTreeMap<String, Uuid>>, DbErr> {
    let mut links: HashMap<Uuid, BTreeMap<String, Uuid>> = HashMap::new();
    for owners in owners.chunks(IN_LIST) {
        let rows: Vec<(Uuid, Uuid, String)> = L::find()
            .select_only()
            .column(link.owner)
            .column(link.id)
            .column(end.name)
            .join(JoinType::InnerJoin, L::belongs_to(T::default()).from(link.to).to(end.id).into())
            .filter(link.owner.is_in(owners.iter().copied()))
            .into_tuple()
            .all(db)
            .await?;
        for (owner, id, name) in rows {
            links.entry(owner).or_default().insert(name, id);
        }
    }
    Ok(links)
}
