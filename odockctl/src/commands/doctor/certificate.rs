//! From when until when a certificate is valid: the little of X.509 (RFC 5280, section 4.1) that this takes.

use entity::Timestamp;

/// The validity of a certificate in DER; none if it is not understood.
pub(super) fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate, _) = element(der)?;
    let (_, mut body, _) = element(certificate)?;
    // [0] version, which version 1 leaves out; then serial number, signature algorithm, issuer.
    if body.first() == Some(&0xA0) {
        body = element(body)?.2;
    }
    for _ in 0..3 {
        body = element(body)?.2;
    }
    let (_, validity, _) = element(body)?;
    let (from_tag, from, rest) = element(validity)?;
    let (until_tag, until, _) = element(rest)?;
    Some((time(from_tag, from)?, time(until_tag, until)?))
}

/// Tag and content of the element that begins here, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `UTCTime` (two digits of the year, 1950 to 2049) or `GeneralizedTime`.
fn time(tag: u8, content: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let digits = match tag {
        0x17 => format!("{}{text}", if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" }),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| digits.get(from..to);
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4)?, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?)
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl req -x509 -newkey ec -days 30 -subj /CN=odock.acme.example`, its first bytes as hexadecimal digits.
    const CERTIFICATE: &str = "308201AE30820154A00302010202144EB35AFF3BDE93D30B68F81FB82FE494B9EB9650300A06082A8648CE3D040302\
        301D311B301906035504030C126F646F636B2E61636D652E6578616D706C65301E170D3236313132333133353034305A170D3236313232333133353034305A";

    fn bytes() -> Vec<u8> {
        let hex: String = CERTIFICATE.split_whitespace().collect();
        let mut bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        // What follows says nothing about time, but the lengths count it.
        bytes.resize(4 + 0x1AE, 0);
        bytes
    }

    #[test]
    fn the_validity_is_found() {
        let (from, until) = validity(&bytes()).unwrap();
        assert_eq!(
            (from.to_string().as_str(), until.to_string().as_str()),
            ("2026-11-23T13:50:40Z", "2026-12-23T13:50:40Z")
        );
    }

    #[test]
    fn anything_else_is_not_understood_and_never_a_panic() {
        let whole = bytes();
        for length in 0..whole.len() {
            assert_eq!(validity(&whole[..length]), None);
        }
        for at in 0..200 {
            for byte in [0, 0x7F, 0x80, 0x84, 0xFF] {
                let mut bent = whole.clone();
                bent[at] = byte;
                // Any answer will do.
                let _ = validity(&bent);
            }
        }
    }
}
