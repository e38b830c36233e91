//! Usage records, read: one, a page, or sums over many.

use entity::resource::{ApiKeySpec, ProviderSpec, TeamSpec, UserSpec};
use entity::row::usage_record::{Column, Entity, Model};
use entity::usage::{Breakdown, Ranking, UsageRecord, UsageRow, UsageTotals};
use entity::vocab::Outcome;
use entity::{ApiKeyId, OrganisationId, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use super::kinds::{self, Scope, Stored};
use super::listing::earlier;
use super::reach::Reach;
use super::usage_hours::{self, Within};

/// Whose records.
#[derive(Clone, Copy, Debug)]
pub struct Whose {
    /// Of this organisation; of all when absent.
    pub organisation: Option<OrganisationId>,
    /// And of that only these.
    pub reach: Reach,
}

/// Which records are wanted. Names are those at the time of the request.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is the record's field of its name")]
pub struct Filter {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub key: Option<String>,
    pub team: Option<String>,
    pub user: Option<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub outcome: Option<Outcome>,
    pub status: Option<u16>,
    pub error_code: Option<String>,
    pub request_id: Option<String>,
    pub trace_id: Option<String>,
    pub endpoint: Option<String>,
    /// At least this cost.
    pub min_cost_nanos: Option<i64>,
    /// At least this latency.
    pub min_latency_us: Option<i64>,
}

impl Filter {
    /// Puts ids in the place of names of what there is: what it was called at the time does not matter then, and records are
    /// found by it at once. A name that nothing has any more is looked for as it stood in the records.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resolve(&mut self, db: &impl ConnectionTrait, whose: Whose) -> Result<(), DbErr> {
        let Some(organisation) = whose.organisation else { return Ok(()) };
        let scope = Scope::Within(organisation);
        if let Some(name) = &self.key {
            self.key = Some(id_of::<ApiKeySpec>(db, scope, name).await?);
        }
        if let Some(name) = &self.team {
            self.team = Some(id_of::<TeamSpec>(db, scope, name).await?);
        }
        if let Some(name) = &self.user {
            self.user = Some(id_of::<UserSpec>(db, scope, name).await?);
        }
        if let Some(name) = &self.provider {
            self.provider = Some(id_of::<ProviderSpec>(db, scope, name).await?);
        }
        Ok(())
    }

    fn condition(&self, whose: Whose) -> Condition {
        // Word for word what the index of failures holds. Whatever did not end well has an error or such a status.
        let failed = self.error_code.is_some()
            || self.status.is_some_and(|status| status >= 400)
            || self.outcome.is_some_and(|outcome| outcome != Outcome::Ok);
        let failed = failed.then(|| Expr::cust("(status >= 400 OR error_code IS NOT NULL)"));
        let text = |column: Column, value: &Option<String>| value.as_ref().map(|value| column.eq(value.as_str()));
        Condition::all()
            .add_option(whose.organisation.map(|organisation| Column::OrganisationId.eq(organisation)))
            .add_option(whose.reach.is_limited().then(|| whose.reach.of_usage()))
            .add_option(failed)
            .add_option(self.from.map(|from| Column::At.gte(from)))
            .add_option(self.to.map(|to| Column::At.lt(to)))
            .add_option(self.key.as_ref().map(|key| named_or_id(Column::ApiKey, Column::ApiKeyId, key)))
            .add_option(self.team.as_ref().map(|team| named_or_id(Column::Team, Column::TeamId, team)))
            .add_option(self.user.as_ref().map(|user| named_or_id(Column::User, Column::UserId, user)))
            .add_option(self.model.as_ref().map(|model| named_or_id(Column::Model, Column::ModelId, model)))
            .add_option(self.provider.as_ref().map(|name| named_or_id(Column::Provider, Column::ProviderId, name)))
            .add_option(self.outcome.map(|outcome| Column::Outcome.eq(outcome)))
            .add_option(self.status.map(|status| Column::Status.eq(i32::from(status))))
            .add_option(text(Column::ErrorCode, &self.error_code))
            .add_option(text(Column::RequestId, &self.request_id))
            .add_option(text(Column::TraceId, &self.trace_id))
            .add_option(text(Column::Endpoint, &self.endpoint))
            .add_option(self.min_cost_nanos.map(|cost| Column::CostNanos.gte(cost)))
            .add_option(self.min_latency_us.map(|latency| Column::LatencyUs.gte(latency)))
    }
}

