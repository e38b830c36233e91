//! One call of one upstream.

use std::sync::Arc;

use bytes::Bytes;
use entity::routing::RoutingPolicy;
use entity::vocab::FailoverTrigger;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};

use super::attempting::{Attempting, Company};
use super::headers;
use super::hold_back::{Held, hold_back};
use super::pieces::Pieces;
use super::stream::{MeteredStream, Opening};
use super::unary::{self, Unary};
use super::upstream::{Answered, Refused, UpstreamBody, UpstreamFailure, classify};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::{Credential, Target};
use crate::pipeline::case::{Case, Stage};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::{Plan, route};
use crate::pipeline::tally;
use crate::providers::call::{Call, DecodeError, Outgoing};
use crate::providers::meter::{Meter, Opaque};
use crate::providers::operation::{Answer, BoxError, Place};
use crate::routing::{Verdict, retry};
use crate::telemetry::metrics::{Failure, ProviderMetrics};

/// The largest body of an upstream's refusal that is passed on.
const MAX_REFUSAL: usize = 256 << 10;

/// An upstream's answer that the caller may have.
#[allow(clippy::large_enum_variant, reason = "a whole answer is the usual case, and is not worth a box")]
pub(super) enum Begun {
    /// A whole answer.
    Unary { status: StatusCode, headers: HeaderMap, answer: Answer },
    /// A stream that has begun.
    Stream(Box<Opening>),
}

impl Begun {
    /// The answer, with what rode along.
    pub(super) fn answered(self, gw: &Gateway, exchange: Exchange, plan: Plan) -> Answered {
        match self {
            Self::Unary { status, headers, answer } => {
                let Answer { body, reported, content_bytes } = answer;
                Answered::Unary(Unary { exchange, status, headers, body, reported, content_bytes })
            }
            Self::Stream(opening) => Answered::Stream(Box::new(MeteredStream::new(gw, exchange, plan, *opening))),
        }
    }
}

/// Why an attempt has no answer that the caller may have.
pub(super) struct Setback {
    /// What kind of failure it is; `None` if the upstream was not even called.
    pub(super) trigger: Option<FailoverTrigger>,
    end: End,
}

/// What the caller gets if nothing else is tried.
enum End {
    /// An error of the gateway.
    Error(GatewayError),
    /// The upstream's own error.
    Refused { status: StatusCode, headers: HeaderMap, body: Bytes },
}

impl Setback {
    fn ours(error: GatewayError) -> Self {
        Self { trigger: None, end: End::Error(error) }
    }

    /// What the caller gets, with what rode along.
    pub(super) fn answered(self, exchange: Exchange) -> Result<Answered, GatewayError> {
        match self.end {
            End::Error(error) => Err(error),
            End::Refused { status, headers, body } => {
                Ok(Answered::Refused(Refused { exchange, status, headers, body }))
            }
        }
    }
}

/// What an attempt must know of the request as it came.
#[derive(Clone, Copy)]
pub(super) struct Sent<'a> {
    case: &'a Arc<Case>,
    headers: &'a HeaderMap,
}

impl<'a> From<&'a Exchange> for Sent<'a> {
    fn from(exchange: &'a Exchange) -> Self {
        Self { case: &exchange.case, headers: &exchange.head.headers }
    }
}

