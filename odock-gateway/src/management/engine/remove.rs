//! Deletes a resource: refused while something refers to it, unless that shall go too.

use std::collections::HashSet;

use entity::problem::FieldError;
use entity::resource::Kind;
use sea_orm::ActiveValue::Set;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::kinds::LAST_SUPER_ADMIN;
use super::merge::IfMatch;
use super::plan::Planned;
use super::{Setting, Space, commit, find, word};
use crate::gateway::Gateway;
use crate::management::audit::{Actor, DONE, Deed};
use crate::management::problem::{ApiError, Code, REFERENCED, shortened};
use crate::store;
use crate::store::batch::Batch;
use crate::store::kinds::{Found, Scope};
use crate::store::referrers::{Dependant, Touched};

/// Referrers that an answer names.
const NAMED: usize = 100;

/// How to delete.
#[derive(Debug, Default)]
pub(in crate::management) struct Remove {
    /// Whether what refers to it goes too.
    pub(in crate::management) cascade: bool,
    /// The revision that is meant.
    pub(in crate::management) meant: IfMatch,
}

/// Deletes one resource by name or id.
pub(in crate::management) async fn remove<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    name: &str,
    how: Remove,
) -> Result<(), ApiError> {
    let tx = gateway.database.begin().await?;
    match remove_in::<S>(gateway, setting, name, how, &tx).await {
        Ok(subjects) => commit(gateway, tx, subjects).await,
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn remove_in<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    name: &str,
    how: Remove,
    tx: &DatabaseTransaction,
) -> Result<Vec<Uuid>, ApiError> {
    store::locks::serialise(tx, setting.space.organisation()).await?;
    let scope = setting.scope().unwrap_or(Scope::Nowhere);
    let found = find::<S>(tx, scope, name).await?;
    if let Some(bounds) = setting.bounds(tx).await?
        && !S::may_delete(&found.resource.spec, &bounds)
    {
        return Err(ApiError::new(Code::Forbidden, "only an administrator of the organisation deletes that"));
    }
    how.meant.check(found.resource.revision)?;
    if S::KIND == Kind::Organisation {
        store::locks::serialise(tx, found.organisation_id).await?;
    }
    if S::KIND == Kind::User && matches!(setting.space, Space::Nowhere) {
        keep_last_super_admin(&found.resource.name, tx).await?;
    }
    let id = found.resource.id;
    let dependants = store::referrers::dependants(tx, S::KIND, id).await?;
    refuse_if_protected::<S>(&found, &dependants, how.cascade, tx).await?;
    let mut touched = store::referrers::touched(tx, S::KIND, &[id]).await?;
    if !how.cascade {
        refuse_if_referred(S::KIND, &found.resource.name, &dependants, &touched)?;
    }
    let models = dependants.iter().filter(|one| one.kind == Kind::Model).map(|one| one.id).collect::<Vec<_>>();
    touched.extend(store::referrers::touched(tx, Kind::Model, &models).await?);
    let (batch, subjects) = collect(gateway, setting, &found, &dependants, &touched)?;
    batch.write(tx).await?;
    Ok(subjects)
}

async fn keep_last_super_admin(name: &str, tx: &DatabaseTransaction) -> Result<(), ApiError> {
    let active = store::users::active_super_admins(tx).await?;
    if active.iter().any(|admin| admin == name) && active.len() == 1 {
        return Err(ApiError::new(Code::Conflict, LAST_SUPER_ADMIN).hint("make another super admin first"));
    }
    Ok(())
}

/// What is protected goes neither by itself nor with something else.
async fn refuse_if_protected<S: Planned>(
    found: &Found<S>,
    dependants: &[Dependant],
    cascade: bool,
    tx: &DatabaseTransaction,
) -> Result<(), ApiError> {
    let name = |kind, name: &str| format!("the {} `{}`", word(kind), shortened(name));
    let mut kept = Vec::new();
    if found.resource.protect {
        kept.push(name(S::KIND, &found.resource.name));
    }
    if cascade {
        let ids: Vec<Uuid> = dependants.iter().map(|one| one.id).collect();
        let protected: HashSet<Uuid> = store::metadata::protected(tx, &ids).await?.into_iter().collect();
        kept.extend(dependants.iter().filter(|one| protected.contains(&one.id)).map(|one| name(one.kind, &one.name)));
    }
    let Some(first) = kept.first() else { return Ok(()) };
    let more = if kept.len() > 1 {
        format!(", and so are {} more that would go with it", kept.len() - 1)
    } else {
        String::new()
    };
    Err(ApiError::new(Code::Guarded, format!("{first} is protected{more}"))
        .hint("to let it go, apply its manifest with `protect: false` first"))
}

fn refuse_if_referred(kind: Kind, name: &str, dependants: &[Dependant], touched: &[Touched]) -> Result<(), ApiError> {
    let referrers: Vec<(Kind, &str)> = dependants
        .iter()
        .map(|one| (one.kind, one.name.as_str()))
        .chain(touched.iter().map(|one| (one.kind, one.name.as_str())))
        .collect();
    if referrers.is_empty() {
        return Ok(());
    }
    let of_kind = |kind| referrers.iter().filter(move |(of, _)| *of == kind).map(|(_, name)| *name);
    let parts: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| (*kind, of_kind(*kind).collect::<Vec<_>>()))
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| listed(word(kind), &names))
        .collect();
    let error = |(kind, name): &(Kind, &str)| FieldError {
        manifest: None,
        kind: Some(*kind),
        name: Some((*name).to_owned()),
        pointer: String::new(),
        code: REFERENCED.into(),
        message: format!("the {} `{name}` refers to it", word(*kind)),
    };
    let title = format!("the {} `{}` is in use by {}", word(kind), shortened(name), parts.join("; "));
    Err(ApiError::new(Code::Conflict, title)
        .hint("delete or change those first, or delete with ?cascade=true")
        .errors(referrers.iter().take(NAMED).map(error).collect()))
}

