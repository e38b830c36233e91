//! Secrets on their way from an administrator to the data plane.

/// The envelope's version.
pub const VERSION: u8 = 1;
/// The only algorithm of version 1: an AES-256-GCM key wrapped by RSA-OAEP with SHA-256 (RFC 8017, RFC 7518 names).
pub const ALGORITHM: &str = "RSA-OAEP-256/A256GCM";

/// A secret that only the gateway's private key can open. All byte strings are standard base64 with padding.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::FromJsonQueryResult))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// Always 1.
    pub v: u8,
    /// Always `RSA-OAEP-256/A256GCM`.
    pub alg: String,
    /// Which of the gateway's keys wrapped it.
    pub key_id: String,
    /// The AES key, wrapped.
    pub wrapped_key: String,
    /// The 96-bit nonce.
    pub iv: String,
    /// The secret, encrypted, with its 128-bit tag at the end.
    pub ciphertext: String,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Envelope").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// What a client needs to seal a secret: the answer of `GET /api/encryption-key`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EncryptionKey {
    /// Names the key in [`Envelope::key_id`].
    pub key_id: String,
    /// Always `RSA-OAEP-256/A256GCM`.
    pub alg: String,
    /// The public key: base64 of the DER `SubjectPublicKeyInfo` (RFC 5280).
    pub public_key: String,
    /// Base64 of the 256-bit key of [`Secret::fingerprint`].
    pub fingerprint_key: String,
}

/// A secret field as it travels and as it is compared: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// The first and last few characters, for people: `sk-p…9f3a`.
    pub preview: String,
    /// Hex of HMAC-SHA-256 over the secret with the deployment's fingerprint key: equal secrets show it, others cannot be guessed from it.
    pub fingerprint: String,
    /// The sealed secret; only in requests, never in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Envelope>,
}
