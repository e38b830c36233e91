//! The sample organisation.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use odock_client::Client;
use odock_client::credential::MemoryStore;
use odock_client::manifest::{Diagnostic, Options, Secrets, Source, load};
use odock_client::seal::Sealer;
use secrecy::SecretString;

/// What the simulated provider answers.
pub(super) const ANSWER: &str = "Hello! I am a simulated model, but your request went the whole way: your key was checked, \
    the model was found, the answer was metered as it passed, and a usage record with its cost was left behind.";

/// The same file that the documentation applies to a real provider.
const QUICKSTART: &str = include_str!("../../../examples/configs/quickstart.yaml");

/// The virtual keys that the demo calls with.
pub(super) struct Keys {
    pub(super) ci: SecretString,
    pub(super) playground: SecretString,
    pub(super) laptop: SecretString,
}

/// Applies the sample organisation, whose provider is `upstream`.
pub(super) async fn apply(client: &Client, upstream: &str) -> anyhow::Result<()> {
    let upstream = upstream.to_owned();
    let env = move |name: &str| match name {
        "ODOCK_DEMO_UPSTREAM" => Some(upstream.clone()),
        "ODOCK_OPENAI_KEY" => Some("sk-simulated-provider-key".to_owned()),
        _ => None,
    };
    let source = Source::Text { name: "quickstart.yaml".into(), text: QUICKSTART.into() };
    let mut set = load(&[source], &env, &Options::default()).map_err(|found| complain(&found))?;
    let sealer = Sealer::new(&client.encryption_key().await?)?;
    let secrets = Secrets { env: &env, store: Arc::new(MemoryStore::default()), allow_exec: false };
    set.resolve(&sealer, &secrets).await.map_err(|found| complain(&found))?;
    for batch in set.batches().map_err(|found| complain(&found))? {
        client.organisation(&batch.organisation).apply(&set.request(&batch), false).await?;
    }
    Ok(())
}

/// Takes the secrets of the sample keys, which can be shown once.
pub(super) async fn reveal(client: &Client) -> anyhow::Result<Keys> {
    let acme = client.organisation("acme");
    let secret = async |name: &str| match acme.apikeys().reveal(name).await?.secret {
        Some(secret) => Ok(SecretString::from(secret)),
        None => bail!("the gateway did not show the secret of the key {name}"),
    };
    Ok(Keys { ci: secret("ci").await?, playground: secret("playground").await?, laptop: secret("laptop").await? })
}

fn complain(found: &[Diagnostic]) -> anyhow::Error {
    anyhow!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
