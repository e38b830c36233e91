//! Patterns in which `*` stands for any text.

/// Whether the whole of `text` fits `pattern`. Takes time in proportion to the product of their lengths at the worst.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where the last star stands, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match (pattern.get(at_pattern), star) {
            (Some(b'*'), _) => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            (Some(byte), _) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            (_, Some((place, taken))) => {
                star = Some((place, taken + 1));
                at_pattern = place + 1;
                at_text = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_anchored_at_both_ends() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a", "a"),
            ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main"),
            ("a*b*c", "a--b--c"),
            ("a*b*c", "abbbcbc"),
            ("**", "x"),
            ("é*", "été"),
            ("a*a", "aa"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("acme", "acme-evil"),
            ("acme", "not-acme"),
            ("acme/*", "acme"),
            ("repo:acme/*:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main-2"),
            ("repo:acme/*", "xrepo:acme/web"),
            ("a*a", "a"),
            ("A", "a"),
            ("?", "x"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_text_costs_little() {
        let started = std::time::Instant::now();
        let (pattern, text) = ("a*".repeat(128) + "b", "a".repeat(16_384));
        assert!(!matches(&pattern, &text));
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }
}
