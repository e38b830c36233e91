//! How an apply is meant: the fields of its body beside the manifests.

use std::collections::HashMap;

use entity::check::code;
use entity::manifest::{KeySecret, PlanBase};
use entity::ownership::{DEFAULT_OWNER, check_owner};
use serde_json::Value;

use crate::management::body::Fields;
use crate::management::engine::{Applied, MAX_DELETES, Prune};
use crate::management::problem::ApiError;

/// More deletions than anybody allows.
const MOST_DELETES: u32 = 1_000_000;
/// Characters of a preview of a secret.
const LONGEST_PREVIEW: usize = 64;

/// Reads the body of an apply: its manifests as they are, and how they are meant.
pub(super) fn read(body: Value) -> Result<(Vec<Value>, Applied), ApiError> {
    let mut fields = Fields::of(body)?;
    let manifests = match fields.required("resources") {
        Some(Value::Array(manifests)) => manifests,
        Some(_) => fields.report("resources", code::WRONG_TYPE, "must be a list of manifests").unwrap_or_default(),
        None => Vec::new(),
    };
    let named = owner(&mut fields);
    let prune = fields.flag("prune").unwrap_or(false);
    let max_deletes = fields.whole("maxDeletes", MOST_DELETES).unwrap_or(MAX_DELETES);
    let active = fields.flag("pruneActive").unwrap_or(false);
    let force = fields.flag("forceConflicts").unwrap_or(false);
    let adopt = fields.flag("adopt").unwrap_or(false);
    if prune && named.is_none() && !fields.has_error("owner") {
        let message = "pruning needs an `owner`: it deletes what that owner applied before and no longer declares";
        fields.report::<()>("prune", code::MISSING, message);
    }
    if prune && adopt {
        fields.report::<()>("prune", code::INVALID, "what is adopted is not pruned in the same step");
    }
    let secrets = secrets(&mut fields);
    let plan = plan(&mut fields);
    fields.finish()?;
    let prune = prune.then_some(Prune { max_deletes, active });
    let owner = named.unwrap_or_else(|| DEFAULT_OWNER.to_owned());
    Ok((manifests, Applied { owner, prune, force, adopt, secrets, plan }))
}

fn owner(fields: &mut Fields) -> Option<String> {
    let name = fields.text("owner")?;
    match check_owner(&name) {
        Ok(()) => Some(name),
        Err(violation) => fields.report("owner", violation.code, violation.text()),
    }
}

fn secrets(fields: &mut Fields) -> HashMap<String, KeySecret> {
    let Some(given) = fields.take("secrets") else { return HashMap::new() };
    let parsed: Result<Vec<KeySecret>, _> = serde_json::from_value(given);
    let Ok(parsed) = parsed else {
        let message = "must be a list of {key, registered: {hash, preview}, replace}";
        return fields.report("secrets", code::WRONG_TYPE, message).unwrap_or_default();
    };
    let mut secrets = HashMap::with_capacity(parsed.len());
    for secret in parsed {
        let hex = |text: &str| text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        let shown = |text: &str| {
            !text.is_empty() && text.chars().count() <= LONGEST_PREVIEW && !text.chars().any(char::is_control)
        };
        if secret.registered.as_ref().is_some_and(|registered| !hex(&registered.hash) || !shown(&registered.preview)) {
            fields.report::<()>(
                "secrets",
                code::INVALID,
                "a hash is 64 lower-case hex digits, a preview one short line",
            );
        }
        if secrets.insert(secret.key.clone(), secret).is_some() {
            fields.report::<()>("secrets", code::DUPLICATE, "two secrets are given for the same key");
        }
    }
    secrets
}

fn plan(fields: &mut Fields) -> Option<PlanBase> {
    let given = fields.take("plan")?;
    match serde_json::from_value(given) {
        Ok(plan) => Some(plan),
        Err(_) => fields.report("plan", code::WRONG_TYPE, "must be {digest, base: [{kind, name, revision}]} of a plan"),
    }
}
