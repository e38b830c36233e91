//! The refusals that the OpenAPI document lists for every call.

use std::collections::BTreeMap;

use entity::problem::Problem;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use super::problem::Code;

/// What every call can be refused with.
pub(super) struct Refusals;

/// What a call that sends a body can be refused with besides.
pub(super) struct BodyRefusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use Code::{
            BadRequest, Forbidden, Internal, MethodNotAllowed, NotFound, RateLimited, Unauthorized, Unavailable,
        };
        responses(&[
            (BadRequest, "The request cannot be read: `bad_request`."),
            (Unauthorized, "No good token: `unauthorized`, `token_expired`, `token_revoked`."),
            (Forbidden, "The caller may not do that: `forbidden`."),
            (NotFound, "There is no such thing for this caller: `not_found`."),
            (MethodNotAllowed, "The path knows other methods: `method_not_allowed`."),
            (RateLimited, "Too many attempts: `rate_limited`."),
            (Internal, "A defect of the gateway: `internal`."),
            (Unavailable, "The database does not answer: `unavailable`."),
        ])
    }
}

impl IntoResponses for BodyRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use Code::{Conflict, Invalid, PayloadTooLarge, StaleRevision, UnsupportedMediaType};
        responses(&[
            (Conflict, "It contradicts what is there: `conflict`."),
            (StaleRevision, "The resource has changed since `If-Match`: `stale_revision`."),
            (PayloadTooLarge, "The body is too large: `payload_too_large`."),
            (UnsupportedMediaType, "The body is not declared to be JSON: `unsupported_media_type`."),
            (Invalid, "Fields are wrong, and `errors` lists them all: `invalid`."),
        ])
    }
}

fn responses(list: &[(Code, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    let response = |(code, description): &(Code, &str)| {
        let content = ContentBuilder::new().schema(Some(schema.clone())).build();
        let response = ResponseBuilder::new().description(*description).content("application/problem+json", content);
        (code.wire().0.as_u16().to_string(), RefOr::T(response.build()))
    };
    list.iter().map(response).collect()
}

/// The schemas that refusals refer to.
pub(super) fn schemas() -> Vec<(String, RefOr<utoipa::openapi::Schema>)> {
    let mut schemas = Vec::new();
    Problem::schemas(&mut schemas);
    schemas.push((Problem::name().into_owned(), Problem::schema()));
    schemas
}
