//! The policies in force on a resource, each with the scope that it comes from.

use entity::Kind;
use entity::policy::Policies;
use entity::resource::{Model, Team};
use odock_client::http::{ListQuery, OrganisationApi};
use serde_json::{Value, json};

use crate::output::one_line;

/// The policies of every scope that a request with this resource passes; null if the user may not see them.
pub(super) async fn in_force(api: &OrganisationApi, kind: Kind, name: &str, resource: &Value) -> Value {
    let spec = &resource["spec"];
    let mut found = Vec::new();
    // The organisation's hold for everything in it.
    let Ok(organisation) = api.show().await else { return Value::Null };
    add(&mut found, &format!("organisation {}", organisation.name), &organisation.spec.policies);
    if let (Kind::ApiKey, Some(team)) = (kind, spec["team"].as_str()) {
        let Ok(team) = api.get::<Team>(team).await else { return Value::Null };
        add(&mut found, &format!("team {}", team.name), &team.spec.policies);
    }
    match serde_json::from_value::<Policies>(spec["policies"].clone()) {
        Ok(own) if kind != Kind::Organisation => add(&mut found, &format!("{} {name}", super::noun(kind)), &own),
        _ => {}
    }
    if kind == Kind::ApiKey {
        let granted = |model: &Model| {
            spec["models"].as_array().is_some_and(|models| models.iter().any(|name| name.as_str() == Some(&model.name)))
        };
        let Ok(models) = api.list::<Model>(&ListQuery::default()).await else { return Value::Null };
        for model in models.iter().filter(|model| granted(model)) {
            add(&mut found, &format!("model {}", model.name), &model.spec.policies);
        }
    }
    found.into()
}

fn add(found: &mut Vec<Value>, scope: &str, policies: &Policies) {
    if *policies != Policies::default() {
        found.push(json!({ "scope": scope, "policies": policies }));
    }
}

/// The same for people.
pub(super) fn text(value: &Value) -> String {
    let Some(scopes) = value.as_array() else { return "  policies in force\n    not to be seen\n".to_owned() };
    let mut text = "  policies in force\n".to_owned();
    for scope in scopes {
        let policies: Policies = serde_json::from_value(scope["policies"].clone()).unwrap_or_default();
        let name = one_line(scope["scope"].as_str().unwrap_or_default());
        text.push_str(&format!("    {name}: {}\n", words(&policies).join(", ")));
    }
    if scopes.is_empty() {
        text.push_str("    none\n");
    }
    text
}

fn words(policies: &Policies) -> Vec<String> {
    let Policies { ip, ratelimit, shadow } = policies;
    let rate = |limit: Option<u64>, what: &str| limit.map(|limit| format!("{limit} {what}"));
    let networks = |list: &[_], what: &str| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect::<Vec<String>>();
        (!list.is_empty()).then(|| format!("{what} {}", list.join(" ")))
    };
    let requests = &ratelimit.requests;
    let found = [
        rate(requests.per_second.map(Into::into), "requests a second"),
        rate(requests.per_minute.map(Into::into), "requests a minute"),
        requests.burst.map(|burst| format!("bursts of {burst}")),
        rate(ratelimit.tokens.per_minute, "tokens a minute"),
        ratelimit.concurrency.as_ref().map(|limit| format!("{} at once", limit.max)),
        ratelimit.payload.max_request_bytes.map(|bytes| format!("bodies up to {bytes} bytes")),
        ratelimit.payload.max_tokens.map(|tokens| format!("answers up to {tokens} tokens")),
        networks(&ip.allowlist, "only from"),
        networks(&ip.blocklist, "not from"),
        shadow.then(|| "in shadow: noted, not enforced".to_owned()),
    ];
    found.into_iter().flatten().collect()
}
