//! Where providers list their models.

use entity::resource::ProviderConfig;
use entity::vocab::ProviderType;
use http::Uri;

use super::{Address, with_query};

impl Address {
    /// The URL of the provider's list of models, the cheapest thing that one can ask a provider for. Where a list has pages,
    /// the largest page there is.
    #[must_use]
    pub fn models(&self, provider: ProviderType, config: &ProviderConfig) -> Option<Uri> {
        match provider {
            // https://docs.anthropic.com/en/api/models-list
            ProviderType::Anthropic => with_query(&self.versioned("v1", ["models"])?, "limit=1000"),
            // https://ai.google.dev/api/models
            ProviderType::Google => with_query(&self.versioned("v1beta", ["models"])?, "pageSize=1000"),
            _ => self.endpoint(provider, config, "", "models"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(provider: ProviderType, base: &str, version: Option<&str>) -> String {
        let config = ProviderConfig { api_version: version.map(Into::into), ..Default::default() };
        Address::parse(base, false).unwrap().models(provider, &config).unwrap().to_string()
    }

    #[test]
    fn each_family_has_its_list_where_its_calls_are() {
        use ProviderType::{Anthropic, AzureOpenAi, Custom, Google, HuggingFace, Mistral, OpenAi, Vllm};
        for (provider, base, list) in [
            (OpenAi, "https://api.openai.com", "https://api.openai.com/v1/models"),
            (Mistral, "https://api.mistral.ai/", "https://api.mistral.ai/v1/models"),
            (HuggingFace, "https://router.huggingface.co/v1", "https://router.huggingface.co/v1/models"),
            (Vllm, "http://gpu:8000/v1", "http://gpu:8000/v1/models"),
            (Custom, "https://host/api", "https://host/api/v1/models"),
            (Anthropic, "https://api.anthropic.com", "https://api.anthropic.com/v1/models?limit=1000"),
            (
                Google,
                "https://generativelanguage.example",
                "https://generativelanguage.example/v1beta/models?pageSize=1000",
            ),
            (AzureOpenAi, "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1/models"),
            (AzureOpenAi, "https://x.openai.azure.com/openai/v1", "https://x.openai.azure.com/openai/v1/models"),
        ] {
            assert_eq!(models(provider, base, None), list);
        }
        assert_eq!(
            models(AzureOpenAi, "https://x.openai.azure.com", Some("2024-10-21")),
            "https://x.openai.azure.com/openai/models?api-version=2024-10-21"
        );
    }
}
