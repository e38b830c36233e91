//! "Did you mean …?"

/// The candidate that `given` most probably means: the same but for case and punctuation, or a few slips away.
#[must_use]
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = plain(given);
    if given.is_empty() {
        return None;
    }
    let slips = (given.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&given, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// At most 60 letters and digits in lower case: `base_url`, `baseURL` and `base-url` are alike.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).take(60).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_styles_and_slips_are_recognised() {
        let fields = ["type", "baseUrl", "timeoutMs", "config", "enabled", "keys"];
        assert_eq!(nearest("base_url", fields), Some("baseUrl"));
        assert_eq!(nearest("timeout", fields), Some("timeoutMs"));
        assert_eq!(nearest("tpye", fields), Some("type"));
        assert_eq!(nearest("colour", fields), None);
        assert_eq!(nearest("", fields), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), fields), None);
    }
}
