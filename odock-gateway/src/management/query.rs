//! Query strings: what lists take, and cursors that only the gateway reads.

use axum::extract::{FromRequestParts, Query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Timestamp;
use entity::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use http::request::Parts;
use sea_orm::Condition;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::problem::{ApiError, Code};
use crate::store::listing::{Listing, Place, Position, SortKey};

/// A query string that is refused as a whole when a parameter is unknown, repeated or malformed.
#[derive(Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // No value holds one, and Postgres takes it for an error of its own.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(ApiError::new(Code::BadRequest, "the query string holds a zero byte"));
        }
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                Err(ApiError::new(Code::BadRequest, format!("the query string is wrong: {}", shortened_line(text))))
            }
        }
    }
}

fn shortened_line(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListParams {
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    pub(super) limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    pub(super) cursor: Option<String>,
    /// A part of the name, in any case.
    pub(super) q: Option<String>,
    /// The order.
    #[param(inline)]
    pub(super) sort: Option<SortOrder>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
pub(super) enum SortOrder {
    /// By name.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameBackwards,
    /// Oldest first.
    #[serde(rename = "createdAt")]
    CreatedAt,
    /// Newest first.
    #[serde(rename = "-createdAt")]
    CreatedAtBackwards,
}

impl SortOrder {
    /// The order of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "-name" => Self::NameBackwards,
            "createdAt" => Self::CreatedAt,
            "-createdAt" => Self::CreatedAtBackwards,
            _ => return None,
        })
    }
}

impl ListParams {
    /// The part of the list that the parameters name.
    pub(super) fn listing(self) -> Result<Listing, ApiError> {
        let (sort, descending) = match self.sort.unwrap_or_default() {
            SortOrder::Name => (SortKey::Name, false),
            SortOrder::NameBackwards => (SortKey::Name, true),
            SortOrder::CreatedAt => (SortKey::CreatedAt, false),
            SortOrder::CreatedAtBackwards => (SortKey::CreatedAt, true),
        };
        let after: Option<Position> = given(&self.cursor).map(decode).transpose()?;
        let fits = after.as_ref().is_none_or(|after| match after.at {
            Place::Name(ref name) => sort == SortKey::Name && !name.contains('\0'),
            Place::At(_) => sort == SortKey::CreatedAt,
        });
        if !fits {
            return Err(bad_cursor().hint("a cursor belongs to the order in which it was given"));
        }
        Ok(Listing {
            limit: limit(self.limit)?,
            after,
            q: self.q.filter(|part| !part.is_empty()),
            sort,
            descending,
            narrowed: Condition::all(),
        })
    }

    /// A page of a list that is all in memory, in the order in which it stands.
    pub(super) fn page<T>(self, items: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, ApiError> {
        if self.sort.is_some_and(|sort| sort != SortOrder::Name) {
            return Err(ApiError::new(Code::BadRequest, "this list has one order only; leave `sort` out"));
        }
        let (limit, after) = (limit(self.limit)?, given(&self.cursor).map(decode::<usize>).transpose()?);
        let part = self.q.unwrap_or_default().to_lowercase();
        let mut left =
            items.into_iter().filter(|item| name(item).to_lowercase().contains(&part)).skip(after.unwrap_or(0));
        let items: Vec<T> = left.by_ref().take(limit).collect();
        let next = left.next().map(|_| encode(&(after.unwrap_or(0) + items.len())));
        Ok(Page { items, next_cursor: next })
    }
}

/// How many items a page has.
pub(super) fn limit(given: Option<u32>) -> Result<usize, ApiError> {
    let limit = given.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::new(Code::BadRequest, format!("`limit` is {limit}; it can be 1 to {MAX_LIMIT}")));
    }
    usize::try_from(limit).map_err(ApiError::internal)
}

/// A cursor, unless it is empty.
pub(super) fn given(cursor: &Option<String>) -> Option<&str> {
    cursor.as_deref().filter(|cursor| !cursor.is_empty())
}

/// Where a list that is newest first goes on.
pub(super) fn before(cursor: &Option<String>) -> Result<Option<(Timestamp, Uuid)>, ApiError> {
    let place = given(cursor).map(decode::<(i64, Uuid)>).transpose()?;
    Ok(place.map(|(at, id)| (Timestamp(at), id)))
}

/// A position as a cursor.
pub(super) fn encode(position: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// A cursor as a position.
pub(super) fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())?;
    serde_json::from_slice(&bytes).map_err(|_| bad_cursor())
}

fn bad_cursor() -> ApiError {
    ApiError::new(Code::BadRequest, "the cursor is not one that this list gave")
}

/// A page of what is listed newest first, given one item more than it may have.
pub(super) fn newest_first<T>(mut items: Vec<T>, limit: usize, place: impl Fn(&T) -> (i64, Uuid)) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| encode(&place(last)));
    Page { items, next_cursor }
}
