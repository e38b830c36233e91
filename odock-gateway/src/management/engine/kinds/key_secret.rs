//! Where the secret of a virtual key comes from when the key is made or declared.

use std::time::Duration;

use entity::ApiKeyId;
use entity::manifest::RegisteredSecret;
use entity::plan::FieldChange;
use entity::resource::ApiKeySpec;
use entity::row::{SecretHash, api_key};
use sea_orm::ActiveValue::Set;
use secrecy::ExposeSecret;

use crate::auth::unknown_key_subject;
use crate::credential::{self, CredentialKind};
use crate::management::engine::Issue;
use crate::management::engine::plan::Planner;
use crate::management::engine::prepare::Item;
use crate::management::problem::ApiError;

/// The secret among the fields of a plan.
pub(super) const FIELD: &str = "/@secret";
/// How long the delivery of a secret can be acknowledged.
pub(in crate::management) const PENDING: Duration = Duration::from_secs(600);

/// The columns of a new key.
pub(super) fn first(
    item: &Item<ApiKeySpec>,
    columns: api_key::ActiveModel,
    planner: &mut Planner<'_>,
) -> Result<api_key::ActiveModel, ApiError> {
    let columns = api_key::ActiveModel {
        id: Set(ApiKeyId(item.id)),
        organisation_id: Set(planner.organisation()?),
        name: Set(item.name.clone()),
        sealed_secret: Set(None),
        revoked_at: Set(None),
        rotations: Set(0),
        previous_hash: Set(None),
        previous_valid_until: Set(None),
        pending_until: Set(None),
        next_hash: Set(None),
        next_preview: Set(None),
        next_overlap_seconds: Set(None),
        next_expiry: Set(None),
        created_at: Set(planner.now),
        ..columns
    };
    issued(item, columns, planner)
}

/// The columns of a key that exists: its secret stays, unless it never arrived or another is to take its place.
pub(super) fn renewed(
    item: &Item<ApiKeySpec>,
    columns: api_key::ActiveModel,
    planner: &mut Planner<'_>,
) -> Result<api_key::ActiveModel, ApiError> {
    let Some(found) = &item.found else { return Ok(columns) };
    if is_made_anew(item, planner) {
        return issued(item, columns, planner);
    }
    if replaced(item, planner).is_none() {
        return Ok(columns);
    }
    let Some(new) = registered(item, planner).cloned() else { return Ok(columns) };
    let rotations = i32::try_from(found.resource.status.rotations).unwrap_or(i32::MAX).saturating_add(1);
    Ok(api_key::ActiveModel { rotations: Set(rotations), ..with(&new, columns, planner) })
}

/// That a key gets another secret, as a plan says it.
pub(super) fn replaced(item: &Item<ApiKeySpec>, planner: &Planner<'_>) -> Option<FieldChange> {
    let found = item.found.as_ref()?;
    let Some(applied) = planner.setting.applied() else {
        let anew = is_made_anew(item, planner);
        return anew.then(|| change(&found.resource.status.preview, None));
    };
    let secret = applied.secrets.get(&item.name)?;
    let new = secret.registered.as_ref()?;
    let status = &found.resource.status;
    // A key that waits for its secret takes the one that is there; any other only if it is told to.
    let wanted = secret.replace || status.pending_until.is_some();
    let same =
        planner.key_hashes.get(&item.id).is_some_and(|hash| hash.0 == new.hash) && status.pending_until.is_none();
    (wanted && !same).then(|| change(&status.preview, Some(&new.preview)))
}

fn change(old: &str, new: Option<&str>) -> FieldChange {
    let new = new.map(|preview| preview.into());
    FieldChange { path: FIELD.into(), old: Some(old.into()), new, last_applied: None, changed_by: None }
}

/// Whether a key whose secret never arrived is created once more.
fn is_made_anew(item: &Item<ApiKeySpec>, planner: &Planner<'_>) -> bool {
    let pending = item.found.as_ref().is_some_and(|found| found.resource.status.pending_until.is_some());
    pending && item.verb.is_none() && planner.setting.applied().is_none() && planner.setting.issue != Issue::Sealed
}

fn registered<'a>(item: &Item<ApiKeySpec>, planner: &'a Planner<'_>) -> Option<&'a RegisteredSecret> {
    planner.setting.applied()?.secrets.get(&item.name)?.registered.as_ref()
}

/// A secret that the client has.
fn with(new: &RegisteredSecret, columns: api_key::ActiveModel, planner: &mut Planner<'_>) -> api_key::ActiveModel {
    let hash = SecretHash(new.hash.clone());
    // It may have been tried before it was known.
    planner.subjects.extend(credential::hash_from_row(&hash).map(|hash| unknown_key_subject(&hash)));
    api_key::ActiveModel {
        secret_hash: Set(hash),
        preview: Set(new.preview.clone()),
        revealed: Set(true),
        sealed_secret: Set(None),
        pending_until: Set(None),
        ..columns
    }
}

/// A secret that the client registered, or a fresh one: handed out, kept for a reveal, or waiting to be delivered.
fn issued(
    item: &Item<ApiKeySpec>,
    columns: api_key::ActiveModel,
    planner: &mut Planner<'_>,
) -> Result<api_key::ActiveModel, ApiError> {
    let wanted = planner.setting.applied().and_then(|applied| applied.secrets.get(&item.name));
    let issue = if wanted.is_some() { Issue::Pending } else { planner.setting.issue };
    if let Some(new) = registered(item, planner).cloned() {
        return Ok(with(&new, columns, planner));
    }
    let secret = credential::generate(CredentialKind::VirtualKey)?;
    let text = secret.expose_secret();
    let sealed = match issue {
        Issue::Sealed => Some(planner.gateway.sealing.seal(&secret).map_err(ApiError::internal)?),
        Issue::Revealed | Issue::Pending => None,
    };
    planner.subjects.push(unknown_key_subject(&credential::hash_bytes(text)));
    let columns = api_key::ActiveModel {
        secret_hash: Set(credential::hash(text)),
        sealed_secret: Set(sealed),
        preview: Set(credential::preview(text)),
        revealed: Set(issue != Issue::Sealed),
        pending_until: Set((issue == Issue::Pending).then(|| planner.now.plus(PENDING))),
        ..columns
    };
    if issue != Issue::Sealed {
        planner.issued.insert(item.id, secret);
    }
    Ok(columns)
}
