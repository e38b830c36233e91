//! Where else a routed call may go.

use std::sync::Arc;

use entity::routing::Routing;
use entity::vocab::ModelType;
use http::Uri;

use super::route::{self, Plan};
use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::{Credential, Target};
use crate::pipeline::case::Case;
use crate::providers::call::Call;
use crate::routing::order::{order, takes_turns};
use crate::routing::{Admission, Permit};

/// An upstream that may serve the call.
#[derive(Clone)]
pub struct Way {
    /// The model and its upstream.
    pub target: Arc<Target>,
    /// Where exactly.
    pub uri: Uri,
    /// The credential to send, if the upstream wants one.
    pub credential: Option<Arc<Credential>>,
}

/// The candidates of a routed call.
pub struct Detour {
    routing: Arc<Routing>,
    model_type: ModelType,
    /// Every candidate that can be called, in the order in which they are tried.
    ways: Vec<Way>,
    /// The one that the call goes to at present.
    at: usize,
    /// Candidates that cannot be called, and why: for the record of a call that might have needed them.
    pub(in crate::pipeline) left_out: Vec<LeftOut>,
    /// The right to find out how the present one is, if it has rested.
    pub(in crate::pipeline) permit: Option<Permit>,
}

/// A candidate that cannot be called.
pub(in crate::pipeline) struct LeftOut {
    /// The model.
    pub model: String,
    /// Its provider, if that is known.
    pub provider: String,
    /// The code of what stands in the way.
    pub error: &'static str,
}

impl Detour {
    /// What the key wants, and the type of model that the call is for.
    pub fn declared(&self) -> (Arc<Routing>, ModelType) {
        (Arc::clone(&self.routing), self.model_type)
    }

    /// The candidates.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.ways.iter().map(|way| &way.target)
    }

    /// Whether there is more than one candidate.
    pub fn has_choice(&self) -> bool {
        self.ways.len() > 1
    }

    /// The candidates after the present one, and then from the first on; the present one comes last.
    pub fn round(&self) -> impl Iterator<Item = (usize, &Way)> {
        let after = self.at + 1;
        self.ways.iter().enumerate().skip(after).chain(self.ways.iter().enumerate().take(after))
    }

    /// Leaves out the present candidate, which cannot serve the call.
    pub fn leave_out_present(&mut self) {
        if self.at < self.ways.len() {
            self.ways.remove(self.at);
            // The next round begins with the one that now stands in its place.
            self.at = self.at.checked_sub(1).unwrap_or_else(|| self.ways.len().saturating_sub(1));
        }
    }
}

impl Plan {
    /// Has the call go to another of its candidates.
    pub(in crate::pipeline) fn go(&mut self, at: usize, permit: Option<Permit>) {
        let Some(detour) = &mut self.detour else { return };
        let Some(way) = detour.ways.get(at) else { return };
        let Way { target, uri, credential } = way.clone();
        (detour.at, detour.permit) = (at, permit);
        (self.target, self.uri, self.credential) = (target, uri, credential);
    }
}

/// The plan of a call whose key has a policy for models of the type that was asked for.
///
/// # Errors
/// Where no candidate can be called, the error of the model that was asked for.
pub(super) async fn plan(
    gw: &Gateway,
    case: &Case,
    principal: &Principal,
    call: &Call,
    asked: Arc<Target>,
    routing: Arc<Routing>,
) -> Result<Plan, GatewayError> {
    let family = call.operation.family();
    if !family.is_served_by(asked.provider_type) {
        // The caller's mistake, which no other model mends.
        return Err(route::not_spoken(&asked, family));
    }
    let model_type = asked.model_type;
    let mut found = Found::default();
    if let Some(policy) = routing.of(model_type) {
        let takes_turns = takes_turns(policy, family);
        let turn = if takes_turns { gw.turns.next(principal.key_id, model_type).await } else { 0 };
        for name in order(policy, family, &call.model, turn) {
            found.add(gw, principal, call, &asked, name).await;
        }
    }
    let Found { ways, left_out, error } = found;
    if ways.is_empty() {
        return Err(error.unwrap_or_else(|| route::no_model(&call.model)));
    }
    // The only stage that learns it.
    let _ = case.asked_for.set(asked.model_id);
    for left_out in left_out.iter().filter(|it| it.model == call.model) {
        case.skipped(&left_out.model, &left_out.provider, left_out.error);
    }
    let left_out = left_out.into_iter().filter(|it| it.model != call.model).collect();
    let (at, permit) = choose(gw, case, &ways);
    let Way { target, uri, credential } = ways[at].clone();
    let detour = Detour { routing, model_type, ways, at, left_out, permit };
    Ok(Plan { target, uri, credential, detour: Some(Box::new(detour)), patience: None })
}

/// The first candidate that does not rest or, if all do, the one whose rest ends first.
fn choose(gw: &Gateway, case: &Case, ways: &[Way]) -> (usize, Option<Permit>) {
    for (at, Way { target, .. }) in ways.iter().enumerate() {
        match gw.health.admit(target) {
            Admission::Free => return (at, None),
            Admission::Probe(permit) => return (at, Some(permit)),
            Admission::Resting(_) => case.skipped(&target.model, &target.provider, RESTING),
        }
    }
    let least_bad = (0..ways.len()).min_by_key(|at| gw.health.rests_until(&ways[*at].target));
    (least_bad.unwrap_or(0), None)
}

/// What attempts say of a candidate that rests.
pub(in crate::pipeline) const RESTING: &str = "resting";

#[derive(Default)]
struct Found {
    ways: Vec<Way>,
    left_out: Vec<LeftOut>,
    /// The first reason why one cannot be called.
    error: Option<GatewayError>,
}

impl Found {
    async fn add(&mut self, gw: &Gateway, principal: &Principal, call: &Call, asked: &Arc<Target>, name: &str) {
        let target = if name == call.model { Ok(Arc::clone(asked)) } else { granted(gw, principal, asked, name).await };
        let provider = target.as_ref().map_or_else(|_| String::new(), |target| target.provider.clone());
        let way = match target {
            Ok(target) => way(gw, call, target).await,
            Err(error) => Err(error),
        };
        match way {
            Ok(way) => self.ways.push(way),
            Err(error) => {
                let model: String = name.to_owned();
                self.left_out.push(LeftOut { model, provider, error: error.code.wire().1 });
                self.error.get_or_insert(error);
            }
        }
    }
}

/// A candidate that the key may call, of the type that was asked for.
async fn granted(gw: &Gateway, principal: &Principal, asked: &Target, name: &str) -> Result<Arc<Target>, GatewayError> {
    if !principal.models.contains_key(name) {
        return Err(route::not_granted(name));
    }
    let target = route::target(gw, principal, name).await?;
    if target.model_type != asked.model_type {
        let message = format!("the model {name} is of type {}, not {}", target.model_type, asked.model_type);
        return Err(GatewayError::new(ErrorCode::InvalidRequest, message));
    }
    Ok(target)
}

async fn way(gw: &Gateway, call: &Call, target: Arc<Target>) -> Result<Way, GatewayError> {
    route::insisted(call, &target)?;
    let (uri, key) = route::upstream(&target, call.operation, call.stream)?;
    let credential = route::credential(gw, &target, key).await?;
    Ok(Way { target, uri, credential })
}
