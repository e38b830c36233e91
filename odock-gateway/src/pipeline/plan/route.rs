//! Which upstream serves the call: grant, model, provider, credential.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Principal;
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::models::{Credential, KeyRef, Problem, Target};
use crate::pipeline::case::Stage;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::plan::Decoded;
use crate::pipeline::plan::detour::{self, Detour};
use crate::providers::Family;
use crate::providers::call::Call;
use crate::providers::operation::Operation;

/// Where a call goes.
pub struct Plan {
    /// What serves it.
    pub target: Arc<Target>,
    /// Where exactly.
    pub uri: http::Uri,
    /// The credential to send, if the upstream wants one.
    pub credential: Option<Arc<Credential>>,
    /// Where else it may go, if its key's policy routes it.
    pub detour: Option<Box<Detour>>,
    /// How long an answer may take, where its caller does not wait for it; else as long as the upstream's own settings say.
    pub patience: Option<Duration>,
}

/// A request that has an upstream.
pub struct Routed {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) call: Call,
    pub(in crate::pipeline) plan: Plan,
    _sealed: (),
}

/// Finds the upstream of the call.
///
/// # Errors
/// `model_not_found`, `model_not_allowed`, one of the `provider_…` codes, `model_lookup_unavailable`.
pub async fn route(gw: &Gateway, from: Decoded) -> Result<Routed, GatewayError> {
    let Decoded { exchange, principal, call, .. } = from;
    let target = target(gw, &principal, &call.model).await?;
    let case = &exchange.case;
    case.target.set(Arc::clone(&target));
    let is_routed = |routing: &&Arc<_>| !call.operation.only_counts() && is_for(routing, &target);
    let policy = principal.routing.as_ref().filter(is_routed);
    let plan = match policy {
        None => {
            insisted(&call, &target)?;
            let (uri, key) = upstream(&target, call.operation, call.stream)?;
            let credential = credential(gw, &target, key).await?;
            Plan { target, uri, credential, detour: None, patience: None }
        }
        Some(routing) => {
            // Boxed: a call that is not routed does not carry the future of those that are.
            let plan = Box::pin(detour::plan(gw, case, &principal, &call, target, Arc::clone(routing))).await?;
            case.target.set(Arc::clone(&plan.target));
            plan
        }
    };
    case.mark(Stage::Route);
    Ok(Routed { exchange, call, plan, _sealed: () })
}

/// Whether a key's policies say anything of a model's calls.
fn is_for(routing: &entity::routing::Routing, target: &Target) -> bool {
    routing.of(target.model_type).is_some()
}

/// Whether the target is served by the provider that the caller insists on, if it does.
pub(super) fn insisted(call: &Call, target: &Target) -> Result<(), GatewayError> {
    match call.provider() {
        Some(provider) if provider != target.provider => {
            let message = format!(
                "the model {} is served by the provider {}, not by \"{}\"",
                target.model,
                target.provider,
                provider.chars().take(128).collect::<String>()
            );
            Err(GatewayError::new(ErrorCode::ProviderNotAllowed, message))
        }
        _ => Ok(()),
    }
}

/// Where a target's upstream is and which key it wants, if it can be called at all.
pub(crate) fn upstream<'t>(
    target: &'t Target,
    operation: &dyn Operation,
    stream: bool,
) -> Result<(http::Uri, &'t KeyRef), GatewayError> {
    let family = operation.family();
    if !family.is_served_by(target.provider_type) {
        return Err(not_spoken(target, family));
    }
    let key = callable(target)?;
    let uri = target.uri(operation, stream).map_err(|problem| unusable(target, problem))?;
    Ok((uri, key))
}

/// The caller's route is of another family than the model's provider.
pub(super) fn not_spoken(target: &Target, family: Family) -> GatewayError {
    let message = format!(
        "the model {} is served by a provider of type {}, which this route, {}'s, does not speak",
        target.model,
        target.provider_type,
        family.as_str()
    );
    GatewayError::new(ErrorCode::ProviderNotAllowed, message)
}

/// The key that a target's upstream wants, if it may be called at all.
pub(crate) fn callable(target: &Target) -> Result<&KeyRef, GatewayError> {
    if !target.enabled {
        let message = format!("the provider {} of the model {} is switched off", target.provider, target.model);
        return Err(GatewayError::new(ErrorCode::ProviderDisabled, message));
    }
    target.address.as_ref().map_err(|problem| unusable(target, *problem))?;
    target.key.as_ref().map_err(|problem| unusable(target, *problem))
}

/// What a caller means by a model's name, if it may call it.
pub(crate) async fn target(gw: &Gateway, principal: &Principal, model: &str) -> Result<Arc<Target>, GatewayError> {
    let unavailable = |error| {
        GatewayError::new(ErrorCode::ModelLookupUnavailable, "models cannot be looked up at present")
            .retry_after(1)
            .caused_by(error)
    };
    let not_found = || no_model(model);
    if let Some(id) = principal.models.get(model) {
        return gw.models.target(*id).await.map_err(unavailable)?.ok_or_else(not_found);
    }
    // A name that no model can have is not worth a query; Postgres would even refuse one with a NUL.
    let possible = model.len() <= 128 && !model.contains(char::is_control);
    if possible && gw.models.exists(principal.organisation_id, model).await.map_err(unavailable)? {
        return Err(not_granted(model));
    }
    Err(not_found())
}

pub(super) fn no_model(model: &str) -> GatewayError {
    let model: String = model.chars().take(256).collect();
    let message = format!("there is no model \"{model}\"; GET /v1/models lists those that this key may call");
    GatewayError::new(ErrorCode::ModelNotFound, message)
}

pub(super) fn not_granted(model: &str) -> GatewayError {
    GatewayError::new(ErrorCode::ModelNotAllowed, format!("this API key may not call the model \"{model}\""))
}

pub(super) async fn credential(
    gw: &Gateway,
    target: &Target,
    key: &KeyRef,
) -> Result<Option<Arc<Credential>>, GatewayError> {
    gw.credentials.header(target.provider_type, key).await.map_err(|error| {
        let message = format!(
            "the API key of the provider {} cannot be used: an administrator must set it again",
            target.provider
        );
        GatewayError::new(ErrorCode::ProviderApiKeyNotConfigured, message).caused_by(error)
    })
}

pub(in crate::pipeline) fn unusable(target: &Target, problem: Problem) -> GatewayError {
    let provider = &target.provider;
    match problem {
        Problem::NotConfigured => GatewayError::new(
            ErrorCode::ProviderNotConfigured,
            format!("the provider {provider} has no usable base URL"),
        ),
        Problem::AddressRefused => GatewayError::new(
            ErrorCode::ProviderNotConfigured,
            format!("the provider {provider} has a base URL in link-local space, which this gateway does not call"),
        ),
        Problem::NoKey => {
            GatewayError::new(ErrorCode::ProviderApiKeyNotConfigured, format!("the provider {provider} has no API key"))
        }
        Problem::KeyRevoked => GatewayError::new(
            ErrorCode::ProviderApiKeyRevoked,
            format!("the API key of the provider {provider} was revoked"),
        ),
    }
}
