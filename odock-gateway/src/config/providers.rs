//! `[providers.*]`: what holds for a family of providers where a row in the database does not say.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::check::Check;

/// The defaults of every family.
#[derive(Clone, Debug)]
pub struct Providers {
    /// OpenAI.
    pub openai: ProviderDefaults,
    /// Anthropic.
    pub anthropic: ProviderDefaults,
    /// Google Gemini.
    pub gemini: ProviderDefaults,
    /// Azure OpenAI.
    pub azure_openai: ProviderDefaults,
    /// vLLM.
    pub vllm: ProviderDefaults,
    /// Mistral.
    pub mistral: ProviderDefaults,
    /// Hugging Face.
    pub huggingface: ProviderDefaults,
    /// Any other server that speaks OpenAI's API.
    pub custom: ProviderDefaults,
}

/// The defaults of one family.
#[derive(Clone, Debug)]
pub struct ProviderDefaults {
    /// Where the family's API is.
    pub base_url: Option<Url>,
    /// The credential to use.
    pub api_key: Option<SecretString>,
    /// How long a whole call may take; otherwise `upstream.total_timeout` holds.
    pub timeout: Option<Duration>,
}

impl Providers {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        macro_rules! family {
            ($name:literal) => {
                ProviderDefaults {
                    base_url: check.parsed(concat!("providers.", $name, ".base_url"), base_url),
                    api_key: check.secret(concat!("providers.", $name, ".api_key")),
                    timeout: check.optional_duration(
                        concat!("providers.", $name, ".timeout"),
                        Duration::from_millis(100)..=Duration::from_secs(24 * 3_600),
                    ),
                }
            };
        }
        Self {
            openai: family!("openai"),
            anthropic: family!("anthropic"),
            gemini: family!("gemini"),
            azure_openai: family!("azure_openai"),
            vllm: family!("vllm"),
            mistral: family!("mistral"),
            huggingface: family!("huggingface"),
            custom: family!("custom"),
        }
    }
}

fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL such as \"https://api.openai.com\": {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("is not an http: or https: URL".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("may have neither a query nor a fragment".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("may not hold credentials; use api_key".to_owned());
    }
    Ok(url)
}