async fn id_of<S: Stored>(db: &impl ConnectionTrait, scope: Scope, name: &str) -> Result<String, DbErr> {
    let heads = kinds::heads_of::<S>(db, scope, &[name]).await?;
    Ok(heads.get(name).map_or_else(|| name.to_owned(), |(id, _)| id.to_string()))
}

fn named_or_id(name: Column, id: Column, given: &str) -> SimpleExpr {
    match Uuid::try_parse(given) {
        Ok(given) => id.eq(given),
        Err(_) => name.eq(given),
    }
}

/// Records of an organisation, newest first, after `before` and at most `limit`.
pub async fn page(
    db: &impl ConnectionTrait,
    whose: Whose,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<UsageRecord>, DbErr> {
    match usage_hours::page(db, whose, filter, before, limit).await? {
        Some(records) => Ok(records),
        None => page_within(db, whose, filter, before, &Within::default(), limit).await,
    }
}

/// A page of the records that are there.
pub(super) async fn page_within(
    db: &impl ConnectionTrait,
    whose: Whose,
    filter: &Filter,
    before: Option<(Timestamp, Uuid)>,
    within: &Within,
    limit: u64,
) -> Result<Vec<UsageRecord>, DbErr> {
    let span = |(from, to): &(i64, i64)| {
        Condition::all().add(Column::At.gte(Timestamp(*from))).add(Column::At.lt(Timestamp(*to)))
    };
    let spans = within.spans.iter().map(span).fold(Condition::any(), Condition::add);
    let of = Column::OrganisationId.is_in(within.organisations.iter().copied());
    // A condition of no alternatives would hold for nothing.
    let within = Condition::all()
        .add_option((!within.spans.is_empty()).then_some(spans))
        .add_option((!within.organisations.is_empty()).then_some(of));
    let mut select = Entity::find()
        .filter(filter.condition(whose))
        .filter(within)
        .order_by_desc(Column::At)
        .order_by_desc(Column::Id)
        .limit(limit);
    if let Some((at, id)) = before {
        select = select.filter(earlier(Column::At, Column::Id, at, id));
    }
    Ok(select.all(db).await?.into_iter().map(shown).collect())
}

/// The record of one request.
pub async fn by_request(
    db: &impl ConnectionTrait,
    whose: Whose,
    request_id: &str,
) -> Result<Option<UsageRecord>, DbErr> {
    let row = Entity::find()
        .filter(Column::RequestId.eq(request_id))
        .filter(Filter::default().condition(whose))
        .one(db)
        .await?;
    Ok(row.map(shown))
}

/// When a key last left a record.
pub async fn last_use(db: &impl ConnectionTrait, key: ApiKeyId) -> Result<Option<Timestamp>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::At)
        .filter(Column::ApiKeyId.eq(key))
        .order_by_desc(Column::At)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
}

/// What [`sums`] selects.
#[derive(Debug, FromQueryResult)]
pub(super) struct Sums {
    requests: i64,
    errors: Option<i64>,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    cost_nanos: Option<i64>,
    unpriced: Option<i64>,
    latency_us: Option<i64>,
}

impl Sums {
    pub(super) fn totals(&self) -> UsageTotals {
        let count = |sum: Option<i64>| u64::try_from(sum.unwrap_or(0)).unwrap_or(0);
        let requests = count(Some(self.requests));
        UsageTotals {
            requests,
            errors: count(self.errors),
            tokens_in: count(self.tokens_in),
            tokens_out: count(self.tokens_out),
            cost_nanos: self.cost_nanos.unwrap_or(0),
            unpriced: count(self.unpriced),
            mean_latency_us: count(self.latency_us).checked_div(requests).unwrap_or(0),
        }
    }
}

#[derive(Debug, FromQueryResult)]
struct Group {
    name: Option<String>,
    #[sea_orm(nested)]
    sums: Sums,
}

impl Group {
    fn row(self) -> UsageRow {
        UsageRow::of(self.name.as_deref().unwrap_or("-"), self.sums.totals())
    }
}

