//! Usage records into the database, many in a statement.

use entity::Timestamp;
use entity::row::usage_record::{ActiveModel, Column, Entity};
use entity::usage::UsageRecord;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, DbErr, EntityTrait};

use super::Database;

/// Rows in a statement: at 37 columns, below the 32 766 parameters that SQLite takes.
const ROWS: usize = 500;

/// Writes records in one transaction. A record that is there already stays as it is.
pub async fn insert(database: &Database, records: &[UsageRecord]) -> Result<(), DbErr> {
    let now = Timestamp::now();
    let transaction = database.begin().await?;
    for rows in records.chunks(ROWS) {
        Entity::insert_many(rows.iter().map(|record| row(record, now)))
            .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
    }
    transaction.commit().await
}

fn row(record: &UsageRecord, now: Timestamp) -> ActiveModel {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    ActiveModel {
        id: Set(record.id),
        request_id: Set(record.request_id.clone()),
        trace_id: Set(record.trace_id.clone()),
        at: Set(record.at),
        organisation_id: Set(record.organisation_id),
        organisation: Set(record.organisation.clone()),
        team_id: Set(record.team_id),
        team: Set(record.team.clone()),
        user_id: Set(record.user_id),
        user: Set(record.user.clone()),
        api_key_id: Set(record.api_key_id),
        api_key: Set(record.api_key.clone()),
        provider_id: Set(record.provider_id),
        provider: Set(record.provider.clone()),
        model_id: Set(record.model_id),
        model: Set(record.model.clone()),
        endpoint: Set(record.endpoint.clone()),
        stream: Set(record.stream),
        outcome: Set(record.outcome),
        status: Set(record.status.into()),
        error_code: Set(record.error_code.clone()),
        tokens: Set(record.tokens.clone()),
        tokens_in: Set(count(record.tokens.input())),
        tokens_out: Set(count(record.tokens.output())),
        usage_source: Set(record.usage_source),
        bill: Set(record.bill.clone()),
        cost_nanos: Set(record.cost_nanos),
        latency_us: Set(count(record.latency_us)),
        first_byte_us: Set(record.first_byte_us.map(count)),
        overhead_us: Set(count(record.overhead_us)),
        provider_request_id: Set(record.provider_request_id.clone()),
        provider_usage: Set(record.provider_usage.clone()),
        routing: Set(record.routing.clone()),
        metadata: Set(record.metadata.clone()),
        created_at: Set(now),
        updated_at: Set(now),
    }
}
