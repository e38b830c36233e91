//! The way of a request. Each line of [`run`] consumes the value of the line before, so that no stage can be skipped.
//!
//! The folders sort in the order in which a request meets them:
//!
//! | folder | asks |
//! | --- | --- |
//! | `admit` | may this caller speak? |
//! | `plan` | what is asked, where to, who pays? |
//! | `screen` | may this content pass? |
//! | `send` | one answer, or a stream of them |
//! | `tally` | what it cost, what happened |
//!
//! A stage is one file with one sealed type and one function. What a stage takes rides in the [`Exchange`] and is given
//! back when that is dropped.

pub mod admit;
mod case;
mod exchange;
mod job;
mod latest;
pub(crate) mod limits;
pub mod plan;
pub mod screen;
pub mod send;
mod swallow;
pub mod tally;

use axum::response::Response;

pub use self::admit::Received;
use self::admit::Step;
pub use self::case::{Case, Stage};
pub use self::exchange::Exchange;
use self::plan::{Once, Repeated};
use self::screen::Prepared;
use crate::error::GatewayError;
use crate::gateway::Gateway;
use crate::providers::operation::Operation;

/// Serves a governed request from receipt to record.
pub async fn serve(gw: &Gateway, request: Received, operation: &'static dyn Operation) -> Response {
    let case = request.case();
    let _under_way = gw.telemetry.metrics.route(case.endpoint).start();
    // If the caller hangs up, this future vanishes at some await; the guard then leaves the record.
    let open = tally::Open::new(gw, &case);
    // Boxed: the stages' futures together are too large to be moved about.
    let mut answered = Box::pin(run(gw, request, operation)).await;
    if let Err(error) = answered {
        tally::let_go(&case).await;
        answered = Err(Box::pin(admit::overdue(gw, &case, error)).await);
    }
    open.close();
    answered.unwrap_or_else(|error| tally::denied(gw, &case, error))
}

/// Takes a request on as a job: its caller hears that it passed every gate, and fetches its answer later.
pub async fn submit(gw: &Gateway, request: Received, operation: &'static dyn Operation) -> Response {
    let case = request.case();
    let open = tally::Open::new(gw, &case);
    let taken = match Box::pin(ready(gw, request, operation)).await {
        Ok(Ready::New(prepared)) => return job::take_on(gw, prepared, open).await,
        Ok(Ready::Repeated(repeated)) => Ok(tally::again(gw, repeated)),
        Err(error) => {
            tally::let_go(&case).await;
            Err(Box::pin(admit::overdue(gw, &case, error)).await)
        }
    };
    open.close();
    taken.unwrap_or_else(|error| tally::denied(gw, &case, error))
}

async fn run(gw: &Gateway, request: Received, operation: &'static dyn Operation) -> Result<Response, GatewayError> {
    let prepared = match ready(gw, request, operation).await? {
        Ready::New(prepared) => prepared,
        Ready::Repeated(repeated) => return Ok(tally::again(gw, repeated)),
    };
    let answered = send::upstream(gw, prepared).await?;
    let said = tally::say(answered);
    let kept = tally::keep(said).await;
    Ok(tally::respond(gw, kept))
}

/// A request that may be sent, or whose answer is known.
#[allow(clippy::large_enum_variant, reason = "nearly all requests are new, and are not worth a box")]
enum Ready {
    New(Prepared),
    Repeated(Repeated),
}

async fn ready(gw: &Gateway, request: Received, operation: &'static dyn Operation) -> Result<Ready, GatewayError> {
    let identified = admit::identify(gw, request)?;
    let admitted = admit::pre_auth_gate(gw, identified).await?;
    let authenticated = admit::authenticate(gw, admitted).await?;
    let cleared = admit::early_gate(gw, authenticated, Step::Final).await?;
    let decoded = plan::decode(gw, cleared, operation).await?;
    let routed = plan::route(gw, decoded).await?;
    let new = match plan::idempotency(gw, routed).await? {
        Once::New(new) => new,
        Once::Repeated(repeated) => return Ok(Ready::Repeated(repeated)),
    };
    let fitted = plan::final_gate(gw, new).await?;
    let reserved = plan::reserve(gw, fitted).await?;
    let vetted = screen::safety(gw, reserved).await?;
    let prepared = screen::plugins(gw, vetted).await?;
    Ok(Ready::New(prepared))
}

/// Finds out who is calling a route that consumes nothing, such as the list of models: the first half of the way, with
/// the same refusals and without a record.
///
/// # Errors
/// As the stages refuse.
pub async fn identify_only(gw: &Gateway, request: Received) -> Result<admit::Cleared, GatewayError> {
    let identified = admit::identify(gw, request)?;
    let admitted = admit::pre_auth_gate(gw, identified).await?;
    let authenticated = admit::authenticate(gw, admitted).await?;
    admit::early_gate(gw, authenticated, Step::Own).await
}
