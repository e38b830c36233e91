//! What limits say, as callers get it: errors with the published codes, and the usual headers.

use entity::vocab::ScopeType;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::case::Case;
use crate::error::{ErrorCode, GatewayError};
use crate::limits::{Denial, Headroom, LimitWord, Notes, Refusal, scope_word};

/// The error for a gate's refusal.
pub(super) fn refused(case: &Case, refusal: Refusal) -> GatewayError {
    match refusal {
        Refusal::Denied(denial) => denied(case, &denial),
        Refusal::Unavailable(error) => {
            GatewayError::new(ErrorCode::Overloaded, "rate limits cannot be counted at present")
                .retry_after(1)
                .caused_by(error)
        }
    }
}

/// The published code of a limit's refusal.
pub(crate) const fn code(limit: LimitWord) -> ErrorCode {
    match limit {
        LimitWord::Ip => ErrorCode::IpNotAllowed,
        LimitWord::Payload => ErrorCode::PayloadTooLarge,
        LimitWord::Concurrency => ErrorCode::ConcurrencyExceeded,
        LimitWord::Burst => ErrorCode::BurstExceeded,
        LimitWord::Rps => ErrorCode::RpsExceeded,
        LimitWord::Rpm => ErrorCode::RpmExceeded,
        LimitWord::MaxTokens => ErrorCode::MaxTokensExceeded,
        LimitWord::Tpm => ErrorCode::TpmExceeded,
    }
}

pub(super) fn denied(case: &Case, denial: &Denial) -> GatewayError {
    let code = code(denial.limit);
    let limit = (denial.limit != LimitWord::Ip).then_some(denial.of);
    let error =
        GatewayError::new(code, denial.message(&name(case, denial.scope))).limited(scope_word(denial.scope), limit);
    match denial.retry_after() {
        Some(seconds) => error.retry_after(seconds),
        None => error,
    }
}

/// A scope as the caller knows it.
fn name(case: &Case, scope: ScopeType) -> String {
    let (principal, target) = (case.principal.get(), case.target.get());
    let named = match scope {
        ScopeType::Org => principal.map(|it| ("organisation", it.organisation.as_str())),
        ScopeType::Team => principal.and_then(|it| it.team.as_ref()).map(|(_, name)| ("team", name.as_str())),
        ScopeType::ApiKey => principal.map(|it| ("API key", it.key.as_str())),
        ScopeType::Model => target.as_ref().map(|it| ("model", it.model.as_str())),
        ScopeType::Global | ScopeType::McpServer => None,
    };
    named.map_or_else(|| "this gateway".to_owned(), |(kind, name)| format!("the {kind} {name}"))
}

/// The headers of one kind of limit: its number, what is left, when it is whole again.
type Names = [HeaderName; 3];

const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Says what is left under the tightest limits, as OpenAI does. An upstream's own figures never pass: they are those of the
/// gateway's account.
pub(super) fn add_headers(notes: &Notes, headers: &mut HeaderMap) {
    let (requests, tokens) = notes.headroom();
    for (names, headroom) in [(REQUESTS, requests), (TOKENS, tokens)] {
        let Some(Headroom { of, left, reset_us }) = headroom else { continue };
        let [limit, remaining, reset] = names;
        headers.insert(limit, HeaderValue::from(of));
        headers.insert(remaining, HeaderValue::from(left));
        if let Ok(value) = HeaderValue::try_from(span(reset_us)) {
            headers.insert(reset, value);
        }
    }
}

/// A time as OpenAI writes it: `120ms`, `1s`, `6m0s`. Rounded up.
fn span(us: u64) -> String {
    if us < 1_000_000 {
        let ms = us.div_ceil(1_000);
        return if ms == 1_000 { "1s".to_owned() } else { format!("{ms}ms") };
    }
    let seconds = us.div_ceil(1_000_000);
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_openai_writes_them() {
        let written = [0, 1, 119_001, 999_999, 1_000_000, 1_000_001, 360_000_000, 3_661_000_000].map(span);
        assert_eq!(written, ["0ms", "1ms", "120ms", "1s", "1s", "2s", "6m0s", "1h1m1s"]);
    }
}
