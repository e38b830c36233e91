//! Recomputes every window and rollup from the usage records.

use entity::ledger::{Difference, Verification};
use entity::row::{ledger_lease, ledger_window, usage_record};
use entity::{OrganisationId, Timestamp};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    AccessMode, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IsolationLevel, QueryFilter,
    QueryOrder, QuerySelect, Statement, TransactionTrait,
};

use super::share::positive;
use super::sums::sum_of;
use crate::store::rollups::SPANS;
use crate::store::rollups::days::Subject;
use crate::store::{Database, limits};

/// Differences that are listed at the most.
const MOST: usize = 1_000;

/// Recomputes the books of an organisation, or of all, in one snapshot, so that traffic does not disturb it. Windows that
/// began before `kept_since`, the oldest record that is still kept, cannot be recomputed, and are left out.
pub async fn verify(
    database: &Database,
    organisation: Option<OrganisationId>,
    kept_since: Option<Timestamp>,
) -> Result<Verification, DbErr> {
    let snapshot = match database.backend() {
        sea_orm::DbBackend::Postgres => Some(IsolationLevel::RepeatableRead),
        _ => None,
    };
    let tx = database.reader().begin_with_config(snapshot, snapshot.map(|_| AccessMode::ReadOnly)).await?;
    let mut found = Verification::default();
    (found.records, found.cost_nanos) = totals(&tx, organisation).await?;
    windows(&tx, organisation, kept_since, &mut found).await?;
    rollups(&tx, organisation, kept_since, &mut found).await?;
    tx.rollback().await?;
    Ok(found)
}

async fn totals(db: &impl ConnectionTrait, organisation: Option<OrganisationId>) -> Result<(u64, i64), DbErr> {
    use usage_record::Column;
    let mut select = usage_record::Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "records")
        .column_as(Column::CostNanos.into_expr().sum().cast_as("bigint"), "cost");
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    let found: Option<(i64, Option<i64>)> = select.into_tuple().one(db).await?;
    let (records, cost) = found.unwrap_or_default();
    Ok((u64::try_from(records).unwrap_or(0), cost.unwrap_or(0)))
}

