//! Resources as tables.

use std::collections::{BTreeMap, BTreeSet};

use entity::Timestamp;
use entity::envelope::Secret;
use entity::health::BreakerStatus;
use entity::pricing::{ClassPrices, LongPromptPrices, Pricing, ToolPrices, UnitPrice};
use entity::resource::{
    ApiKey, ApiKeySpec, ApiKeyState, Model, ModelConfig, ModelSpec, ModelState, Organisation, OrganisationSpec,
    OrganisationState, PriceChange, Provider, ProviderConfig, ProviderKeySpec, ProviderSpec, ProviderState, Resource,
    Rotation, Team, TeamMember, TeamSpec, TeamState, User, UserSpec, UserState,
};
use entity::routing::{Hedge, Routing, RoutingCandidate, RoutingPolicy, RoutingSwitch};
use entity::vocab::{
    ApiKeyType, BreakerState, Capability, FailoverTrigger, ModelType, NativeFamily, OrganisationStatus, ProviderType,
    Role, RoutingStrategy, TeamRole, UserStatus,
};

use super::limits::PRICE;
use super::{at, id, or_dash, policies};
use crate::output::{Column, Show, instant, yes_no};

/// A resource with every common field set.
pub(super) fn resource<S, T>(spec: S, status: T) -> Resource<S, T> {
    Resource {
        id: id(),
        name: "example".into(),
        organisation: Some("acme".into()),
        revision: 1,
        labels: std::collections::BTreeMap::from([("env".into(), "prod".into())]),
        protect: true,
        created_at: at(),
        updated_at: at(),
        spec,
        status,
    }
}

pub(super) fn name<S, T>(r: &Resource<S, T>) -> String {
    r.name.clone()
}

pub(super) fn organisation<S, T>(r: &Resource<S, T>) -> String {
    or_dash(r.organisation.as_ref())
}

pub(super) fn created<S, T>(r: &Resource<S, T>) -> String {
    instant(r.created_at)
}

pub(super) fn revision<S, T>(r: &Resource<S, T>) -> String {
    r.revision.to_string()
}

pub(super) fn ident<S, T>(r: &Resource<S, T>) -> String {
    r.id.to_string()
}

/// How a provider's models have been doing: those that rest, or fail at times.
fn health(breakers: &[BreakerStatus]) -> String {
    let one = |breaker: &BreakerStatus| match (breaker.state, breaker.resting_until) {
        (BreakerState::Closed, _) => format!("{} {} failed", breaker.model, breaker.failures),
        (_, Some(until)) => format!("{} rests until {}", breaker.model, instant(until)),
        (_, None) => format!("{} is probed", breaker.model),
    };
    if breakers.is_empty() { "ok".to_owned() } else { breakers.iter().map(one).collect::<Vec<_>>().join(", ") }
}

fn breaker() -> BreakerStatus {
    BreakerStatus {
        provider: "openai".into(),
        model: "support-fast".into(),
        state: BreakerState::Open,
        failures: 5,
        resting_until: Some(at()),
        last_error: Some("5xx".into()),
    }
}

fn routing() -> Routing {
    let policy = RoutingPolicy {
        strategy: RoutingStrategy::Priority,
        candidates: vec![RoutingCandidate { model_name: "support-fast".into(), priority: 1 }],
        native_fallback: BTreeMap::from([(NativeFamily::OpenAi, vec!["support-fast".to_owned()])]),
        failover_on: BTreeSet::from([FailoverTrigger::ServerError]),
        max_retries: 1,
        retry_delay_ms: 1,
        hedge: Some(Hedge { percentile: 95, min_delay_ms: 50 }),
    };
    Routing(BTreeMap::from([(ModelType::Chat, policy)]))
}

impl Show for Organisation {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("DISPLAY NAME", "spec.displayName", |o| or_dash(o.spec.display_name.as_ref())),
                Column::new("STATUS", "spec.status", |o| o.spec.status.to_string()),
                Column::wide("CONTACT", "spec.contact", |o| or_dash(o.spec.contact.as_ref())),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = OrganisationSpec {
            display_name: Some("Acme".into()),
            contact: Some("ops@acme.example".into()),
            status: OrganisationStatus::Active,
            policies: policies(),
            routing: RoutingSwitch { enabled: true },
        };
        resource(spec, OrganisationState {})
    }

    fn handle(&self) -> String {
        format!("organisation/{}", self.name)
    }
}

