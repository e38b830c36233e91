//! Whether the caller may do something, answered from the table that is enforced.

use entity::access::{Access, CanI, Permission};
use entity::resource::{
    ApiKeySpec, BudgetSpec, Kind, ModelSpec, OverlaySpec, ProviderSpec, QuotaSpec, TeamSpec, UserSpec,
};
use serde::Deserialize;

use super::table::{Decision, RULES, Rule};
use crate::management::body::Fields;
use crate::management::crud::prelude::*;
use crate::management::engine::word;
use crate::management::problem::{Code, shortened};
use crate::store;
use crate::store::kinds::Stored;
use crate::store::usage::Whose;

/// What is asked.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::management) struct CanIParams {
    /// What would be done: `get`, `list`, `create`, `update`, `delete`, or an action such as `rotate`.
    verb: Option<String>,
    /// To what: a kind such as `apikey`, in any of its spellings, or another resource of the table such as `audit`.
    kind: Option<String>,
    /// To which one.
    name: Option<String>,
}

/// Whether the caller may do something; without `verb` and `kind`, everything that it may.
#[utoipa::path(
    get, path = "/api/can-i", tag = "gateway", operation_id = "can_i", params(CanIParams),
    responses((status = 200, description = "The answer.", body = CanI), Refusals)
)]
pub(in crate::management) async fn can_i(
    State(gateway): State<Gateway>,
    caller: Caller,
    Params(params): Params<CanIParams>,
) -> Result<Json<CanI>, ApiError> {
    answer(&gateway, &caller, params).await.map(Json)
}

/// What is asked, as a body.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "read field by field, so that all mistakes are told; this is its description")]
pub(in crate::management) struct CanIBody {
    /// What would be done.
    verb: Option<String>,
    /// To what.
    kind: Option<String>,
    /// To which one.
    name: Option<String>,
}

/// Whether the caller may do something, asked with a body.
#[utoipa::path(
    post, path = "/api/can-i", tag = "gateway", operation_id = "ask_can_i", request_body = CanIBody,
    responses((status = 200, description = "The answer.", body = CanI), Refusals, BodyRefusals)
)]
pub(in crate::management) async fn ask(
    State(gateway): State<Gateway>,
    caller: Caller,
    Document(body): Document,
) -> Result<Json<CanI>, ApiError> {
    let mut fields = Fields::of(body)?;
    let params = CanIParams { verb: fields.text("verb"), kind: fields.text("kind"), name: fields.text("name") };
    fields.finish()?;
    answer(&gateway, &caller, params).await.map(Json)
}

async fn answer(gateway: &Gateway, caller: &Caller, params: CanIParams) -> Result<CanI, ApiError> {
    let (verb, kind) = match (params.verb, params.kind) {
        (Some(verb), Some(kind)) => (verb, kind),
        (None, None) if params.name.is_none() => return Ok(everything(caller)),
        _ => return Err(ApiError::new(Code::BadRequest, "`verb` and `kind` go together")),
    };
    let resource: &str = match Kind::find(&kind) {
        Some(kind) => word(kind),
        None => &kind,
    };
    let verb = match verb.as_str() {
        "patch" | "edit" => "update",
        "show" | "describe" => "get",
        other => other,
    };
    let of_resource: Vec<&Rule> = RULES.iter().filter(|rule| rule.resource == resource).collect();
    if of_resource.is_empty() {
        return Err(ApiError::new(Code::BadRequest, format!("the table knows no `{}`", shortened(&kind)))
            .hint(format!("it knows {}", listed(RULES.iter().map(|rule| rule.resource)))));
    }
    let lines: Vec<&Rule> = of_resource.iter().copied().filter(|rule| rule.verb() == verb).collect();
    // Several lines can mean the same: everywhere, and within the organisation. The best one counts.
    let Some(best) = lines.into_iter().max_by_key(|rule| weight(rule.decide(caller.role))) else {
        return Err(ApiError::new(
            Code::BadRequest,
            format!("`{}` is nothing that is done to `{resource}`", shortened(verb)),
        )
        .hint(format!("that would be {}", listed(of_resource.iter().map(|rule| rule.verb())))));
    };
    let permission = permission(best, caller);
    let (allowed, reason) = match (permission.access, params.name) {
        (Access::Deny, _) => (false, format!("the role {} may not", caller.role)),
        _ if !permission.in_scope => (false, format!("the token lacks the scope `{}`", best.action.scope())),
        (Access::Allow, _) => (true, format!("the role {} may", caller.role)),
        (access, None) => (true, within(access).to_owned()),
        (access, Some(name)) => match reaches(gateway, caller, best, resource, &name).await? {
            Some(true) => (true, within(access).to_owned()),
            Some(false) => (false, format!("there is no {resource} `{}` within your reach", shortened(&name))),
            None => return Err(ApiError::new(Code::BadRequest, format!("`{resource}` is not asked about by name"))),
        },
    };
    Ok(CanI { allowed, reason, permissions: vec![permission] })
}

