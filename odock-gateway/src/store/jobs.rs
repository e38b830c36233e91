//! Jobs and their results. A job is seen only by the key that asked for it.

use std::time::Duration;

use entity::row::{job, job_result};
use entity::vocab::JobStatus;
use entity::{ApiKeyId, JobId, NodeId, Timestamp};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{Database, ledger, locks};

/// What stands in a job that its node no longer speaks for.
pub const LOST: &str = "job_lost";
/// Jobs that are forgotten by one statement.
const ROWS: u64 = 500;

/// Whether there was room for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There was.
    Taken,
    /// The key has as many running as it may.
    Running,
    /// The key has as many as it may, those that have ended included.
    Kept,
}

/// Writes down a job, if its key has room for one more.
pub async fn begin(
    database: &Database,
    row: job::Model,
    lease: Duration,
    most_running: u64,
    most_kept: u64,
) -> Result<Room, DbErr> {
    let tx = database.begin().await?;
    locks::serialise(&tx, Some(row.organisation_id)).await?;
    let its = || job::Entity::find().filter(job::Column::ApiKeyId.eq(row.api_key_id));
    let room = if its().filter(is_running()).count(&tx).await? >= most_running {
        Room::Running
    } else if its().count(&tx).await? >= most_kept {
        Room::Kept
    } else {
        let lease_ends_at = after(ledger::now(&tx).await?, lease);
        job::Model { lease_ends_at, ..row }.into_active_model().insert(&tx).await?;
        Room::Taken
    };
    tx.commit().await?;
    Ok(room)
}

/// What came of a job.
#[derive(Clone, Debug)]
pub struct End {
    /// How it ended.
    pub status: JobStatus,
    /// The status and the type of its answer, and its encrypted body.
    pub answer: Option<(u16, String, Vec<u8>)>,
    /// Why it came to nothing.
    pub error: Option<(String, String)>,
}

/// Writes down what came of a job of this node's. What was given up as lost meanwhile is found again.
pub async fn end(database: &Database, id: JobId, node: NodeId, end: &End, at: Timestamp) -> Result<(), DbErr> {
    use job::Column;
    let tx = database.begin().await?;
    let change = job::ActiveModel {
        status: Set(end.status),
        finished_at: Set(Some(at)),
        http_status: Set(end.answer.as_ref().map(|(status, ..)| i32::from(*status))),
        content_type: Set(end.answer.as_ref().map(|(_, kind, _)| kind.clone())),
        error_code: Set(end.error.as_ref().map(|(code, _)| code.clone())),
        error_message: Set(end.error.as_ref().map(|(_, message)| message.clone())),
        updated_at: Set(at),
        ..Default::default()
    };
    let open = Condition::any().add(is_running()).add(Column::ErrorCode.eq(LOST));
    let changed = job::Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(id))
        .filter(Column::NodeId.eq(node))
        .filter(open)
        .exec(&tx)
        .await?;
    if let Some((.., body)) = end.answer.as_ref().filter(|_| changed.rows_affected == 1) {
        job_result::Model { id, body: body.clone(), created_at: at, updated_at: at }
            .into_active_model()
            .insert(&tx)
            .await?;
    }
    tx.commit().await
}

/// A job of a key.
pub async fn find(db: &impl ConnectionTrait, key: ApiKeyId, id: JobId) -> Result<Option<job::Model>, DbErr> {
    job::Entity::find_by_id(id).filter(job::Column::ApiKeyId.eq(key)).one(db).await
}

/// The jobs of a key, the latest first.
pub async fn list(db: &impl ConnectionTrait, key: ApiKeyId, most: u64) -> Result<Vec<job::Model>, DbErr> {
    let its = job::Entity::find().filter(job::Column::ApiKeyId.eq(key));
    its.order_by_desc(job::Column::CreatedAt).order_by_desc(job::Column::Id).limit(most).all(db).await
}

/// The encrypted body of a job's answer.
pub async fn result(db: &impl ConnectionTrait, id: JobId) -> Result<Option<Vec<u8>>, DbErr> {
    Ok(job_result::Entity::find_by_id(id).one(db).await?.map(|row| row.body))
}

/// Notes that a job's caller no longer wants it.
pub async fn ask_to_cancel(db: &impl ConnectionTrait, id: JobId) -> Result<(), DbErr> {
    job::Entity::update_many()
        .col_expr(job::Column::CancelAsked, Expr::value(true))
        .filter(job::Column::Id.eq(id))
        .filter(is_running())
        .exec(db)
        .await
        .map(drop)
}

/// Forgets a job that has ended, with its result.
pub async fn delete(db: &impl ConnectionTrait, id: JobId) -> Result<(), DbErr> {
    let ended = job::Column::Status.ne(JobStatus::Running);
    job::Entity::delete_many().filter(job::Column::Id.eq(id)).filter(ended).exec(db).await.map(drop)
}

/// Says that a node still does these jobs, and tells which of them are no longer wanted.
pub async fn renew(
    db: &impl ConnectionTrait,
    node: NodeId,
    ids: &[JobId],
    lease: Duration,
) -> Result<Vec<JobId>, DbErr> {
    use job::Column;
    let ends_at = after(ledger::now(db).await?, lease);
    let mut unwanted = Vec::new();
    for ids in ids.chunks(1_000) {
        job::Entity::update_many()
            .col_expr(Column::LeaseEndsAt, Expr::value(ends_at))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .filter(Column::NodeId.eq(node))
            .exec(db)
            .await?;
        let asked = job::Entity::find().select_only().column(Column::Id);
        let asked = asked.filter(Column::Id.is_in(ids.iter().copied())).filter(Column::CancelAsked.eq(true));
        unwanted.extend(asked.into_tuple::<JobId>().all(db).await?);
    }
    Ok(unwanted)
}

/// Gives up jobs whose node has not spoken for them in time. How many there were.
pub async fn lose(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    use job::Column;
    let now = ledger::now(db).await?;
    let message = "the node that did this job is gone; ask again";
    let lost = job::Entity::update_many()
        .col_expr(Column::Status, Expr::value(JobStatus::Failed))
        .col_expr(Column::ErrorCode, Expr::value(LOST))
        .col_expr(Column::ErrorMessage, Expr::value(message))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(is_running())
        .filter(Column::LeaseEndsAt.lt(now))
        .exec(db)
        .await?;
    Ok(lost.rows_affected)
}

/// Forgets jobs whose time is over, some at a time.
pub async fn forget(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
    use job::Column;
    let old = job::Entity::find().select_only().column(Column::Id).filter(Column::ExpiresAt.lt(now));
    let old: Vec<JobId> = old.filter(Column::Status.ne(JobStatus::Running)).limit(ROWS).into_tuple().all(db).await?;
    if old.is_empty() {
        return Ok(());
    }
    job::Entity::delete_many().filter(Column::Id.is_in(old)).exec(db).await.map(drop)
}

fn is_running() -> sea_orm::sea_query::SimpleExpr {
    job::Column::Status.eq(JobStatus::Running)
}

fn after(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}
