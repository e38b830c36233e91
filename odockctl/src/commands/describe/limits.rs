//! What limits a key, and how a budget or quota stands.

use entity::Kind;
use entity::ledger::LimitStatus;
use entity::resource::{Overlay, Owner};
use entity::vocab::{LimitKind, OwnerType, ScopeType};
use odock_client::http::{ListQuery, OrganisationApi};
use serde_json::{Value, json};

use crate::columns::owner;
use crate::output::{amount, instant, one_line, percent};

/// The budgets and quotas that apply to a key, team, user or organisation, and the overlays in force on it; null if the user
/// may not see them.
pub(super) async fn of(api: &OrganisationApi, kind: Kind, name: &str, resource: &Value) -> Value {
    // A key stands in a chain: itself, its team or user, the organisation.
    let spec = |field: &str| match kind {
        Kind::Team if field == "team" => Some(name),
        Kind::User if field == "user" => Some(name),
        Kind::ApiKey => resource["spec"][field].as_str(),
        _ => None,
    };
    let is_chain = |of: OwnerType, named: Option<&str>| match of {
        OwnerType::Org => true,
        OwnerType::Team => named.is_some() && named == spec("team"),
        OwnerType::User => named.is_some() && named == spec("user"),
        OwnerType::ApiKey => kind == Kind::ApiKey && named == Some(name),
    };
    let applies = |owner: &Owner| is_chain(owner.r#type, owner.name.as_deref());
    let Ok(statuses) = api.limits().await else { return Value::Null };
    let Ok(overlays) = api.list::<Overlay>(&ListQuery::default()).await else { return Value::Null };
    let scales = |overlay: &Overlay| {
        let scope = &overlay.spec.scope;
        let of = match scope.r#type {
            ScopeType::Org => OwnerType::Org,
            ScopeType::Team => OwnerType::Team,
            ScopeType::ApiKey => OwnerType::ApiKey,
            ScopeType::Global | ScopeType::Model | ScopeType::McpServer => return false,
        };
        overlay.status.in_force && is_chain(of, scope.name.as_deref())
    };
    json!({
        "statuses": statuses.into_iter().filter(|limit| limit.active && applies(&limit.owner)).collect::<Vec<_>>(),
        "overlays": overlays.into_iter().filter(scales).collect::<Vec<_>>(),
    })
}

/// How one budget or quota stands.
pub(super) async fn standing(api: &OrganisationApi, kind: Kind, name: &str) -> Value {
    let of = if kind == Kind::Budget { LimitKind::Budget } else { LimitKind::Quota };
    let Ok(mut statuses) = api.limits().await else { return Value::Null };
    statuses.retain(|limit| limit.kind == of && limit.name == name);
    json!({ "statuses": statuses })
}

/// The same for people.
pub(super) fn text(title: &str, value: &Value) -> String {
    let Some(statuses) = value.get("statuses") else { return format!("  {title}\n    not to be seen\n") };
    let statuses: Vec<LimitStatus> = serde_json::from_value(statuses.clone()).unwrap_or_default();
    let overlays: Vec<Overlay> = serde_json::from_value(value["overlays"].clone()).unwrap_or_default();
    let mut lines: Vec<String> = statuses.iter().map(limit).collect();
    lines.extend(overlays.iter().map(overlay));
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    format!("  {title}\n{}", lines.into_iter().map(|line| format!("    {line}\n")).collect::<String>())
}

fn limit(limit: &LimitStatus) -> String {
    let head = format!("{} {} ({})", limit.kind, one_line(&limit.name), one_line(&owner(&limit.owner)));
    let Some(window) = &limit.window else { return format!("{head}: no window is open") };
    let show = |value| amount(limit.metric, value);
    let runs_out = limit.runs_out_at.map(|at| format!(", runs out {}", instant(at))).unwrap_or_default();
    format!(
        "{head}: {} left of {} ({} used, {}), {} an hour{runs_out}, window ends {}",
        show(window.left),
        show(window.limit),
        show(window.used),
        percent(window.used, window.limit),
        show(limit.used_last_hour),
        instant(window.end)
    )
}

fn overlay(overlay: &Overlay) -> String {
    let reason = overlay.spec.reason.as_ref().map(|reason| format!(": {}", one_line(reason))).unwrap_or_default();
    format!(
        "overlay {}: times {} until {}{reason}",
        one_line(&overlay.name),
        overlay.spec.factor,
        instant(overlay.spec.ends)
    )
}
