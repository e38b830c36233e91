//! Acme's providers, in each state that there is.

use entity::health::BreakerStatus;
use entity::probe::ProviderTest;
use entity::resource::{Provider, ProviderConfig, ProviderKeySpec, ProviderSpec, ProviderState};
use entity::vocab::{BreakerState, ProbeOutcome, ProviderType};
use uuid::Uuid;

use super::after;

fn provider(number: u128, name: &str, kind: ProviderType, keys: &[(&str, bool)]) -> Provider {
    let key =
        |(name, revoked): &(&str, bool)| ProviderKeySpec { name: (*name).to_owned(), secret: None, revoked: *revoked };
    Provider {
        id: Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0100 + number),
        name: name.to_owned(),
        organisation: Some("acme".to_owned()),
        revision: 1,
        labels: Default::default(),
        protect: false,
        created_at: after(-600),
        updated_at: after(-600),
        spec: ProviderSpec {
            r#type: kind,
            base_url: None,
            timeout_ms: None,
            config: ProviderConfig::default(),
            enabled: true,
            keys: keys.iter().map(key).collect(),
        },
        status: ProviderState { models: 2, breakers: Vec::new() },
    }
}

/// A breaker of a model of `anthropic`.
pub fn breaker(state: BreakerState, resting: Option<i64>) -> BreakerStatus {
    BreakerStatus {
        provider: "anthropic".to_owned(),
        model: "support-large".to_owned(),
        state,
        failures: 5,
        resting_until: resting.map(after),
        last_error: Some("5xx".to_owned()),
    }
}

/// One that is well, one that rests, one without a key, one that is off.
pub fn all() -> Vec<Provider> {
    let mut anthropic = provider(1, "anthropic", ProviderType::Anthropic, &[("primary", false), ("old", true)]);
    anthropic.status.breakers = vec![breaker(BreakerState::Open, Some(3_600))];
    let mut local = provider(2, "local", ProviderType::Vllm, &[]);
    local.spec.base_url = Some("http://10.0.0.7:8000".to_owned());
    local.spec.timeout_ms = Some(30_000);
    let mut spare = provider(4, "spare", ProviderType::Mistral, &[("only", false)]);
    spare.spec.enabled = false;
    let revoked = provider(5, "unkeyed", ProviderType::Google, &[("gone", true)]);
    vec![spare, anthropic, local, provider(3, "openai", ProviderType::OpenAi, &[("primary", false)]), revoked]
}

/// What comes of trying one.
pub fn test(name: &str) -> ProviderTest {
    let ok = name != "anthropic";
    ProviderTest {
        provider: name.to_owned(),
        r#type: ProviderType::OpenAi,
        key: Some("primary".to_owned()),
        url: Some("https://api.example.test/v1/models".to_owned()),
        outcome: if ok { ProbeOutcome::Ok } else { ProbeOutcome::CredentialRefused },
        reachable: true,
        credential_accepted: Some(ok),
        status: Some(if ok { 200 } else { 401 }),
        latency_us: Some(84_000),
        models: ok.then_some(12),
        detail: if ok { "it lists 12 models" } else { "it refused the credential" }.to_owned(),
        message: (!ok).then(|| "invalid x-api-key".to_owned()),
    }
}
