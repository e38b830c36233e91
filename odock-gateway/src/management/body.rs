//! Bodies: JSON of bounded size, read into a value first, so that everything wrong with it can be said at once.

use axum::RequestPartsExt;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use entity::Timestamp;
use entity::check::{self, Violation, code, step};
use entity::problem::FieldError;
use entity::resource::Kind;
use http::header;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::problem::{ApiError, Code, field, shortened};

/// Most bodies are small.
const MIB: usize = 1 << 20;
/// An organisation as files is larger.
pub(super) const APPLY_LIMIT: usize = 10 * MIB;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Document<const LIMIT: usize = MIB>(pub(super) Value);

/// A JSON body that may also declare itself a merge patch.
#[derive(Debug)]
pub(super) struct Patch(pub(super) Value);

/// A JSON body that may be left out.
#[derive(Debug)]
pub(super) struct Optional(pub(super) Option<Value>);

impl<S: Sync, const LIMIT: usize> FromRequest<S> for Document<LIMIT> {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        declared(&request, &["application/json"])?;
        parse(&read(request, LIMIT).await?).map(Self)
    }
}

impl<S: Sync> FromRequest<S> for Patch {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        declared(&request, &["application/merge-patch+json", "application/json"])?;
        parse(&read(request, MIB).await?).map(Self)
    }
}

impl<S: Sync> FromRequest<S> for Optional {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let is_declared = declared(&request, &["application/json"]);
        let bytes = read(request, MIB).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        is_declared?;
        parse(&bytes).map(|value| Self(Some(value)))
    }
}

/// The name or id of the resource in the path, percent-decoded.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

/// The last name in the path, percent-decoded: of what is part of a resource.
#[derive(Debug)]
pub(super) struct Last(pub(super) String);

impl<S: Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let params = path_params(parts).await?;
        let name = params.iter().find(|(param, _)| *param == "name").map(|(_, name)| name.to_owned());
        name.map(Self).ok_or_else(|| ApiError::internal("the route has no name in its path"))
    }
}

/// The first name in the path, percent-decoded.
#[derive(Debug)]
pub(super) struct First(pub(super) String);

impl<S: Sync> FromRequestParts<S> for First {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let params = path_params(parts).await?;
        let first = params.iter().next().map(|(_, name)| name.to_owned());
        first.map(Self).ok_or_else(|| ApiError::internal("the route has no name in its path"))
    }
}

impl<S: Sync> FromRequestParts<S> for Last {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let params = path_params(parts).await?;
        let last = params.iter().last().map(|(_, name)| name.to_owned());
        last.map(Self).ok_or_else(|| ApiError::internal("the route has no name in its path"))
    }
}

/// The names in the path.
pub(super) async fn path_params(parts: &mut Parts) -> Result<RawPathParams, ApiError> {
    let params: RawPathParams =
        parts.extract().await.map_err(|_| ApiError::new(Code::BadRequest, "the path is not UTF-8"))?;
    // No name holds one, and Postgres takes it for an error of its own.
    if params.iter().any(|(_, name)| name.contains('\0')) {
        return Err(ApiError::new(Code::BadRequest, "the path holds a zero byte"));
    }
    Ok(params)
}

fn declared(request: &Request, allowed: &[&'static str]) -> Result<(), ApiError> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if allowed.iter().any(|allowed| kind.eq_ignore_ascii_case(allowed)) {
        return Ok(());
    }
    let title = match kind {
        "" => "the body has no content type".to_owned(),
        other => format!("the body is `{}`", shortened(other)),
    };
    let hint = format!("send `Content-Type: {}`", allowed.join("` or `"));
    Err(ApiError::new(Code::UnsupportedMediaType, title).hint(hint))
}

async fn read(request: Request, limit: usize) -> Result<bytes::Bytes, ApiError> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(Code::PayloadTooLarge, format!("the body is larger than {} MiB", limit / MIB)))
        }
        Err(_) => Err(ApiError::new(Code::BadRequest, "the body broke off")),
    }
}

/// Parses JSON. What the parser quotes may be a secret, so only the place is told.
fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            _ if bytes.is_empty() => "there is no body".to_owned(),
            _ if std::str::from_utf8(bytes).is_err() => "the body is not UTF-8".to_owned(),
            serde_json::error::Category::Eof => "the body ends early: it is not whole JSON".to_owned(),
            _ => format!("the body is not JSON: line {}, column {}", error.line(), error.column()),
        };
        ApiError::new(Code::BadRequest, what)
    })
}

