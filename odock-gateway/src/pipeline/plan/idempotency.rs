//! Whether a request was made before, by its `Idempotency-Key`.

use std::time::Duration;

use http::HeaderMap;

use super::Routed;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::idempotency::{Answer, Claimed, fingerprint};
use crate::models::Target;
use crate::pipeline::case::Case;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::refused;
use crate::pipeline::plan::Plan;
use crate::providers::call::Call;

/// What a request may take beyond the time that its upstream has.
const MARGIN: Duration = Duration::from_secs(60);

/// A request that is not the repeat of another.
pub struct New {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// A request that was made before.
pub struct Repeated {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) answer: Box<Answer>,
    _sealed: (),
}

/// Whether a request was made before.
#[allow(clippy::large_enum_variant, reason = "nearly all requests are new, and are not worth a box")]
pub enum Once {
    /// It was not.
    New(New),
    /// It was, and its answer is known.
    Repeated(Repeated),
}

/// Claims the request's idempotency key, if it has one. Who may not call at present does not get an earlier answer either.
///
/// # Errors
/// `invalid_request`, one of the `idempotency_…` codes, or `overloaded` when nobody can say: a promise that cannot be kept
/// is not made.
pub async fn idempotency(gw: &Gateway, from: Routed) -> Result<Once, GatewayError> {
    let Routed { exchange, call, plan, .. } = from;
    let answer = match presented(&exchange.head.headers)? {
        // Boxed: those without a key do not carry the future of those who have one.
        Some(name) => Box::pin(claim(gw, &exchange.case, name, &call, &plan)).await?,
        None => None,
    };
    if answer.is_some() {
        // It does not get to the final gate.
        let counted = Box::pin(gw.limits.overdue(&exchange.case.limits)).await;
        counted.map_err(|refusal| refused(&exchange.case, refusal))?;
    }
    Ok(match answer {
        Some(answer) => Once::Repeated(Repeated { exchange, answer, _sealed: () }),
        None => Once::New(New { exchange, call, plan, _sealed: () }),
    })
}

/// The key that a request presents, if it does.
fn presented(headers: &HeaderMap) -> Result<Option<&str>, GatewayError> {
    crate::idempotency::presented(headers).map_err(|what| GatewayError::new(ErrorCode::InvalidRequest, what))
}

async fn claim(
    gw: &Gateway,
    case: &Case,
    name: &str,
    call: &Call,
    plan: &Plan,
) -> Result<Option<Box<Answer>>, GatewayError> {
    let Some(principal) = case.principal.get() else { return Ok(None) };
    // Where the path names the model, the body does not, and the route is the same for all of them.
    let asked = fingerprint(&format!("{} {}", case.endpoint, call.model), call.identity());
    let lease = longest(gw, plan).saturating_add(MARGIN);
    let claimed = gw.idempotency.claim(principal.key_id, name, asked, case.request_id(), lease).await;
    let unavailable = |error| {
        GatewayError::new(ErrorCode::Overloaded, "nobody can say at present whether this request was made before")
            .retry_after(1)
            .caused_by(error)
    };
    match claimed.map_err(unavailable)? {
        Claimed::First(claim) => {
            case.hold_claim(claim);
            Ok(None)
        }
        Claimed::Again(answer) => Ok(Some(answer)),
        refused => Err(refusal(&refused)),
    }
}

/// How long a call may take until its answer is there or its stream has begun.
fn longest(gw: &Gateway, plan: &Plan) -> Duration {
    let one = |target: &Target| target.total_timeout.saturating_add(target.first_byte_timeout);
    match &plan.detour {
        None => one(&plan.target),
        // The last attempt begins before the deadline.
        Some(detour) => {
            let last = detour.targets().map(|target| one(target)).max().unwrap_or_default();
            gw.config.routing.deadline.saturating_add(last)
        }
    }
}

fn refusal(claimed: &Claimed) -> GatewayError {
    match claimed {
        Claimed::Other(first) => GatewayError::new(
            ErrorCode::IdempotencyKeyReused,
            format!("this Idempotency-Key belongs to another request, {first}: a new request needs a new key"),
        ),
        Claimed::NotKept(first) => GatewayError::new(
            ErrorCode::IdempotencyNotKept,
            format!("this request was made before, as {first}, and its answer was not kept; it is not made twice"),
        ),
        Claimed::Unknown(first) => GatewayError::new(
            ErrorCode::IdempotencyOutcomeUnknown,
            format!("this request was sent before, as {first}, and nobody knows what came of it; it is not made twice"),
        ),
        Claimed::InProgress(first) => GatewayError::new(
            ErrorCode::IdempotencyInProgress,
            format!("this request is under way already, as {first}"),
        )
        .retry_after(1),
        Claimed::First(_) | Claimed::Again(_) => GatewayError::new(ErrorCode::Internal, "the gateway failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::IDEMPOTENCY_KEY;

    #[test]
    fn keys_are_visible_and_short() {
        let read = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(IDEMPOTENCY_KEY, http::HeaderValue::from_bytes(value).unwrap());
            presented(&headers).map(|name| name.map(str::len)).map_err(|error| error.code)
        };
        assert_eq!(presented(&HeaderMap::new()).unwrap(), None);
        assert_eq!(read(b"k"), Ok(Some(1)));
        assert_eq!(read(&[b'~'; 255]), Ok(Some(255)));
        for wrong in [&b""[..], b"a b", b"\xff", &[b'x'; 256]] {
            assert_eq!(read(wrong), Err(ErrorCode::InvalidRequest), "{wrong:?}");
        }
    }

    #[test]
    fn two_keys_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY, "a".parse().unwrap());
        headers.append(IDEMPOTENCY_KEY, "b".parse().unwrap());
        assert!(presented(&headers).is_err());
    }
}
