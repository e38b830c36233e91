//! A stream of events on its way to the caller.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::time::{Instant, Sleep, timeout};

use super::attempting::Attempting;
use super::copy::Copy;
use super::live::LiveStream;
use super::upstream::{UpstreamBody, UpstreamFailure};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::pipeline::case::{Case, Stage};
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Plan;
use crate::pipeline::tally::{Ending, Settlement};
use crate::providers::meter::Meter;
use crate::routing::Verdict;
use crate::telemetry::metrics::{Failure, OpenStream, ProviderMetrics, StreamEnd};

/// How long the end of an upstream's body may take once its answer is complete.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The body of a streamed answer. Bytes go out as they come; the meter reads them on the way past.
///
/// It owns what was taken on the request's behalf, and settles once: at the end, when the upstream fails, or when it is
/// dropped because the caller went away.
pub struct MeteredStream {
    /// The upstream's status.
    pub status: StatusCode,
    /// Those of its headers that pass.
    pub headers: HeaderMap,
    exchange: Exchange,
    plan: Plan,
    upstream: Option<UpstreamBody>,
    meter: Box<dyn Meter>,
    out: VecDeque<Bytes>,
    settlement: Settlement,
    open: Option<OpenStream>,
    live: Option<LiveStream>,
    copy: Option<Copy>,
    metrics: Arc<ProviderMetrics>,
    attempt: Option<Attempting>,
    idle: Idle,
}

/// A stream that has begun, and that its caller has not seen anything of.
pub(super) struct Opening {
    /// The upstream's status.
    pub(super) status: StatusCode,
    /// Those of its headers that pass.
    headers: HeaderMap,
    /// What is still to come; `None` at its end.
    pub(super) body: Option<UpstreamBody>,
    /// What reads it.
    pub(super) meter: Box<dyn Meter>,
    /// What was held back.
    pub(super) out: VecDeque<Bytes>,
    pub(super) metrics: Arc<ProviderMetrics>,
    pub(super) attempt: Attempting,
}

impl Opening {
    pub(super) fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: UpstreamBody,
        meter: Box<dyn Meter>,
        metrics: Arc<ProviderMetrics>,
        attempt: Attempting,
    ) -> Self {
        Self { status, headers, body: Some(body), meter, out: VecDeque::new(), metrics, attempt }
    }
}

impl MeteredStream {
    pub(super) fn new(gw: &Gateway, exchange: Exchange, plan: Plan, opening: Opening) -> Self {
        let Opening { status, headers, body: upstream, meter, out, metrics, attempt } = opening;
        let settlement = Settlement::new(gw, Arc::clone(&exchange.case));
        // From here on the caller may see a part of an answer, its head at the least: even a crash leaves a record.
        settlement.begin();
        let idle = Idle::new(plan.target.idle_timeout);
        let open = Some(metrics.stream());
        let live = Some(LiveStream::new(gw, &exchange.case));
        let copy = Copy::new(&exchange.case, &headers);
        let mut stream = Self {
            status,
            headers,
            exchange,
            plan,
            upstream,
            meter,
            out,
            settlement,
            open,
            live,
            copy,
            metrics,
            attempt: Some(attempt),
            idle,
        };
        stream.passed();
        if stream.upstream.is_none() {
            stream.ended();
        }
        stream
    }

    /// The request's case file.
    pub fn case(&self) -> Arc<Case> {
        Arc::clone(&self.exchange.case)
    }

    fn arrived(&mut self, data: Bytes) {
        let case = &self.exchange.case;
        if case.reached(Stage::FirstByte).is_none() {
            case.mark(Stage::FirstByte);
            if let Some(attempt) = &self.attempt {
                self.metrics.first_byte(attempt.until(Stage::FirstByte));
            }
        }
        self.idle.touch();
        self.meter.feed(data, &mut self.out);
        self.passed();
    }

    /// Takes note of what the meter has seen.
    fn passed(&mut self) {
        if let Some(live) = &self.live {
            live.delivered(self.meter.seen().content_bytes);
        }
        if self.meter.seen().done {
            // Settled before [DONE] goes out: who has the whole answer has a record.
            self.complete();
        }
    }

    fn complete(&mut self) {
        self.let_go();
        if !self.meter.seen().upstream_error {
            if let Some(copy) = &mut self.copy {
                copy.complete(&self.exchange.case, self.status, &self.out);
            }
            self.settlement.hear(&self.plan.target, Verdict::Well);
            return self.close(Ending::answered(self.status), None, StreamEnd::Completed);
        }
        // The caller has the upstream's own error event; the record says that the answer failed.
        let message = format!("the provider {} sent an error in its stream", self.plan.target.provider);
        let error = GatewayError::new(ErrorCode::UpstreamError, message);
        self.metrics.failed(Failure::Broken);
        self.settlement.hear(&self.plan.target, Verdict::Failing { error: "5xx", rest: None });
        self.close_with(Ending::failed(self.status, &error), Some("5xx"), StreamEnd::Failed, Some(&error));
    }