/// `2 models: a, b`.
pub(super) fn listed(word: &str, names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(5).map(|name| format!("`{}`", shortened(name))).collect();
    let more = if names.len() > 5 { format!(" and {} more", names.len() - 5) } else { String::new() };
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{} {word}{plural}: {}{more}", names.len(), shown.join(", "))
}

fn collect<S: Planned>(
    gateway: &Gateway,
    setting: &Setting,
    found: &Found<S>,
    dependants: &[Dependant],
    touched: &[Touched],
) -> Result<(Batch, Vec<Uuid>), ApiError> {
    let (mut batch, now) = (Batch::default(), gateway.clock.now());
    let mut subjects = vec![found.resource.id];
    subjects.extend(found.holder);
    let actor = Actor::of(&setting.caller);
    let before = serde_json::to_value(&found.resource.spec).map_err(ApiError::internal)?;
    let mut note = |kind: Kind, id: Uuid, name: &str, before| {
        gone(&mut batch, kind, id);
        let deed = Deed {
            verb: "delete",
            resource: word(kind),
            id: Some(id),
            name: Some(name.to_owned()),
            before,
            after: None,
        };
        batch.audit.push(actor.did(deed, found.organisation_id, now, DONE));
    };
    note(S::KIND, found.resource.id, &found.resource.name, Some(before));
    for one in dependants {
        note(one.kind, one.id, &one.name, None);
        subjects.push(one.id);
    }
    let leaving: HashSet<Uuid> = subjects.iter().copied().collect();
    for one in touched {
        // Named once for each thing that it loses.
        if !leaving.contains(&one.id) && !subjects.contains(&one.id) {
            bump(&mut batch, one, now);
            subjects.push(one.id);
        }
    }
    Ok((batch, subjects))
}

/// Takes a resource away.
pub(super) fn gone(batch: &mut Batch, kind: Kind, id: Uuid) {
    match kind {
        Kind::Organisation => batch.organisations.gone.push(id),
        Kind::User => batch.users.gone.push(id),
        Kind::Team => batch.teams.gone.push(id),
        Kind::ServiceAccount => batch.service_accounts.gone.push(id),
        Kind::Provider => batch.providers.gone.push(id),
        Kind::Model => batch.models.gone.push(id),
        Kind::ApiKey => batch.api_keys.gone.push(id),
        Kind::Budget => batch.budgets.gone.push(id),
        Kind::Quota => batch.quotas.gone.push(id),
        Kind::Overlay => batch.overlays.gone.push(id),
    }
}

/// What loses a reference has changed.
fn bump(batch: &mut Batch, one: &Touched, now: entity::Timestamp) {
    use entity::row::{api_key, service_account, team};
    let (revision, updated_at) = (Set(one.revision + 1), Set(now));
    match one.kind {
        Kind::Team => {
            batch.teams.changed.push((one.id, team::ActiveModel { revision, updated_at, ..Default::default() }))
        }
        Kind::ServiceAccount => batch
            .service_accounts
            .changed
            .push((one.id, service_account::ActiveModel { revision, updated_at, ..Default::default() })),
        Kind::ApiKey => {
            batch.api_keys.changed.push((one.id, api_key::ActiveModel { revision, updated_at, ..Default::default() }))
        }
        _ => {}
    }
}
