//! Saved plans: whether the world is as it was when they were made.

use std::collections::BTreeMap;

use entity::manifest::Seen;
use entity::plan::{Action, Change};
use entity::problem::FieldError;
use entity::resource::Kind;

use super::word;
use crate::credential;
use crate::management::problem::{ApiError, Code, shortened};

/// Code of a resource that has changed since a plan was made.
const MOVED: &str = "moved";
/// Resources that an answer names.
const NAMED: usize = 100;

/// Refuses a plan if anything that it read has changed: naming what, and how.
pub(super) fn check(then: &[Seen], now: &[Seen]) -> Result<(), ApiError> {
    let by_name = |seen: &[Seen]| -> BTreeMap<(Kind, String), i64> {
        seen.iter().map(|seen| ((seen.kind, seen.name.clone()), seen.revision)).collect()
    };
    let (then, now) = (by_name(then), by_name(now));
    let mut moved = Vec::new();
    for (key, revision) in &then {
        match (*revision, now.get(key).copied().unwrap_or(0)) {
            (was, is) if was == is => {}
            (0, is) => moved.push((key, format!("is there now, at revision {is}"))),
            (_, 0) => moved.push((key, "is gone, or no longer concerned".to_owned())),
            (was, is) => moved.push((key, format!("is at revision {is}; the plan read revision {was}"))),
        }
    }
    // What it would concern now and did not read then.
    let new = now.iter().filter(|(key, revision)| **revision > 0 && !then.contains_key(*key));
    moved.extend(new.map(|(key, _)| (key, "is concerned now, and was not when the plan was made".to_owned())));
    if moved.is_empty() {
        return Ok(());
    }
    let errors: Vec<FieldError> = moved
        .iter()
        .take(NAMED)
        .map(|((kind, name), how)| FieldError {
            manifest: None,
            kind: Some(*kind),
            name: Some(name.clone()),
            pointer: String::new(),
            code: MOVED.into(),
            message: format!("the {} `{}` {how}", word(*kind), shortened(name)),
        })
        .collect();
    let title = match &errors[..] {
        [one] => format!("the plan is stale: {}", one.message),
        _ => format!("the plan is stale: {} resources have changed since it was made", moved.len()),
    };
    Err(stale(title).errors(errors))
}

/// Refuses if the changes are not those of the plan, though everything that it read is as it was.
pub(super) fn check_digest(then: &str, now: &str) -> Result<(), ApiError> {
    if then == now {
        return Ok(());
    }
    Err(stale("the plan is stale: carried out now, it would not do what it says".to_owned()))
}

fn stale(title: String) -> ApiError {
    ApiError::new(Code::StalePlan, title).hint("make the plan anew, and look at it again")
}

/// SHA-256 over what the changes do, in hex. What follows from them, and who changed what before, is left out.
pub(super) fn digest(changes: &[Change]) -> Result<String, ApiError> {
    let effects: Vec<_> = changes
        .iter()
        .filter(|change| change.action != Action::Unchanged)
        .map(|change| {
            let fields: Vec<_> = change.fields.iter().map(|field| (&field.path, &field.old, &field.new)).collect();
            (change.action, change.kind, &change.organisation, &change.name, &change.renamed_from, fields)
        })
        .collect();
    let text = serde_json::to_string(&effects).map_err(ApiError::internal)?;
    Ok(credential::hash(&text).0)
}
