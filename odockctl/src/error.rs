//! What ends a command badly: what, where, why, and what to do next.

use std::fmt::Write as _;

use odock_client::ClientError;
use odock_client::context::ContextError;
use odock_client::credential::CredentialError;
use serde::Serialize;

/// How the program ends. The same in every output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `diff`: nothing differs.
    Done = 0,
    /// Failed; for `diff`: something differs.
    Failed = 1,
    /// `apply --detailed-exitcode`: there were changes.
    Changes = 2,
    /// Not signed in.
    NotSignedIn = 4,
    /// Forbidden.
    Forbidden = 5,
    /// Not found.
    NotFound = 6,
    /// A conflict, or the resource moved on.
    Conflict = 7,
    /// What was waited for did not come.
    WaitTimedOut = 8,
    /// The gateway cannot be reached.
    Unreachable = 10,
    /// Too many requests.
    RateLimited = 11,
    /// A guard refused.
    Guard = 12,
    /// A new secret could not be delivered.
    Undelivered = 13,
    /// The command or a manifest is wrong.
    Usage = 64,
    /// The program itself failed; for `diff`: it could not compare.
    Internal = 70,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code with what it means, for the help.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Done, "done; for diff and drift: nothing differs"),
        (Self::Failed, "failed; for diff and drift: something differs"),
        (Self::Changes, "only with --detailed-exitcode on plan and apply: there are changes"),
        (Self::NotSignedIn, "not signed in"),
        (Self::Forbidden, "forbidden"),
        (Self::NotFound, "not found"),
        (Self::Conflict, "conflict or stale plan"),
        (Self::WaitTimedOut, "wait timed out"),
        (Self::Unreachable, "the gateway cannot be reached"),
        (Self::RateLimited, "rate-limited"),
        (Self::Guard, "a guard refused"),
        (Self::Undelivered, "a new secret could not be delivered"),
        (Self::Usage, "usage or manifest error"),
        (Self::Internal, "internal error; for diff and drift: they could not compare"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// A JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line, self.column) {
            (Some(file), Some(line), Some(column)) => write!(f, "{file}:{line}:{column}"),
            (Some(file), Some(line), None) => write!(f, "{file}:{line}"),
            (Some(file), ..) => f.write_str(file),
            _ => f.write_str(self.pointer.as_deref().unwrap_or("/")),
        }
    }
}

/// One of several things that are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// What is wrong.
    pub message: String,
    /// A stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Place>,
}

/// Why a command failed.
#[derive(Debug)]
pub struct CliError(Box<Facts>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    code: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Detail>,
    exit_code: u8,
    #[serde(skip)]
    exit: Exit,
    /// Whether the hint is what suits any such failure: whoever knows more may say it instead.
    #[serde(skip)]
    vague: bool,
}

impl CliError {
    /// An error that ends the program as `exit`, with a stable code and one sentence.
    #[must_use]
    pub fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            code: code.into(),
            message: message.into(),
            hint: None,
            status: None,
            request_id: None,
            retryable: false,
            retry_after: None,
            source: None,
            errors: Vec::new(),
            exit_code: exit.code(),
            exit,
            vague: false,
        }))
    }

    /// The command line is wrong.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The program itself failed.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, "internal", message)
    }

    /// A file or stream of this machine could not be used.
    #[must_use]
    pub fn io(what: &str, error: &std::io::Error) -> Self {
        Self::new(Exit::Failed, "io", format!("{what}: {error}"))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what to do next, unless something better is known already.
    #[must_use]
    pub fn or_hint(mut self, hint: impl Into<String>) -> Self {
        if self.0.hint.is_none() || std::mem::take(&mut self.0.vague) {
            self.0.hint = Some(hint.into());
        }
        self
    }

    /// Adds where it happened.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.0.source = Some(place);
        self
    }

    /// Adds the single things that are wrong.
    #[must_use]
    pub fn details(mut self, errors: Vec<Detail>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Says more in front of the message: "key ci: …".
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Ends the program in another way.
    #[must_use]
    pub fn ends(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self.0.exit_code = exit.code();
        self
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, if that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The error as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| r#"{"code":"internal"}"#.into())
    }

    /// The error for people, `label` being how the word `error:` looks.
    #[must_use]
    pub fn text(&self, label: &str) -> String {
        let facts = &self.0;
        let place = facts.source.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let mut text = format!("{label} {place}{}\n", facts.message);
        for detail in &facts.errors {
            let place = detail.source.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {place}{}", detail.message);
        }
        if let Some(hint) = &facts.hint {
            let _ = writeln!(text, "hint: {hint}");
        }
        if let Some(id) = &facts.request_id {
            let _ = writeln!(text, "request id: {id}");
        }
        text
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Problem { problem, .. } if problem.code == "guarded" => Exit::Guard,
            ClientError::Problem { problem, .. } => exit_of_status(problem.status),
            ClientError::Foreign { status: 502..=504, .. } => Exit::Unreachable,
            ClientError::Unreachable { .. } | ClientError::Timeout { .. } | ClientError::Tls { .. } => {
                Exit::Unreachable
            }
            ClientError::SignedOut(_) => Exit::NotSignedIn,
            ClientError::ReadOnly { .. } => Exit::Guard,
            ClientError::Invalid(_) => Exit::Usage,
            _ => Exit::Failed,
        };
        let mut made = Self::new(exit, error.code(), error.to_string());
        made.0.status = error.status();
        made.0.request_id = error.request_id().map(str::to_owned);
        made.0.retryable = error.retryable();
        made.0.retry_after = error.retry_after().map(|wait| wait.as_secs());
        made.0.hint = error.hint().map(str::to_owned).or_else(|| hint(&error).map(str::to_owned));
        if made.0.hint.is_none() {
            made.0.hint = made.0.status.and_then(vague_hint).map(str::to_owned);
            made.0.vague = true;
        }
        if let ClientError::Problem { problem, .. } = error {
            made.0.errors = problem.errors.into_iter().map(field_error).collect();
        }
        made
    }
}

