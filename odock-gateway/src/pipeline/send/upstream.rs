//! Calls the upstream.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entity::usage::Attempt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use super::headers;
use super::pieces::Pieces;
use super::stream::MeteredStream;
use super::unary::{self, Unary};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::{Credential, Target};
use crate::pipeline::case::{Case, Stage};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::{Plan, route};
use crate::pipeline::screen::Prepared;
use crate::pipeline::tally;
use crate::providers::call::{Call, DecodeError, Outgoing};
use crate::providers::meter::{Meter, Opaque};
use crate::providers::operation::Place;
use crate::telemetry::metrics::Failure;

/// The largest body of an upstream's refusal that is passed on.
const MAX_REFUSAL: usize = 256 << 10;

/// What the upstream said.
pub enum Answered {
    /// A whole answer.
    Unary(Unary),
    /// A stream that has begun.
    Stream(Box<MeteredStream>),
    /// An error of its own.
    Refused(Refused),
}

/// An upstream's own error answer.
pub struct Refused {
    /// What rode along.
    pub exchange: Exchange,
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that pass.
    pub headers: HeaderMap,
    /// Its body, the credential cut out.
    pub body: Bytes,
}

/// Why an upstream gave no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection came about.
    Connect,
    /// It took too long.
    Timeout,
    /// The connection broke.
    Reset,
    /// What came cannot be understood.
    Malformed,
}

impl UpstreamFailure {
    /// The word for it in routing traces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "refused",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
        }
    }

    pub(super) const fn metric(self) -> Failure {
        match self {
            Self::Connect => Failure::Connect,
            Self::Timeout => Failure::Timeout,
            Self::Reset => Failure::Reset,
            Self::Malformed => Failure::Malformed,
        }
    }

    /// The error that the caller gets.
    pub(super) fn error(
        self,
        target: &Target,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> GatewayError {
        let provider = &target.provider;
        let (code, message) = match self {
            Self::Connect => (ErrorCode::UpstreamError, format!("the provider {provider} could not be reached")),
            Self::Timeout => (ErrorCode::UpstreamTimeout, format!("the provider {provider} did not answer in time")),
            Self::Reset => {
                (ErrorCode::UpstreamError, format!("the provider {provider} broke off before its answer was complete"))
            }
            Self::Malformed => {
                (ErrorCode::UpstreamError, format!("the provider {provider} sent an answer that cannot be understood"))
            }
        };
        GatewayError::new(code, message).caused_by(cause)
    }
}

/// Sends the call and waits for the answer, or for a stream's head.
///
/// # Errors
/// `upstream_error` or `upstream_timeout`. An error answer of the upstream is no error here: it is [`Answered::Refused`].
pub async fn upstream(gw: &Gateway, from: Prepared) -> Result<Answered, GatewayError> {
    let Prepared { exchange, call, plan, .. } = from;
    let case = Arc::clone(&exchange.case);
    let target = Arc::clone(&plan.target);
    let place = target.place().map_err(|problem| route::unusable(&target, problem))?;
    let mut outgoing = call.operation.encode(&call, &place).map_err(|error| inexpressible(&error))?;
    case.leave_out(std::mem::take(&mut outgoing.dropped));
    let request = request(&exchange, &plan, outgoing)?;
    let metrics = gw.telemetry.metrics.provider(target.provider_type.as_str(), call.operation.name());
    case.mark(Stage::Dispatch);
    tally::sent(gw, &case);
    let deadline = Instant::now() + plan.target.total_timeout;
    let client = gw.upstreams.client(plan.target.connect_timeout);
    let patience = plan.target.first_byte_timeout.min(plan.target.total_timeout);
    let fail = |failure: UpstreamFailure, cause: Box<dyn std::error::Error + Send + Sync>| {
        case.mark(Stage::LastByte);
        metrics.failed(failure.metric());
        metrics.finished(since(&case, Stage::Dispatch));
        attempted(&case, &plan.target, None, Some(failure.as_str()));
        if failure == UpstreamFailure::Connect {
            case.came_to_nothing();
        }
        failure.error(&plan.target, cause)
    };
    let response = match timeout(patience, client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(fail(classify(&error), error.into())),
        Err(elapsed) => return Err(fail(UpstreamFailure::Timeout, elapsed.into())),
    };
    if let Some(id) =
        ["x-request-id", "apim-request-id", "request-id"].into_iter().find_map(|name| response.headers().get(name))
    {
        let id: String = id.to_str().unwrap_or_default().chars().take(256).collect();
        let _ = case.provider_request_id.set(id);
    }
    let status = response.status();
    metrics.answered(status.as_u16());
    let (head, body) = response.into_parts();
    if status.is_success()
        && let Some(meter) = meter(&call, &place, &head.headers)
    {
        let answer = (status, headers::inbound(&head.headers), body);
        let stream = MeteredStream::new(gw, exchange, plan, metrics, answer, meter);
        return Ok(Answered::Stream(Box::new(stream)));
    }
    let read = |most| async move {
        match timeout_at(deadline, unary::collect(body, most, &exchange.case)).await {
            Ok(Ok(bytes)) => Ok((exchange, bytes)),
            Ok(Err((failure, cause))) => Err((failure, cause)),
            Err(elapsed) => Err((UpstreamFailure::Timeout, elapsed.into())),
        }
    };
    if !status.is_success() {
        let (exchange, bytes) = read(MAX_REFUSAL).await.map_err(|(failure, cause)| fail(failure, cause))?;
        let refusal = refused(exchange, &plan, status, &head.headers, bytes, |failure| metrics.failed(failure));
        metrics.finished(since(&case, Stage::Dispatch));
        return refusal;
    }
    let (exchange, bytes) =
        read(gw.config.upstream.max_response_bytes).await.map_err(|(failure, cause)| fail(failure, cause))?;
    let unary = Unary::new(exchange, &call, &place, status, headers::inbound(&head.headers), bytes)
        .map_err(|cause| fail(UpstreamFailure::Malformed, cause))?;
    metrics.first_byte(since_dispatch(&case, Stage::FirstByte));
    metrics.finished(since(&case, Stage::Dispatch));
    attempted(&case, &plan.target, Some(status), None);
    Ok(Answered::Unary(unary))
}