/// Calls the upstream to which the plan goes at present. With a policy, another attempt may follow: then a stream is held
/// back until it has content.
pub(super) async fn attempt(
    gw: &Gateway,
    sent: Sent<'_>,
    call: &Call,
    plan: &Plan,
    policy: Option<&RoutingPolicy>,
    company: Company,
) -> Result<Begun, Setback> {
    let target = &plan.target;
    let place = target.place().map_err(|problem| Setback::ours(route::unusable(target, problem)))?;
    let mut outgoing = call.operation.encode(call, &place).map_err(|error| Setback::ours(inexpressible(&error)))?;
    let left_out = std::mem::take(&mut outgoing.dropped);
    let request = request(sent.headers, plan, outgoing);
    let mut trial = Trial::begin(gw, sent.case, plan, call, company);
    trial.attempt.leave_out(left_out);
    let total = plan.patience.unwrap_or(target.total_timeout);
    let patience = plan.patience.unwrap_or(target.first_byte_timeout.min(target.total_timeout));
    let deadline = Instant::now() + total;
    let content_by = Instant::now() + patience;
    let client = gw.upstreams.client(target.connect_timeout);
    let response = match timeout(patience, client.request(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(trial.failed(None, classify(&error), error.into())),
        Err(elapsed) => return Err(trial.failed(None, UpstreamFailure::Timeout, elapsed.into())),
    };
    let (head, body) = response.into_parts();
    trial.answered(&head);
    if head.status.is_success()
        && let Some(meter) = meter(call, &place, &head.headers)
    {
        let opening = trial.opening(&head, body, meter);
        return match policy {
            None => Ok(Begun::Stream(Box::new(opening))),
            Some(policy) => held(gw, sent.case, target, opening, policy, content_by).await,
        };
    }
    let most = if head.status.is_success() { gw.config.upstream.max_response_bytes } else { MAX_REFUSAL };
    let bytes = match timeout_at(deadline, unary::collect(body, most, &trial.attempt)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err((failure, cause))) => return Err(trial.failed(Some(head.status), failure, cause)),
        Err(elapsed) => return Err(trial.failed(Some(head.status), UpstreamFailure::Timeout, elapsed.into())),
    };
    if !head.status.is_success() {
        return Err(trial.refused(&head, plan.credential.as_deref(), bytes));
    }
    let mut headers = headers::inbound(&head.headers);
    match unary::understand(call, &place, &headers, bytes) {
        Ok(answer) => {
            if let Some(content_type) = call.operation.answer_type() {
                headers.insert(CONTENT_TYPE, content_type);
            }
            trial.succeeded(head.status);
            Ok(Begun::Unary { status: head.status, headers, answer })
        }
        Err(cause) => Err(trial.failed(Some(head.status), UpstreamFailure::Malformed, cause)),
    }
}

/// Waits for a stream's first content: until then another upstream can take over, and the caller has nothing.
async fn held(
    gw: &Gateway,
    case: &Case,
    target: &Arc<Target>,
    mut opening: Opening,
    policy: &RoutingPolicy,
    content_by: Instant,
) -> Result<Begun, Setback> {
    let Opening { status, .. } = opening;
    let (failure, cause): (_, BoxError) = match hold_back(&mut opening, target, content_by).await {
        Held::Begun => {
            opening.attempt.counts();
            gw.health.hear(target, Verdict::Well);
            return Ok(Begun::Stream(Box::new(opening)));
        }
        // Where time alone is no reason to try another one, the caller may as well see what there is.
        Held::Late if !policy.fails_over_on(FailoverTrigger::Timeout) => {
            opening.attempt.counts();
            return Ok(Begun::Stream(Box::new(opening)));
        }
        Held::Late => (UpstreamFailure::Timeout, "the stream had no content in time".into()),
        Held::Broke(cause) => (UpstreamFailure::Reset, cause),
        Held::Error => {
            let Opening { attempt, metrics, .. } = opening;
            let trial = Trial { gw, case, target, metrics, attempt };
            return Err(trial.sent_an_error(status));
        }
    };
    let Opening { attempt, metrics, .. } = opening;
    let trial = Trial { gw, case, target, metrics, attempt };
    Err(trial.failed(Some(status), failure, cause))
}

/// A call under way: everything that is told of how it goes.
struct Trial<'a> {
    gw: &'a Gateway,
    case: &'a Case,
    target: &'a Arc<Target>,
    metrics: Arc<ProviderMetrics>,
    attempt: Attempting,
}

impl<'a> Trial<'a> {
    fn begin(gw: &'a Gateway, case: &'a Arc<Case>, plan: &'a Plan, call: &Call, company: Company) -> Self {
        let target = &plan.target;
        let metrics = gw.telemetry.metrics.provider(target.provider_type.as_str(), call.operation.name());
        let is_first = case.reached(Stage::Dispatch).is_none();
        let attempt = Attempting::begin(case, target, company);
        if is_first {
            tally::sent(gw, case);
        } else {
            tally::sent_on(gw, case);
        }
        Self { gw, case, target, metrics, attempt }
    }