    /// Reads the upstream's body to its end, which follows `[DONE]` at once: a connection whose body was dropped before
    /// its end cannot be used again.
    fn let_go(&mut self) {
        let Some(mut rest) = self.upstream.take() else { return };
        if rest.is_end_stream() {
            return;
        }
        tokio::spawn(timeout(LAST_WORDS, async move { while let Some(Ok(_)) = rest.frame().await {} }));
    }

    /// The upstream is gone before its answer is complete: the caller gets an error event of the dialect.
    fn broke_off(&mut self, failure: UpstreamFailure, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.upstream = None;
        let error = failure.error(&self.plan.target, cause);
        self.say(&error);
        self.metrics.failed(failure.metric());
        self.settlement.hear(&self.plan.target, Verdict::Failing { error: failure.as_str(), rest: None });
        let end = if failure == UpstreamFailure::Timeout { StreamEnd::TimedOut } else { StreamEnd::Failed };
        self.close_with(Ending::failed(self.status, &error), Some(failure.as_str()), end, Some(&error));
    }

    /// Ends the stream if the caller may not go on: it gets a last event that says why, and the upstream is cancelled.
    fn obey(&mut self) -> bool {
        let Some(live) = self.live.as_ref().filter(|live| live.verdict().is_some()).map(LiveStream::live) else {
            return false;
        };
        let Some(error) = live.verdict() else { return false };
        self.upstream = None;
        let case = &self.exchange.case;
        self.meter.fail(&case.dialect.body(error, case.request_id()), &mut self.out);
        self.close_with(Ending::failed(self.status, error), None, StreamEnd::Ended, Some(error));
        true
    }

    /// Ends the caller's stream with an error of its dialect.
    fn say(&mut self, error: &GatewayError) {
        let case = &self.exchange.case;
        self.meter.fail(&case.dialect.body(error, case.request_id()), &mut self.out);
    }

    fn ended(&mut self) {
        self.meter.finish(&mut self.out);
        if self.meter.seen().is_complete() || self.meter.seen().upstream_error {
            return self.complete();
        }
        self.broke_off(UpstreamFailure::Reset, "the stream ended without a finish reason");
    }

    fn close(&mut self, ending: Ending, error: Option<&'static str>, end: StreamEnd) {
        self.close_with(ending, error, end, None);
    }

    fn close_with(
        &mut self,
        ending: Ending,
        error: Option<&'static str>,
        end: StreamEnd,
        cause: Option<&GatewayError>,
    ) {
        let case = &self.exchange.case;
        let Some(open) = self.open.take() else { return };
        open.end(end);
        self.live = None;
        case.mark(Stage::LastByte);
        if let Some(attempt) = self.attempt.take() {
            self.metrics.finished(attempt.elapsed());
            match (error, end) {
                (Some(error), _) => attempt.failed(Some(self.status), error),
                (None, StreamEnd::Completed) => attempt.succeeded(self.status),
                (None, _) => attempt.given_up(self.status),
            }
        }
        let seen = self.meter.seen_mut();
        let ending = ending.metered(seen.reported.take(), seen.content_bytes).with_prompt(seen.prompt.take());
        self.settlement.settle(ending, cause);
        self.exchange.guards = Default::default();
    }
}

impl Body for MeteredStream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(copy) = &mut this.copy {
                // The last events wait until a repeat would find them.
                ready!(copy.poll_kept(cx));
            }
            if let Some(bytes) = this.out.pop_front() {
                if let Some(copy) = &mut this.copy {
                    copy.delivered(&bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.obey() {
                continue;
            }
            let Some(upstream) = &mut this.upstream else { return Poll::Ready(None) };
            match Pin::new(upstream).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        this.arrived(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => this.broke_off(UpstreamFailure::Reset, error),
                Poll::Ready(None) => this.ended(),
                Poll::Pending => {
                    if let Some(live) = &this.live {
                        live.register(cx.waker());
                        // Told between the look before and now, it would not be woken.
                        if live.verdict().is_some() {
                            continue;
                        }
                    }
                    ready!(this.idle.poll_silence(cx));
                    this.broke_off(
                        UpstreamFailure::Timeout,
                        format!("nothing came for {} s", this.idle.limit.as_secs_f32()),
                    );
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.upstream.is_none() && self.out.is_empty()
    }
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        // The caller went away: what was delivered is billed, and dropping the upstream's body cancels it.
        self.close(Ending::cancelled(), None, StreamEnd::Cancelled);
    }
}

/// Notices silence. The timer is moved only when it fires, so that a chunk costs no more than reading the clock.
struct Idle {
    limit: Duration,
    heard: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { limit, heard: Instant::now(), timer: None }
    }

    fn touch(&mut self) {
        self.heard = Instant::now();
    }

    /// Ready once nothing has come for the limit.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.heard + self.limit)));
        loop {
            ready!(timer.as_mut().poll(cx));
            let end = self.heard + self.limit;
            if end <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}
