//! A model with everything that calling it takes, worked out once.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use entity::pricing::{Bill, Pricing};
use entity::resource::{ModelConfig, PriceChange, ProviderConfig};
use entity::usage::TokenUsage;
use entity::vocab::{Capability, ModelType, ProviderType};
use entity::{ModelId, OrganisationId, ProviderId, ProviderKeyId, Timestamp};
use http::Uri;

use super::upstream;
use crate::config::Config;
use crate::limits::Scope;
use crate::providers::Address;
use crate::providers::operation::{Operation, Place};
use crate::routing::Breaker;
use crate::store::targets::ModelRows;

/// A model, the upstream that serves it, and its price.
#[derive(Debug)]
pub struct Target {
    /// The tenant.
    pub organisation_id: OrganisationId,
    /// The model.
    pub model_id: ModelId,
    /// The name by which callers ask for it.
    pub model: String,
    /// What it is for.
    pub model_type: ModelType,
    /// What it can do besides.
    pub capabilities: BTreeSet<Capability>,
    /// What the upstream calls it.
    pub slug: String,
    /// What it costs, if that is known.
    pub pricing: Option<Pricing>,
    /// Price lists that replace it, by the instant at which they begin to apply.
    pub price_changes: Vec<PriceChange>,
    /// Its limits.
    pub config: ModelConfig,
    /// What its own policies allow, if they limit anything.
    pub scope: Option<Scope>,
    /// The model's revision, which names the version of its prices.
    pub price_version: i64,
    /// When the model was created.
    pub created_at: Timestamp,
    /// The provider.
    pub provider_id: ProviderId,
    /// The provider's name.
    pub provider: String,
    /// The provider's type.
    pub provider_type: ProviderType,
    /// Whether the provider is switched on.
    pub enabled: bool,
    /// Where the provider is.
    pub address: Result<Address, Problem>,
    /// The provider's settings.
    pub provider_config: ProviderConfig,
    endpoints: Endpoints,
    /// How the upstream has been doing: looked up when it is first needed.
    pub(crate) breaker: OnceLock<Arc<Breaker>>,
    /// The credential to send.
    pub key: Result<KeyRef, Problem>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the first byte may take.
    pub first_byte_timeout: Duration,
    /// How long a unary call may take in all.
    pub total_timeout: Duration,
    /// How long a stream may be silent.
    pub idle_timeout: Duration,
}

/// Which credential a call carries.
#[derive(Clone, Debug)]
pub enum KeyRef {
    /// The provider's own, sealed.
    Sealed(ProviderKeyId, Box<entity::envelope::Envelope>),
    /// The one of the configuration.
    Configured(secrecy::SecretString),
    /// None: servers of one's own often want none.
    None,
}

/// Why a model cannot be called as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The provider has no address, or a forbidden one.
    NotConfigured,
    /// The provider's address is refused.
    AddressRefused,
    /// The provider has no credential.
    NoKey,
    /// The credential was revoked.
    KeyRevoked,
}

impl Target {
    pub(super) fn new(config: &Config, rows: ModelRows) -> Self {
        let ModelRows { model, provider, key, scope } = rows;
        let mut price_changes = model.price_changes.unwrap_or_default().0;
        price_changes.sort_by_key(|change| change.from);
        let slug = model.slug.unwrap_or_else(|| model.name.clone());
        let address = upstream::address(config, &provider);
        let key = upstream::key(config, provider.kind, key);
        let connect_timeout = upstream::connect_timeout(config, &provider);
        let total_timeout = upstream::total_timeout(config, &provider);
        let ms = |ms: Option<u32>, default| ms.map_or(default, |ms| Duration::from_millis(ms.into()));
        Self {
            organisation_id: model.organisation_id,
            model_id: model.id,
            model: model.name,
            model_type: model.kind,
            capabilities: model.capabilities.0,
            slug,
            pricing: model.pricing,
            price_changes,
            config: model.config,
            scope,
            price_version: model.revision,
            created_at: model.created_at,
            provider_id: provider.id,
            provider: provider.name,
            provider_type: provider.kind,
            enabled: provider.enabled,
            address,
            endpoints: Endpoints::default(),
            breaker: OnceLock::new(),
            key,
            connect_timeout,
            first_byte_timeout: ms(provider.config.first_byte_timeout_ms, config.upstream.first_byte_timeout),
            total_timeout,
            idle_timeout: ms(provider.config.idle_timeout_ms, config.upstream.stream_idle_timeout),
            provider_config: provider.config,
        }
    }

    /// The price list that applies at `at`, and since when if it replaced another.
    #[must_use]
    pub fn prices(&self, at: Timestamp) -> Option<(&Pricing, Option<Timestamp>)> {
        match self.price_changes.iter().rev().find(|change| change.from <= at) {
            Some(change) => Some((&change.pricing, Some(change.from))),
            None => self.pricing.as_ref().map(|pricing| (pricing, None)),
        }
    }

    /// The bill for what a request that arrived at `at` has consumed; `None` without a price.
    #[must_use]
    pub fn bill(&self, tokens: &TokenUsage, at: Timestamp) -> Option<Bill> {
        let (pricing, from) = self.prices(at)?;
        let mut bill = pricing.bill(tokens, self.price_version);
        bill.prices_from = from;
        Some(bill)
    }

    /// The upstream as wire formats know it.
    ///
    /// # Errors
    /// When the provider has no address that may be called.
    pub fn place(&self) -> Result<Place<'_>, Problem> {
        Ok(Place {
            name: &self.provider,
            model: &self.model,
            provider: self.provider_type,
            address: self.address.as_ref().map_err(|problem| *problem)?,
            config: &self.provider_config,
            slug: &self.slug,
            max_output: self.config.max_output_tokens.map(u64::from),
        })
    }

    /// Where a kind of call goes.
    ///
    /// # Errors
    /// When the provider has no address that may be called, or none for such a call.
    pub fn uri(&self, operation: &dyn Operation, stream: bool) -> Result<Uri, Problem> {
        let place = self.place()?;
        self.endpoints.find(operation, stream, || operation.uri(&place, stream)).ok_or(Problem::NotConfigured)
    }
}

/// Where kinds of calls go at an upstream, each worked out when it is first needed.
#[derive(Debug, Default)]
struct Endpoints(RwLock<Vec<Endpoint>>);

#[derive(Debug)]
struct Endpoint {
    operation: &'static str,
    stream: bool,
    uri: Option<Uri>,
}

impl Endpoints {
    fn find(&self, operation: &dyn Operation, stream: bool, make: impl FnOnce() -> Option<Uri>) -> Option<Uri> {
        let operation = operation.name();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter().find(|known| known.operation == operation && known.stream == stream) {
            return known.uri.clone();
        }
        drop(known);
        let uri = make();
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Endpoint { operation, stream, uri: uri.clone() });
        uri
    }
}
