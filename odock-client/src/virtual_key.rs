//! Virtual keys that are drawn on the administrator's own machine, so that only their hash ever travels.
//!
//! Their form is [`entity::credential`]'s.

use aws_lc_rs::{digest, rand};
use entity::credential::{self, CHECKSUM_LEN, RANDOM_LEN, VIRTUAL_KEY_PREFIX};
use entity::manifest::RegisteredSecret;
use secrecy::{ExposeSecret, SecretString};

/// Characters of a virtual key.
pub const LENGTH: usize = VIRTUAL_KEY_PREFIX.len() + RANDOM_LEN + CHECKSUM_LEN;

/// The operating system gives no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness to draw a key from")]
pub struct NoRandomness;

/// Draws a virtual key.
///
/// # Errors
/// There is no randomness.
pub fn generate() -> Result<SecretString, NoRandomness> {
    let fill = |bytes: &mut [u8]| rand::fill(bytes).map_err(|_| NoRandomness);
    credential::draw(VIRTUAL_KEY_PREFIX, "", fill).map(SecretString::from)
}

/// Whether a text has the form of a virtual key, and was not mistyped.
#[must_use]
pub fn is_well_formed(text: &str) -> bool {
    credential::is_well_formed(VIRTUAL_KEY_PREFIX, text)
}

/// What the gateway is told of a key: hash and preview.
#[must_use]
pub fn registered(secret: &SecretString) -> RegisteredSecret {
    let text = secret.expose_secret();
    RegisteredSecret { hash: hash(text), preview: credential::preview(VIRTUAL_KEY_PREFIX, text) }
}

/// Lower-case hex of SHA-256.
#[must_use]
pub fn hash(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_key_is_one_that_the_gateway_takes() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        let text = one.expose_secret();
        assert!(is_well_formed(text) && text.len() == 58);
        assert_ne!(text, two.expose_secret());
        assert!(is_well_formed(&format!("sk-odock-{}0mPQc8", "0".repeat(43))));
        for bad in [
            "",
            "sk-odock-",
            &text[1..],
            &text[..57],
            &format!("{text}0"),
            &text.replace("sk-", "pk-"),
            &"é".repeat(29),
        ] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_registered_says_little() {
        let secret = generate().unwrap();
        let registered = registered(&secret);
        assert_eq!((registered.hash.len(), registered.preview.chars().count()), (64, 16));
        assert!(!format!("{registered:?}").contains(secret.expose_secret()));
        assert_eq!(hash("x"), "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
    }
}
