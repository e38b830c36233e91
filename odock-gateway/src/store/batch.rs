//! Writes that were planned, carried out together: many rows a statement, in an order that no reference minds.

use entity::row::{
    api_key, api_key_model_access, audit_event, budget, managed_resource, model, organisation, policy_overlay,
    provider, provider_api_key, quota, resource_metadata, service_account, service_account_team, team, team_member,
    user,
};
use entity::{Timestamp, UserId};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, IntoActiveModel,
    QueryFilter,
};
use uuid::Uuid;

/// Rows in one statement: at up to 20 columns, below the 32 766 parameters that SQLite takes.
const ROWS: usize = 1_000;

/// What happens to the rows of one table.
#[derive(Debug)]
pub struct Rows<A> {
    /// Rows to insert.
    pub new: Vec<A>,
    /// Columns to change, by id.
    pub changed: Vec<(Uuid, A)>,
    /// Rows to delete.
    pub gone: Vec<Uuid>,
}

impl<A> Default for Rows<A> {
    fn default() -> Self {
        Self { new: Vec::new(), changed: Vec::new(), gone: Vec::new() }
    }
}

/// Everything that one change writes.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "each field is the table of its name")]
pub struct Batch {
    pub organisations: Rows<organisation::ActiveModel>,
    pub users: Rows<user::ActiveModel>,
    pub teams: Rows<team::ActiveModel>,
    pub members: Rows<team_member::ActiveModel>,
    pub service_accounts: Rows<service_account::ActiveModel>,
    pub service_account_teams: Rows<service_account_team::ActiveModel>,
    pub providers: Rows<provider::ActiveModel>,
    pub provider_keys: Rows<provider_api_key::ActiveModel>,
    pub models: Rows<model::ActiveModel>,
    pub api_keys: Rows<api_key::ActiveModel>,
    pub grants: Rows<api_key_model_access::ActiveModel>,
    pub budgets: Rows<budget::ActiveModel>,
    pub quotas: Rows<quota::ActiveModel>,
    pub overlays: Rows<policy_overlay::ActiveModel>,
    /// Inserted, or put in place of what the owner declared before.
    pub managed: Vec<managed_resource::ActiveModel>,
    /// What owners let go of: ids of rows of `managed_resource`.
    pub released: Vec<Uuid>,
    /// Inserted, or put in place of what was there.
    pub metadata: Vec<resource_metadata::ActiveModel>,
    pub audit: Vec<audit_event::ActiveModel>,
    /// Users whose sessions and tokens end, and when.
    pub signed_out: Vec<(UserId, Timestamp)>,
}

impl Batch {
    /// Writes everything: what is new or changed in the order of references, then what is gone in the opposite one.
    pub async fn write(mut self, db: &DatabaseTransaction) -> Result<(), DbErr> {
        put::<organisation::Entity, _>(db, organisation::Column::Id, &mut self.organisations).await?;
        put::<user::Entity, _>(db, user::Column::Id, &mut self.users).await?;
        put::<team::Entity, _>(db, team::Column::Id, &mut self.teams).await?;
        put::<team_member::Entity, _>(db, team_member::Column::Id, &mut self.members).await?;
        put::<service_account::Entity, _>(db, service_account::Column::Id, &mut self.service_accounts).await?;
        let column = service_account_team::Column::Id;
        put::<service_account_team::Entity, _>(db, column, &mut self.service_account_teams).await?;
        put::<provider::Entity, _>(db, provider::Column::Id, &mut self.providers).await?;
        put::<provider_api_key::Entity, _>(db, provider_api_key::Column::Id, &mut self.provider_keys).await?;
        put::<model::Entity, _>(db, model::Column::Id, &mut self.models).await?;
        put::<api_key::Entity, _>(db, api_key::Column::Id, &mut self.api_keys).await?;
        put::<api_key_model_access::Entity, _>(db, api_key_model_access::Column::Id, &mut self.grants).await?;
        put::<budget::Entity, _>(db, budget::Column::Id, &mut self.budgets).await?;
        put::<quota::Entity, _>(db, quota::Column::Id, &mut self.quotas).await?;
        put::<policy_overlay::Entity, _>(db, policy_overlay::Column::Id, &mut self.overlays).await?;

        self.write_ownership(db).await?;

        remove::<policy_overlay::Entity>(db, policy_overlay::Column::Id, &self.overlays.gone).await?;
        remove::<quota::Entity>(db, quota::Column::Id, &self.quotas.gone).await?;
        remove::<budget::Entity>(db, budget::Column::Id, &self.budgets.gone).await?;
        remove::<api_key_model_access::Entity>(db, api_key_model_access::Column::Id, &self.grants.gone).await?;
        remove::<api_key::Entity>(db, api_key::Column::Id, &self.api_keys.gone).await?;
        remove::<model::Entity>(db, model::Column::Id, &self.models.gone).await?;
        remove::<provider_api_key::Entity>(db, provider_api_key::Column::Id, &self.provider_keys.gone).await?;
        remove::<provider::Entity>(db, provider::Column::Id, &self.providers.gone).await?;
        remove::<service_account_team::Entity>(db, column, &self.service_account_teams.gone).await?;
        remove::<service_account::Entity>(db, service_account::Column::Id, &self.service_accounts.gone).await?;
        remove::<team_member::Entity>(db, team_member::Column::Id, &self.members.gone).await?;
        remove::<team::Entity>(db, team::Column::Id, &self.teams.gone).await?;
        remove::<user::Entity>(db, user::Column::Id, &self.users.gone).await?;
        remove::<organisation::Entity>(db, organisation::Column::Id, &self.organisations.gone).await?;
        for (user, now) in self.signed_out {
            super::sessions::revoke_all(db, &[user], None, now).await?;
            super::tokens::revoke_all(db, &[user], now).await?;
        }
        super::audit::append_all(db, self.audit).await
    }