impl Show for User {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("ROLE", "spec.role", |u| u.spec.role.to_string()),
                Column::new("STATUS", "spec.status", |u| u.spec.status.to_string()),
                Column::wide("DISPLAY NAME", "spec.displayName", |u| or_dash(u.spec.display_name.as_ref())),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::new("LAST SIGN-IN", "status.lastSignInAt", |u| or_dash(u.status.last_sign_in_at.map(instant))),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = UserSpec { display_name: Some("Ada".into()), role: Role::User, status: UserStatus::Active };
        resource(spec, UserState { last_sign_in_at: Some(at()) })
    }

    fn handle(&self) -> String {
        format!("user/{}", self.name)
    }
}

impl Show for Team {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("MEMBERS", "", |t| t.spec.members.len().to_string()),
                Column::new("KEYS", "status.keys", |t| t.status.keys.to_string()),
                Column::wide("DESCRIPTION", "spec.description", |t| or_dash(t.spec.description.as_ref())),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let member = TeamMember { user: "ada@acme.example".into(), role: TeamRole::Member };
        let spec = TeamSpec { description: Some("Search".into()), members: vec![member], policies: policies() };
        resource(spec, TeamState { slug: "search".into(), keys: 1 })
    }

    fn handle(&self) -> String {
        format!("team/{}", self.name)
    }
}

impl Show for Provider {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("TYPE", "spec.type", |p| p.spec.r#type.to_string()),
                Column::new("ENABLED", "spec.enabled", |p| yes_no(p.spec.enabled)),
                Column::new("KEYS", "", |p| {
                    let usable = p.spec.keys.iter().filter(|key| !key.revoked).count();
                    if usable == p.spec.keys.len() {
                        usable.to_string()
                    } else {
                        format!("{usable} of {}", p.spec.keys.len())
                    }
                }),
                Column::new("MODELS", "status.models", |p| p.status.models.to_string()),
                Column::wide("HEALTH", "status.breakers", |p| health(&p.status.breakers)),
                Column::wide("BASE URL", "spec.baseUrl", |p| or_dash(p.spec.base_url.as_ref())),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let secret = Secret { preview: "sk-p…9f3a".into(), fingerprint: "00".into(), sealed: None };
        let spec = ProviderSpec {
            r#type: ProviderType::OpenAi,
            base_url: Some("https://api.openai.com".into()),
            timeout_ms: Some(60_000),
            config: ProviderConfig {
                api_version: Some("2024-10-21".into()),
                connect_timeout_ms: Some(5_000),
                first_byte_timeout_ms: Some(30_000),
                idle_timeout_ms: Some(30_000),
            },
            enabled: true,
            keys: vec![ProviderKeySpec { name: "primary".into(), secret: Some(secret), revoked: false }],
        };
        resource(spec, ProviderState { models: 1, breakers: vec![breaker()] })
    }

    fn handle(&self) -> String {
        format!("provider/{}", self.name)
    }
}

/// A price list with every field set.
pub(super) fn example_pricing() -> Pricing {
    let price = Some(PRICE);
    let prices = ClassPrices {
        text_cost_per_1k_tokens: price,
        image_cost_per_1k_tokens: price,
        audio_cost_per_1k_tokens: price,
        video_cost_per_1k_tokens: price,
        reasoning_cost_per_1k_tokens: price,
    };
    let long_prompt = LongPromptPrices {
        above_input_tokens: 200_000,
        input: prices.clone(),
        output: prices.clone(),
        cached_input_discount_percent: Some(50),
        cache_write_cost_per_1k_tokens: price,
    };
    Pricing {
        long_prompt: Some(long_prompt),
        input: prices.clone(),
        output: prices,
        cached_input_discount_percent: Some(50),
        cache_write_cost_per_1k_tokens: price,
        tool: ToolPrices {
            definition_cost_per_1k_tokens: price,
            input_cost_per_1k_tokens: price,
            output_cost_per_1k_tokens: price,
        },
        embeddings_cost_per_1k_tokens: price,
        unit: Some(UnitPrice { label: "page".into(), cost_per_1k_units: PRICE }),
    }
}

/// Words in one cell.
pub(super) fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

