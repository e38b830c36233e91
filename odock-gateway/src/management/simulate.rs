//! What each gate would say to a request with a virtual key, without sending it or taking anything.

use bytes::Bytes;
use entity::ApiKeyId;
use entity::check::code;
use entity::resource::ApiKeySpec;
use entity::simulation::{GateFinding, Simulation, Verdict};
use entity::usage::{LimitMark, ReservationMark};
use entity::vocab::LimitKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Fields;
use super::crud::prelude::*;
use super::engine::find;
use crate::auth::{AuthError, Principal};
use crate::credential;
use crate::error::{ErrorCode, GatewayError};
use crate::limits::{self, Gate, LimitWord};
use crate::models::Target;
use crate::pipeline;
use crate::pipeline::admit::authenticate;
use crate::pipeline::plan::{look, route};
use crate::providers::call::{Asked, Call};
use crate::providers::operation::Operation;
use crate::providers::unified;
use crate::store;

/// What to simulate: exactly one of the two.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "read field by field, so that all mistakes are told; this is its description")]
pub(super) struct Simulate {
    /// A chat completion as callers send it.
    #[schema(value_type = Object)]
    request: Option<Value>,
    /// A model's name, for the smallest request that there is.
    model: Option<String>,
}

/// Says what each gate would say to a request with a key. Nothing is sent, and nothing is taken from any limit.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apikeys/{name}/simulate", tag = "apikeys",
    operation_id = "simulate_request",
    params(("organisation" = String, Path, description = "Slug or id."), ("name" = String, Path, description = "Name or id.")),
    request_body = Simulate,
    responses((status = 200, description = "What each gate said.", body = Simulation), Refusals, BodyRefusals)
)]
pub(super) async fn simulate(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
    Document(body): Document,
) -> Result<Json<Simulation>, ApiError> {
    let request = read(body)?;
    let db = gateway.database.reader();
    let key = find::<ApiKeySpec>(db, reached.scope(), &name).await?.resource;
    let hash = store::api_keys::secret_hash(db, ApiKeyId(key.id)).await?;
    let hash = hash.and_then(|hash| credential::hash_from_row(&hash));
    let hash = hash.ok_or_else(|| ApiError::internal("the key has no usable hash"))?;
    // From the database, not from a cache: an administrator asks about what stands there now.
    let principal = store::principals::by_hash(db, &hash, gateway.clock.now()).await?;
    let principal = principal.ok_or_else(|| ApiError::not_found("apikey", &name))?;
    let mut gates = Gates::default();
    if let Some(chat) = gates.admit(&gateway, &principal, request) {
        let target = gates.route(&gateway, &principal, &chat).await;
        gates.limits(&gateway, &principal, &chat, target.as_deref()).await;
        if let Some(target) = target {
            gates.reserve(&gateway, &principal, &chat, &target).await;
        }
    }
    Ok(Json(gates.done()))
}