/// The first `limit` rows of a ranking by `ranking`, and the sums of everything that was ranked, from records: for what
/// rollups do not tell.
pub async fn top(
    db: &impl ConnectionTrait,
    whose: Whose,
    filter: &Filter,
    by: Breakdown,
    ranking: Ranking,
    limit: u64,
) -> Result<(UsageTotals, Vec<UsageRow>), DbErr> {
    let filter = filter.condition(whose);
    let total = sums(Entity::find().select_only().filter(filter.clone())).into_model::<Sums>().one(db).await?;
    let weight = match ranking {
        Ranking::Cost => Column::CostNanos.sum(),
        Ranking::Requests => Column::Id.count(),
        Ranking::Tokens => Column::TokensIn.into_expr().add(Column::TokensOut.into_expr()).sum(),
        Ranking::Errors => count_if(Condition::all().add(Column::Status.gte(400))),
    };
    // The databases do not agree where to put what has no sum.
    let weight = SimpleExpr::from(Func::coalesce([weight, Expr::value(0)]));
    let ranked = groups(filter, by).order_by(weight, Order::Desc).order_by_asc(column(by)).limit(limit);
    let rows = ranked.into_model::<Group>().all(db).await?;
    Ok((total.map(|sums| sums.totals()).unwrap_or_default(), rows.into_iter().map(Group::row).collect()))
}

const fn column(by: Breakdown) -> Column {
    match by {
        Breakdown::Model => Column::Model,
        Breakdown::Key => Column::ApiKey,
        Breakdown::Team => Column::Team,
        Breakdown::User => Column::User,
        Breakdown::Provider => Column::Provider,
        Breakdown::Class | Breakdown::Status => Column::Status,
        Breakdown::Error => Column::ErrorCode,
    }
}

fn groups(filter: Condition, by: Breakdown) -> sea_orm::Select<Entity> {
    let name = column(by).into_expr().cast_as("text");
    sums(Entity::find().select_only().column_as(name, "name").filter(filter).group_by(column(by)))
}

/// Postgres sums BIGINT as NUMERIC, which is more than we have room for.
pub(super) fn sum(expr: impl Into<SimpleExpr>) -> SimpleExpr {
    expr.into().sum().cast_as("bigint")
}

pub(super) fn count_if(condition: Condition) -> SimpleExpr {
    sum(Expr::case(condition, 1).finally(0))
}

pub(super) fn sums(select: sea_orm::Select<Entity>) -> sea_orm::Select<Entity> {
    let unpriced = Condition::all().add(Column::ModelId.is_not_null()).add(Column::CostNanos.is_null());
    select
        .column_as(Column::Id.count(), "requests")
        .column_as(count_if(Condition::all().add(Column::Status.gte(400))), "errors")
        .column_as(sum(Column::TokensIn.into_expr()), "tokens_in")
        .column_as(sum(Column::TokensOut.into_expr()), "tokens_out")
        .column_as(sum(Column::CostNanos.into_expr()), "cost_nanos")
        .column_as(count_if(unpriced), "unpriced")
        .column_as(sum(Column::LatencyUs.into_expr()), "latency_us")
}

fn shown(row: Model) -> UsageRecord {
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    UsageRecord {
        id: row.id,
        request_id: row.request_id,
        trace_id: row.trace_id,
        at: row.at,
        organisation_id: row.organisation_id,
        organisation: row.organisation,
        team_id: row.team_id,
        team: row.team,
        user_id: row.user_id,
        user: row.user,
        api_key_id: row.api_key_id,
        api_key: row.api_key,
        provider_id: row.provider_id,
        provider: row.provider,
        model_id: row.model_id,
        model: row.model,
        endpoint: row.endpoint,
        stream: row.stream,
        outcome: row.outcome,
        dispatched: row.dispatched,
        status: u16::try_from(row.status).unwrap_or(0),
        error_code: row.error_code,
        tokens: row.tokens,
        usage_source: row.usage_source,
        bill: row.bill,
        cost_nanos: row.cost_nanos,
        latency_us: count(row.latency_us),
        first_byte_us: row.first_byte_us.map(count),
        overhead_us: count(row.overhead_us),
        provider_request_id: row.provider_request_id,
        provider_usage: row.provider_usage,
        routing: row.routing,
        metadata: row.metadata,
    }
}