impl Show for Model {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("TYPE", "spec.type", |m| m.spec.r#type.to_string()),
                Column::new("PROVIDER", "spec.provider", |m| m.spec.provider.clone()),
                Column::new("SLUG", "spec.slug", |m| m.spec.slug.clone().unwrap_or_else(|| m.name.clone())),
                Column::new("INPUT $/1K", "spec.pricing.input.text_cost_per_1k_tokens", |m| {
                    or_dash(m.spec.pricing.as_ref().and_then(|p| p.input.text_cost_per_1k_tokens))
                }),
                Column::new("OUTPUT $/1K", "spec.pricing.output.text_cost_per_1k_tokens", |m| {
                    or_dash(m.spec.pricing.as_ref().and_then(|p| p.output.text_cost_per_1k_tokens))
                }),
                Column::new("KEYS", "status.keys", |m| m.status.keys.to_string()),
                Column::wide("PROVIDER KEY", "spec.providerKey", |m| or_dash(m.spec.provider_key.as_ref())),
                Column::wide("CAPABILITIES", "spec.capabilities", |m| {
                    joined(m.spec.capabilities.iter().map(|c| c.as_str()))
                }),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let pricing = example_pricing();
        let spec = ModelSpec {
            r#type: ModelType::Chat,
            slug: Some("gpt-4.1-mini".into()),
            provider: "openai".into(),
            provider_key: Some("primary".into()),
            capabilities: BTreeSet::from([Capability::ToolUse]),
            config: ModelConfig { context_window: Some(128_000), max_output_tokens: Some(4_096) },
            price_changes: vec![PriceChange { from: at(), pricing: pricing.clone() }],
            pricing: Some(pricing),
            policies: policies(),
        };
        resource(spec, ModelState { keys: 1 })
    }

    fn handle(&self) -> String {
        format!("model/{}", self.name)
    }
}

/// What a key is good for right now, in one word.
pub(super) fn key_state(key: &ApiKey) -> String {
    let expired = key.spec.expiry.is_some_and(|expiry| expiry <= Timestamp::now());
    match key.status.revoked_at {
        Some(_) => "revoked",
        None if expired => "expired",
        None if !key.status.revealed => "unrevealed",
        None => "active",
    }
    .to_owned()
}

impl Show for ApiKey {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("TYPE", "spec.type", |k| k.spec.r#type.to_string()),
                Column::new("OWNER", "", |k| or_dash(k.spec.team.as_ref().or(k.spec.user.as_ref()))),
                Column::new("STATE", "", key_state),
                Column::new("KEY", "status.preview", |k| k.status.preview.clone()),
                Column::new("MODELS", "spec.models", |k| match k.spec.models.len() {
                    0 => "none".to_owned(),
                    1..=3 => k.spec.models.iter().map(String::as_str).collect::<Vec<_>>().join(","),
                    many => format!("{many} models"),
                }),
                Column::new("EXPIRES", "spec.expiry", |k| k.spec.expiry.map_or_else(|| "never".to_owned(), instant)),
                Column::wide("ROTATIONS", "status.rotations", |k| k.status.rotations.to_string()),
                Column::wide("LAST USED", "status.lastUsedAt", |k| or_dash(k.status.last_used_at.map(instant))),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::new("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let spec = ApiKeySpec {
            r#type: ApiKeyType::Team,
            team: Some("search".into()),
            user: Some("ada@acme.example".into()),
            expiry: Some(at()),
            models: BTreeSet::from(["support-fast".to_owned()]),
            policies: policies(),
            routing: routing(),
        };
        let status = ApiKeyState {
            preview: "sk-odock-3kF…9Qz".into(),
            revealed: true,
            revoked_at: Some(at()),
            rotations: 0,
            previous_valid_until: Some(at()),
            pending_until: Some(at()),
            rotation_pending_until: None,
            last_used_at: Some(at()),
        };
        resource(spec, status)
    }

    fn handle(&self) -> String {
        format!("apikey/{}", self.name)
    }
}

impl Show for Rotation {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("AT", "at", |r| instant(r.at)),
                Column::new("BY", "by", |r| r.by.clone()),
                Column::new("REPLACED", "previousPreview", |r| r.previous_preview.clone()),
                Column::new("VALID UNTIL", "previousValidUntil", |r| instant(r.previous_valid_until)),
                Column::new("OLD EXPIRY", "previousExpiry", |r| or_dash(r.previous_expiry.map(instant))),
                Column::new("NEW EXPIRY", "newExpiry", |r| or_dash(r.new_expiry.map(instant))),
            ]
        }
    }

    fn example() -> Self {
        Self {
            at: at(),
            by: "ada@acme.example".into(),
            previous_preview: "sk-odock-3kF…9Qz".into(),
            previous_valid_until: at(),
            previous_expiry: Some(at()),
            new_expiry: Some(at()),
        }
    }

    fn handle(&self) -> String {
        format!("rotation/{}", self.at)
    }
}