/// The body of the request to simulate.
fn read(body: Value) -> Result<Bytes, ApiError> {
    let mut fields = Fields::of(body)?;
    let (request, model) = (fields.take("request"), fields.text("model"));
    let request = match (request, model) {
        (Some(request), None) if request.is_object() => Some(request),
        (Some(_), None) => {
            fields.report("request", code::WRONG_TYPE, "must be an object: the body of a chat completion")
        }
        (None, Some(model)) => {
            Some(json!({"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "."}]}))
        }
        (Some(_), Some(_)) => fields.report("model", code::INVALID, "stands in `request` already"),
        (None, None) if fields.has_error("model") => None,
        (None, None) => fields.report("request", code::MISSING, "`request` or `model` is needed"),
    };
    fields.finish()?;
    serde_json::to_vec(&request).map(Bytes::from).map_err(ApiError::internal)
}

/// What the gates said so far.
#[derive(Default)]
struct Gates {
    found: Vec<GateFinding>,
    clamped_to: Option<u64>,
}

impl Gates {
    fn passed(&mut self, gate: &str, detail: String) {
        self.found.push(GateFinding {
            gate: gate.to_owned(),
            ok: true,
            detail,
            code: None,
            limit: None,
            reservation: None,
        });
    }

    fn refused(&mut self, gate: &str, error: &GatewayError) {
        self.found.push(GateFinding {
            gate: gate.to_owned(),
            ok: false,
            detail: error.message.clone().into_owned(),
            code: Some(error.code.wire().1.to_owned()),
            limit: None,
            reservation: None,
        });
    }

    /// Whether the key works, and whether the request can be read.
    fn admit(&mut self, gateway: &Gateway, principal: &Principal, request: Bytes) -> Option<Call> {
        let is_over = principal.expires_at.is_some_and(|end| end <= gateway.clock.now());
        match principal.refused.map(AuthError::Refused).or(is_over.then_some(AuthError::Expired)) {
            Some(error) => self.refused("authenticate", &authenticate::refusal(error)),
            None => self.passed("authenticate", format!("the key {} is in force", principal.key)),
        }
        let asked = Asked { model: None, query: None, headers: &http::HeaderMap::new() };
        match unified::CHAT.decode(&asked, request) {
            Ok(call) => {
                self.passed("decode", format!("a chat completion of {} bytes", call.body_bytes()));
                Some(call)
            }
            Err(error) => {
                self.refused("decode", &GatewayError::new(ErrorCode::InvalidRequestBody, error.to_string()));
                None
            }
        }
    }

    /// Whether the key may call the model, and whether that can be called.
    async fn route(&mut self, gateway: &Gateway, principal: &Principal, call: &Call) -> Option<std::sync::Arc<Target>> {
        let target = match route::target(gateway, principal, &call.model).await {
            Ok(target) => target,
            Err(error) => {
                self.refused("model", &error);
                return None;
            }
        };
        self.passed("model", format!("the key may call {}", target.model));
        match route::upstream(&target, call.operation, call.stream) {
            Ok(_) => self.passed("provider", format!("{} serves it as {}", target.provider, target.slug)),
            Err(error) => self.refused("provider", &error),
        }
        Some(target)
    }

    /// Whether the request fits every limit. The early gate stands between the key and the body.
    async fn limits(&mut self, gateway: &Gateway, principal: &Principal, call: &Call, target: Option<&Target>) {
        match look::limits(gateway, call, principal, target).await {
            Ok(marks) => {
                let (early, last): (Vec<_>, Vec<_>) =
                    marks.into_iter().map(limit).partition(|found| found.gate == Gate::Early.as_str());
                self.found.extend(last);
                self.found.splice(1..1, early);
            }
            Err(error) => {
                let message = "rate limits cannot be counted at present";
                self.refused(Gate::Early.as_str(), &GatewayError::new(ErrorCode::Overloaded, message).caused_by(error));
            }
        }
    }

    /// Whether every budget and quota has enough left.
    async fn reserve(&mut self, gateway: &Gateway, principal: &Principal, call: &Call, target: &Target) {
        match look::look(gateway, call, principal, target, gateway.clock.now()).await {
            Ok(looked) => {
                self.clamped_to = looked.clamped_to;
                self.found.extend(looked.marks.into_iter().map(reservation));
            }
            Err(cause) => {
                let message = "nobody can say at present what is left of this caller's budgets";
                self.refused("reserve", &GatewayError::new(ErrorCode::Overloaded, message).caused_by(cause));
            }
        }
    }

    fn done(self) -> Simulation {
        let verdict = if self.found.iter().all(|gate| gate.ok) { Verdict::Pass } else { Verdict::Deny };
        Simulation { verdict, gates: self.found, clamped_to: self.clamped_to }
    }
}

fn limit(mark: LimitMark) -> GateFinding {
    let whose = format!("{} of the {}", mark.limit, mark.scope.replace('_', " "));
    let is = |verdict: limits::Verdict| mark.verdict == verdict.as_str();
    let ok = !is(limits::Verdict::Deny);
    let detail = if is(limits::Verdict::Shadow) {
        format!("{whose} would refuse, but is in shadow mode")
    } else if ok {
        format!("{whose} lets it pass")
    } else {
        format!("{whose} refuses")
    };
    let word = LimitWord::ALL.iter().find(|word| word.as_str() == mark.limit);
    let code = word.filter(|_| !ok).map(|word| pipeline::limits::code(*word).wire().1.to_owned());
    GateFinding { gate: mark.gate.clone().into_owned(), ok, detail, code, limit: Some(mark), reservation: None }
}

fn reservation(mark: ReservationMark) -> GateFinding {
    let (kind, name) = (mark.kind, &mark.name);
    let code = match kind {
        LimitKind::Budget => ErrorCode::BudgetExceeded,
        LimitKind::Quota => ErrorCode::QuotaExceeded,
    };
    let detail = if mark.refused {
        format!("what is left of the {kind} {name} is too little; its window ends at {}", mark.ends_at)
    } else {
        format!("the {kind} {name} has enough left")
    };
    GateFinding {
        gate: "reserve".to_owned(),
        ok: !mark.refused,
        detail,
        code: mark.refused.then(|| code.wire().1.to_owned()),
        limit: None,
        reservation: Some(mark),
    }
}
