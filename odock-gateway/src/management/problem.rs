//! Why the management API refuses: a stable code, a sentence, and every field that is wrong.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use entity::check::Violation;
use entity::problem::{FieldError, Problem};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sea_orm::{DbErr, SqlErr};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $word:literal,)*) => {
        /// The codes of the management API. Scripts match on them, so they never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status and the code as they are sent.
            #[must_use]
            pub(super) const fn wire(self) -> (StatusCode, &'static str) {
                match self { $(Self::$name => (StatusCode::$status, $word),)* }
            }
        }
    };
}

codes! {
    /// No token, or none that is known.
    Unauthorized = UNAUTHORIZED "unauthorized",
    /// The token's time is over.
    TokenExpired = UNAUTHORIZED "token_expired",
    /// The token was revoked, or used up, or its user may not sign in any more.
    TokenRevoked = UNAUTHORIZED "token_revoked",
    /// The caller is known, but may not do that.
    Forbidden = FORBIDDEN "forbidden",
    /// There is no such thing for this caller.
    NotFound = NOT_FOUND "not_found",
    /// The path knows other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed",
    /// What is asked for contradicts what is there.
    Conflict = CONFLICT "conflict",
    /// A guard keeps something from being deleted.
    Guarded = CONFLICT "guarded",
    /// What a saved plan was made from has changed.
    StalePlan = CONFLICT "stale_plan",
    /// The resource has changed since it was read.
    StaleRevision = PRECONDITION_FAILED "stale_revision",
    /// The body is JSON, but not what it should be.
    Invalid = UNPROCESSABLE_ENTITY "invalid",
    /// The request cannot be read.
    BadRequest = BAD_REQUEST "bad_request",
    /// The body is larger than the route takes.
    PayloadTooLarge = PAYLOAD_TOO_LARGE "payload_too_large",
    /// The body is not declared to be JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type",
    /// The `Idempotency-Key` belongs to another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused",
    /// The first request with that `Idempotency-Key` is still under way.
    IdempotencyInProgress = CONFLICT "idempotency_in_progress",
    /// The request was carried out before, and its answer was too large to be kept.
    IdempotencyNotKept = CONFLICT "idempotency_not_kept",
    /// The request was begun before, and nobody knows what came of it.
    IdempotencyOutcomeUnknown = CONFLICT "idempotency_outcome_unknown",
    /// Nobody can say at present whether the request was carried out before.
    IdempotencyUnavailable = SERVICE_UNAVAILABLE "idempotency_unavailable",
    /// Too many attempts.
    RateLimited = TOO_MANY_REQUESTS "rate_limited",
    /// The database does not answer.
    Unavailable = SERVICE_UNAVAILABLE "unavailable",
    /// A defect of the gateway.
    Internal = INTERNAL_SERVER_ERROR "internal",
}

/// Code of a field that names something that is there already.
pub(super) const TAKEN: &str = "taken";
/// Code of a field that is still referred to.
pub(super) const REFERENCED: &str = "referenced";
/// Code of a field that another owner has declared otherwise.
pub(super) const FIELD_CONFLICT: &str = "field_conflict";
/// Code of a field that the caller may not change.
pub(super) const FORBIDDEN: &str = "forbidden";

