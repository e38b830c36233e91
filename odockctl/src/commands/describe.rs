//! `odockctl describe`: everything that bears on one resource.

mod grants;
mod limits;
mod owners;
mod policies;

use entity::Kind;
use entity::resource::{ApiKey, Model, Provider, Team};
use entity::usage::{Breakdown, UsageTotals};
use odock_client::http::{ListQuery, OrganisationApi, SummaryQuery, Wire};
use serde_json::{Value, json};

use super::get::fetch;
use super::labels::ByLabels;
use super::target::{self, Target, for_kind, noun};
use crate::error::{CliError, Exit};
use crate::output::{Show, Style, count, instant, latency, money, one_line, yes_no};
use crate::session::Session;

/// Show everything that bears on one resource.
///
/// A key with its grants, rotations and last use, the policies in force with the scope of each, what budgets and quotas leave, a
/// model with its keys, a provider with its models: what was declared, by which owner each field, what refers to it, and its
/// traffic of the last day.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  odockctl describe key ci
  odockctl describe model/support-fast
  odockctl describe provider openai -o json
  odockctl describe keys --selector env=prod")]
pub struct Args {
    /// A kind and names, kind/name, or with --selector a kind.
    #[arg(required = true, value_name = "KIND NAME… | KIND/NAME… | KIND")]
    targets: Vec<String>,
    #[command(flatten)]
    by: ByLabels,
}