    /// Whose the fields are; and what is gone belongs to nobody.
    async fn write_ownership(&mut self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        use managed_resource::Column;
        let replace = OnConflict::columns([Column::ResourceId, Column::Owner])
            .update_columns([Column::Born, Column::Fields, Column::UpdatedAt])
            .to_owned();
        upsert::<managed_resource::Entity, _>(db, std::mem::take(&mut self.managed), replace).await?;
        remove::<managed_resource::Entity>(db, Column::Id, &self.released).await?;
        use resource_metadata::Column as Metadata;
        let replace = OnConflict::column(Metadata::Id)
            .update_columns([Metadata::Protect, Metadata::Labels, Metadata::UpdatedAt])
            .to_owned();
        upsert::<resource_metadata::Entity, _>(db, std::mem::take(&mut self.metadata), replace).await?;
        let gone: Vec<Uuid> = [
            &self.organisations.gone,
            &self.users.gone,
            &self.teams.gone,
            &self.providers.gone,
            &self.models.gone,
            &self.api_keys.gone,
            &self.budgets.gone,
            &self.quotas.gone,
            &self.overlays.gone,
            &self.service_accounts.gone,
        ]
        .into_iter()
        .flatten()
        .copied()
        .collect();
        remove::<managed_resource::Entity>(db, Column::ResourceId, &gone).await?;
        remove::<resource_metadata::Entity>(db, Metadata::Id, &gone).await
    }
}

async fn upsert<E, A>(db: &impl ConnectionTrait, rows: Vec<A>, replace: OnConflict) -> Result<(), DbErr>
where
    E: EntityTrait<Model: IntoActiveModel<A>>,
    A: ActiveModelTrait<Entity = E> + Send,
{
    let mut rows = rows.into_iter();
    loop {
        let some: Vec<A> = rows.by_ref().take(ROWS).collect();
        if some.is_empty() {
            return Ok(());
        }
        E::insert_many(some).on_conflict(replace.clone()).exec_without_returning(db).await?;
    }
}

async fn put<E, A>(db: &impl ConnectionTrait, id: E::Column, rows: &mut Rows<A>) -> Result<(), DbErr>
where
    E: EntityTrait<Model: IntoActiveModel<A>>,
    A: ActiveModelTrait<Entity = E> + Send,
{
    insert::<E, A>(db, std::mem::take(&mut rows.new)).await?;
    for (row, columns) in rows.changed.drain(..) {
        E::update_many().set(columns).filter(id.eq(row)).exec(db).await?;
    }
    Ok(())
}

async fn insert<E, A>(db: &impl ConnectionTrait, rows: Vec<A>) -> Result<(), DbErr>
where
    E: EntityTrait<Model: IntoActiveModel<A>>,
    A: ActiveModelTrait<Entity = E> + Send,
{
    let mut rows = rows.into_iter();
    loop {
        let some: Vec<A> = rows.by_ref().take(ROWS).collect();
        if some.is_empty() {
            return Ok(());
        }
        E::insert_many(some).exec_without_returning(db).await?;
    }
}

async fn remove<E: EntityTrait>(db: &impl ConnectionTrait, id: E::Column, gone: &[Uuid]) -> Result<(), DbErr> {
    for ids in gone.chunks(ROWS) {
        E::delete_many().filter(id.is_in(ids.iter().copied())).exec(db).await?;
    }
    Ok(())
}
