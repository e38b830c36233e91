//! What a key may call, and where that leads.

use std::collections::BTreeMap;

use entity::resource::{Model, Provider};
use odock_client::http::{ListQuery, OrganisationApi};
use serde_json::{Value, json};

use crate::output::one_line;

/// The models that are granted to a key, each with what stands behind it; null if the user may not see models.
pub(super) async fn of(api: &OrganisationApi, key: &Value) -> Value {
    let granted: Vec<&str> = key["spec"]["models"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if granted.is_empty() {
        return json!([]);
    }
    let all = ListQuery::default();
    let Ok(models) = api.list::<Model>(&all).await else { return Value::Null };
    // Whoever may not see providers still sees which one it is.
    let providers = api.list::<Provider>(&all).await.unwrap_or_default();
    let enabled: BTreeMap<&str, bool> =
        providers.iter().map(|provider| (provider.name.as_str(), provider.spec.enabled)).collect();
    let grant = |name: &str| {
        let Some(model) = models.iter().find(|model| model.name == name) else { return json!({ "model": name }) };
        let (provider, slug) = (&model.spec.provider, &model.spec.slug);
        json!({ "model": name, "provider": provider, "slug": slug, "providerEnabled": enabled.get(provider.as_str()) })
    };
    granted.into_iter().map(grant).collect()
}

/// The same for people.
pub(super) fn text(value: &Value) -> String {
    let Some(grants) = value.as_array() else { return "  grants\n    not to be seen\n".to_owned() };
    let mut text = "  grants\n".to_owned();
    for grant in grants {
        let word = |field: &str| grant[field].as_str().map(one_line);
        let name = word("model").unwrap_or_default();
        let behind = match (word("slug"), word("provider")) {
            (Some(slug), Some(provider)) => format!(": {slug} at {provider}"),
            (None, Some(provider)) => format!(": at {provider}"),
            _ => String::new(),
        };
        let disabled = if grant["providerEnabled"] == false { ", which is disabled" } else { "" };
        text.push_str(&format!("    {name}{behind}{disabled}\n"));
    }
    if grants.is_empty() {
        text.push_str("    none: it may call nothing\n");
    }
    text
}