/// What is wrong with a body that was checked as a part of something larger.
pub(super) fn nested(wrong: Vec<Violation>, prefix: &str) -> Vec<FieldError> {
    let strip = |mut violation: Violation| {
        violation.pointer = violation.pointer.strip_prefix(prefix).unwrap_or_default().to_owned();
        violation.into_field_error()
    };
    wrong.into_iter().map(strip).collect()
}

/// Reads the fields of a small body, collecting what is wrong.
pub(super) struct Fields {
    given: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// The fields of an object.
    pub(super) fn of(body: Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(given) => Ok(Self { given, known: Vec::new(), errors: Vec::new() }),
            _ => Err(ApiError::fields(vec![field("", code::WRONG_TYPE, "the body must be an object")])),
        }
    }

    /// Takes a field out as it is.
    fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.given.remove(name)
    }

    /// Takes a field out that may be `null`, which is as good as nothing.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.raw(name).filter(|value| !value.is_null())
    }

    /// Takes a field that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Option<Value> {
        let value = self.take(name);
        if value.is_none() {
            self.report::<()>(name, code::MISSING, format!("`{name}` is missing"));
        }
        value
    }

    /// Takes a text, if there is one.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.report(name, code::WRONG_TYPE, "must be a string"),
        }
    }

    /// Takes one line of text for people.
    pub(super) fn line(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if text.trim().is_empty() || text.chars().nth(128).is_some() || text.chars().any(char::is_control) {
            return self.report(name, code::INVALID, "must be one line of 1 to 128 characters");
        }
        Some(text)
    }

    /// Takes an instant.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(time) => Some(time),
            Err(_) => self.report(name, code::INVALID, "is not a time like 2027-06-30T00:00:00Z"),
        }
    }

    /// Takes a truth value.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.raw(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.report(name, code::WRONG_TYPE, "must be true or false"),
        }
    }

    /// Takes a whole number up to `most`.
    pub(super) fn whole(&mut self, name: &'static str, most: u32) -> Option<u32> {
        let value = self.raw(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= most);
        number.or_else(|| self.report(name, code::INVALID, format!("must be a whole number from 0 to {most}")))
    }

    /// Says that something is wrong with a field.
    pub(super) fn report<T>(&mut self, name: &str, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.errors.push(field(&step("", name), code, message));
        None
    }

    /// Whether something is wrong with a field already.
    pub(super) fn has_error(&self, name: &str) -> bool {
        let pointer = step("", name);
        self.errors.iter().any(|error| error.pointer == pointer)
    }

    /// Adds errors found elsewhere.
    pub(super) fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.errors.extend(errors);
    }

    /// Takes the name of a new resource.
    pub(super) fn name(&mut self, kind: Kind) -> Option<String> {
        let value = self.required("name")?;
        let Value::String(name) = value else {
            return self.report("name", code::WRONG_TYPE, "must be a string");
        };
        let wrong = check::check_name(kind, &name);
        if wrong.is_empty() {
            return Some(name);
        }
        self.extend(wrong.into_iter().map(|violation| violation.under("/name").into_field_error()));
        None
    }

    /// Says everything that is wrong, including fields that nobody asked for.
    pub(super) fn finish(mut self) -> Result<(), ApiError> {
        for name in self.given.keys() {
            let near = check::nearest(name, self.known.iter().copied());
            let hint = near.map_or_else(
                || format!("the fields are {}", self.known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{}` is not a field here ({hint})", shortened(name));
            self.errors.push(field(&step("", name), code::UNKNOWN_FIELD, message));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::fields(self.errors)) }
    }
}

/// A list in a spec, there whether or not it is written.
pub(super) fn entries<'a>(spec: &'a mut Value, field: &str) -> Result<&'a mut Vec<Value>, ApiError> {
    let fields = spec.as_object_mut().ok_or_else(|| ApiError::internal("a spec is no object"))?;
    let list = fields.entry(field).or_insert_with(|| Value::Array(Vec::new()));
    list.as_array_mut().ok_or_else(|| ApiError::internal("a list in a spec is none"))
}
