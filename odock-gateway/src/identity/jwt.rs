//! A signed token of another issuer (RFC 7519), read and proven.
//!
//! What stands in a token decides nothing until its signature is checked, except which issuer's key it is checked with; and
//! that issuer must be trusted by then.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::Timestamp;
use entity::row::SecretHash;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

use super::keys::Known;
use crate::credential;

/// The longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 16 << 10;
/// How far two clocks may be apart.
pub const SKEW: Duration = Duration::from_secs(60);
/// Keys that are tried for a token that names none.
const TRIED: usize = 4;

/// What is wrong with a token. Never says what it holds beyond the names of algorithms and keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is too long.
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// It is not a token.
    #[error("that is not a signed JSON web token: {0}")]
    Malformed(&'static str),
    /// Its algorithm is not taken.
    #[error("the token's algorithm `{0}` is not taken; RS, PS, ES and EdDSA are")]
    Algorithm(String),
    /// A claim that is needed is missing or has the wrong type.
    #[error("the token has no usable `{0}`")]
    Claim(&'static str),
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
    /// Its issuer has no such key.
    #[error("the token's key is not among its issuer's keys")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
}

/// A token of another issuer.
pub struct Token {
    text: String,
    algorithm: Algorithm,
    key_id: Option<String>,
    issuer: String,
    claims: Map<String, Value>,
    proven: bool,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("issuer", &self.issuer).field("proven", &self.proven).finish_non_exhaustive()
    }
}

impl Token {
    /// Reads a token. Nothing of it is proven yet.
    ///
    /// # Errors
    /// It is none, or none that could be proven.
    pub fn read(text: &str) -> Result<Self, JwtError> {
        if text.len() > MAX_TOKEN {
            return Err(JwtError::TooLong);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwtError::Malformed("it is not three parts with a dot between them"));
        };
        let header = object(header).ok_or(JwtError::Malformed("its header is no JSON object"))?;
        let claims = object(claims).ok_or(JwtError::Malformed("its claims are no JSON object"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let algorithm = asymmetric(algorithm)
            .ok_or_else(|| JwtError::Algorithm(algorithm.chars().filter(|c| !c.is_control()).take(20).collect()))?;
        // Extensions that a reader must understand (RFC 7515, section 4.1.11): none is understood.
        if header.contains_key("crit") {
            return Err(JwtError::Malformed("its header has critical extensions"));
        }
        let key_id = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(JwtError::Claim("iss"))?.to_owned();
        Ok(Self { text: text.to_owned(), algorithm, key_id, issuer, claims, proven: false })
    }

    /// Who says to have issued it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Whether it has been proven.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.proven
    }

    /// Its claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim that is text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// Whether it is meant for `audience` (RFC 7519, section 4.1.3).
    #[must_use]
    pub fn is_for(&self, audience: &str) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// When it can no longer be used, whatever the clocks say.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.time("exp").unwrap_or(Timestamp(0)).plus(SKEW)
    }

    /// What tells it from every other token of its issuer.
    #[must_use]
    pub fn digest(&self) -> SecretHash {
        match self.text("jti") {
            Some(id) => credential::hash(&format!("{}\0{id}", self.issuer)),
            // The signature is left out: some kinds of signature have several forms.
            None => credential::hash(self.text.rsplit_once('.').map_or(&self.text, |(signed, _)| signed)),
        }
    }

    pub(super) fn check_times(&self, now: Timestamp) -> Result<(), JwtError> {
        let expires = self.time("exp").ok_or(JwtError::Claim("exp"))?;
        if expires.plus(SKEW) <= now {
            return Err(JwtError::Expired);
        }
        for claim in ["nbf", "iat"] {
            if self.claims.contains_key(claim) {
                let from = self.time(claim).ok_or(JwtError::Claim(claim))?;
                if from > now.plus(SKEW) {
                    return Err(JwtError::Early);
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_signature(&mut self, issuer: &Known) -> Result<(), JwtError> {
        let fits = |key: &&Jwk| {
            let named = self.key_id.as_deref().is_none_or(|id| key.common.key_id.as_deref() == Some(id));
            let for_this = key.common.key_algorithm.is_none_or(|of| of.to_string() == format!("{:?}", self.algorithm));
            named && for_this && is_of(key, self.algorithm)
        };
        let (signed, signature) = self.text.rsplit_once('.').ok_or(JwtError::Malformed("it has no signature"))?;
        let mut tried = false;
        for key in issuer.keys.iter().filter(fits).take(TRIED) {
            tried = true;
            let Ok(key) = DecodingKey::from_jwk(key) else { continue };
            if crypto::verify(signature, signed.as_bytes(), &key, self.algorithm).unwrap_or(false) {
                self.proven = true;
                return Ok(());
            }
        }
        Err(if tried { JwtError::Signature } else { JwtError::UnknownKey })
    }

    /// A NumericDate: seconds since 1970, which may have a fraction.
    fn time(&self, claim: &str) -> Option<Timestamp> {
        let seconds = self.claims.get(claim)?.as_f64()?;
        // Beyond the year 9999 there is nothing but mistakes, and arithmetic that overflows.
        (0.0..=253_402_300_799.0).contains(&seconds).then_some(Timestamp((seconds * 1e6) as i64))
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The algorithms whose key an issuer can publish. `none` and the symmetric ones are not among them, on purpose.
fn asymmetric(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" => Algorithm::EdDSA,
        _ => return None,
    })
}

/// Whether a key is of the family that an algorithm takes.
fn is_of(key: &Jwk, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(_), RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => true,
        (AlgorithmParameters::EllipticCurve(of), ES256) => of.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(of), ES384) => of.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(of), EdDSA) => of.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}
