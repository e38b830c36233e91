//! The query string of a collection: the part of the list, the kind's own filters, and whether to watch it.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Query};
use entity::selector::Selector;
use http::request::Parts;
use sea_orm::Condition;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, Required};

use super::problem::{ApiError, Code, shortened};
use super::query::{ListParams, SortOrder};
use crate::store::filters::{Filter, Shape};
use crate::store::kinds::Stored;
use crate::store::listing::Listing;

/// What of a collection is wanted.
#[derive(Debug)]
pub(super) struct ListOf<S> {
    part: ListParams,
    pub(super) narrowed: Condition,
    /// Whether anything but the caller's reach leaves something out.
    pub(super) is_narrowed: bool,
    pub(super) watch: bool,
    /// Where a watch goes on: the id of the last event that was seen.
    pub(super) since: Option<String>,
    kind: PhantomData<S>,
}

impl<S: Stored> ListOf<S> {
    /// The part of the list.
    pub(super) fn listing(self) -> Result<Listing, ApiError> {
        Ok(Listing { narrowed: self.narrowed, ..self.part.listing()? })
    }

    fn read(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut read = Self {
            part: ListParams::default(),
            narrowed: Condition::all(),
            is_narrowed: false,
            watch: false,
            since: None,
            kind: PhantomData,
        };
        let mut seen: Vec<String> = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            if seen.contains(&name) {
                return Err(wrong(&name, "stands there twice"));
            }
            read.take(&name, value)?;
            seen.push(name);
        }
        if read.since.is_some() && !read.watch {
            return Err(ApiError::new(Code::BadRequest, "`since` belongs to `watch=true`"));
        }
        if read.watch && ["limit", "cursor", "sort"].iter().any(|name| seen.iter().any(|seen| seen == name)) {
            return Err(ApiError::new(Code::BadRequest, "a watch has neither pages nor an order of its own"));
        }
        Ok(read)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), ApiError> {
        match name {
            "limit" => self.part.limit = Some(value.parse().map_err(|_| wrong(name, "is no whole number"))?),
            "cursor" => self.part.cursor = Some(value),
            "q" => {
                self.is_narrowed |= !value.is_empty();
                self.narrowed = self.narrowed.clone().add_option(crate::store::listing::part::<S>(&value));
            }
            "sort" => {
                let orders = "is not one of name, -name, createdAt, -createdAt";
                self.part.sort = Some(SortOrder::named(&value).ok_or_else(|| wrong(name, orders))?);
            }
            "labelSelector" => {
                let selector: Selector =
                    value.parse().map_err(|what| wrong(name, &format!("is no selector: {what}")))?;
                self.narrowed = self.narrowed.clone().add(crate::store::labels::selected::<S>(&selector));
                self.is_narrowed = true;
            }
            "watch" => self.watch = value.parse().map_err(|_| wrong(name, "is not `true` or `false`"))?,
            "since" => self.since = Some(value),
            other => {
                let filter =
                    S::FILTERS.iter().find(|filter| filter.name == other).ok_or_else(|| unknown::<S>(other))?;
                let condition =
                    (filter.condition)(&value).map_err(|what| wrong(other, &format!("is wrong: {what}")))?;
                self.narrowed = self.narrowed.clone().add(condition);
                self.is_narrowed = true;
            }
        }
        Ok(())
    }
}

fn wrong(name: &str, what: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the parameter `{}` {what}", shortened(name)))
}

fn unknown<S: Stored>(name: &str) -> ApiError {
    let own = S::FILTERS.iter().map(|filter| filter.name);
    let known: Vec<&str> =
        ["limit", "cursor", "q", "sort", "labelSelector", "watch", "since"].into_iter().chain(own).collect();
    ApiError::new(Code::BadRequest, format!("the list has no parameter `{}`", shortened(name)))
        .hint(format!("it has {}", known.join(", ")))
}

impl<A: Send + Sync, S: Stored> FromRequestParts<A> for ListOf<S> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &A) -> Result<Self, ApiError> {
        // No value holds one, and Postgres takes it for an error of its own.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(ApiError::new(Code::BadRequest, "the query string holds a zero byte"));
        }
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::new(Code::BadRequest, "the query string cannot be read"))?;
        let mut read = Self::read(pairs)?;
        // What browsers and libraries send by themselves when they connect again.
        let last = parts.headers.get("last-event-id").and_then(|id| id.to_str().ok());
        if let Some(last) = last.filter(|last| read.watch && !last.is_empty()) {
            read.since = Some(last.to_owned());
        }
        Ok(read)
    }
}

/// The parameters as the OpenAPI document has them.
impl<S: Stored> IntoParams for ListOf<S> {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut params = ListParams::into_params(parameter_in);
        params.extend(S::FILTERS.iter().map(described));
        let labels = "What its labels must be, as Kubernetes writes it: env=prod,team!=search,tier in (1,2),!legacy.";
        params.push(parameter("labelSelector", labels, ObjectBuilder::new().schema_type(Type::String)));
        let watch = "Whether to get what changes instead, as server-sent events: see docs/API.md.";
        let since = "Where a watch goes on: the id of the last event that was seen.";
        params.push(parameter("watch", watch, ObjectBuilder::new().schema_type(Type::Boolean)));
        params.push(parameter("since", since, ObjectBuilder::new().schema_type(Type::String)));
        params
    }
}

fn described(filter: &Filter) -> Parameter {
    let schema = match filter.shape {
        Shape::Text => ObjectBuilder::new().schema_type(Type::String),
        Shape::Flag => ObjectBuilder::new().schema_type(Type::Boolean),
        Shape::Instant => {
            let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
            ObjectBuilder::new().schema_type(Type::String).format(Some(format))
        }
        Shape::Words(words) => ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words())),
    };
    parameter(filter.name, filter.about, schema)
}

fn parameter(name: &str, about: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}