fn vague_hint(status: u16) -> Option<&'static str> {
    Some(match status {
        429 => "wait a little and try again; --retries N does that by itself",
        500 => "the gateway's log says more about this request id",
        503 => "the gateway lacks something it needs, and GET /v1/healthz says what; try again later",
        _ => return None,
    })
}

fn exit_of_status(status: u16) -> Exit {
    match status {
        401 => Exit::NotSignedIn,
        403 => Exit::Forbidden,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        429 => Exit::RateLimited,
        400 | 413 | 415 | 422 => Exit::Usage,
        502..=504 => Exit::Unreachable,
        _ => Exit::Failed,
    }
}

fn field_error(error: entity::problem::FieldError) -> Detail {
    let thing = match (error.kind, error.name) {
        (Some(kind), Some(name)) => format!("{kind} {name}: "),
        _ => String::new(),
    };
    let place = Place { pointer: Some(error.pointer).filter(|pointer| !pointer.is_empty()), ..Place::default() };
    let source = Some(place).filter(|place| place.pointer.is_some());
    Detail { message: format!("{thing}{}", error.message), code: Some(error.code), source }
}

fn hint(error: &ClientError) -> Option<&'static str> {
    Some(match error {
        ClientError::Problem { problem, .. } => match problem.code.as_str() {
            "unauthorized" | "token_expired" | "token_revoked" => "sign in again: odockctl login",
            "forbidden" => "see what you may do: odockctl auth status, odockctl auth matrix",
            "stale_revision" => "somebody changed it meanwhile; look at it and try again",
            _ => return None,
        },
        ClientError::Unreachable { .. } | ClientError::Timeout { .. } => "find out why: odockctl doctor",
        // rustls says so when the system's store is empty, as it is in a container with nothing in it.
        ClientError::Tls { reason, .. } if reason.contains("No CA certificates") => {
            "this system has no certificates: bring a bundle and name it by --ca-file or SSL_CERT_FILE"
        }
        ClientError::Tls { .. } => "for a private certificate authority, name its certificate: --ca-file FILE",
        ClientError::Foreign { .. } | ClientError::Decode { .. } => {
            "check that the address is an Odock gateway of a matching version: odockctl version --gateway"
        }
        ClientError::SignedOut(_) => "sign in again: odockctl login",
        ClientError::ReadOnly { .. } => "the context or --read-only forbids changes",
        _ => return None,
    })
}

impl From<ContextError> for CliError {
    fn from(error: ContextError) -> Self {
        let message = error.to_string();
        match error {
            ContextError::Unknown { .. } => {
                Self::new(Exit::Usage, "unknown_context", message).hint("add it: odockctl context add NAME --url URL")
            }
            ContextError::Content { path, line, column, what } => {
                let place = Place {
                    file: Some(path.display().to_string()),
                    line: Some(line),
                    column: Some(column),
                    pointer: None,
                };
                Self::new(Exit::Usage, "bad_config", what).at(place)
            }
            ContextError::Io { .. } => Self::new(Exit::Failed, "io", message),
            ContextError::NoPlace | ContextError::Name(_) => Self::usage(message),
        }
    }
}

impl From<CredentialError> for CliError {
    fn from(error: CredentialError) -> Self {
        Self::new(Exit::NotSignedIn, "no_credential", error.to_string())
            .hint("sign in again: odockctl login --token-file FILE; or set ODOCK_TOKEN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_what_where_why_and_what_next() {
        let error = CliError::new(Exit::Usage, "manifest", "2 mistakes, nothing was changed")
            .details(vec![Detail {
                message: "unknown field `modle`; did you mean `models`?".into(),
                code: Some("unknown_field".into()),
                source: Some(Place { file: Some("a.yaml".into()), line: Some(3), column: Some(5), pointer: None }),
            }])
            .hint("odockctl validate -f a.yaml");
        assert_eq!(
            error.text("error:"),
            "error: 2 mistakes, nothing was changed\n  a.yaml:3:5: unknown field `modle`; did you mean `models`?\n\
             hint: odockctl validate -f a.yaml\n"
        );
        let json: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
        assert_eq!(json["errors"][0]["source"]["line"], 3);
        assert_eq!((json["exitCode"].as_u64(), json["retryable"].as_bool()), (Some(64), Some(false)));
    }

    #[test]
    fn statuses_have_the_specified_exit_codes() {
        let exits: Vec<u8> =
            [401, 403, 404, 409, 412, 429, 422, 400, 500, 503].map(|status| exit_of_status(status).code()).to_vec();
        assert_eq!(exits, [4, 5, 6, 7, 7, 11, 64, 64, 1, 10]);
    }
}
