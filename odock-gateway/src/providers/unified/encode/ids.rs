//! Ids of tool calls, where a family has a form for them.
//!
//! A conversation may begin with one family and go on with another, so that ids of the one come to the other.

use std::borrow::Cow;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id as Mistral takes it: nine letters and digits.
pub(super) fn for_mistral(id: &str) -> Cow<'_, str> {
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.into();
    }
    digest(id, 9).into()
}

/// An id as Anthropic takes it: letters, digits, `_` and `-`.
pub(super) fn for_anthropic(id: &str) -> Cow<'_, str> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return id.into();
    }
    format!("toolu_{}", digest(id, 11)).into()
}

/// The same short text for the same id, always: FNV-1a of 64 bits (RFC 9923).
fn digest(id: &str, length: usize) -> String {
    let mut hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (0..length)
        .map(|_| {
            let letter = ALPHABET[(hash % 62) as usize];
            hash /= 62;
            char::from(letter)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_fits_stays_and_another_becomes_one_that_does() {
        assert_eq!(for_mistral("Ab3Ab3Ab3"), "Ab3Ab3Ab3");
        assert_eq!(for_mistral("call_abc").len(), 9);
        assert_eq!(for_mistral("call_abc"), for_mistral("call_abc"));
        assert_ne!(for_mistral("call_abc"), for_mistral("call_abd"));
        assert_eq!(for_anthropic("call_a-1"), "call_a-1");
        assert!(for_anthropic("a.b:c").starts_with("toolu_"));
    }
}