/// Everything that the caller may, line by line.
fn everything(caller: &Caller) -> CanI {
    let permissions: Vec<Permission> = RULES
        .iter()
        .map(|rule| permission(rule, caller))
        .filter(|permission| permission.access != Access::Deny && permission.in_scope)
        .collect();
    CanI { allowed: !permissions.is_empty(), reason: format!("what the role {} may", caller.role), permissions }
}

fn permission(rule: &Rule, caller: &Caller) -> Permission {
    let access = match rule.decide(caller.role) {
        Decision::Allow => Access::Allow,
        Decision::Deny => Access::Deny,
        Decision::Teams => Access::Teams,
        Decision::Own => Access::Own,
    };
    Permission {
        verb: rule.verb().into(),
        resource: rule.resource.into(),
        access,
        in_scope: caller.token.scopes.contains(&rule.action.scope()),
        method: rule.method.into(),
        path: rule.path.into(),
    }
}

const fn weight(decision: Decision) -> u8 {
    match decision {
        Decision::Deny => 0,
        Decision::Own => 1,
        Decision::Teams => 2,
        Decision::Allow => 3,
    }
}

const fn within(access: Access) -> &'static str {
    match access {
        Access::Teams => "in the teams that you manage, and what is your own",
        Access::Own => "what is your own",
        Access::Allow => "everything",
        Access::Deny => "nothing",
    }
}

/// Whether there is such a thing within the caller's reach; `None` for what has no name.
async fn reaches(
    gateway: &Gateway,
    caller: &Caller,
    rule: &Rule,
    resource: &str,
    name: &str,
) -> Result<Option<bool>, ApiError> {
    let reach = rule.decide(caller.role).reach(caller.member());
    let (Some(organisation), Some(reach)) = (caller.organisation_id, reach) else { return Ok(Some(false)) };
    let (db, scope) = (gateway.database.reader(), Scope::Reached(organisation, reach));
    Ok(Some(match resource {
        // Sub-resources stand under their parents.
        "team" | "team-member" => there::<TeamSpec>(db, scope, name).await?,
        "apikey" | "grant" => there::<ApiKeySpec>(db, scope, name).await?,
        "user" => there::<UserSpec>(db, scope, name).await?,
        "provider" | "provider-key" => there::<ProviderSpec>(db, scope, name).await?,
        "model" => there::<ModelSpec>(db, scope, name).await?,
        "budget" => there::<BudgetSpec>(db, scope, name).await?,
        "quota" => there::<QuotaSpec>(db, scope, name).await?,
        "overlay" => there::<OverlaySpec>(db, scope, name).await?,
        "usage" => {
            let whose = Whose { organisation: Some(organisation), reach };
            store::usage::by_request(db, whose, name).await?.is_some()
        }
        _ => return Ok(None),
    }))
}

async fn there<S: Stored>(db: &sea_orm::DatabaseConnection, scope: Scope, name: &str) -> Result<bool, ApiError> {
    Ok(store::kinds::one::<S>(db, scope, name).await?.is_some())
}

fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: std::collections::BTreeSet<&str> = words.collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}
