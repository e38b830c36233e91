//! The published error codes. Clients match on them, so they never change their meaning.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $word:literal,)*) => {
        /// Why a request was not served.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name,)* }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The HTTP status and the code as they are sent.
            #[must_use]
            pub const fn wire(self) -> (StatusCode, &'static str) {
                match self { $(Self::$name => (StatusCode::$status, $word),)* }
            }
        }
    };
}

codes! {
    /// The body is not what the route takes.
    InvalidRequestBody = BAD_REQUEST "invalid_request_body",
    /// Something else about the request is wrong.
    InvalidRequest = BAD_REQUEST "invalid_request",
    /// The organisation has no such model.
    ModelNotFound = BAD_REQUEST "model_not_found",
    /// The model's provider lacks something that it needs, such as an address.
    ProviderNotConfigured = BAD_REQUEST "provider_not_configured",
    /// The model's provider has no credential.
    ProviderApiKeyNotConfigured = BAD_REQUEST "provider_api_key_not_configured",
    /// This version does not speak the provider's protocol.
    ProviderTypeUnsupported = BAD_REQUEST "provider_type_unsupported",
    /// The route serves another family of providers.
    ProviderNotAllowed = BAD_REQUEST "provider_not_allowed",
    /// No key, a malformed key, or an unknown key.
    Unauthorized = UNAUTHORIZED "unauthorized",
    /// The key's time is over.
    ApiKeyExpired = UNAUTHORIZED "api_key_expired",
    /// The key was revoked.
    ApiKeyRevoked = UNAUTHORIZED "api_key_revoked",
    /// A budget is spent.
    BudgetExceeded = PAYMENT_REQUIRED "budget_exceeded",
    /// The caller's address may not call.
    IpNotAllowed = FORBIDDEN "ip_not_allowed",
    /// The key may not call the model.
    ModelNotAllowed = FORBIDDEN "model_not_allowed",
    /// The model's provider is switched off.
    ProviderDisabled = FORBIDDEN "provider_disabled",
    /// The model's provider key was revoked.
    ProviderApiKeyRevoked = FORBIDDEN "provider_api_key_revoked",
    /// There is no such route.
    NotFound = NOT_FOUND "not_found",
    /// The route does not take this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed",
    /// A request with this idempotency key is under way.
    IdempotencyInProgress = CONFLICT "idempotency_in_progress",
    /// The answer to the first request with this idempotency key was not kept.
    IdempotencyNotKept = CONFLICT "idempotency_not_kept",
    /// Nobody knows what came of the first request with this idempotency key.
    IdempotencyOutcomeUnknown = CONFLICT "idempotency_outcome_unknown",
    /// The job was cancelled or failed, and left nothing that could be fetched.
    JobWithoutResult = CONFLICT "job_without_result",
    /// The body is larger than the gateway takes.
    PayloadTooLarge = PAYLOAD_TOO_LARGE "payload_too_large",
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency_key_reused",
    /// More tokens are asked for than a scope allows.
    MaxTokensExceeded = TOO_MANY_REQUESTS "max_tokens_exceeded",
    /// As many requests are under way as a scope allows.
    ConcurrencyExceeded = TOO_MANY_REQUESTS "concurrency_exceeded",
    /// A scope's burst is used up.
    BurstExceeded = TOO_MANY_REQUESTS "burst_exceeded",
    /// A scope has had its requests of this second.
    RpsExceeded = TOO_MANY_REQUESTS "rps_exceeded",
    /// A scope has had its requests of this minute.
    RpmExceeded = TOO_MANY_REQUESTS "rpm_exceeded",
    /// A scope has had its tokens of this minute.
    TpmExceeded = TOO_MANY_REQUESTS "tpm_exceeded",
    /// A quota is used up.
    QuotaExceeded = TOO_MANY_REQUESTS "quota_exceeded",
    /// The gateway failed; its log says why.
    Internal = INTERNAL_SERVER_ERROR "internal_error",
    /// The upstream could not be reached, broke off, or sent what cannot be understood.
    UpstreamError = BAD_GATEWAY "upstream_error",
    /// What a key may call cannot be looked up at present.
    ModelAccessUnavailable = SERVICE_UNAVAILABLE "model_access_unavailable",
    /// Models and providers cannot be looked up at present.
    ModelLookupUnavailable = SERVICE_UNAVAILABLE "model_lookup_unavailable",
    /// The gateway has as much to do as it can bear.
    Overloaded = SERVICE_UNAVAILABLE "overloaded",
    /// The upstream took too long.
    UpstreamTimeout = GATEWAY_TIMEOUT "upstream_timeout",
}

/// The status that is recorded when the caller went away; it is never sent.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_published_ones() {
        let table: Vec<String> =
            ErrorCode::ALL.iter().map(|code| format!("{} {}", code.wire().0.as_u16(), code.wire().1)).collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        400 invalid_request_body
        400 invalid_request
        400 model_not_found
        400 provider_not_configured
        400 provider_api_key_not_configured
        400 provider_type_unsupported
        400 provider_not_allowed
        401 unauthorized
        401 api_key_expired
        401 api_key_revoked
        402 budget_exceeded
        403 ip_not_allowed
        403 model_not_allowed
        403 provider_disabled
        403 provider_api_key_revoked
        404 not_found
        405 method_not_allowed
        409 idempotency_in_progress
        409 idempotency_not_kept
        409 idempotency_outcome_unknown
        409 job_without_result
        413 payload_too_large
        422 idempotency_key_reused
        429 max_tokens_exceeded
        429 concurrency_exceeded
        429 burst_exceeded
        429 rps_exceeded
        429 rpm_exceeded
        429 tpm_exceeded
        429 quota_exceeded
        500 internal_error
        502 upstream_error
        503 model_access_unavailable
        503 model_lookup_unavailable
        503 overloaded
        504 upstream_timeout
        ");
    }
}