/// Why a call is refused.
#[derive(Clone, Debug)]
pub(super) struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    title: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    header: Option<(header::HeaderName, HeaderValue)>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// A refusal with its reason in one sentence.
    pub(super) fn new(code: Code, title: impl Into<Cow<'static, str>>) -> Self {
        let inner = Inner { code, title: title.into(), hint: None, errors: Vec::new(), header: None, source: None };
        Self(Box::new(inner))
    }

    /// The refusal of a body, with everything that is wrong with it.
    ///
    /// A name that is taken or a thing that is referred to is a conflict, a field that the caller may not set is
    /// forbidden; as soon as anything else is wrong too, the whole is simply invalid.
    pub(super) fn fields(errors: Vec<FieldError>) -> Self {
        let all = |word: &str| errors.iter().all(|error| error.code == word);
        let code = if errors.iter().all(|error| [TAKEN, REFERENCED, FIELD_CONFLICT].contains(&error.code.as_str())) {
            Code::Conflict
        } else if all(FORBIDDEN) {
            Code::Forbidden
        } else {
            Code::Invalid
        };
        let title: Cow<'static, str> = match &errors[..] {
            [error] => error.message.clone().into(),
            errors if all(FIELD_CONFLICT) => format!("{} fields belong to other owners", errors.len()).into(),
            errors => format!("{} fields are wrong", errors.len()).into(),
        };
        let mut error = Self::new(code, title);
        error.0.errors = errors;
        error
    }

    /// Nothing of that name for this caller.
    pub(super) fn not_found(what: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} `{}`", shortened(name)))
    }

    /// A defect: the reason is logged, not sent.
    pub(super) fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Internal, "the gateway failed; its log has the reason").caused_by(source)
    }

    /// The database does not answer.
    pub(super) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable, "the database is not available")
            .hint("try again in a moment")
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            .caused_by(source)
    }

    /// Adds what to do about it.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds fields that are wrong.
    #[must_use]
    pub(super) fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Points every wrong field of a code to one place of the body.
    #[must_use]
    pub(super) fn point_to(mut self, pointer: &str, code: &str) -> Self {
        for error in self.0.errors.iter_mut().filter(|error| error.code == code) {
            error.pointer = pointer.to_owned();
        }
        self
    }

    /// Shortens the pointers that begin with `prefix`, where the body is only that part.
    #[must_use]
    pub(super) fn strip(mut self, prefix: &str) -> Self {
        for error in &mut self.0.errors {
            if let Some(rest) = error.pointer.strip_prefix(prefix) {
                error.pointer = rest.to_owned();
            }
        }
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub(super) fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// Adds the reason, for the log.
    #[must_use]
    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// The code.
    #[must_use]
    pub(super) fn code(&self) -> Code {
        self.0.code
    }

    /// The answer's body.
    #[must_use]
    pub(super) fn problem(&self, request_id: &str) -> Problem {
        let (status, code) = self.0.code.wire();
        Problem {
            status: status.as_u16(),
            code: code.into(),
            title: self.0.title.to_string(),
            hint: self.0.hint.as_ref().map(ToString::to_string),
            request_id: request_id.into(),
            errors: self.0.errors.clone(),
        }
    }

    /// Writes the reason into the log, if there is one that the answer does not show.
    pub(super) fn log(&self, request_id: &str) {
        if let Some(source) = &self.0.source {
            let (_, code) = self.0.code.wire();
            tracing::error!(request.id = request_id, code, error = %chain(&**source), "A management call failed");
        }
    }

    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        if self.0.code.wire().0 == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"odock\""));
        }
        if let Some((name, value)) = &self.0.header {
            headers.insert(name, value.clone());
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.title)
    }
}

impl Error for ApiError {}

/// The answer is rendered by the outermost layer, which knows the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.code.wire().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DbErr> for ApiError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Self::new(Code::Conflict, "something of that name was created at the same moment")
                    .hint("look at what is there now, and try again")
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                Self::new(Code::Conflict, "something that this refers to, or that refers to this, changed meanwhile")
                    .hint("look at what is there now, and try again")
            }
            // A value that cannot be read is no outage: asking again would not help.
            _ if matches!(error, DbErr::Type(_) | DbErr::Json(_)) => Self::internal(error),
            _ => Self::unavailable(error),
        }
    }
}

impl From<crate::credential::NoRandomness> for ApiError {
    fn from(error: crate::credential::NoRandomness) -> Self {
        Self::internal(error)
    }
}

/// A field that is wrong, where the body is one resource.
pub(super) fn field(pointer: &str, code: &'static str, message: impl Into<String>) -> FieldError {
    Violation::new(pointer, code, message).into_field_error()
}

/// A text as messages quote it.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
