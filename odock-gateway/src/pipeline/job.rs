//! A request whose caller does not wait for its answer. What it has taken rides along in the background until it ends.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::case::Case;
use super::screen::Prepared;
use super::send;
use super::tally::{self, Open};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::jobs::{NewJob, NotTaken, Stopped, Ticket, View};
use crate::providers::huggingface::job::task_of;
use crate::store::jobs::Room;

/// Writes down the job, has it done in the background, and tells the caller where to ask for it.
pub(super) async fn take_on(gw: &Gateway, prepared: Prepared, open: Open) -> Response {
    let case = Arc::clone(&prepared.exchange.case);
    let Some(new) = new_job(&case, &prepared) else {
        open.close();
        let error = GatewayError::new(ErrorCode::Internal, "the gateway failed").caused_by("a job without principal");
        return tally::denied(gw, &case, error);
    };
    let (ticket, row) = match gw.jobs.take_on(new, gw.clock.now()).await {
        Ok(taken) => taken,
        Err(error) => {
            tally::let_go(&case).await;
            open.close();
            return tally::denied(gw, &case, refusal(gw, error));
        }
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(place) = HeaderValue::try_from(format!("/v1/huggingface/jobs/{}", row.id)) {
        headers.insert(LOCATION, place);
    }
    let body = Bytes::from(serde_json::to_vec(&View::of(&row)).unwrap_or_default());
    // A repeat finds the same job. From here on nothing of the request is left to its caller.
    let claim =
        case.claim().take().map(|claim| claim.keep(StatusCode::ACCEPTED, &headers, std::slice::from_ref(&body)));
    tally::begin(gw, &case);
    gw.spawn_job(work(gw.clone(), prepared, open, ticket));
    if let Some(written) = claim {
        written.wait().await;
    }
    tally::accepted(StatusCode::ACCEPTED, headers, body, &case)
}

fn new_job(case: &Case, prepared: &Prepared) -> Option<NewJob> {
    let principal = case.principal.get()?;
    Some(NewJob {
        organisation: principal.organisation_id,
        key: principal.key_id,
        request_id: case.request_id().to_owned(),
        task: task_of(&prepared.call),
        model: case.model.get().cloned().unwrap_or_default(),
    })
}

fn refusal(gw: &Gateway, error: NotTaken) -> GatewayError {
    let config = &gw.jobs.config;
    match error {
        NotTaken::Full(Room::Kept) => {
            let message = format!(
                "the API key has {} jobs, as many as it may: delete some that have ended, or wait until they are forgotten",
                config.max_kept
            );
            GatewayError::new(ErrorCode::QuotaExceeded, message).limited("jobs", Some(config.max_kept))
        }
        NotTaken::Full(_) => {
            let message = format!("the API key has {} jobs running, as many as it may", config.max_running);
            let error = GatewayError::new(ErrorCode::ConcurrencyExceeded, message);
            error.limited("jobs", Some(config.max_running)).retry_after(5)
        }
        NotTaken::Unavailable(error) => {
            GatewayError::new(ErrorCode::Overloaded, "jobs cannot be taken at present").retry_after(1).caused_by(error)
        }
    }
}

/// Does a job, and writes down what came of it: once in the usage record, once in the job.
async fn work(gw: Gateway, prepared: Prepared, open: Open, ticket: Ticket) {
    let case = Arc::clone(&prepared.exchange.case);
    let mut prepared = prepared;
    prepared.plan.patience = Some(gw.jobs.config.timeout);
    let answered = tokio::select! {
        answered = send::upstream(&gw, prepared) => answered,
        stopped = ticket.stopped() => return end(&gw, &case, open, ticket, stopped).await,
        error = send::withdrawn(&gw, &case) => return give_up(&gw, &case, open, ticket, &error).await,
    };
    let response = match answered {
        Ok(answered) => tally::respond(&gw, tally::say(answered)),
        Err(error) => tally::denied(&gw, &case, error),
    };
    open.close();
    let (head, body) = response.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("application/json");
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    ticket.answered(head.status.as_u16(), kind.to_owned(), body, gw.clock.now()).await;
}

/// Ends a job that must stop. What its upstream did of it nobody knows, so what it may have done is charged.
async fn end(gw: &Gateway, case: &Case, open: Open, ticket: Ticket, stopped: Stopped) {
    match stopped {
        Stopped::Cancelled => {
            // Leaves the record of a caller who went away.
            drop(open);
            ticket.cancelled(gw.clock.now()).await;
        }
        Stopped::Closing => {
            let message = "the gateway stopped before the job was done; ask again";
            tally::interrupted(gw, case, &GatewayError::new(ErrorCode::Internal, message));
            open.close();
            ticket.failed("job_lost", message.to_owned(), gw.clock.now()).await;
        }
    }
}

/// Ends a job whose caller may no longer have it done: the key, or what it may call, was taken away.
async fn give_up(gw: &Gateway, case: &Case, open: Open, ticket: Ticket, error: &GatewayError) {
    tally::interrupted(gw, case, error);
    open.close();
    ticket.failed(error.code.wire().1, error.message.to_string(), gw.clock.now()).await;
}
