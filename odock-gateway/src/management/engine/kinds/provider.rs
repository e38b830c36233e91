use std::collections::{BTreeMap, HashMap, HashSet};

use entity::check::{Violation, code};
use entity::plan::FieldChange;
use entity::resource::{ProviderKeySpec, ProviderSpec};
use entity::row::{provider, provider_api_key};
use entity::{ProviderId, ProviderKeyId};
use sea_orm::ActiveValue::{NotSet, Set};
use uuid::Uuid;

use crate::management::engine::plan::{Planned, Planner, RemovedKey};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;
use crate::secrets::SealError;

impl Planned for ProviderSpec {
    /// A key without a secret keeps the one that it has.
    fn complete(&mut self, found: Option<&Self>) {
        let old: HashMap<&str, &ProviderKeySpec> =
            found.iter().flat_map(|spec| &spec.keys).map(|key| (key.name.as_str(), key)).collect();
        for key in self.keys.iter_mut().filter(|key| key.secret.is_none()) {
            key.secret = old.get(key.name.as_str()).and_then(|old| old.secret.clone());
        }
    }

    fn register(item: &Item<Self>, refs: &mut Refs) {
        let old = item.found.as_ref().map(|found| &found.children);
        let id = |name: &str| old.and_then(|keys| keys.get(name)).copied().unwrap_or_else(Uuid::now_v7);
        let keys: BTreeMap<String, Uuid> = item.spec.keys.iter().map(|key| (key.name.clone(), id(&key.name))).collect();
        refs.declare_keys(&item.name, keys);
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        let old = fingerprints(item);
        for (index, key) in item.spec.keys.iter().enumerate() {
            check_secret(key, &format!("/keys/{index}/secret"), &old, planner, found);
        }
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let (spec, now) = (item.spec.clone(), planner.now);
        let columns = provider::ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            kind: Set(spec.r#type),
            base_url: Set(spec.base_url),
            timeout_ms: Set(spec.timeout_ms.map(i64::from)),
            config: Set(spec.config),
            enabled: Set(spec.enabled),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.providers.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.providers.new.push(provider::ActiveModel {
                    id: Set(ProviderId(item.id)),
                    organisation_id,
                    name: Set(item.name.clone()),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        put_keys(item, planner)
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        let Some(found) = &item.found else { return Vec::new() };
        let models = found.resource.status.models;
        if models > 0 && found.resource.spec.enabled && !item.spec.enabled {
            return vec![format!("{models} {} no longer served", if models == 1 { "model is" } else { "models are" })];
        }
        Vec::new()
    }
}

/// The fingerprints of the secrets that are there, by key.
fn fingerprints(item: &Item<ProviderSpec>) -> HashMap<&str, &str> {
    let keys = item.found.iter().flat_map(|found| &found.resource.spec.keys);
    keys.filter_map(|key| Some((key.name.as_str(), key.secret.as_ref()?.fingerprint.as_str()))).collect()
}

fn check_secret(
    key: &ProviderKeySpec,
    at: &str,
    old: &HashMap<&str, &str>,
    planner: &Planner<'_>,
    found: &mut Vec<Violation>,
) {
    let Some(secret) = &key.secret else {
        found.push(
            Violation::new(at, code::MISSING, "`secret` is missing: a new key needs one")
                .hint("seal it with the key of GET /api/encryption-key"),
        );
        return;
    };
    let Some(envelope) = &secret.sealed else {
        if old.get(key.name.as_str()) != Some(&secret.fingerprint.as_str()) {
            let message = "`sealed` is missing: the secret is not the one that is there";
            found.push(Violation::new(format!("{at}/sealed"), code::MISSING, message));
        }
        return;
    };
    if let Err(error) = planner.gateway.sealing.check(envelope) {
        let part = if matches!(error, SealError::UnknownKey(_)) { "/keyId" } else { "" };
        found.push(
            Violation::new(format!("{at}/sealed{part}"), code::INVALID, error.to_string())
                .hint("seal it with the key of GET /api/encryption-key"),
        );
    }
}

fn put_keys(item: &Item<ProviderSpec>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
    let (now, old) = (planner.now, item.found.as_ref());
    let before: HashMap<&str, &ProviderKeySpec> =
        old.iter().flat_map(|found| &found.resource.spec.keys).map(|key| (key.name.as_str(), key)).collect();
    for key in &item.spec.keys {
        let id = planner.refs.key(&item.name, &key.name);
        let id = id.ok_or_else(|| ApiError::internal("a key was not registered"))?;
        let secret = key.secret.as_ref().ok_or_else(|| ApiError::internal("a key has no secret"))?;
        let was = before.get(key.name.as_str()).copied();
        let same = was.and_then(|key| key.secret.as_ref()).is_some_and(|old| old.fingerprint == secret.fingerprint);
        // The same secret sealed anew is no change; it stays as it is.
        let sealed = secret.sealed.as_ref().filter(|_| !same);
        if same && was.is_some_and(|was| was.revoked == key.revoked) {
            continue;
        }
        let mut columns =
            provider_api_key::ActiveModel { revoked: Set(key.revoked), updated_at: Set(now), ..Default::default() };
        if let Some(sealed) = sealed {
            columns.sealed = Set(sealed.clone());
            columns.preview = Set(secret.preview.clone());
            columns.fingerprint = Set(secret.fingerprint.clone());
        }
        let rows = &mut planner.batch.provider_keys;
        if was.is_some() {
            rows.changed.push((id, columns));
        } else {
            columns.id = Set(ProviderKeyId(id));
            columns.provider_id = Set(ProviderId(item.id));
            columns.name = Set(key.name.clone());
            columns.created_at = Set(now);
            rows.new.push(columns);
        }
    }
    remove_keys(item, planner);
    Ok(())
}

fn remove_keys(item: &Item<ProviderSpec>, planner: &mut Planner<'_>) {
    let stays: HashSet<&str> = item.spec.keys.iter().map(|key| key.name.as_str()).collect();
    let children = item.found.iter().flat_map(|found| &found.children);
    for (name, id) in children.filter(|(name, _)| !stays.contains(name.as_str())) {
        planner.batch.provider_keys.gone.push(*id);
        let (provider, name) = (item.name.clone(), name.clone());
        planner.removed_keys.push(RemovedKey { place: item.place, provider, name, id: *id });
    }
}
