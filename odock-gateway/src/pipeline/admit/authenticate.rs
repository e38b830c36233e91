//! From the key that a request presents to its principal.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::Admitted;
use crate::auth::{AuthError, KeyHash, Principal, Refusal};
use crate::credential::{self, CredentialKind};
use crate::error::{ErrorCode, GatewayError};
use crate::gateway::Gateway;
use crate::http::dialect::Dialect;
use crate::pipeline::case::Stage;
use crate::pipeline::exchange::Exchange;
use crate::providers::Family;

/// How long a request id stays taken.
const ID_TTL: Duration = Duration::from_secs(3_600);

/// A request whose virtual key is known, active and unexpired.
pub struct Authenticated {
    pub(in crate::pipeline) exchange: Exchange,
    pub(in crate::pipeline) principal: Arc<Principal>,
    /// Whether the global policy's requests are still to be counted.
    pub(in crate::pipeline) global_is_due: bool,
    _sealed: (),
}

/// Finds out who is calling.
///
/// # Errors
/// `unauthorized`, `api_key_expired`, `api_key_revoked`, or `model_access_unavailable` when nobody can say.
pub async fn authenticate(gw: &Gateway, from: Admitted) -> Result<Authenticated, GatewayError> {
    let Admitted { exchange, known, .. } = from;
    let global_is_due = known.is_some();
    let (hash, principal) = match known {
        Some(known) => known,
        None => look_up(gw, &exchange.head, exchange.case.dialect).await?,
    };
    // The first stage to learn who calls; nothing else writes it. Before anything else is awaited: from here on even a
    // request whose caller hangs up leaves a record.
    let _ = exchange.case.principal.set(Arc::clone(&principal));
    let _ = exchange.case.key_hash.set(hash);
    if let Some(proposed) = &exchange.case.proposed_id
        && !gw.hot.claim(&format!("request:{proposed}"), ID_TTL).await.unwrap_or(false)
    {
        exchange.case.refuse_proposed_id();
    }
    exchange.case.mark(Stage::Authenticate);
    Ok(Authenticated { exchange, principal, global_is_due, _sealed: () })
}

async fn look_up(gw: &Gateway, head: &Parts, dialect: Dialect) -> Result<(KeyHash, Arc<Principal>), GatewayError> {
    let key = presented(head, dialect)?;
    if !credential::check(CredentialKind::VirtualKey, &key) {
        return Err(unauthorized("the API key is not an Odock key: it begins with sk-odock- and must be whole"));
    }
    let hash = credential::hash_bytes(&key);
    drop(key);
    let principal = gw.auth.principal(&hash).await.map_err(refusal)?;
    Ok((hash, principal))
}

/// The key in `Authorization: Bearer`, `X-API-Key`, `x-goog-api-key` or Azure's `api-key`, and on Gemini's routes also in `?key=`. Two different
/// ones are refused: which of them counts must never depend on who reads the request.
pub(super) fn presented(head: &Parts, dialect: Dialect) -> Result<Cow<'_, str>, GatewayError> {
    let query = head.uri.query().filter(|_| dialect == Dialect(Family::Gemini));
    key(&head.headers, query)
}

fn key<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Result<Cow<'a, str>, GatewayError> {
    let mut found: Option<Cow<'a, str>> = None;
    let mut find = |key: Cow<'a, str>| match &found {
        Some(other) if *other != key => Err(unauthorized("the request presents more than one API key")),
        Some(_) => Ok(()),
        None => {
            found = Some(key);
            Ok(())
        }
    };
    for name in [AUTHORIZATION.as_str(), "x-api-key", "x-goog-api-key", "api-key"] {
        for value in headers.get_all(name) {
            let text = value.to_str().map_err(|_| unauthorized("the API key has characters that no key has"))?;
            let key = if name == AUTHORIZATION.as_str() { bearer(text)? } else { text.trim() };
            find(key.into())?;
        }
    }
    for (_, key) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "key")
    {
        find(key)?;
    }
    match found {
        Some(key) if !key.is_empty() => Ok(key),
        _ => Err(unauthorized("an API key is needed: send \"Authorization: Bearer sk-odock-…\"")),
    }
}

