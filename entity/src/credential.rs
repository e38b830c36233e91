//! The form of Odock's own credentials, which the gateway and those who draw keys for it agree on.
//!
//! A credential is a prefix that says what it is for, 43 characters drawn from 62 (256 bits), and the CRC-32 of all that
//! in 6 characters, so that a mistyped or truncated one is refused without asking anybody.

use zeroize::Zeroizing;

/// What every virtual key begins with.
pub const VIRTUAL_KEY_PREFIX: &str = "sk-odock-";
/// Drawn characters. 62 to the 43rd is just above 2 to the 256th.
pub const RANDOM_LEN: usize = 43;
/// Characters of the checksum. 62 to the 6th is above 2 to the 32nd.
pub const CHECKSUM_LEN: usize = 6;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Draws a credential whose drawn part begins with `given`. `fill` fills a buffer with random bytes.
///
/// # Errors
/// What `fill` fails with.
pub fn draw<E>(prefix: &str, given: &str, mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<String, E> {
    // Room for everything, so that growing leaves no copies behind.
    let mut text = String::with_capacity(prefix.len() + RANDOM_LEN + CHECKSUM_LEN);
    text.push_str(prefix);
    text.push_str(given);
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < prefix.len() + RANDOM_LEN {
        fill(bytes.as_mut_slice())?;
        // 248 is the last multiple of 62 below 256: what lies beyond would favour some characters.
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(fair.take(prefix.len() + RANDOM_LEN - text.len()));
    }
    let sum = checksum(text.as_bytes());
    text.extend(sum.map(char::from));
    Ok(text)
}

/// Says whether `text` is a well-formed credential: prefix, length, alphabet, checksum. Allocates nothing.
#[must_use]
pub fn is_well_formed(prefix: &str, text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(rest) = bytes.strip_prefix(prefix.as_bytes()) else { return false };
    if rest.len() != RANDOM_LEN + CHECKSUM_LEN || !rest.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (body, sum) = bytes.split_at(bytes.len() - CHECKSUM_LEN);
    checksum(body) == *sum
}

/// The first and last few characters of a secret, for people: `sk-odock-3kF…9Qz`. Never more than a quarter of what follows
/// the prefix.
#[must_use]
pub fn preview(prefix: &str, text: &str) -> String {
    let rest: Vec<char> = text.strip_prefix(prefix).unwrap_or(text).chars().collect();
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
    use super::*;

    #[test]
    fn the_format_stays() {
        let body = format!("{VIRTUAL_KEY_PREFIX}{}", "0".repeat(RANDOM_LEN));
        let sum = checksum(body.as_bytes()).map(char::from);
        assert_eq!(sum.iter().collect::<String>(), "0mPQc8", "credentials that were handed out must stay valid");
        assert!(is_well_formed(VIRTUAL_KEY_PREFIX, &format!("{body}0mPQc8")));
    }
}
