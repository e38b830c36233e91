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

/// What is sealed for which of the gateway's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SealedSecrets {
    /// The id of the key that new secrets are sealed for.
    pub newest: String,
    /// Every key that the gateway has, or that something is sealed for.
    pub keys: Vec<SealedFor>,
}

/// What is sealed for one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SealedFor {
    /// The key's id.
    pub key_id: String,
    /// Whether the gateway has the key, so that it can open what is sealed for it.
    pub live: bool,
    /// Credentials of providers.
    pub provider_keys: u64,
    /// Virtual keys that nobody has seen yet.
    pub virtual_keys: u64,
}

/// How many secrets to move.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rewrap {
    /// At most so many, 1 to 500; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 500))]
    pub limit: Option<u32>,
}

/// What a batch moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Rewrapped {
    /// Secrets that are sealed for the newest key now.
    pub moved: u64,
    /// Secrets that are still sealed for others.
    pub left: u64,
}
