//! Odock's own credentials: how they are drawn, what they look like, what is kept of them.
//!
//! Their form is [`entity::credential`]'s. Only the SHA-256 of one is stored.

use aws_lc_rs::{digest, rand};
use entity::credential as form;
use entity::row::SecretHash;
use secrecy::SecretString;

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
    /// Calls of the management API by somebody who is signed in.
    SessionToken,
    /// Renewing a session, once.
    RefreshToken,
    /// Calls of the management API by a service account.
    ServiceToken,
    /// Accepting an invitation.
    InvitationToken,
    /// Asking how a sign-in in a browser stands.
    DeviceHandle,
}

impl CredentialKind {
    const ALL: [Self; 8] = [
        Self::VirtualKey,
        Self::PersonalToken,
        Self::SignInToken,
        Self::SessionToken,
        Self::RefreshToken,
        Self::ServiceToken,
        Self::InvitationToken,
        Self::DeviceHandle,
    ];

    /// What every credential of the kind begins with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::VirtualKey => form::VIRTUAL_KEY_PREFIX,
            Self::PersonalToken => "odock-pat-",
            Self::SignInToken => "odock-signin-",
            Self::SessionToken => "odock-ses-",
            Self::RefreshToken => "odock-ref-",
            Self::ServiceToken => "odock-sat-",
            Self::InvitationToken => "odock-inv-",
            Self::DeviceHandle => "odock-dev-",
        }
    }
}

/// Random characters of a refresh token that all of a session share: 130 bits, and the others are 125.
const FAMILY_LEN: usize = 22;

/// The random source failed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoRandomness;

/// Draws a new credential.
///
/// # Errors
/// When the system's random source fails.
pub fn generate(kind: CredentialKind) -> Result<SecretString, NoRandomness> {
    draw(kind, "")
}

/// Draws the refresh token that follows another of the same session.
///
/// # Errors
/// When the system's random source fails.
pub fn generate_next(refresh: &str) -> Result<SecretString, NoRandomness> {
    let family = refresh.get(CredentialKind::RefreshToken.prefix().len()..).and_then(|rest| rest.get(..FAMILY_LEN));
    draw(CredentialKind::RefreshToken, family.unwrap_or_default())
}

/// The hash of what all refresh tokens of a session share.
#[must_use]
pub fn family(refresh: &str) -> SecretHash {
    hash(refresh.get(..CredentialKind::RefreshToken.prefix().len() + FAMILY_LEN).unwrap_or(refresh))
}

/// A credential that begins with `given` after its prefix.
fn draw(kind: CredentialKind, given: &str) -> Result<SecretString, NoRandomness> {
    let fill = |bytes: &mut [u8]| rand::fill(bytes).map_err(|_| NoRandomness);
    form::draw(kind.prefix(), given, fill).map(SecretString::from)
}

/// Says whether `text` is a well-formed credential of `kind`: prefix, length, alphabet, checksum. Allocates nothing.
#[must_use]
pub fn check(kind: CredentialKind, text: &str) -> bool {
    form::is_well_formed(kind.prefix(), text)
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
    form::preview(kind_of(text).map_or("", CredentialKind::prefix), text)
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
    fn the_refresh_tokens_of_a_session_share_their_family_and_nothing_else() {
        let first = generate(CredentialKind::RefreshToken).unwrap();
        let second = generate_next(first.expose_secret()).unwrap();
        let stranger = generate(CredentialKind::RefreshToken).unwrap();
        let [first, second, stranger] = [&first, &second, &stranger].map(|token| token.expose_secret());
        assert!(check(CredentialKind::RefreshToken, second));
        assert_eq!(family(first), family(second));
        assert_ne!(family(first), family(stranger));
        assert_ne!(first, second);
        assert_ne!(hash(first), family(first));
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
