//! What will follow from a change, in sentences.

use entity::policy::Factor;
use entity::vocab::ScopeType;
use entity::{ApiKeyId, Timestamp};

use crate::effects::{Change, KeyRef, Mutation, ScopeRef};
use crate::format;
use crate::model::Model;

/// What will follow, with what the object is doing right now where that is known.
pub(super) fn consequences(model: &Model, mutation: &Mutation) -> Vec<String> {
    match mutation {
        Mutation::Key { key, change } => of_key(model, key, *change),
        Mutation::Overlay { scope, factor, seconds, .. } => of_overlay(model, scope, *factor, *seconds),
        Mutation::EndOverlay { name, .. } => of_end(model, name),
    }
}

fn later(model: &Model, seconds: u32) -> Timestamp {
    model.env.now.plus(std::time::Duration::from_secs(u64::from(seconds)))
}

fn of_key(model: &Model, key: &KeyRef, change: Change) -> Vec<String> {
    let mut text = vec![match change {
        Change::Revoke => "Every request with this key is refused from now on, until it is unrevoked.".to_owned(),
        Change::Unrevoke => "Requests with this key are served again, also by whoever should not have it.".to_owned(),
        Change::Rotate { overlap_seconds: 0 } => {
            "The current secret stops working at once. The new one is shown here, once.".to_owned()
        }
        Change::Rotate { overlap_seconds } => format!(
            "The current secret works for another {}, until {}. The new one is shown here, once.",
            format::span(overlap_seconds),
            model.env.day(later(model, overlap_seconds))
        ),
    }];
    text.extend(last_minute(model, key));
    text
}

/// What a key did in the last minute, if it is known.
fn last_minute(model: &Model, key: &KeyRef) -> Option<String> {
    let rate = model.live.activity.of(ApiKeyId(model.find_key(key)?.id));
    Some(if rate.requests == 0 {
        "It made no request in the last minute.".to_owned()
    } else {
        let made = format::things(rate.requests, "request");
        format!("It made {made} in the last minute, for {}.", format::money(rate.cost))
    })
}

fn of_overlay(model: &Model, scope: &ScopeRef, factor: Factor, seconds: u32) -> Vec<String> {
    let until = model.env.day(later(model, seconds));
    let span = format::span(seconds);
    let mut text = vec![match factor.thousandths() {
        0 => format!("Whatever is limited lets nothing pass for {span}, until {until}."),
        1_000 => format!("Every rate limit stays as it is for {span}, until {until}."),
        _ => format!("Every rate limit is multiplied by {factor} for {span}, until {until}."),
    }];
    text.push("Budgets and quotas stay as they are. What has no limit stays without one.".to_owned());
    let key = match (scope.scope.r#type, &scope.scope.name) {
        (ScopeType::ApiKey, Some(name)) => {
            Some(KeyRef { organisation: scope.organisation.clone(), name: name.clone() })
        }
        _ => None,
    };
    if let Some(key) = key {
        if model.find_key(&key).is_some_and(|key| key.spec.policies.is_empty()) {
            text.push("▲ This key has no limits of its own: there is nothing to scale.".to_owned());
        }
        text.extend(last_minute(model, &key));
    }
    let name = scope.overlay();
    let there = model.limit_overlays.value().and_then(|all| all.iter().find(|overlay| overlay.name == name));
    if let Some(there) = there {
        let (factor, ends) = (there.spec.factor, model.env.day(there.spec.ends));
        text.push(format!("It replaces overlay {name}: factor {factor} until {ends}."));
    }
    text.extend(others(model, scope, &name));
    text
}

/// Overlays of other names on the same scope: their factors are multiplied with the new one.
fn others(model: &Model, scope: &ScopeRef, name: &str) -> impl Iterator<Item = String> {
    let overlays = model.limit_overlays.value().into_iter().flatten();
    overlays
        .filter(move |other| other.name != name && other.spec.scope == scope.scope && other.spec.ends > model.env.now)
        .map(|other| format!("Overlay {} scales it too, by {}.", other.name, other.spec.factor))
}

fn of_end(model: &Model, name: &str) -> Vec<String> {
    let mut text = vec!["The limits that it scales are what they were before, at once.".to_owned()];
    let there = model.limit_overlays.value().and_then(|all| all.iter().find(|overlay| overlay.name == name));
    if let Some(there) = there {
        let (factor, ends) = (there.spec.factor, model.env.day(there.spec.ends));
        text.push(format!("It has factor {factor} and would end by itself at {ends}."));
    }
    text
}
