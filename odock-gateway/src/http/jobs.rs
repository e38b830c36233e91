//! Hugging Face's jobs: asked for here, done in the background, fetched later by the key that asked.

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use entity::row::job;
use entity::vocab::JobStatus;
use entity::{ApiKeyId, JobId};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use sea_orm::DbErr;
use serde_json::json;

use super::dialect::Dialect;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::jobs::{Outcome, View};
use crate::pipeline::{self, Received, identify_only};
use crate::providers::Family;
use crate::providers::huggingface::job::JOB;

const ALL: &str = "/v1/huggingface/jobs";
const ONE: &str = "/v1/huggingface/jobs/{id}";
const RESULT: &str = "/v1/huggingface/jobs/{id}/result";
const CANCEL: &str = "/v1/huggingface/jobs/{id}/cancel";

/// Seconds after which a job that runs may be asked for again.
const ASK_AGAIN: u32 = 1;

/// Adds the routes of jobs.
pub(super) fn add(router: Router<Gateway>) -> Router<Gateway> {
    router
        .route(ALL, get(list).post(submit))
        .route(ONE, get(show).delete(remove))
        .route(RESULT, get(result))
        .route(CANCEL, post(cancel))
}

async fn submit(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    let received = Received::new(&gw, ALL, Dialect(Family::HuggingFace), request);
    pipeline::submit(&gw, received, &JOB).await
}

async fn list(State(gw): State<Gateway>, request: Request<Body>) -> Response {
    answer(&gw, ALL, request, async |key| {
        let jobs = gw.jobs.list(key).await.map_err(unavailable)?;
        let data: Vec<View<'_>> = jobs.iter().map(View::of).collect();
        Ok(Json(json!({ "object": "list", "data": data })).into_response())
    })
    .await
}

async fn show(State(gw): State<Gateway>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answer(&gw, ONE, request, async |key| {
        let found = gw.jobs.find(key, named(&id)?).await.map_err(unavailable)?;
        Ok(shown(StatusCode::OK, &found.ok_or_else(missing)?))
    })
    .await
}

async fn cancel(State(gw): State<Gateway>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answer(&gw, CANCEL, request, async |key| stop(&gw, key, named(&id)?).await.map(|(_, response)| response)).await
}

/// Stops a job that runs; forgets one that has ended.
async fn remove(State(gw): State<Gateway>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answer(&gw, ONE, request, async |key| {
        let id = named(&id)?;
        let (has_ended, response) = stop(&gw, key, id).await?;
        if !has_ended {
            return Ok(response);
        }
        gw.jobs.delete(id).await.map_err(unavailable)?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Stops a job, if it runs. Whether it had ended, and what it is.
async fn stop(gw: &Gateway, key: ApiKeyId, id: JobId) -> Result<(bool, Response), GatewayError> {
    let job = gw.jobs.cancel(key, id).await.map_err(unavailable)?.ok_or_else(missing)?;
    let has_ended = job.status != JobStatus::Running;
    Ok((has_ended, shown(if has_ended { StatusCode::OK } else { StatusCode::ACCEPTED }, &job)))
}

async fn result(State(gw): State<Gateway>, Path(id): Path<String>, request: Request<Body>) -> Response {
    answer(&gw, RESULT, request, async |key| {
        match gw.jobs.result(key, named(&id)?).await.map_err(unavailable)?.ok_or_else(missing)? {
            Outcome::Running(job) => Ok(shown(StatusCode::ACCEPTED, &job)),
            Outcome::Answer { status, content_type, body } => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                if let Ok(kind) = HeaderValue::try_from(content_type) {
                    response.headers_mut().insert(CONTENT_TYPE, kind);
                }
                Ok(response)
            }
            Outcome::None(job) => Err(no_result(&job)),
        }
    })
    .await
}

async fn answer(
    gw: &Gateway,
    route: &'static str,
    request: Request<Body>,
    of: impl AsyncFnOnce(ApiKeyId) -> Result<Response, GatewayError>,
) -> Response {
    let received = Received::new(gw, route, Dialect(Family::HuggingFace), request);
    let case = received.case();
    let answered = match identify_only(gw, received).await {
        Ok(cleared) => of(cleared.principal().key_id).await,
        Err(error) => Err(error),
    };
    answered.unwrap_or_else(|error| case.dialect.error(&error, case.request_id()))
}

fn shown(status: StatusCode, job: &job::Model) -> Response {
    let mut response = (status, Json(View::of(job))).into_response();
    if job.status == JobStatus::Running {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN));
    }
    response
}

fn named(id: &str) -> Result<JobId, GatewayError> {
    id.parse().map_err(|_| missing())
}

/// Of a job of another key too.
fn missing() -> GatewayError {
    GatewayError::new(ErrorCode::NotFound, "this API key has no such job")
}

fn no_result(job: &job::Model) -> GatewayError {
    let message = match job.status {
        JobStatus::Cancelled => "the job was cancelled, so it has no result".to_owned(),
        _ => {
            let (code, why) = (job.error_code.as_deref(), job.error_message.as_deref());
            format!("the job failed: {} ({})", why.unwrap_or("its result is gone"), code.unwrap_or("no_result"))
        }
    };
    GatewayError::new(ErrorCode::JobWithoutResult, message)
}

fn unavailable(error: DbErr) -> GatewayError {
    GatewayError::new(ErrorCode::Overloaded, "jobs cannot be looked up at present").retry_after(1).caused_by(error)
}
