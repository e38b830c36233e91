//! Fuzzy matching for the palette and for `~` filters: the letters in order, close together and at word starts first.

const WORD: i32 = 6;
const FIRST: i32 = 4;
const ADJACENT: i32 = 8;

/// How well `needle` fits `hay`; higher is better, `None` if its letters do not occur in order. Ignores case and the
/// spaces of `needle`. Of all ways to place the letters the best counts.
#[must_use]
pub fn score(needle: &str, hay: &str) -> Option<i32> {
    let hay: Vec<char> = hay.chars().flat_map(char::to_lowercase).collect();
    // The best score of a placement of the letters so far whose last letter stands at each position.
    let mut ending: Option<Vec<Option<i32>>> = None;
    for wanted in needle.chars().flat_map(char::to_lowercase).filter(|letter| !letter.is_whitespace()) {
        let mut next = vec![None; hay.len()];
        // The best placement that ends before the position, less a point for each letter skipped since.
        let mut carried: Option<i32> = None;
        for at in 0..hay.len() {
            let adjacent = ending.as_ref().and_then(|ending| ending[at.checked_sub(1)?]);
            if hay[at] == wanted {
                let before = match &ending {
                    None => Some(-i32::try_from(at.min(10)).unwrap_or(10)),
                    Some(_) => carried.max(adjacent.map(|score| score + ADJACENT)),
                };
                next[at] = before.map(|score| score + bonus(&hay, at));
            }
            carried = carried.map(|score| score - 1).max(adjacent.map(|score| score - 1));
        }
        ending = Some(next);
    }
    let length = i32::try_from(hay.len().min(40)).unwrap_or(40) / 4;
    match ending {
        None => Some(-length),
        Some(ending) => ending.into_iter().flatten().max().map(|score| score - length),
    }
}

fn bonus(hay: &[char], at: usize) -> i32 {
    match at.checked_sub(1) {
        None => WORD + FIRST,
        Some(before) if !hay[before].is_alphanumeric() => WORD,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_must_occur_in_order() {
        assert!(score("pls", "pulse").is_some());
        assert!(score("slp", "pulse").is_none());
        assert!(score("", "anything").is_some());
    }

    #[test]
    fn the_obvious_candidate_wins() {
        let best = |needle: &str, from: &[&'static str]| {
            from.iter().copied().max_by_key(|hay| score(needle, hay)).unwrap_or_default()
        };
        assert_eq!(best("key", &["monkey", "keys", "k-e-y-ring"]), "keys");
        assert_eq!(best("ta", &["contexts", "tail", "data"]), "tail");
        assert_eq!(best("rk", &["revoke key", "work"]), "revoke key");
    }
}