    fn answered(&mut self, head: &Parts) {
        let names = ["x-request-id", "apim-request-id", "request-id"];
        if let Some(id) = names.into_iter().find_map(|name| head.headers.get(name)) {
            let id: String = id.to_str().unwrap_or_default().chars().take(256).collect();
            self.attempt.is_called(id);
        }
        self.metrics.answered(head.status.as_u16());
    }

    fn opening(self, head: &Parts, body: UpstreamBody, meter: Box<dyn Meter>) -> Opening {
        let headers = headers::inbound(&head.headers);
        Opening::new(head.status, headers, body, meter, self.metrics, self.attempt)
    }

    fn succeeded(self, status: StatusCode) {
        self.metrics.first_byte(self.attempt.until(Stage::FirstByte));
        self.metrics.finished(self.attempt.elapsed());
        self.gw.health.hear(self.target, Verdict::Well);
        self.attempt.succeeded(status);
    }

    /// No usable answer came.
    fn failed(self, status: Option<StatusCode>, failure: UpstreamFailure, cause: BoxError) -> Setback {
        let error = failure.error(self.target, cause);
        if failure == UpstreamFailure::Connect {
            self.case.came_to_nothing();
        } else {
            self.case.is_uncertain();
        }
        let trigger = match failure {
            UpstreamFailure::Timeout => FailoverTrigger::Timeout,
            _ => FailoverTrigger::ServerError,
        };
        self.over(status, failure.as_str(), failure.metric(), Verdict::Failing { error: failure.as_str(), rest: None });
        Setback { trigger: Some(trigger), end: End::Error(error) }
    }

    /// A stream began with an error event.
    fn sent_an_error(self, status: StatusCode) -> Setback {
        let message = format!("the provider {} sent an error in its stream", self.target.provider);
        let verdict = Verdict::Failing { error: "5xx", rest: None };
        self.over(Some(status), "5xx", Failure::Broken, verdict);
        let error = GatewayError::new(ErrorCode::UpstreamError, message);
        Setback { trigger: Some(FailoverTrigger::ServerError), end: End::Error(error) }
    }

    /// What the caller gets of an upstream's error answer: status and body as they are, unless they speak of the gateway's
    /// own credential or send the caller elsewhere.
    fn refused(self, head: &Parts, credential: Option<&Credential>, body: Bytes) -> Setback {
        let status = head.status;
        let trigger = retry::trigger(status);
        let (word, metric) = match status.as_u16() {
            429 => ("rate_limit", Failure::RateLimited),
            500.. => ("5xx", Failure::Broken),
            _ => ("4xx", Failure::Refused),
        };
        let provider = &self.target.provider;
        let ours = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(
                format!("the provider {provider} refused the gateway's credential with status {}", status.as_u16()),
            ),
            _ if status.is_client_error() || status.is_server_error() => None,
            _ => Some(format!("the provider {provider} answered with status {}, which is no answer", status.as_u16())),
        };
        let end = match ours {
            Some(message) => {
                self.case.came_to_nothing();
                // Its body is not logged: it may quote the prompt, or the credential in some other form.
                let cause = format!("{provider} answered with status {}", status.as_u16());
                End::Error(GatewayError::new(ErrorCode::UpstreamError, message).caused_by(cause))
            }
            None => {
                let body = credential.map_or(body.clone(), |credential| credential.scrub(body));
                End::Refused { status, headers: headers::inbound(&head.headers), body }
            }
        };
        let verdict = match trigger {
            Some(FailoverTrigger::Any) | None => Verdict::Well,
            Some(_) => {
                let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
                let rest = if asks { retry::asked_rest(&head.headers, self.gw.clock.now()) } else { None };
                Verdict::Failing { error: word, rest }
            }
        };
        self.over(Some(status), word, metric, verdict);
        Setback { trigger, end }
    }

    fn over(self, status: Option<StatusCode>, word: &'static str, metric: Failure, verdict: Verdict) {
        self.attempt.mark(Stage::LastByte);
        self.metrics.failed(metric);
        self.metrics.finished(self.attempt.elapsed());
        self.gw.health.hear(self.target, verdict);
        self.attempt.failed(status, word);
    }
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

fn request(sent: &HeaderMap, plan: &Plan, outgoing: Outgoing) -> Request<Pieces> {
    let body = Pieces::new(outgoing.body);
    let mut headers = headers::outbound(sent);
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
    request
}
