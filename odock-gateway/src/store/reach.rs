//! How far a caller reaches within an organisation, as conditions of queries: never filtered after a page was read.

use std::collections::HashSet;

use entity::row::{api_key, api_key_model_access, service_account_team, team, team_member, usage_record};
use entity::vocab::TeamRole;
use entity::{OrganisationId, ServiceAccountId, TeamId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

/// Whose teams, keys and usage a limited reach is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A user: the teams in which its membership is that of a manager.
    User(UserId),
    /// A service account: the teams that it was given. No keys and no usage are its own.
    Account(ServiceAccountId),
}

impl Member {
    /// Its id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(id) => id.0,
            Self::Account(id) => id.0,
        }
    }
}

/// What of an organisation a caller reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    #[default]
    Everything,
    /// The teams that the member manages, and what is the member's own.
    Teams(Member),
    /// What is the member's own.
    Own(Member),
}

impl Reach {
    /// Whether there is anything in the organisation that it leaves out.
    #[must_use]
    pub const fn is_limited(self) -> bool {
        !matches!(self, Self::Everything)
    }

    /// The teams: those that are managed, and none otherwise.
    fn teams(self) -> Option<SelectStatement> {
        let Self::Teams(member) = self else { return None };
        Some(managed(member))
    }

    const fn member(self) -> Option<Uuid> {
        match self {
            Self::Everything => None,
            Self::Teams(member) | Self::Own(member) => Some(member.id()),
        }
    }

    /// What belongs to one of the teams, or to the user.
    fn owned(self, team: SimpleExpr, user: SimpleExpr) -> Condition {
        let Some(own) = self.member() else { return Condition::all() };
        let teams = self.teams().map(|teams| team.in_subquery(teams));
        Condition::any().add_option(teams).add(user.eq(own))
    }

    /// Teams that are managed.
    pub(super) fn of_teams(self, id: SimpleExpr) -> Condition {
        match (self, self.teams()) {
            (Self::Everything, _) => Condition::all(),
            (_, Some(teams)) => Condition::all().add(id.in_subquery(teams)),
            (_, None) => nothing(),
        }
    }

    /// The user, and the members of teams that are managed.
    pub(super) fn of_users(self, id: SimpleExpr) -> Condition {
        let Some(own) = self.member() else { return Condition::all() };
        let members = self.teams().map(|teams| {
            let members = team_member::Entity::find()
                .select_only()
                .column(team_member::Column::UserId)
                .filter(team_member::Column::TeamId.in_subquery(teams));
            id.clone().in_subquery(members.into_query())
        });
        Condition::any().add(id.eq(own)).add_option(members)
    }

    /// Keys of the teams, and of the user.
    pub(super) fn of_keys(self) -> Condition {
        self.owned(api_key::Column::TeamId.into_expr(), api_key::Column::UserId.into_expr())
    }

    fn keys(self) -> SelectStatement {
        api_key::Entity::find().select_only().column(api_key::Column::Id).filter(self.of_keys()).into_query()
    }

    /// Models that one of the keys may call.
    pub(super) fn of_models(self, id: SimpleExpr) -> Condition {
        if !self.is_limited() {
            return Condition::all();
        }
        let granted = api_key_model_access::Entity::find()
            .select_only()
            .column(api_key_model_access::Column::ModelId)
            .filter(api_key_model_access::Column::ApiKeyId.in_subquery(self.keys()));
        Condition::all().add(id.in_subquery(granted.into_query()))
    }

    /// What caps or scales one of the teams, one of the keys, or the user. Ids are unique over all tables, so that the
    /// owner's kind need not be asked for.
    pub(super) fn of_limits(self, owner: SimpleExpr) -> Condition {
        if !self.is_limited() {
            return Condition::all();
        }
        self.owned(owner.clone(), owner.clone()).add(owner.in_subquery(self.keys()))
    }

    /// Usage of the teams' keys, and of the user's.
    pub(super) fn of_usage(self) -> Condition {
        self.owned(usage_record::Column::TeamId.into_expr(), usage_record::Column::UserId.into_expr())
    }
}

/// A condition that holds for nothing.
pub(super) fn nothing() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}

/// The names of the keys of teams that are managed.
pub async fn team_keys(
    db: &impl ConnectionTrait,
    organisation: OrganisationId,
    reach: Reach,
) -> Result<HashSet<String>, DbErr> {
    let Some(teams) = reach.teams() else { return Ok(HashSet::new()) };
    let names: Vec<String> = api_key::Entity::find()
        .select_only()
        .column(api_key::Column::Name)
        .filter(api_key::Column::OrganisationId.eq(organisation))
        .filter(api_key::Column::TeamId.in_subquery(teams))
        .into_tuple()
        .all(db)
        .await?;
    Ok(names.into_iter().collect())
}

/// The teams that a member manages, as a query.
fn managed(member: Member) -> SelectStatement {
    match member {
        Member::User(user) => team_member::Entity::find()
            .select_only()
            .column(team_member::Column::TeamId)
            .filter(team_member::Column::UserId.eq(user))
            .filter(team_member::Column::Role.eq(TeamRole::Manager))
            .into_query(),
        Member::Account(account) => service_account_team::Entity::find()
            .select_only()
            .column(service_account_team::Column::TeamId)
            .filter(service_account_team::Column::ServiceAccountId.eq(account))
            .into_query(),
    }
}

/// The teams that a member manages.
pub async fn managed_teams(db: &impl ConnectionTrait, member: Member) -> Result<HashSet<TeamId>, DbErr> {
    let of_member = team::Column::Id.in_subquery(managed(member));
    let ids: Vec<TeamId> =
        team::Entity::find().select_only().column(team::Column::Id).filter(of_member).into_tuple().all(db).await?;
    Ok(ids.into_iter().collect())
}
