//! The tables under `golden/`: what each family gets for each feature, and what becomes of what it answers.

mod answers;
mod golden;
mod refusals;
mod requests;
mod round_trips;
mod streams;

use entity::vocab::ProviderType;
use serde_json::Value;

/// The provider that a table names.
fn provider(name: &Value) -> ProviderType {
    match name.as_str().unwrap() {
        "anthropic" => ProviderType::Anthropic,
        "gemini" => ProviderType::Google,
        "mistral" => ProviderType::Mistral,
        "openai" => ProviderType::OpenAi,
        "vllm" => ProviderType::Vllm,
        other => panic!("no provider {other}"),
    }
}
