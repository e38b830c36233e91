//! Rules that bind several fields of a spec.

use serde_json::Value;

use super::{Violation, code};
use crate::resource::Kind;
use crate::vocab::{ApiKeyType, ProviderType};

/// The providers whose protocol this version speaks.
const SERVED: &[ProviderType] =
    &[ProviderType::OpenAi, ProviderType::AzureOpenAi, ProviderType::Vllm, ProviderType::Custom];

pub(super) fn check(kind: Kind, spec: &Value, found: &mut Vec<Violation>) {
    match kind {
        Kind::Provider => provider(spec, found),
        Kind::ApiKey => api_key(spec, found),
        Kind::Model => model(spec, found),
        Kind::Organisation | Kind::User | Kind::Team => {}
    }
}

/// A field that is there and not `null`.
fn given<'a>(spec: &'a Value, field: &str) -> Option<&'a Value> {
    spec.get(field).filter(|value| !value.is_null())
}

fn word<T: std::str::FromStr>(spec: &Value, field: &str) -> Option<T> {
    spec.get(field)?.as_str()?.parse().ok()
}

fn provider(spec: &Value, found: &mut Vec<Violation>) {
    let Some(family) = word::<ProviderType>(spec, "type") else { return };
    if !SERVED.contains(&family) {
        let served = SERVED.iter().map(|family| family.as_str()).collect::<Vec<_>>().join(", ");
        found.push(Violation::new(
            "/type",
            code::UNSUPPORTED,
            format!("`{family}` is not supported by this version; it serves {served}"),
        ));
        return;
    }
    if family != ProviderType::OpenAi && given(spec, "baseUrl").is_none() {
        found.push(
            Violation::new("/baseUrl", code::MISSING, format!("`baseUrl` is missing: {family} has no public address"))
                .hint("the URL before the path of an endpoint, such as https://example.com"),
        );
    }
    let version = spec.pointer("/config/apiVersion").filter(|value| !value.is_null());
    if family != ProviderType::AzureOpenAi && version.is_some() {
        found.push(Violation::new(
            "/config/apiVersion",
            code::INVALID,
            format!("`apiVersion` is for AZURE_OPENAI, not for {family}"),
        ));
    }
}

fn api_key(spec: &Value, found: &mut Vec<Violation>) {
    let Some(owner) = word::<ApiKeyType>(spec, "type") else { return };
    for (field, of) in [("team", ApiKeyType::Team), ("user", ApiKeyType::User)] {
        let pointer = format!("/{field}");
        match given(spec, field) {
            None if owner == of => found.push(Violation::new(
                pointer,
                code::MISSING,
                format!("`{field}` is missing: a key of type {owner} belongs to a {field}"),
            )),
            Some(_) if owner != of => {
                found.push(
                    Violation::new(pointer, code::INVALID, format!("a key of type {owner} has no `{field}`"))
                        .hint(format!("leave it out, or make the type {of}")),
                );
            }
            _ => {}
        }
    }
}

fn model(spec: &Value, found: &mut Vec<Violation>) {
    let limit = |field: &str| spec.pointer(&format!("/config/{field}")).and_then(Value::as_u64);
    let (Some(window), Some(output)) = (limit("contextWindow"), limit("maxOutputTokens")) else { return };
    if output > window {
        let message = format!("{output} tokens of output do not fit into a context of {window}");
        found.push(Violation::new("/config/maxOutputTokens", code::INVALID, message));
    }
}
