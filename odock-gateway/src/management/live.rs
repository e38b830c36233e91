//! The live stream over server-sent events, for as long as the token is good.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entity::live::Gap;
use entity::usage::UsageRecord;
use futures_util::stream;
use http::header;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::access::standing::{Mine, RECHECK, Standing};
use super::crud::prelude::*;
use crate::live::{Audience, Event, Watch};

/// How often the stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What to stream.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveParams {
    /// Only requests of this virtual key.
    key: Option<String>,
    /// Only requests for this model.
    model: Option<String>,
    /// Only requests of this team's keys.
    team: Option<String>,
    /// Whether single requests are sent, and not only ticks.
    #[param(default = true)]
    requests: Option<bool>,
}

/// Finished requests and second-by-second sums of an organisation, as they happen.
///
/// Events are `request` (a usage record), `tick`, `threshold` (a budget or quota has reached one) and `gap`. Whoever reaches
/// only a part of the organisation gets the requests of that part, no sums and no thresholds. The stream ends when the token does.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/live", tag = "usage", operation_id = "live",
    params(("organisation" = String, Path, description = "Slug or id."), LiveParams),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = entity::page::ServerSentEvent), Refusals)
)]
pub(super) async fn of_organisation(
    State(gateway): State<Gateway>,
    reached: Reached,
    standing: Standing,
    Params(params): Params<LiveParams>,
) -> Result<Response, ApiError> {
    open(gateway, standing, Audience::Organisation(reached.tenant.id), params).await
}

/// Finished requests and second-by-second sums of every organisation, as they happen.
///
/// Events are `request` (a usage record), `tick`, `threshold` (a budget or quota has reached one) and `gap`. The stream ends
/// when the token does.
#[utoipa::path(
    get, path = "/api/admin/live", tag = "usage", operation_id = "live_everywhere", params(LiveParams),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = entity::page::ServerSentEvent), Refusals)
)]
pub(super) async fn of_everything(
    State(gateway): State<Gateway>,
    standing: Standing,
    Params(params): Params<LiveParams>,
) -> Result<Response, ApiError> {
    open(gateway, standing, Audience::Everyone, params).await
}

async fn open(
    gateway: Gateway,
    standing: Standing,
    audience: Audience,
    params: LiveParams,
) -> Result<Response, ApiError> {
    let mine = Mine::of(&gateway, standing.reach).await?;
    let watch = gateway.live.watch(audience);
    let every = |period| {
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let subscription = Subscription {
        watch,
        standing,
        mine,
        params,
        heartbeat: every(HEARTBEAT),
        recheck: every(RECHECK),
        greeted: false,
        gateway,
    };
    let events = stream::unfold(subscription, |mut subscription| async {
        let bytes = subscription.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), subscription))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache, no-store")];
    Ok((headers, [("x-accel-buffering", "no")], Body::from_stream(events)).into_response())
}

struct Subscription {
    gateway: Gateway,
    standing: Standing,
    watch: Watch,
    /// Whose requests are shown, unless those of all.
    mine: Option<Mine>,
    params: LiveParams,
    heartbeat: Interval,
    recheck: Interval,
    greeted: bool,
}

impl Subscription {
    /// The next piece of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            // Sent at once, so that whoever connects knows that it has.
            return Some(Bytes::from_static(b": connected\n\n"));
        }
        loop {
            tokio::select! {
                () = self.gateway.stopping.cancelled() => return None,
                _ = self.recheck.tick() => {
                    if !self.standing.holds(&self.gateway).await {
                        return None;
                    }
                    // Who belongs to which team may have changed; what cannot be asked stays as it was.
                    if let Ok(mine) = Mine::of(&self.gateway, self.standing.reach).await {
                        self.mine = mine;
                    }
                }
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b": heartbeat\n\n")),
                event = self.watch.next() => match event? {
                    Event::Request(record) if self.wants(&record) => return event_of("request", &*record),
                    Event::Request(_) => {}
                    // Sums are of everybody's requests.
                    Event::Tick(_) if self.mine.is_some() => {}
                    Event::Tick(tick) => return event_of("tick", &*tick),
                    // A limit may be anybody's: they are told to those who see them all.
                    Event::Threshold(_) if self.mine.is_some() => {}
                    Event::Threshold(threshold) => return event_of("threshold", &*threshold),
                    Event::Gap(missed) => return event_of("gap", &Gap { missed: Some(missed) }),
                },
            }
        }
    }

    fn wants(&self, record: &UsageRecord) -> bool {
        let is =
            |wanted: &Option<String>, given: Option<&str>| wanted.as_deref().is_none_or(|wanted| given == Some(wanted));
        self.params.requests.unwrap_or(true)
            && self.mine.as_ref().is_none_or(|mine| mine.has(record))
            && is(&self.params.key, Some(&record.api_key))
            && is(&self.params.model, record.model.as_deref())
            && is(&self.params.team, record.team.as_deref())
    }
}

fn event_of(name: &str, data: &impl Serialize) -> Option<Bytes> {
    // JSON on one line holds no line breaks.
    let data = serde_json::to_string(data).ok()?;
    Some(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
}
