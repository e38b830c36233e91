//! The list of models, and one of them.

use http::Method;
use serde_json::json;

use crate::{
    answer::Reply,
    family::Problem,
    json::Object,
    request::{Asked, Inbound},
};

/// Models and the names to show for them.
const MODELS: &[(&str, &str)] = &[("claude-sonnet-4-5", "Claude Sonnet 4.5"), ("claude-haiku-4-5", "Claude Haiku 4.5")];

/// Reads a request for the list or for one model, if it is one.
pub(super) fn read<'a>(inbound: &Inbound<'a>) -> Option<Result<Asked<'a>, Problem>> {
    if inbound.method != Method::GET {
        return None;
    }
    if inbound.route.ends_with("/models") {
        return Some(Ok(Asked::plain(|_| Reply::json(list().into_bytes()))));
    }
    let (_, name) = inbound.route.split_once("/models/")?;
    let known = known().find(|(known, _)| *known == name);
    Some(known.map_or(Err(Problem::NoSuchRoute), |(name, shown)| {
        Ok(Asked::plain(move |_| Reply::json(model(name, shown).into_bytes())))
    }))
}

fn known() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODELS.iter().copied().chain(crate::MODEL_NAMES.iter().map(|(name, _)| (*name, *name)))
}

fn list() -> Object {
    let ids = || known().map(|(name, _)| name);
    Object::new()
        .with("data", known().map(|(name, shown)| model(name, shown)).collect::<Vec<_>>())
        .with("has_more", false)
        .with("first_id", ids().next())
        .with("last_id", ids().last())
}

fn model(id: &str, shown: &str) -> Object {
    Object::new()
        .with("type", "model")
        .with("id", id)
        .with("display_name", shown)
        .with("created_at", "2026-01-01T00:00:00Z")
        .with("lifecycle", "active")
        .with("capabilities", json!(null))
        .with("max_input_tokens", 200_000)
        .with("max_tokens", 64_000)
}
