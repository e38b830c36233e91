//! What a gateway needs before it can be measured: an organisation, a provider with its credential, models with prices,
//! a virtual key that may call them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use entity::pricing::{ClassPrices, Pricing};
use entity::resource::{
    ApiKeySpec, Budget, CreateApiKey, Model, ModelSpec, Provider, ProviderKeySpec, ProviderSpec, Quota, Team,
};
use odock_client::http::OrganisationApi;
use odock_client::{Client, seal::Sealer};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::gateway::BOOTSTRAP_TOKEN;
use super::{HELD_MODEL, MESSAGES_MODEL, MODEL, UPSTREAM_KEY};

const ORGANISATION: &str = "acme";

/// Provisions a fresh gateway, and returns the secret of the virtual key.
pub(crate) async fn provision(gateway: SocketAddr, upstream: SocketAddr, governed: bool) -> anyhow::Result<String> {
    let url = Url::parse(&format!("http://{gateway}"))?;
    let client = Client::builder(url).timeout(Duration::from_secs(10)).build()?;
    let issued = client.sign_in(&BOOTSTRAP_TOKEN.into(), Some("benchmark")).await.context("cannot sign in")?;
    let client = client.with_token(issued.access_token.into());
    client
        .admin()
        .create_organisation(ORGANISATION, spec(json!({"policies": policies(governed, Scope::Organisation)}))?)
        .await
        .context("cannot create the organisation")?;
    let acme = client.organisation(ORGANISATION);
    let sealer = Sealer::new(&client.encryption_key().await?)?;
    let address = format!("http://{upstream}");
    for (name, kind, base) in [("upstream", "CUSTOM", address.clone()), ("claude", "ANTHROPIC", address + "/anthropic")]
    {
        provider(&acme, &sealer, name, kind, &base).await.context("cannot create the provider")?;
    }
    for (model, provider) in [(MODEL, "upstream"), (HELD_MODEL, "upstream"), (MESSAGES_MODEL, "claude")] {
        acme.create::<Model>(model, model_spec(provider, governed)?)
            .await
            .with_context(|| format!("cannot create the model {model}"))?;
    }
    if governed {
        acme.create::<Team>("team", spec(json!({"policies": limits(Scope::Team)}))?).await?;
    }
    let key = virtual_key(&acme, governed).await.context("cannot create the virtual key")?;
    if governed {
        limits_of_money(&acme).await.context("cannot create the budgets")?;
    }
    Ok(key)
}

/// What each of the five scopes limits. Nobody ever reaches it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    Global,
    Organisation,
    Team,
    Key,
    Model,
}

/// The limits of a scope: at each, what is usually limited there.
pub(crate) fn limits(scope: Scope) -> serde_json::Value {
    let (requests, tokens) = (json!({"per_minute": 900_000_000}), json!({"per_minute": 900_000_000_000_u64}));
    json!({"ratelimit": match scope {
        Scope::Global => json!({"requests": {"per_second": 900_000_000}}),
        Scope::Organisation => json!({"requests": requests, "tokens": tokens}),
        Scope::Team => json!({"requests": requests}),
        Scope::Key => json!({"requests": requests, "tokens": tokens, "concurrency": {"max": 1_000_000}}),
        Scope::Model => json!({"tokens": tokens}),
    }})
}

fn policies(governed: bool, scope: Scope) -> serde_json::Value {
    if governed { limits(scope) } else { json!({}) }
}

/// Two hard budgets on the same spending, and a quota.
async fn limits_of_money(acme: &OrganisationApi) -> anyhow::Result<()> {
    for (name, owner) in [("organisation", json!({"type": "ORG"})), ("team", json!({"type": "TEAM", "name": "team"}))] {
        let budget = json!({"owner": owner, "period": "MONTHLY", "amountUsd": "100000", "enforcement": "hard"});
        acme.create::<Budget>(name, spec(budget)?).await?;
    }
    let quota = json!({"owner": {"type": "APIKEY", "name": "benchmark"}, "metric": "REQUESTS", "limit": 1_000_000_000, "period": "MONTHLY"});
    acme.create::<Quota>("requests", spec(quota)?).await?;
    Ok(())
}

async fn provider(acme: &OrganisationApi, sealer: &Sealer, name: &str, kind: &str, base: &str) -> anyhow::Result<()> {
    let key =
        ProviderKeySpec { name: "main".to_owned(), secret: Some(sealer.seal(&UPSTREAM_KEY.into())?), revoked: false };
    let declared = spec(json!({"type": kind, "baseUrl": base}))?;
    acme.create::<Provider>(name, ProviderSpec { keys: vec![key], ..declared }).await?;
    Ok(())
}

fn model_spec(provider: &str, governed: bool) -> anyhow::Result<ModelSpec> {
    let price = |text: &str| -> anyhow::Result<ClassPrices> {
        Ok(ClassPrices { text_cost_per_1k_tokens: Some(text.parse()?), ..ClassPrices::default() })
    };
    let pricing = Pricing { input: price("0.00015")?, output: price("0.0006")?, ..Pricing::default() };
    Ok(ModelSpec {
        pricing: Some(pricing),
        ..spec(json!({"provider": provider, "policies": policies(governed, Scope::Model)}))?
    })
}

async fn virtual_key(acme: &OrganisationApi, governed: bool) -> anyhow::Result<String> {
    let models = BTreeSet::from([MODEL, HELD_MODEL, MESSAGES_MODEL].map(str::to_owned));
    let owner = if governed {
        json!({"type": "TEAM", "team": "team", "policies": limits(Scope::Key)})
    } else {
        json!({"type": "ORGANISATION"})
    };
    let declared = ApiKeySpec { models, ..spec(owner)? };
    let key = CreateApiKey { name: "benchmark".to_owned(), spec: declared, reveal: true, pending: false };
    acme.apikeys().create(&key).await?.secret.context("the gateway did not show the key's secret")
}

/// A spec that is as written here, and by default where nothing is written.
fn spec<S: DeserializeOwned>(fields: serde_json::Value) -> anyhow::Result<S> {
    Ok(serde_json::from_value(fields)?)
}
