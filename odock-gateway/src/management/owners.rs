//! Whose the fields of a resource are.

use entity::ownership::Holding;
use entity::plan::{FieldOwner, FieldOwners};
use serde::Deserialize;
use uuid::Uuid;

use super::crud::prelude::*;
use crate::store;

/// Which resource is meant.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnersParams {
    /// The resource's id.
    resource: Uuid,
}

/// Lists who declared which field of a resource: owners of manifests, and `manual` for changes by hand.
///
/// A field that is not in the list keeps its default, or has the value that it was created with by hand, and belongs to nobody.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/owners", tag = "apply", operation_id = "list_owners",
    params(("organisation" = String, Path, description = "Slug or id."), OwnersParams),
    responses((status = 200, description = "By field, the latest declaration first.", body = FieldOwners), Refusals)
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    tenant: Tenant,
    Params(OwnersParams { resource }): Params<OwnersParams>,
) -> Result<Json<FieldOwners>, ApiError> {
    let rows = store::ownership::of_resource(gateway.database.reader(), tenant.id, resource).await?;
    let mut items: Vec<FieldOwner> = Vec::new();
    for row in rows {
        let held = Holding::from(row.fields).0.into_iter();
        items.extend(held.map(|(path, held)| FieldOwner { path, owner: row.owner.clone(), by: held.by, at: held.at }));
    }
    items.sort_by(|a, b| a.path.cmp(&b.path).then(b.at.cmp(&a.at)));
    Ok(Json(FieldOwners { items }))
}
