//! The live stream over server-sent events, for as long as the token is good.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use entity::live::Gap;
use entity::usage::UsageRecord;
use entity::vocab::{Role, TokenKind};
use futures_util::stream;
use http::header;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::access::guard;
use super::crud::prelude::*;
use crate::live::{Audience, Event, Watch};
use crate::store;

/// How often the stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the token is looked at again.
const RECHECK: Duration = Duration::from_secs(1);
/// How long a token is trusted that cannot be looked at.
const TRUST: Duration = Duration::from_secs(10);

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
/// Events are `request` (a usage record), `tick` and `gap`. The stream ends when the token does.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/live", tag = "usage", operation_id = "live",
    params(("organisation" = String, Path, description = "Slug or id."), LiveParams),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = String), Refusals)
)]
pub(super) async fn of_organisation(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: Tenant,
    Params(params): Params<LiveParams>,
) -> Response {
    open(gateway, caller, Audience::Organisation(tenant.id), params)
}

/// Finished requests and second-by-second sums of every organisation, as they happen.
///
/// Events are `request` (a usage record), `tick` and `gap`. The stream ends when the token does.
#[utoipa::path(
    get, path = "/api/admin/live", tag = "usage", operation_id = "live_everywhere", params(LiveParams),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream", body = String), Refusals)
)]
pub(super) async fn of_everything(
    State(gateway): State<Gateway>,
    caller: Caller,
    Params(params): Params<LiveParams>,
) -> Response {
    open(gateway, caller, Audience::Everyone, params)
}

fn open(gateway: Gateway, caller: Caller, audience: Audience, params: LiveParams) -> Response {
    let watch = gateway.live.watch(audience);
    let every = |period| {
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let subscription = Subscription {
        watch,
        audience,
        params,
        heartbeat: every(HEARTBEAT),
        recheck: every(RECHECK),
        trusted_at: Instant::now(),
        greeted: false,
        gateway,
        caller,
    };
    let events = stream::unfold(subscription, |mut subscription| async {
        let bytes = subscription.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), subscription))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache, no-store")];
    (headers, [("x-accel-buffering", "no")], Body::from_stream(events)).into_response()
}

struct Subscription {
    gateway: Gateway,
    caller: Caller,
    watch: Watch,
    audience: Audience,
    params: LiveParams,
    heartbeat: Interval,
    recheck: Interval,
    trusted_at: Instant,
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
                    if !self.may_go_on().await {
                        return None;
                    }
                }
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b": heartbeat\n\n")),
                event = self.watch.next() => match event? {
                    Event::Request(record) if self.wants(&record) => return event_of("request", &*record),
                    Event::Request(_) => {}
                    Event::Tick(tick) => return event_of("tick", &*tick),
                    Event::Gap(missed) => return event_of("gap", &Gap { missed: Some(missed) }),
                },
            }
        }
    }

    fn wants(&self, record: &UsageRecord) -> bool {
        let is =
            |wanted: &Option<String>, given: Option<&str>| wanted.as_deref().is_none_or(|wanted| given == Some(wanted));
        self.params.requests.unwrap_or(true)
            && is(&self.params.key, Some(&record.api_key))
            && is(&self.params.model, record.model.as_deref())
            && is(&self.params.team, record.team.as_deref())
    }

    /// Whether the token is as good as it was when the stream began.
    async fn may_go_on(&mut self) -> bool {
        let found =
            store::tokens::by_hash(self.gateway.database.reader(), TokenKind::Personal, &self.caller.token.token_hash);
        match tokio::time::timeout(RECHECK, found).await {
            Ok(Ok(Some(bearer))) => {
                self.trusted_at = Instant::now();
                let within = match self.audience {
                    Audience::Everyone => bearer.user.role == Role::SuperAdmin,
                    Audience::Organisation(id) => {
                        bearer.user.role == Role::SuperAdmin
                            || (bearer.user.role == Role::OrgAdmin && bearer.user.organisation_id == Some(id))
                    }
                };
                within && guard::check(&self.gateway, &bearer).is_ok()
            }
            Ok(Ok(None)) => false,
            // Nobody can say at present.
            Ok(Err(_)) | Err(_) => self.trusted_at.elapsed() < TRUST,
        }
    }
}

fn event_of(name: &str, data: &impl Serialize) -> Option<Bytes> {
    // JSON on one line holds no line breaks.
    let data = serde_json::to_string(data).ok()?;
    Some(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
}
