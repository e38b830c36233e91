//! Odock's own credentials: how they are drawn, what they look like, what is kept of them.
//!
//! A credential is a prefix that says what it is for, 43 characters drawn from 62 (256 bits), and the CRC-32 of all that
//! in 6 characters, so that a mistyped or truncated one is refused without asking anybody. Only its SHA-256 is stored.

use aws_lc_rs::{digest, rand};
use entity::row::SecretHash;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::secrets::hex;

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// Calls of the data plane.
    VirtualKey,
    /// Calls of the management API.
    PersonalToken,
    /// Signing in, once.
    SignInToken,
}

impl CredentialKind {
    const ALL: [Self; 3] = [Self::VirtualKey, Self::PersonalToken, Self::SignInToken];

    /// What every credential of the kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::VirtualKey => "sk-odock-",
            Self::PersonalToken => "odock-pat-",
            Self::SignInToken => "odock-signin-",
        }
    }
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62 to the 43rd is just above 2 to the 256th.
const RANDOM_LEN: usize = 43;
/// 62 to the 6th is above 2 to the 32nd.
const CHECKSUM_LEN: usize = 6;

/// The random source failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoRandomness;

/// Draws a new credential.
///
/// # Errors
/// When the system's random source fails.
pub fn generate(kind: CredentialKind) -> Result<SecretString, NoRandomness> {
    let prefix = kind.prefix();
    // Room for everything, so that growing leaves no copies behind.
    let mut text = String::with_capacity(prefix.len() + RANDOM_LEN + CHECKSUM_LEN);
    text.push_str(prefix);
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < prefix.len() + RANDOM_LEN {
        rand::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
        // 248 is the last multiple of 62 below 256: what lies beyond would favour some characters.
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(fair.take(prefix.len() + RANDOM_LEN - text.len()));
    }
    let sum = checksum(text.as_bytes());
    text.extend(sum.map(char::from));
    Ok(SecretString::from(text))
}

/// Says whether `text` is a well-formed credential of `kind`: prefix, length, alphabet, checksum. Allocates nothing.
#[must_use]
pub fn check(kind: CredentialKind, text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(rest) = bytes.strip_prefix(kind.prefix().as_bytes()) else { return false };
    if rest.len() != RANDOM_LEN + CHECKSUM_LEN || !rest.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (body, sum) = bytes.split_at(bytes.len() - CHECKSUM_LEN);
    checksum(body) == *sum
}

/// The kind whose prefix `text` bears, well-formed or not.
#[must_use]
pub fn kind_of(text: &str) -> Option<CredentialKind> {
    CredentialKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))
}

/// SHA-256 of a whole credential.
#[must_use]
pub fn hash_bytes(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

/// SHA-256 of a whole credential, as it is stored and looked up.
#[must_use]
pub fn hash(text: &str) -> SecretHash {
    SecretHash(hex(&hash_bytes(text)))
}

/// The bytes of a stored hash; `None` if it is not one.
#[must_use]
pub fn hash_from_row(hash: &SecretHash) -> Option<[u8; 32]> {
    let digits = hash.0.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// The first and last few characters of a secret, for people: `sk-odock-3kF…9Qz`. Never more than a quarter of the rest.
#[must_use]
pub fn preview(text: &str) -> String {
    let prefix = kind_of(text).map_or("", CredentialKind::prefix);
    let rest: Vec<char> = text[prefix.len()..].chars().collect();
    let shown = (rest.len() / 8).min(3);
    let head: String = rest.iter().take(shown).collect();
    let tail: String = rest.iter().skip(rest.len() - shown).collect();
    format!("{prefix}{head}…{tail}")
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut left = crc32fast::hash(body);
    let mut sum = [b'0'; CHECKSUM_LEN];
    for digit in sum.iter_mut().rev() {
        *digit = ALPHABET[(left % 62) as usize];
        left /= 62;
    }
    sum
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_fresh_credential_is_well_formed_and_unique() {
        for kind in CredentialKind::ALL {
            let (one, two) = (generate(kind).unwrap(), generate(kind).unwrap());
            let text = one.expose_secret();
            assert!(check(kind, text), "{text}");
            assert_eq!(kind_of(text), Some(kind));
            assert_ne!(text, two.expose_secret());
            assert_eq!(CredentialKind::ALL.iter().filter(|other| check(**other, text)).count(), 1);
        }
    }

    #[test]
    fn a_mistyped_credential_is_refused() {
        let kind = CredentialKind::VirtualKey;
        let good = generate(kind).unwrap();
        let good = good.expose_secret();
        for position in 0..good.len() {
            let mut bytes = good.as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            assert!(!check(kind, std::str::from_utf8(&bytes).unwrap()), "a change at {position} went unnoticed");
        }
        for bad in [
            "",
            "sk-odock-",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}0"),
            "sk-odock-ключ",
            &"é".repeat(29),
        ] {
            assert!(!check(kind, bad), "{bad}");
        }
    }

    #[test]
    fn the_format_stays() {
        let body = format!("sk-odock-{}", "0".repeat(43));
        let sum = checksum(body.as_bytes()).map(char::from);
        assert_eq!(sum.iter().collect::<String>(), "0mPQc8", "credentials that were handed out must stay valid");
    }

    #[test]
    fn hashes_round_trip() {
        let hashed = hash("x");
        assert_eq!(hashed.0, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
        assert_eq!(hash_from_row(&hashed), Some(hash_bytes("x")));
        assert_eq!(hash_from_row(&SecretHash("zz".repeat(32))), None);
        assert_eq!(hash_from_row(&SecretHash(String::new())), None);
    }

    #[test]
    fn previews_show_little() {
        let key = generate(CredentialKind::VirtualKey).unwrap();
        let shown = preview(key.expose_secret());
        assert_eq!((shown.chars().count(), shown.starts_with("sk-odock-")), (16, true));
        assert_eq!([preview("abcdefgh"), preview("é"), preview("")], ["a…h", "…", "…"]);
    }
}