async fn windows(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    kept_since: Option<Timestamp>,
    found: &mut Verification,
) -> Result<(), DbErr> {
    use ledger_window::Column;
    let mut select = ledger_window::Entity::find().order_by_asc(Column::StartsAt).order_by_asc(Column::Id);
    if let Some(organisation) = organisation {
        select = select.filter(Column::OrganisationId.eq(organisation));
    }
    for window in select.all(db).await? {
        if kept_since.is_some_and(|since| window.starts_at < since) {
            continue;
        }
        found.windows += 1;
        let span = (window.starts_at, window.ends_at);
        let (owner, organisation) = (window.owner_id, window.organisation_id);
        let expected = sum_of(db, window.metric, window.owner_type, owner, organisation, span).await?;
        let name = limits::name_of(db, window.kind, window.limit_id).await?;
        let name = name.unwrap_or_else(|| window.limit_id.to_string());
        let subject = format!("{} {name} from {}", window.kind, window.starts_at);
        let mut differ = |figure: &str, recorded: i64, expected: i64| {
            if recorded != expected && found.differences.len() < MOST {
                found.differences.push(Difference {
                    subject: subject.clone(),
                    figure: figure.into(),
                    recorded,
                    expected,
                });
            }
        };
        differ("used", window.used, expected);
        let leases = ledger_lease::Entity::find().filter(ledger_lease::Column::WindowId.eq(window.id)).all(db).await?;
        let leased: i64 = leases.iter().map(|lease| positive(lease.amount)).sum();
        // More may be used than there is: a standard budget allows a request to pass its estimate. More may never be
        // lent than is left.
        let room = positive(window.limit_value - window.used);
        if leased > room {
            differ("leased", leased, room);
        }
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Unequal {
    starts_at: i64,
    recorded: Option<i64>,
    expected: Option<i64>,
    recorded_cost: Option<i64>,
    expected_cost: Option<i64>,
}

/// One way in which records are added up.
#[derive(Clone, Copy)]
enum Rollup {
    Span(i32),
    Days(Subject),
}

impl Rollup {
    fn all() -> impl Iterator<Item = Self> {
        SPANS.into_iter().map(Self::Span).chain(Subject::ALL.into_iter().map(Self::Days))
    }

    fn width(self) -> i64 {
        let seconds = match self {
            Self::Span(span) => span.abs(),
            Self::Days(_) => 86_400,
        };
        i64::from(seconds) * 1_000_000
    }

    /// The table, and which of its rows.
    fn rows(self) -> (&'static str, String) {
        match self {
            Self::Span(span) => ("\"usage\"", format!("span = {span}")),
            Self::Days(subject) => ("usage_day", format!("subject = '{}'", subject.as_str())),
        }
    }

    fn describe(self, from: Timestamp) -> String {
        match self {
            Self::Span(span) if span < 0 => format!("usage of {} s without keys from {from}", span.abs()),
            Self::Span(span) => format!("usage of {span} s from {from}"),
            Self::Days(subject) => format!("usage of a day by {} from {from}", subject.as_str()),
        }
    }
}

/// Compares each bucket of rollups with the records of its time, summed over everything else.
async fn rollups(
    db: &impl ConnectionTrait,
    organisation: Option<OrganisationId>,
    kept_since: Option<Timestamp>,
    found: &mut Verification,
) -> Result<(), DbErr> {
    let backend = db.get_database_backend();
    let kept_since = kept_since.map_or(0, |since| since.0);
    for rollup in Rollup::all() {
        let place = |n: u8| if backend == sea_orm::DbBackend::Postgres { format!("${n}") } else { format!("?{n}") };
        let (width_place, since, org) = (place(1), place(2), place(3));
        let only = organisation.map(|_| format!(" AND organisation_id = {org}")).unwrap_or_default();
        let (table, which) = rollup.rows();
        // A full outer join by hand, since older SQLite has none: both sides as rows, summed by bucket.
        let sql = format!(
            "SELECT starts_at, CAST(SUM(recorded) AS BIGINT) AS recorded, CAST(SUM(expected) AS BIGINT) AS expected, \
                CAST(SUM(recorded_cost) AS BIGINT) AS recorded_cost, CAST(SUM(expected_cost) AS BIGINT) AS expected_cost \
             FROM ( \
                SELECT starts_at, requests AS recorded, 0 AS expected, cost_nanos AS recorded_cost, 0 AS expected_cost \
                FROM {table} WHERE {which} AND starts_at >= {since}{only} \
                UNION ALL \
                SELECT (at / {width_place}) * {width_place}, 0, 1, 0, COALESCE(cost_nanos, 0) \
                FROM usage_record WHERE (at / {width_place}) * {width_place} >= {since}{only} \
             ) AS both_sides GROUP BY starts_at"
        );
        let mut values = vec![rollup.width().into(), kept_since.into()];
        values.extend(organisation.map(|id| sea_orm::Value::from(id.0)));
        let buckets = Unequal::find_by_statement(Statement::from_sql_and_values(backend, sql, values)).all(db).await?;
        for bucket in buckets {
            found.rollups += 1;
            let subject = || rollup.describe(Timestamp(bucket.starts_at));
            let figures = [
                ("requests", bucket.recorded, bucket.expected),
                ("costNanos", bucket.recorded_cost, bucket.expected_cost),
            ];
            for (figure, recorded, expected) in figures {
                let (recorded, expected) = (recorded.unwrap_or(0), expected.unwrap_or(0));
                if recorded != expected && found.differences.len() < MOST {
                    let (subject, figure) = (subject(), figure.into());
                    found.differences.push(Difference { subject, figure, recorded, expected });
                }
            }
        }
    }
    Ok(())
}