fn bearer(text: &str) -> Result<&str, GatewayError> {
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(key.trim()),
        _ => Err(unauthorized("the Authorization header must be \"Bearer sk-odock-…\"")),
    }
}

fn unauthorized(message: &'static str) -> GatewayError {
    GatewayError::new(ErrorCode::Unauthorized, message)
}

/// What a caller gets to hear whose key is refused.
pub(crate) fn refusal(error: AuthError) -> GatewayError {
    match error {
        AuthError::Unknown => unauthorized("the API key is not known"),
        AuthError::Expired => GatewayError::new(ErrorCode::ApiKeyExpired, "the API key has expired"),
        AuthError::Refused(Refusal::Revoked) => GatewayError::new(ErrorCode::ApiKeyRevoked, "the API key was revoked"),
        AuthError::Refused(Refusal::UserInactive) => {
            GatewayError::new(ErrorCode::ApiKeyRevoked, "the user of the API key is no longer active")
        }
        AuthError::Refused(Refusal::OrganisationSuspended) => {
            GatewayError::new(ErrorCode::ApiKeyRevoked, "the organisation of the API key is suspended")
        }
        AuthError::Unavailable(_) => {
            GatewayError::new(ErrorCode::ModelAccessUnavailable, "API keys cannot be looked up at present")
                .retry_after(1)
                .caused_by(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(headers: &[(&'static str, &'static str)]) -> Result<String, String> {
        asked(headers, None)
    }

    fn asked(headers: &[(&'static str, &'static str)], query: Option<&str>) -> Result<String, String> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).fold(
            HeaderMap::new(),
            |mut map, (name, value): (http::HeaderName, http::HeaderValue)| {
                map.append(name, value);
                map
            },
        );
        super::key(&headers, query).map(Cow::into_owned).map_err(|error| error.message.into_owned())
    }

    #[test]
    fn every_usual_header_is_read() {
        for header in [
            ("authorization", "Bearer k"),
            ("authorization", "bearer  k "),
            ("x-api-key", "k"),
            ("x-goog-api-key", "k"),
            ("api-key", "k"),
        ] {
            assert_eq!(key(&[header]).unwrap(), "k");
        }
        assert_eq!(key(&[("authorization", "Bearer k"), ("x-api-key", "k")]).unwrap(), "k");
    }

    #[test]
    fn two_keys_are_refused() {
        assert!(
            key(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]).unwrap_err().contains("more than one")
        );
        assert!(key(&[("authorization", "Bearer a"), ("x-api-key", "b")]).unwrap_err().contains("more than one"));
    }

    #[test]
    fn a_key_in_the_query_counts_like_one_in_a_header() {
        assert_eq!(asked(&[], Some("alt=sse&key=k%2D1")).unwrap(), "k-1");
        assert_eq!(asked(&[("x-goog-api-key", "k")], Some("key=k")).unwrap(), "k");
        assert!(asked(&[("x-goog-api-key", "k")], Some("key=other")).unwrap_err().contains("more than one"));
        assert!(asked(&[], Some("key=a&key=b")).unwrap_err().contains("more than one"));
        assert!(asked(&[], Some("key=")).unwrap_err().contains("an API key is needed"));
        assert!(asked(&[], Some("monkey=k")).unwrap_err().contains("an API key is needed"));
    }

    #[test]
    fn other_schemes_are_refused() {
        for value in ["Basic dXNlcg==", "Bearer", "", "Bearer "] {
            assert!(key(&[("authorization", value)]).is_err(), "{value}");
        }
        assert!(key(&[]).unwrap_err().contains("an API key is needed"));
    }
}
