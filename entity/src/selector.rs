//! Label selectors: `env=prod,team!=search,tier in (1,2),!legacy`, in the grammar that Kubernetes has.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What the labels of a resource must be. Every requirement counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub Vec<Requirement>);

/// What one label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `key`: it is there.
    Present,
    /// `!key`: it is not there.
    Absent,
    /// `key=value`, `key in (a,b)`: it is there, and one of these.
    OneOf(BTreeSet<String>),
    /// `key!=value`, `key notin (a,b)`: it is not there, or none of these.
    NoneOf(BTreeSet<String>),
}

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(String);

/// The longest key or value of a label.
const LONGEST: usize = 63;
/// The most requirements, and the most values of one.
const MOST: usize = 64;

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut rest = text.trim();
        let mut found = Vec::new();
        loop {
            let (requirement, after) = requirement(rest)?;
            found.push(requirement);
            if found.len() > MOST {
                return Err(error(format!("it has more than {MOST} requirements")));
            }
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.is_empty() => return Ok(Self(found)),
                None => return Err(error(format!("there must be `,` or the end before `{}`", short(after)))),
            };
        }
    }
}

impl Selector {
    /// Whether labels are as they must be.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|Requirement { key, test }| match (labels.get(key), test) {
            (label, Test::Present) => label.is_some(),
            (label, Test::Absent) => label.is_none(),
            (label, Test::OneOf(values)) => label.is_some_and(|label| values.contains(label)),
            (label, Test::NoneOf(values)) => label.is_none_or(|label| !values.contains(label)),
        })
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, Requirement { key, test }) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let list = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join(",");
            match test {
                Test::Present => write!(f, "{comma}{key}")?,
                Test::Absent => write!(f, "{comma}!{key}")?,
                Test::OneOf(values) => write!(f, "{comma}{key} in ({})", list(values))?,
                Test::NoneOf(values) => write!(f, "{comma}{key} notin ({})", list(values))?,
            }
        }
        Ok(())
    }
}

/// Reads one requirement, and gives back what follows it, without blanks before.
fn requirement(text: &str) -> Result<(Requirement, &str), SelectorError> {
    if let Some(negated) = text.strip_prefix('!') {
        let (key, rest) = key(negated.trim_start())?;
        return Ok((Requirement { key, test: Test::Absent }, rest));
    }
    let (key, rest) = key(text)?;
    for (sign, negative) in [("!=", true), ("==", false), ("=", false)] {
        if let Some(after) = rest.strip_prefix(sign) {
            let (value, rest) = value(&key, after.trim_start())?;
            return Ok((Requirement { key, test: test(negative, BTreeSet::from([value])) }, rest));
        }
    }
    for (word, negative) in [("notin", true), ("in", false)] {
        let Some(after) = rest.strip_prefix(word).map(str::trim_start) else { continue };
        let Some(list) = after.strip_prefix('(') else {
            return Err(error(format!("`{key} {word}` needs values in brackets: {key} {word} (a,b)")));
        };
        let (values, rest) = values(&key, list)?;
        return Ok((Requirement { key, test: test(negative, values) }, rest));
    }
    Ok((Requirement { key, test: Test::Present }, rest))
}

fn test(negative: bool, values: BTreeSet<String>) -> Test {
    if negative { Test::NoneOf(values) } else { Test::OneOf(values) }
}

fn values<'a>(key: &str, list: &'a str) -> Result<(BTreeSet<String>, &'a str), SelectorError> {
    let mut values = BTreeSet::new();
    let mut rest = list.trim_start();
    loop {
        let (value, after) = value(key, rest)?;
        values.insert(value);
        if values.len() > MOST {
            return Err(error(format!("`{key}` is compared with more than {MOST} values")));
        }
        rest = match (after.strip_prefix(','), after.strip_prefix(')')) {
            (Some(more), _) => more.trim_start(),
            (_, Some(after)) => return Ok((values, after.trim_start())),
            _ => return Err(error(format!("the values of `{key}` have no closing bracket"))),
        };
    }
}

/// A word of the characters that labels are made of, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let end = text.find(|c| !plain(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

fn key(text: &str) -> Result<(String, &str), SelectorError> {
    match word(text) {
        ("", "") => Err(error("a key is missing at the end")),
        ("", rest) => Err(error(format!("a key must stand before `{}`", short(rest)))),
        (key, _) if key.len() > LONGEST => Err(error(format!("`{}` is longer than {LONGEST} characters", short(key)))),
        (key, rest) => Ok((key.to_owned(), rest)),
    }
}

/// A value may be empty, as a label's may.
fn value<'a>(key: &str, text: &'a str) -> Result<(String, &'a str), SelectorError> {
    let (value, rest) = word(text);
    if value.len() > LONGEST {
        return Err(error(format!("the value of `{key}` is longer than {LONGEST} characters")));
    }
    if !rest.is_empty() && !rest.starts_with([',', ')']) {
        return Err(error(format!("`{}` cannot be in a value of `{key}`", short(rest))));
    }
    Ok((value.to_owned(), rest))
}

fn error(what: impl Into<String>) -> SelectorError {
    SelectorError(what.into())
}

/// The beginning of what is wrong, without control characters.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<Selector>().map(|selector| selector.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_is_read() {
        for (given, meant) in [
            ("env=prod", "env in (prod)"),
            ("env==prod", "env in (prod)"),
            ("env!=prod", "env notin (prod)"),
            (" env = prod , team != x,tier ", "env in (prod),team notin (x),tier"),
            ("!tier,a.b/c_d-e", "!tier,a.b/c_d-e"),
            ("env in (prod, test),tier notin(1,2)", "env in (prod,test),tier notin (1,2)"),
            ("env=", "env in ()"),
            ("in in (in),notin", "in in (in),notin"),
            ("a in (b),!c", "a in (b),!c"),
        ] {
            assert_eq!(read(given).as_deref(), Ok(meant), "{given}");
            assert_eq!(read(meant).as_deref(), Ok(meant), "what is written is read again");
        }
    }

    #[test]
    fn what_has_no_label_is_meant_by_not() {
        let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned()), ("tier".to_owned(), String::new())]);
        let matches = |text: &str| text.parse::<Selector>().unwrap().matches(&labels);
        for yes in ["env", "env=prod", "env!=x,team!=x", "!team", "team notin (a)", "tier=", "env in (a,prod),tier"] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["team", "env=x", "env!=prod", "!env", "env notin (prod)", "team=", "env=prod,team"] {
            assert!(!matches(no), "{no}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (given, what) in [
            ("", "a key is missing at the end"),
            ("env=prod,", "a key is missing at the end"),
            ("=prod", "a key must stand before `=prod`"),
            ("env in prod", "`env in` needs values in brackets: env in (a,b)"),
            ("env in (a", "the values of `env` have no closing bracket"),
            ("env prod", "there must be `,` or the end before `prod`"),
            ("env=a=b", "`=b` cannot be in a value of `env`"),
            ("env=a b", "`b` cannot be in a value of `env`"),
            ("env=ä", "`ä` cannot be in a value of `env`"),
            ("env>1", "there must be `,` or the end before `>1`"),
        ] {
            assert_eq!(read(given), Err(what.to_owned()), "{given}");
        }
        assert!(read(&"k".repeat(64)).unwrap_err().contains("longer than 63"));
        assert!(read(&vec!["a"; 65].join(",")).unwrap_err().contains("more than 64"));
        assert!(read("a in (\u{0}\u{1b}[31m)").unwrap_err().chars().all(|c| !c.is_control()));
    }
}
