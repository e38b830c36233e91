//! Teams and their members.

use entity::check::{self, code};
use entity::resource::{Kind, TeamMember, TeamSpec, TeamState};
use serde_json::{Value, json};

use super::body::entries;
use super::crud::prelude::*;
use super::engine::{self, Intent, Place, find};

crud::handlers!(
    TeamSpec,
    TeamState,
    "team",
    "teams",
    "/api/organisations/{organisation}/teams",
    "/api/organisations/{organisation}/teams/{name}"
);
crud::plain_handlers!(
    TeamSpec,
    TeamState,
    "team",
    "teams",
    "/api/organisations/{organisation}/teams",
    "/api/organisations/{organisation}/teams/{name}"
);

/// Lists the members of a team.
#[utoipa::path(
    get, path = "/api/organisations/{organisation}/teams/{name}/members", tag = "teams", operation_id = "list_members",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The team's name or id."),
        ListParams,
    ),
    responses((status = 200, description = "A page.", body = Page<TeamMember>), Refusals)
)]
pub(super) async fn list_members(
    State(gateway): State<Gateway>,
    reached: Reached,
    Name(name): Name,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<TeamMember>>, ApiError> {
    let team = find::<TeamSpec>(gateway.database.reader(), reached.scope(), &name).await?;
    Ok(Json(params.page(team.resource.spec.members, |member| &member.user)?))
}

/// Adds a member to a team, or changes the member's role.
#[utoipa::path(
    post, path = "/api/organisations/{organisation}/teams/{name}/members", tag = "teams", operation_id = "add_member",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The team's name or id."),
    ),
    request_body = TeamMember,
    responses((status = 200, description = "The member.", body = TeamMember), Refusals, BodyRefusals)
)]
pub(super) async fn add_member(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Document(body): Document,
) -> Result<Json<TeamMember>, ApiError> {
    let wrong = check::check_spec(Kind::Team, &json!({"members": [&body]}));
    if !wrong.is_empty() {
        return Err(ApiError::fields(super::body::nested(wrong, "/members/0")));
    }
    let member: TeamMember = serde_json::from_value(body.clone()).map_err(ApiError::internal)?;
    let user = member.user.clone();
    let edit = move |spec: &mut Value| {
        let members = entries(spec, "members")?;
        members.retain(|other| other["user"] != user.as_str());
        members.push(body);
        Ok(())
    };
    let setting = Setting::reached(caller, reached);
    let changed =
        engine::one::<TeamSpec>(&gateway, &setting, name, Intent::Edit("add-member", Box::new(edit)), Place::SPEC)
            .await;
    // The only reference that can fail is the one in the body, wherever the member ends up in the list.
    changed.map_err(|error| error.point_to("/user", code::BAD_REFERENCE))?;
    Ok(Json(member))
}

/// Removes a member from a team.
#[utoipa::path(
    delete, path = "/api/organisations/{organisation}/teams/{name}/members/{member}", tag = "teams",
    operation_id = "remove_member",
    params(
        ("organisation" = String, Path, description = "Slug or id."),
        ("name" = String, Path, description = "The team's name or id."),
        ("member" = String, Path, description = "The member's e-mail address."),
    ),
    responses((status = 204, description = "Not a member any more."), Refusals, BodyRefusals)
)]
pub(super) async fn remove_member(
    State(gateway): State<Gateway>,
    caller: Caller,
    reached: Reached,
    Name(name): Name,
    Last(member): Last,
) -> Result<StatusCode, ApiError> {
    let edit = move |spec: &mut Value| {
        let members = entries(spec, "members")?;
        let before = members.len();
        members.retain(|other| other["user"] != member.as_str());
        if members.len() == before { Err(ApiError::not_found("member", &member)) } else { Ok(()) }
    };
    let intent = Intent::Edit("remove-member", Box::new(edit));
    engine::one::<TeamSpec>(&gateway, &Setting::reached(caller, reached), name, intent, Place::SPEC).await?;
    Ok(StatusCode::NO_CONTENT)
}
