//! Rows that tests need, written straight into the database.

use entity::envelope::Envelope;
use entity::policy::Policies;
use entity::pricing::Pricing;
use entity::resource::{ModelConfig, ProviderConfig};
use entity::routing::{Routing, RoutingSwitch};
use entity::row::{
    SecretHash, Thresholds, api_key, api_key_model_access, budget, model, organisation, provider, provider_api_key,
    quota,
};
use entity::vocab::{ApiKeyType, Enforcement, Metric, ModelType, OrganisationStatus, OwnerType, Period, ProviderType};
use entity::{
    ApiKeyId, BudgetId, GrantId, ModelId, Money, OrganisationId, ProviderId, ProviderKeyId, QuotaId, Timestamp,
};
use odock_gateway::credential::{self, CredentialKind};
use odock_gateway::gateway::Gateway;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use secrecy::ExposeSecret;

/// The provider key that tests seal.
pub(crate) const PROVIDER_SECRET: &str = "sk-provider-secret-0123456789";

/// An organisation with one provider, one key, and models.
pub(crate) struct Fleet {
    pub(crate) gateway: Gateway,
    pub(crate) organisation: OrganisationId,
    pub(crate) provider: ProviderId,
    pub(crate) key: ApiKeyId,
    pub(crate) secret: String,
}

/// A model to add.
pub(crate) struct NewModel<'a> {
    pub(crate) name: &'a str,
    pub(crate) slug: Option<&'a str>,
    pub(crate) granted: bool,
    pub(crate) pricing: Option<Pricing>,
    /// Another provider than the first.
    pub(crate) provider: Option<ProviderId>,
    pub(crate) policies: Option<Policies>,
    pub(crate) kind: ModelType,
}

impl<'a> NewModel<'a> {
    pub(crate) fn named(name: &'a str) -> Self {
        let kind = ModelType::Chat;
        Self { name, slug: None, granted: true, pricing: None, provider: None, policies: None, kind }
    }
}

