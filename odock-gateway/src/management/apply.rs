//! The whole organisation as files, in one transaction.

mod options;

use std::collections::HashMap;

use entity::check::{self, Violation, code};
use entity::manifest::ApplyRequest;
use entity::plan::{Action, Change, Plan, PlanSummary};
use entity::problem::FieldError;
use entity::resource::Kind;
use serde::Deserialize;
use serde_json::Value;

use super::access::caller::MaybeTenant;
use super::body::APPLY_LIMIT;
use super::crud::prelude::*;
use super::engine::{self, Applied, Declaration, Declared, Intent, Issue, Manner, Meta, Place, Space};
use super::problem::{field, shortened};
use crate::store::reach::Reach;

/// Errors that an answer lists; whoever made more made the same one often.
const MOST_ERRORS: usize = 1_000;

/// How to apply.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ApplyParams {
    /// Whether only the plan is wanted.
    #[serde(default)]
    #[param(default = false)]
    dry_run: bool,
}

/// Makes manifests true in one transaction, or says what that would do.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/apply", tag = "apply", operation_id = "apply",
    params(
        ("organisation" = String, Path, description = "Slug or id. A super admin may name one that the manifests create."),
        ApplyParams,
    ),
    request_body = ApplyRequest,
    responses((status = 200, description = "What was done, or would be.", body = Plan), Refusals, BodyRefusals)
)]
pub(super) async fn apply(
    State(gateway): State<Gateway>,
    caller: Caller,
    tenant: MaybeTenant,
    Params(params): Params<ApplyParams>,
    Document(body): Document<APPLY_LIMIT>,
) -> Result<Json<Plan>, ApiError> {
    let space = match tenant {
        MaybeTenant::Known(tenant) => Space::Tenant(tenant),
        MaybeTenant::New(slug) => Space::New(slug),
    };
    let (manifests, applied) = options::read(body)?;
    let declarations = read(manifests, &applied, &space)?;
    let owner = applied.owner.clone();
    // The table lets only those apply who reach everything.
    let (reach, manner) = (Reach::Everything, Manner::Applied(Box::new(applied)));
    let setting = Setting { caller, space, reach, issue: Issue::Sealed, manner };
    let done = engine::apply(&gateway, &setting, declarations, params.dry_run).await?;
    Ok(Json(Plan {
        dry_run: params.dry_run,
        summary: summary(&done.changes),
        changes: done.changes,
        owner,
        digest: done.digest,
        base: if params.dry_run { done.base } else { Vec::new() },
    }))
}

fn summary(changes: &[Change]) -> PlanSummary {
    let mut summary = PlanSummary::default();
    for change in changes {
        match change.action {
            Action::Create => summary.create += 1,
            Action::Update => summary.update += 1,
            Action::Rename => summary.rename += 1,
            Action::Unchanged => summary.unchanged += 1,
            Action::Delete => summary.delete += 1,
        }
    }
    summary
}

/// Reads the manifests, with all their mistakes at once. What refers to what is checked later, in the transaction.
fn read(manifests: Vec<Value>, applied: &Applied, space: &Space) -> Result<Vec<Declaration>, ApiError> {
    let slug = match space {
        Space::Tenant(tenant) => tenant.slug.as_str(),
        Space::New(slug) => slug.as_str(),
        Space::Nowhere => "",
    };
    let mut errors = Vec::new();
    let mut declarations = Vec::with_capacity(manifests.len());
    let mut first: HashMap<(Kind, String), usize> = HashMap::new();
    for (index, manifest) in manifests.into_iter().enumerate() {
        let (kind, name) = (kind_of(&manifest), name_of(&manifest));
        let mut wrong = check::check_manifest(&manifest);
        wrong.extend(misplaced(&manifest, kind, name.as_deref(), slug));
        if let (Some(kind), Some(name)) = (kind, &name)
            && let Some(earlier) = first.insert((kind, name.clone()), index)
        {
            let message =
                format!("{kind} `{}` is declared twice; manifest {} declares it too", shortened(name), earlier + 1);
            wrong.push(Violation::new("/metadata/name", code::DUPLICATE, message));
        }
        if let (true, Some(kind), Some(name)) = (wrong.is_empty(), kind, &name) {
            let intent = Intent::Declare(declared(manifest));
            declarations.push(Declaration { kind, name: name.clone(), intent, place: Place::manifest(index) });
            continue;
        }
        if errors.len() < MOST_ERRORS {
            errors.extend(wrong.into_iter().map(|violation| violation.into_manifest_error(index, kind, name.clone())));
        }
    }
    for key in applied.secrets.keys().filter(|key| !first.contains_key(&(Kind::ApiKey, (*key).clone()))) {
        let message = format!("a secret is given for the key `{}`, which is not declared", shortened(key));
        errors.push(field("/secrets", code::BAD_REFERENCE, message));
    }
    if let Some(missing) = new_organisation_missing(space, &declarations, &errors) {
        errors.push(missing);
    }
    if errors.is_empty() { Ok(declarations) } else { Err(ApiError::fields(errors)) }
}

/// The parts of a manifest that was checked.
fn declared(mut manifest: Value) -> Declared {
    let metadata = manifest.get_mut("metadata").map(Value::take).unwrap_or_default();
    let labels = metadata.get("labels").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    let protect = metadata.get("protect").and_then(Value::as_bool).unwrap_or_default();
    let renamed_from = metadata.get("renamedFrom").and_then(Value::as_str).map(str::to_owned);
    Declared { spec: spec_of(manifest), meta: Meta { labels, protect }, renamed_from }
}

/// An organisation that does not exist can only be applied to by a set that creates it.
fn new_organisation_missing(space: &Space, declarations: &[Declaration], errors: &[FieldError]) -> Option<FieldError> {
    let Space::New(slug) = space else { return None };
    let declared = declarations.iter().any(|declaration| declaration.kind == Kind::Organisation)
        || errors.iter().any(|error| error.kind == Some(Kind::Organisation));
    (!declared).then(|| {
        let message = format!("there is no organisation `{}`, and no manifest creates it", shortened(slug));
        field("/resources", code::BAD_REFERENCE, message)
    })
}

fn kind_of(manifest: &Value) -> Option<Kind> {
    let word = manifest.get("kind")?.as_str()?;
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == word)
}

fn name_of(manifest: &Value) -> Option<String> {
    manifest.pointer("/metadata/name")?.as_str().map(str::to_owned)
}

fn spec_of(mut manifest: Value) -> Value {
    manifest.get_mut("spec").map(Value::take).unwrap_or_default()
}

/// A manifest of another organisation than the one that it is applied to.
fn misplaced(manifest: &Value, kind: Option<Kind>, name: Option<&str>, slug: &str) -> Option<Violation> {
    let (pointer, given) = match kind {
        Some(Kind::Organisation) => ("/metadata/name", name?),
        _ => ("/metadata/organisation", manifest.pointer("/metadata/organisation")?.as_str()?),
    };
    (given != slug).then(|| {
        let message = format!("this is about `{}`, but is applied to the organisation `{slug}`", shortened(given));
        Violation::new(pointer, code::INVALID, message)
    })
}