/// Runs the command.
///
/// # Errors
/// The gateway refuses.
pub async fn run(session: &Session, args: Args) -> Result<Exit, CliError> {
    session.out.has_no_columns()?;
    let mut first = true;
    for Target { kind, names } in args.by.choose(session, target::targets(&args.targets)?).await? {
        if names.is_empty() && args.by.selector.is_none() {
            return Err(CliError::usage(format!("name the {} to describe", noun(kind)))
                .hint(format!("list them: odockctl get {}", target::nouns(kind))));
        }
        for name in names {
            let description = for_kind!(kind, T => describe::<T>(session, &name).await?);
            if session.out.is_structured() {
                session.out.value(&description)?;
            } else {
                let gap = if std::mem::take(&mut first) { "" } else { "\n" };
                session.out.raw(&format!("{gap}{}", text(session, &description)))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// A resource with what refers to it.
async fn describe<T: Wire + Show>(session: &Session, name: &str) -> Result<Value, CliError> {
    let resource = serde_json::to_value(fetch::<T>(session, name).await?).unwrap_or_default();
    let own_name = resource["name"].as_str().unwrap_or(name).to_owned();
    let mut description = json!({ "kind": T::KIND.as_str(), "resource": resource });
    if T::KIND == Kind::Organisation {
        let api = session.client().await?.organisation(&own_name);
        description["owners"] = owners::of(&api, &description["resource"]).await;
        description["limits"] = limits::of(&api, T::KIND, &own_name, &description["resource"]).await;
        description["usageLastDay"] = day(&api, None, &own_name).await;
        return Ok(description);
    }
    let api = session.api().await?;
    description["owners"] = owners::of(&api, &description["resource"]).await;
    if matches!(T::KIND, Kind::ApiKey | Kind::Team | Kind::Model | Kind::User) {
        description["policies"] = policies::in_force(&api, T::KIND, &own_name, &description["resource"]).await;
    }
    for (label, value) in related(&api, T::KIND, &own_name, &description["resource"]).await? {
        description[label] = value;
    }
    if matches!(T::KIND, Kind::Budget | Kind::Quota | Kind::Overlay | Kind::ServiceAccount) {
        return Ok(description);
    }
    let by = match T::KIND {
        Kind::ApiKey => Breakdown::Key,
        Kind::Model => Breakdown::Model,
        Kind::Provider => Breakdown::Provider,
        Kind::Team => Breakdown::Team,
        _ => Breakdown::User,
    };
    description["usageLastDay"] = day(&api, Some(by), &own_name).await;
    Ok(description)
}

/// What refers to a resource, or belongs to it, and is not in it.
async fn related(
    api: &OrganisationApi,
    kind: Kind,
    name: &str,
    resource: &Value,
) -> Result<Vec<(&'static str, Value)>, CliError> {
    let all = ListQuery::default();
    let names = |names: Vec<String>| Value::from(names);
    Ok(match kind {
        Kind::ApiKey => {
            let rotations = json!(api.apikeys().history(name).await?);
            vec![
                ("grants", grants::of(api, resource).await),
                ("limits", limits::of(api, kind, name, resource).await),
                ("rotations", rotations),
            ]
        }
        Kind::Budget | Kind::Quota => vec![("standing", limits::standing(api, kind, name).await)],
        Kind::Overlay => Vec::new(),
        // Whoever may not see its tokens still sees the rest.
        Kind::ServiceAccount => vec![("tokens", api.tokens_of(name).await.map_or(Value::Null, |tokens| json!(tokens)))],
        Kind::Model => {
            let keys = api.list::<ApiKey>(&all).await?;
            let granted = keys.into_iter().filter(|key| key.spec.models.contains(name)).map(|key| key.name);
            let provider = match resource["spec"]["provider"].as_str() {
                Some(provider) => api.get::<Provider>(provider).await.ok(),
                None => None,
            };
            vec![
                ("keys", names(granted.collect())),
                ("providerEnabled", provider.map_or(Value::Null, |provider| provider.spec.enabled.into())),
            ]
        }
        Kind::Provider => {
            let models = api.list::<Model>(&all).await?;
            vec![(
                "models",
                names(models.into_iter().filter(|model| model.spec.provider == name).map(|model| model.name).collect()),
            )]
        }
        Kind::Team => {
            let keys = api.list::<ApiKey>(&all).await?;
            let own = keys.into_iter().filter(|key| key.spec.team.as_deref() == Some(name)).map(|key| key.name);
            vec![("keys", names(own.collect())), ("limits", limits::of(api, kind, name, resource).await)]
        }
        _ => {
            let teams = api.list::<Team>(&all).await?;
            let member = |team: &Team| team.spec.members.iter().any(|member| member.user == name);
            let teams = teams.into_iter().filter(member).map(|team| team.name).collect();
            let keys = api.list::<ApiKey>(&all).await?;
            let own = keys.into_iter().filter(|key| key.spec.user.as_deref() == Some(name)).map(|key| key.name);
            vec![
                ("teams", names(teams)),
                ("keys", names(own.collect())),
                ("limits", limits::of(api, kind, name, resource).await),
            ]
        }
    })
}

/// The traffic of the last day; null if the user may not see usage.
async fn day(api: &OrganisationApi, by: Option<Breakdown>, name: &str) -> Value {
    let mut query = SummaryQuery { limit: Some(1), ..SummaryQuery::default() };
    let only = match by {
        None => None,
        Some(Breakdown::Key) => Some(&mut query.key),
        Some(Breakdown::Team) => Some(&mut query.team),
        Some(Breakdown::User) => Some(&mut query.user),
        Some(Breakdown::Model) => Some(&mut query.model),
        Some(Breakdown::Provider) => Some(&mut query.provider),
        Some(Breakdown::Class | Breakdown::Status | Breakdown::Error) => return Value::Null,
    };
    if let Some(only) = only {
        *only = Some(name.to_owned());
    }
    api.usage_summary(&query).await.map_or(Value::Null, |summary| json!(summary.total))
}

/// A description for people: indented keys and values.
fn text(session: &Session, description: &Value) -> String {
    let resource = &description["resource"];
    let kind = description["kind"].as_str().unwrap_or_default();
    let title = format!("{kind} {}", one_line(resource["name"].as_str().unwrap_or_default()));
    let mut text = format!("{}\n", session.out.paint(Style::Bold, &title));
    for key in ["organisation", "id", "revision", "createdAt", "updatedAt", "labels", "protect"] {
        line(&mut text, 1, key, &resource[key]);
    }
    for section in ["spec", "status"] {
        if resource[section].as_object().is_some_and(|fields| !fields.is_empty()) {
            text.push_str(&format!("  {section}\n"));
            fields(&mut text, 2, &resource[section]);
            if section == "status" && kind == Kind::ApiKey.as_str() && resource[section]["lastUsedAt"].is_null() {
                line(&mut text, 2, "lastUsedAt", &"never".into());
            }
        }
    }
    for (key, value) in description.as_object().into_iter().flatten() {
        match key.as_str() {
            "kind" | "resource" => {}
            "usageLastDay" => text.push_str(&format!("  usage of the last day\n{}", usage(value))),
            "rotations" => rotations(&mut text, value),
            "grants" => text.push_str(&grants::text(value)),
            "owners" => text.push_str(&owners::text(value)),
            "policies" => text.push_str(&policies::text(value)),
            "limits" => text.push_str(&limits::text("budgets, quotas and overlays", value)),
            "standing" => text.push_str(&limits::text("standing", value)),
            _ => line(&mut text, 1, key, value),
        }
    }
    text
}

fn fields(text: &mut String, depth: usize, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        line(text, depth, key, value);
    }
}

fn line(text: &mut String, depth: usize, key: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Null => {}
        Value::Object(object) if object.is_empty() => {}
        Value::Object(_) => {
            text.push_str(&format!("{indent}{}\n", words(key)));
            fields(text, depth + 1, value);
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            text.push_str(&format!("{indent}{}\n", words(key)));
            for item in items {
                let parts: Vec<String> = item
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| format!("{} {}", words(key), short(value)))
                    .collect();
                text.push_str(&format!("{indent}  - {}\n", parts.join(", ")));
            }
        }
        value => {
            let label = format!("{}:", words(key));
            text.push_str(&format!(
                "{indent}{label:<width$} {}\n",
                short(value),
                width = 26_usize.saturating_sub(2 * depth)
            ));
        }
    }
}

/// `providerKey` as `provider key`.
fn words(key: &str) -> String {
    let mut words = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if c == '_' { ' ' } else { c.to_ascii_lowercase() });
    }
    words
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => match text.parse::<entity::Timestamp>() {
            Ok(at) => instant(at),
            Err(_) => one_line(text),
        },
        Value::Bool(yes) => yes_no(*yes),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        // A secret field: its preview is what people know it by.
        Value::Object(fields) => fields.get("preview").map_or_else(|| one_line(&value.to_string()), short),
        other => other.to_string(),
    }
}

fn usage(value: &Value) -> String {
    let Ok(totals) = serde_json::from_value::<UsageTotals>(value.clone()) else {
        return "    not to be seen\n".to_owned();
    };
    if totals.requests == 0 {
        return "    none\n".to_owned();
    }
    let unpriced = if totals.unpriced > 0 { format!(", {} without a price", totals.unpriced) } else { String::new() };
    format!(
        "    {}, {}, {} tokens in, {} out, {}{unpriced}, mean latency {}\n",
        count(totals.requests, "request"),
        count(totals.errors, "error"),
        totals.tokens_in,
        totals.tokens_out,
        money(totals.cost_nanos),
        latency(totals.mean_latency_us)
    )
}

fn rotations(text: &mut String, value: &Value) {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    text.push_str("  rotations\n");
    if items.is_empty() {
        text.push_str("    none\n");
    }
    for item in items.iter().take(5) {
        text.push_str(&format!(
            "    {} by {}, replaced {}\n",
            short(&item["at"]),
            short(&item["by"]),
            short(&item["previousPreview"])
        ));
    }
    if items.len() > 5 {
        text.push_str(&format!("    and {} more: odockctl key history\n", items.len() - 5));
    }
}
