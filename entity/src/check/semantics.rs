//! Rules that bind several fields of a spec.

use serde_json::Value;

use super::{Violation, code};
use crate::Timestamp;
use crate::resource::Kind;
use crate::vocab::{ApiKeyType, OwnerType, ProviderType, Role, ScopeType};

pub(super) fn check(kind: Kind, spec: &Value, found: &mut Vec<Violation>) {
    if let Some(given) = spec.get("policies") {
        policies(given, "/policies", found);
    }
    match kind {
        Kind::Provider => provider(spec, found),
        Kind::ApiKey => api_key(spec, found),
        Kind::Model => model(spec, found),
        Kind::Budget => limit(spec, found),
        Kind::Quota => limit(spec, found),
        Kind::Overlay => overlay(spec, found),
        Kind::ServiceAccount => service_account(spec, found),
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
    if family.public_address().is_none() && given(spec, "baseUrl").is_none() {
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

fn service_account(spec: &Value, found: &mut Vec<Violation>) {
    if word::<Role>(spec, "role") == Some(Role::SuperAdmin) {
        let message = "a service account belongs to an organisation, and a SUPER_ADMIN to none";
        found.push(Violation::new("/role", code::INVALID, message).hint("the highest role here is ORG_ADMIN"));
    }
    if spec.get("scopes").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        let message = "a service account without scopes would be good for nothing";
        found.push(Violation::new("/scopes", code::INVALID, message).hint("disable it, or leave `scopes` out"));
    }
    for (index, rule) in spec.get("trust").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let anything =
            |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|text| text.trim_matches('*').is_empty());
        let claims = rule.get("claims").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if anything(rule.get("subject")) && claims.iter().all(|claim| anything(claim.get("matches"))) {
            let message = "the rule lets every token of the issuer for this audience in";
            found.push(
                Violation::new(format!("/trust/{index}/subject"), code::INVALID, message)
                    .hint("say more of the subject, or add a claim"),
            );
        }
    }
}

/// A bucket that never fills up again is no limit but a trap.
pub(super) fn policies(policies: &Value, at: &str, found: &mut Vec<Violation>) {
    let Some(requests) = policies.pointer("/ratelimit/requests") else { return };
    let rate = given(requests, "per_second").or_else(|| given(requests, "per_minute"));
    if given(requests, "burst").is_some() && rate.is_none() {
        let message = "`burst` is the size of a bucket, and says nothing about how fast it fills up again";
        found.push(
            Violation::new(format!("{at}/ratelimit/requests/burst"), code::INVALID, message)
                .hint("add `per_second` or `per_minute`"),
        );
    }
}

fn limit(spec: &Value, found: &mut Vec<Violation>) {
    if let Some(owner) = spec.get("owner") {
        named(owner, "/owner", word::<OwnerType>(owner, "type").map(|of| (of.as_str(), of != OwnerType::Org)), found);
    }
    order(spec, ["start", "end"], found);
}

fn overlay(spec: &Value, found: &mut Vec<Violation>) {
    if let Some(scope) = spec.get("scope") {
        let of = word::<ScopeType>(scope, "type");
        if let Some(of @ (ScopeType::Global | ScopeType::McpServer)) = of {
            let message = format!("an overlay cannot scale the scope {of}; it scales ORG, TEAM, APIKEY or MODEL");
            found.push(Violation::new("/scope/type", code::UNSUPPORTED, message));
        } else {
            named(scope, "/scope", of.map(|of| (of.as_str(), of != ScopeType::Org)), found);
        }
    }
    order(spec, ["starts", "ends"], found);
}

/// Whether a name is there exactly where the type wants one.
fn named(value: &Value, at: &str, of: Option<(&str, bool)>, found: &mut Vec<Violation>) {
    let Some((of, wanted)) = of else { return };
    let pointer = format!("{at}/name");
    match given(value, "name") {
        None if wanted => {
            found.push(Violation::new(pointer, code::MISSING, format!("`name` is missing: which {of} is meant?")));
        }
        Some(_) if !wanted => {
            let message = format!("{of} is the organisation itself and takes no `name`");
            found.push(Violation::new(pointer, code::INVALID, message).hint("leave it out"));
        }
        _ => {}
    }
}

fn order(spec: &Value, [from, to]: [&str; 2], found: &mut Vec<Violation>) {
    let (Some(start), Some(end)) = (word::<Timestamp>(spec, from), word::<Timestamp>(spec, to)) else { return };
    if end <= start {
        found.push(Violation::new(format!("/{to}"), code::INVALID, format!("`{to}` is not after `{from}`")));
    }
}

fn model(spec: &Value, found: &mut Vec<Violation>) {
    price_changes(spec, found);
    let limit = |field: &str| spec.pointer(&format!("/config/{field}")).and_then(Value::as_u64);
    let (Some(window), Some(output)) = (limit("contextWindow"), limit("maxOutputTokens")) else { return };
    if output > window {
        let message = format!("{output} tokens of output do not fit into a context of {window}");
        found.push(Violation::new("/config/maxOutputTokens", code::INVALID, message));
    }
}

/// The same instant can be written in many ways, which the table takes for as many.
fn price_changes(spec: &Value, found: &mut Vec<Violation>) {
    let mut first: Vec<(Timestamp, &str)> = Vec::new();
    for (index, change) in spec.get("priceChanges").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let Some(text) = change.get("from").and_then(Value::as_str) else { continue };
        let Ok(at) = text.parse::<Timestamp>() else { continue };
        match first.iter().find(|(other, _)| *other == at) {
            Some((_, other)) if *other != text => {
                let message = format!("`{text}` is the instant `{other}`, at which another price list begins to apply");
                found.push(Violation::new(format!("/priceChanges/{index}/from"), code::DUPLICATE, message));
            }
            Some(_) => {}
            None => first.push((at, text)),
        }
    }
}
