//! The `/` filter: words that must all fit. `word` anywhere, `field:word` in one field,
//! `field:=word` exactly, `~word` fuzzy, `!word` not.

use crate::fuzzy;

/// Something that a filter can look at.
pub trait Fields {
    /// Calls `see` with the name and text of each field until one call says yes; whether one did.
    fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool;
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    not: bool,
    how: How,
    field: Option<String>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Part,
    Whole,
    Fuzzy,
}

/// A filter as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter. `fields` are the names that may stand before a colon; any other colon is an ordinary letter.
    #[must_use]
    pub fn parse(text: &str, fields: &[&str]) -> Self {
        let terms = text.split_whitespace().filter_map(|word| term(word, fields)).collect();
        Self { text: text.trim().to_owned(), terms }
    }

    /// The filter as typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether `item` passes.
    #[must_use]
    pub fn matches(&self, item: &impl Fields) -> bool {
        self.terms.iter().all(|term| {
            item.any(&mut |field, text| term.field.as_deref().is_none_or(|wanted| wanted == field) && fits(term, text))
                != term.not
        })
    }
}

fn term(word: &str, fields: &[&str]) -> Option<Term> {
    let (not, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    let (field, word) = match word.split_once(':') {
        Some((field, rest)) if fields.contains(&field) => (Some(field.to_owned()), rest),
        _ => (None, word),
    };
    let (how, word) = match (word.strip_prefix('~'), word.strip_prefix('=')) {
        (Some(rest), _) => (How::Fuzzy, rest),
        (None, Some(rest)) if field.is_some() => (How::Whole, rest),
        _ => (How::Part, word),
    };
    (!word.is_empty()).then(|| Term { not, how, field, text: word.to_lowercase() })
}

fn fits(term: &Term, text: &str) -> bool {
    match term.how {
        How::Fuzzy => return fuzzy::score(&term.text, text).is_some(),
        How::Whole => return text.to_lowercase() == term.text,
        How::Part => {}
    }
    if text.is_ascii() && term.text.is_ascii() {
        let (hay, needle) = (text.as_bytes(), term.text.as_bytes());
        return hay.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
    }
    text.to_lowercase().contains(&term.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair(&'static str, &'static str);

    impl Fields for Pair {
        fn any(&self, see: &mut dyn FnMut(&str, &str) -> bool) -> bool {
            see("key", self.0) || see("model", self.1)
        }
    }

    fn passes(filter: &str) -> bool {
        Filter::parse(filter, &["key", "model"]).matches(&Pair("ci-nightly", "Support-Fast"))
    }

    #[test]
    fn every_word_must_fit() {
        for yes in [
            "",
            "  ",
            "ci",
            "CI fast",
            "key:ci",
            "model:support",
            "~sprtfst",
            "!gpt",
            "key:~cnl",
            "!key:support",
            "!",
            "key:",
            "key:=CI-nightly",
        ] {
            assert!(passes(yes), "{yes}");
        }
        for no in ["gpt", "ci gpt", "key:support", "!ci", "~zzz", "!key:~cn", "team:ci", "key:=ci", "=ci"] {
            assert!(!passes(no), "{no}");
        }
    }

    #[test]
    fn other_scripts_ignore_case_too() {
        assert!(Filter::parse("ÉTÉ", &[]).matches(&Pair("été", "")));
    }
}