impl Fleet {
    pub(crate) async fn new(gateway: &Gateway, kind: ProviderType, base_url: Option<String>) -> Self {
        let (db, now) = (gateway.database.writer(), Timestamp::now());
        let organisation = OrganisationId::new();
        let row = organisation::Model {
            id: organisation,
            slug: "acme".into(),
            display_name: None,
            contact: None,
            status: OrganisationStatus::Active,
            policies: None,
            routing: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        row.into_active_model().insert(db).await.unwrap();
        let provider = ProviderId::new();
        let row = provider::Model {
            id: provider,
            organisation_id: organisation,
            name: "upstream".into(),
            kind,
            base_url,
            timeout_ms: None,
            config: ProviderConfig::default(),
            enabled: true,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        row.into_active_model().insert(db).await.unwrap();
        let sealed: Envelope = gateway.sealing.seal(&PROVIDER_SECRET.to_owned().into()).unwrap();
        let row = provider_api_key::Model {
            id: ProviderKeyId::new(),
            provider_id: provider,
            name: "primary".into(),
            sealed,
            preview: "sk-p…6789".into(),
            fingerprint: "f".into(),
            revoked: false,
            created_at: now,
            updated_at: now,
        };
        row.into_active_model().insert(db).await.unwrap();
        let secret = credential::generate(CredentialKind::VirtualKey).unwrap().expose_secret().to_owned();
        let key = ApiKeyId::new();
        let row = api_key::Model {
            id: key,
            organisation_id: organisation,
            team_id: None,
            user_id: None,
            name: "ci".into(),
            kind: ApiKeyType::Organisation,
            secret_hash: credential::hash(&secret),
            sealed_secret: None,
            preview: credential::preview(&secret),
            expires_at: None,
            revealed: true,
            revoked_at: None,
            rotations: 0,
            previous_hash: None::<SecretHash>,
            previous_valid_until: None,
            pending_until: None,
            next_hash: None,
            next_preview: None,
            next_overlap_seconds: None,
            next_expiry: None,
            policies: None,
            routing: None,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        row.into_active_model().insert(db).await.unwrap();
        Self { gateway: gateway.clone(), organisation, provider, key, secret }
    }

    /// Another key of the organisation, which may call what the first may; its secret.
    pub(crate) async fn another_key(&self) -> String {
        let (db, now) = (self.gateway.database.writer(), Timestamp::now());
        let secret = credential::generate(CredentialKind::VirtualKey).unwrap().expose_secret().to_owned();
        let first = api_key::Entity::find_by_id(self.key).one(db).await.unwrap().unwrap();
        let id = ApiKeyId::new();
        let (secret_hash, preview) = (credential::hash(&secret), credential::preview(&secret));
        let key = api_key::Model { id, name: "second".into(), secret_hash, preview, ..first };
        key.into_active_model().insert(db).await.unwrap();
        let mine = api_key_model_access::Column::ApiKeyId.eq(self.key);
        for grant in api_key_model_access::Entity::find().filter(mine).all(db).await.unwrap() {
            let grant = api_key_model_access::Model { id: GrantId::new(), api_key_id: id, updated_at: now, ..grant };
            grant.into_active_model().insert(db).await.unwrap();
        }
        secret
    }

    pub(crate) async fn model(&self, new: NewModel<'_>) -> ModelId {
        let (db, now) = (self.gateway.database.writer(), Timestamp::now());
        let id = ModelId::new();
        let row = model::Model {
            id,
            organisation_id: self.organisation,
            name: new.name.into(),
            slug: new.slug.map(Into::into),
            kind: new.kind,
            capabilities: model::Capabilities::default(),
            provider_id: new.provider.unwrap_or(self.provider),
            provider_key_id: None,
            config: ModelConfig::default(),
            pricing: new.pricing,
            price_changes: None,
            policies: new.policies,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        row.into_active_model().insert(db).await.unwrap();
        if new.granted {
            let row = api_key_model_access::Model {
                id: GrantId::new(),
                api_key_id: self.key,
                model_id: id,
                created_at: now,
                updated_at: now,
            };
            row.into_active_model().insert(db).await.unwrap();
        }
        id
    }

    /// Another provider of the same type, with a key of its own.
    pub(crate) async fn another_provider(&self, name: &str, base_url: String) -> ProviderId {
        let first = provider::Entity::find_by_id(self.provider).one(self.gateway.database.reader()).await.unwrap();
        self.provider_of(name, first.unwrap().kind, base_url).await
    }

    /// Another provider, with a key of its own.
    pub(crate) async fn provider_of(&self, name: &str, kind: ProviderType, base_url: String) -> ProviderId {
        let (db, now) = (self.gateway.database.writer(), Timestamp::now());
        let first = provider::Entity::find_by_id(self.provider).one(db).await.unwrap().unwrap();
        let id = ProviderId::new();
        let row = provider::Model { id, name: name.into(), kind, base_url: Some(base_url), ..first };
        row.into_active_model().insert(db).await.unwrap();
        let its = provider_api_key::Column::ProviderId.eq(self.provider);
        let key = provider_api_key::Entity::find().filter(its).one(db).await.unwrap().unwrap();
        let key = provider_api_key::Model { id: ProviderKeyId::new(), provider_id: id, updated_at: now, ..key };
        key.into_active_model().insert(db).await.unwrap();
        id
    }

    /// Switches routing on, and gives the key these policies.
    pub(crate) async fn route(&self, routing: serde_json::Value) {
        let on = organisation::ActiveModel {
            id: Set(self.organisation),
            routing: Set(Some(RoutingSwitch { enabled: true })),
            ..Default::default()
        };
        on.update(self.gateway.database.writer()).await.unwrap();
        let routing: Routing = serde_json::from_value(routing).unwrap();
        self.change_key(api_key::ActiveModel { routing: Set(Some(routing)), ..Default::default() }).await;
        self.gateway.invalidate(&[self.organisation.0]).await;
    }

    /// A budget on everything in the organisation, in USD a month.
    pub(crate) async fn budget(&self, name: &str, usd: &str, enforcement: Enforcement) -> BudgetId {
        let (db, now) = (self.gateway.database.writer(), Timestamp::now());
        let row = budget::Model {
            id: BudgetId::new(),
            organisation_id: self.organisation,
            name: name.into(),
            owner_type: OwnerType::Org,
            owner_id: self.organisation.0,
            period: Period::Monthly,
            starts_at: None,
            ends_at: None,
            timezone: "UTC".into(),
            currency: "USD".into(),
            amount_nanos: usd.parse::<Money>().unwrap().nanos(),
            rollover: false,
            thresholds: Thresholds([50, 100].into()),
            enforcement,
            active: true,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        let id = row.id;
        row.into_active_model().insert(db).await.unwrap();
        self.gateway.invalidate(&[self.organisation.0]).await;
        id
    }

    /// A quota on the key, a month.
    pub(crate) async fn quota(&self, name: &str, metric: Metric, limit: i64) -> QuotaId {
        let (db, now) = (self.gateway.database.writer(), Timestamp::now());
        let row = quota::Model {
            id: QuotaId::new(),
            organisation_id: self.organisation,
            name: name.into(),
            owner_type: OwnerType::ApiKey,
            owner_id: self.key.0,
            metric,
            limit_value: limit,
            period: Period::Monthly,
            starts_at: None,
            ends_at: None,
            timezone: "UTC".into(),
            rollover: false,
            thresholds: Thresholds::default(),
            active: true,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        let id = row.id;
        row.into_active_model().insert(db).await.unwrap();
        self.gateway.invalidate(&[self.key.0]).await;
        id
    }

    /// Changes the key's row and tells every node.
    pub(crate) async fn change_key(&self, change: api_key::ActiveModel) {
        let change = api_key::ActiveModel { id: Set(self.key), ..change };
        change.update(self.gateway.database.writer()).await.unwrap();
        self.gateway.invalidate(&[self.key.0]).await;
    }

    /// Changes the provider's row and tells every node.
    pub(crate) async fn change_provider(&self, change: provider::ActiveModel) {
        let change = provider::ActiveModel { id: Set(self.provider), ..change };
        change.update(self.gateway.database.writer()).await.unwrap();
        self.gateway.invalidate(&[self.provider.0]).await;
    }
}
