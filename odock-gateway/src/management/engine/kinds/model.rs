use entity::check::Violation;
use entity::plan::FieldChange;
use entity::policy::Policies;
use entity::resource::{Kind, ModelSpec};
use entity::row::PriceChanges;
use entity::row::model::{ActiveModel, Capabilities};
use entity::{ModelId, ProviderId, ProviderKeyId};
use sea_orm::ActiveValue::{NotSet, Set};

use crate::management::engine::plan::{Planned, Planner};
use crate::management::engine::prepare::Item;
use crate::management::engine::refs::Refs;
use crate::management::problem::ApiError;

impl Planned for ModelSpec {
    fn register(item: &Item<Self>, refs: &mut Refs) {
        refs.want(Kind::Provider, &item.spec.provider);
        refs.declare_type(&item.name, item.spec.r#type);
    }

    fn check(item: &Item<Self>, _: &[FieldChange], planner: &Planner<'_>, found: &mut Vec<Violation>) {
        planner.refs.check(Kind::Provider, &item.spec.provider, "/provider", found);
        if let Some(key) = &item.spec.provider_key {
            planner.refs.check_key(&item.spec.provider, key, found);
        }
    }

    fn put(item: &Item<Self>, planner: &mut Planner<'_>) -> Result<(), ApiError> {
        let (spec, now) = (item.spec.clone(), planner.now);
        let unresolved = || ApiError::internal("a model's provider was not resolved");
        let provider = planner.refs.id(Kind::Provider, &spec.provider).ok_or_else(unresolved)?;
        let key = match &spec.provider_key {
            Some(key) => Some(ProviderKeyId(planner.refs.key(&spec.provider, key).ok_or_else(unresolved)?)),
            None => None,
        };
        let columns = ActiveModel {
            id: NotSet,
            organisation_id: NotSet,
            name: NotSet,
            slug: Set(spec.slug),
            kind: Set(spec.r#type),
            capabilities: Set(Capabilities(spec.capabilities)),
            provider_id: Set(ProviderId(provider)),
            provider_key_id: Set(key),
            config: Set(spec.config),
            pricing: Set(spec.pricing),
            price_changes: Set(Some(spec.price_changes).filter(|changes| !changes.is_empty()).map(PriceChanges)),
            policies: Set(Some(spec.policies).filter(|policies| *policies != Policies::default())),
            revision: Set(item.next_revision()),
            created_at: NotSet,
            updated_at: Set(now),
        };
        match &item.found {
            Some(found) => planner.batch.models.changed.push((found.resource.id, columns)),
            None => {
                let organisation_id = Set(planner.organisation()?);
                planner.batch.models.new.push(ActiveModel {
                    id: Set(ModelId(item.id)),
                    organisation_id,
                    name: Set(item.name.clone()),
                    created_at: Set(now),
                    ..columns
                });
            }
        }
        Ok(())
    }

    fn consequences(item: &Item<Self>, _: &[FieldChange]) -> Vec<String> {
        match item.found.as_ref().map_or(0, |found| found.resource.status.keys) {
            0 => Vec::new(),
            1 => vec!["1 key may call this model".into()],
            keys => vec![format!("{keys} keys may call this model")],
        }
    }
}
