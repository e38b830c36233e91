//! `[secrets]`: the key pair that provider keys are sealed for.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::PrivateDecryptingKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretSlice};

use super::check::Check;

/// The key pair that provider keys are sealed for.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The pair that was configured; without one, the gateway makes its own in the data directory.
    pub key_pair: Option<KeyPair>,
    /// Older pairs, which open what was sealed for them and seal nothing.
    pub previous: Vec<KeyPair>,
}

/// An RSA key pair and its id.
#[derive(Clone)]
pub struct KeyPair {
    /// The id that sealed secrets name.
    pub id: String,
    pkcs8: Arc<SecretSlice<u8>>,
}

impl KeyPair {
    /// A pair whose private key was checked.
    #[must_use]
    pub fn new(id: &str, pkcs8: Vec<u8>) -> Self {
        Self { id: id.to_owned(), pkcs8: Arc::new(pkcs8.into()) }
    }

    /// The private key as PKCS#8 DER. It has been checked to be an RSA key of at least 2048 bits.
    pub fn pkcs8_der(&self) -> &[u8] {
        self.pkcs8.expose_secret()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Secrets {
    pub(super) fn read(check: &mut Check<'_>) -> Self {
        let id = check.parsed("secrets.key_id", key_id);
        let pkcs8 = check.parsed("secrets.private_key", private_key);
        let (has_id, has_key) = (check.is_set("secrets.key_id"), check.is_set("secrets.private_key"));
        if has_id && !has_key {
            check.refuse("secrets.key_id", "is set without secrets.private_key; set both or neither");
        }
        if has_key && !has_id {
            check.refuse("secrets.private_key", "is set without secrets.key_id; set both or neither");
        }
        let key_pair = id.zip(pkcs8).map(|(id, pkcs8)| KeyPair { id, pkcs8: Arc::new(pkcs8) });
        let previous = check.parsed("secrets.previous_keys", previous_keys).unwrap_or_default();
        if let Some(pair) = &key_pair
            && previous.iter().any(|other: &KeyPair| other.id == pair.id)
        {
            check.refuse(
                "secrets.previous_keys",
                "holds the id of secrets.key_id; a key is either the newest or an older one",
            );
        }
        Self { key_pair, previous }
    }
}

fn key_id(text: &str) -> Result<String, String> {
    if text.len() > 128 || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("is not up to 128 printable ASCII characters without spaces".to_owned());
    }
    Ok(text.to_owned())
}

/// Reads `ID=KEY`, separated by commas or blanks, each key in base64 of PEM or DER.
fn previous_keys(text: &str) -> Result<Vec<KeyPair>, String> {
    let mut pairs: Vec<KeyPair> = Vec::new();
    for part in text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|part| !part.is_empty()) {
        // Not repeated: it may hold a key.
        let Some((id, key)) = part.split_once('=') else {
            return Err("is not a list of ID=KEY, separated by commas, each key in base64 without blanks".to_owned());
        };
        let id = key_id(id)?;
        if pairs.iter().any(|pair| pair.id == id) {
            return Err(format!("holds the id `{id}` twice"));
        }
        let pkcs8 = private_key(key).map_err(|wrong| format!("holds a key `{id}` that {wrong}"))?;
        pairs.push(KeyPair { id, pkcs8: Arc::new(pkcs8) });
    }
    Ok(pairs)
}

/// Reads PKCS#8 PEM (line breaks may be written `\n`, as some secret stores do), or base64 of PEM or DER.
fn private_key(text: &str) -> Result<SecretSlice<u8>, String> {
    let shape = "is neither a PKCS#8 PEM private key nor base64 of one";
    let from_pem = |pem: &[u8]| {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| shape.to_owned())?;
        Ok::<_, String>(key.secret_pkcs8_der().to_vec())
    };
    let der = if text.starts_with("-----BEGIN") {
        from_pem(text.replace("\\n", "\n").as_bytes())?
    } else {
        let compact: String = text.split_ascii_whitespace().collect();
        let decoded = STANDARD.decode(compact).map_err(|_| shape.to_owned())?;
        if decoded.starts_with(b"-----BEGIN") { from_pem(&decoded)? } else { decoded }
    };
    let key = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| "is not an RSA private key of 2048 to 8192 bits")?;
    if key.key_size_bits() < 2_048 {
        return Err("is an RSA key of fewer than 2048 bits".to_owned());
    }
    Ok(der.into())
}