/// The meter of the stream that an answer begins, if it begins one that the caller asked for.
fn meter(call: &Call, place: &Place<'_>, headers: &HeaderMap) -> Option<Box<dyn Meter>> {
    let meter = if call.stream { call.operation.meter(call, place, headers)? } else { return None };
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    Some(if encoded { Box::new(Opaque::default()) } else { meter })
}

/// The upstream's family has no words for what is asked.
fn inexpressible(error: &DecodeError) -> GatewayError {
    GatewayError::new(ErrorCode::InvalidRequest, error.to_string())
}

fn request(exchange: &Exchange, plan: &Plan, outgoing: Outgoing) -> Result<Request<Pieces>, GatewayError> {
    let body = Pieces::new(outgoing.body);
    let mut headers = headers::outbound(&exchange.head.headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    match outgoing.content_type {
        Some(content_type) => {
            headers.insert(CONTENT_TYPE, content_type);
        }
        None => {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
    }
    for (name, value) in outgoing.defaults {
        headers.entry(name).or_insert(value);
    }
    if let Some(credential) = &plan.credential {
        headers.insert(credential.name.clone(), credential.value.clone());
    }
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = outgoing.uri.unwrap_or_else(|| plan.uri.clone());
    *request.headers_mut() = headers;
    Ok(request)
}

/// What the caller gets of an upstream's error answer: status and body as they are, unless they speak of the gateway's
/// own credential or send the caller elsewhere.
fn refused(
    exchange: Exchange,
    plan: &Plan,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
    failed: impl FnOnce(Failure),
) -> Result<Answered, GatewayError> {
    let case = &exchange.case;
    let (word, metric) = match status.as_u16() {
        429 => ("rate_limit", Failure::RateLimited),
        500.. => ("5xx", Failure::Broken),
        _ => ("4xx", Failure::Refused),
    };
    failed(metric);
    case.mark(Stage::LastByte);
    attempted(case, &plan.target, Some(status), Some(word));
    let provider = &plan.target.provider;
    let ours = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Some(format!("the provider {provider} refused the gateway's credential with status {}", status.as_u16()))
        }
        _ if status.is_client_error() || status.is_server_error() => None,
        _ => Some(format!("the provider {provider} answered with status {}, which is no answer", status.as_u16())),
    };
    if let Some(message) = ours {
        case.came_to_nothing();
        // Its body is not logged: it may quote the prompt, or the credential in some other form.
        let cause = format!("{provider} answered with status {}", status.as_u16());
        return Err(GatewayError::new(ErrorCode::UpstreamError, message).caused_by(cause));
    }
    let (headers, body) = (headers::inbound(headers), scrub(plan.credential.as_deref(), body));
    Ok(Answered::Refused(Refused { exchange, status, headers, body }))
}

fn scrub(credential: Option<&Credential>, body: Bytes) -> Bytes {
    match credential {
        Some(credential) => credential.scrub(body),
        None => body,
    }
}

/// Writes down what came of the attempt.
pub(super) fn attempted(case: &Case, target: &Target, status: Option<StatusCode>, error: Option<&str>) {
    let attempt = Attempt {
        model: target.model.clone(),
        provider: target.provider.clone(),
        status: status.map(|status| status.as_u16()),
        error: error.map(Into::into),
        duration_us: u64::try_from(since(case, Stage::Dispatch).as_micros()).unwrap_or(u64::MAX),
    };
    // There is one attempt; nothing else writes it.
    let _ = case.attempt.set(attempt);
}

/// The time since a stage.
pub(super) fn since(case: &Case, stage: Stage) -> Duration {
    Duration::from_micros(case.elapsed_us().saturating_sub(case.reached(stage).unwrap_or(0)).into())
}

/// The time from dispatch to a later stage.
pub(super) fn since_dispatch(case: &Case, stage: Stage) -> Duration {
    let (from, to) = (case.reached(Stage::Dispatch).unwrap_or(0), case.reached(stage).unwrap_or(0));
    Duration::from_micros(to.saturating_sub(from).into())
}

pub(super) fn classify(error: &hyper_util::client::legacy::Error) -> UpstreamFailure {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut malformed = false;
    while let Some(inner) = source {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return UpstreamFailure::Timeout;
        }
        malformed |= inner.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        source = inner.source();
    }
    if error.is_connect() {
        UpstreamFailure::Connect
    } else if malformed {
        UpstreamFailure::Malformed
    } else {
        UpstreamFailure::Reset
    }
}

/// The body of an upstream's answer.
pub(super) type UpstreamBody = Incoming;
