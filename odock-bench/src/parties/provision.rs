//! What a gateway needs before it can be measured: an organisation, a provider with its credential, models with prices,
//! a virtual key that may call them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use entity::pricing::{ClassPrices, Pricing};
use entity::resource::{ApiKeySpec, CreateApiKey, Model, ModelSpec, Provider, ProviderKeySpec, ProviderSpec};
use odock_client::http::OrganisationApi;
use odock_client::{Client, seal::Sealer};
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::gateway::BOOTSTRAP_TOKEN;
use super::{HELD_MODEL, MODEL, UPSTREAM_KEY};

const ORGANISATION: &str = "acme";

/// Provisions a fresh gateway, and returns the secret of the virtual key.
pub(crate) async fn provision(gateway: SocketAddr, upstream: SocketAddr) -> anyhow::Result<String> {
    let url = Url::parse(&format!("http://{gateway}"))?;
    let client = Client::builder(url).timeout(Duration::from_secs(10)).build()?;
    let issued = client.sign_in(&BOOTSTRAP_TOKEN.into(), Some("benchmark")).await.context("cannot sign in")?;
    let client = client.with_token(issued.secret.into());
    client
        .admin()
        .create_organisation(ORGANISATION, spec(json!({}))?)
        .await
        .context("cannot create the organisation")?;
    let acme = client.organisation(ORGANISATION);
    let sealer = Sealer::new(&client.encryption_key().await?)?;
    provider(&acme, &sealer, upstream).await.context("cannot create the provider")?;
    for model in [MODEL, HELD_MODEL] {
        acme.create::<Model>(model, model_spec()?).await.with_context(|| format!("cannot create the model {model}"))?;
    }
    virtual_key(&acme).await.context("cannot create the virtual key")
}

async fn provider(acme: &OrganisationApi, sealer: &Sealer, upstream: SocketAddr) -> anyhow::Result<()> {
    let key =
        ProviderKeySpec { name: "main".to_owned(), secret: Some(sealer.seal(&UPSTREAM_KEY.into())?), revoked: false };
    let declared = spec(json!({"type": "CUSTOM", "baseUrl": format!("http://{upstream}")}))?;
    acme.create::<Provider>("upstream", ProviderSpec { keys: vec![key], ..declared }).await?;
    Ok(())
}

fn model_spec() -> anyhow::Result<ModelSpec> {
    let price = |text: &str| -> anyhow::Result<ClassPrices> {
        Ok(ClassPrices { text_cost_per_1k_tokens: Some(text.parse()?), ..ClassPrices::default() })
    };
    let pricing = Pricing { input: price("0.00015")?, output: price("0.0006")?, ..Pricing::default() };
    Ok(ModelSpec { pricing: Some(pricing), ..spec(json!({"provider": "upstream"}))? })
}

async fn virtual_key(acme: &OrganisationApi) -> anyhow::Result<String> {
    let models = BTreeSet::from([MODEL.to_owned(), HELD_MODEL.to_owned()]);
    let declared = ApiKeySpec { models, ..spec(json!({"type": "ORGANISATION"}))? };
    let key = CreateApiKey { name: "benchmark".to_owned(), spec: declared, reveal: true };
    acme.apikeys().create(&key).await?.secret.context("the gateway did not show the key's secret")
}

/// A spec that is as written here, and by default where nothing is written.
fn spec<S: DeserializeOwned>(fields: serde_json::Value) -> anyhow::Result<S> {
    Ok(serde_json::from_value(fields)?)
}
