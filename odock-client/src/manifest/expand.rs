//! `${VAR}` in texts.
//!
//! Expansion happens on parsed texts, so a value can never add a field or a line. Only names that begin with `ODOCK_`
//! are read unless the user allows more, and none that look like a credential: otherwise a pull request could copy the
//! pipeline's secrets into a description.

use super::Env;
use super::diagnostic::{Diagnostic, Place, code};
use super::node::{Node, Tree};

/// Where variables come from and which may be used.
pub(super) struct Variables<'a> {
    pub(super) env: Env<'a>,
    pub(super) allowed: &'a [String],
}

impl Variables<'_> {
    /// Whether the user named the variable, alone or by a prefix that ends in `*`.
    fn named(&self, name: &str) -> bool {
        self.allowed.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        })
    }

    /// Whether `valueFrom` may read the variable.
    pub(super) fn may_hold_secret(&self, name: &str) -> bool {
        (name.starts_with("ODOCK_") && name != "ODOCK_TOKEN") || self.named(name)
    }

    /// Whether `${…}` may read the variable: its value becomes public.
    fn may_be_shown(&self, name: &str) -> bool {
        let credential = ["_KEY", "_TOKEN", "_SECRET", "_PASSWORD", "_PASSWD"].iter().any(|end| name.ends_with(end));
        (name.starts_with("ODOCK_") && !credential)
            || self.allowed.iter().any(|allowed| allowed == name)
            || (self.named(name) && !credential)
    }
}

/// Expands every text of a tree and says what cannot be expanded.
pub(super) fn expand(node: &mut Node, file: &str, variables: &Variables<'_>, found: &mut Vec<Diagnostic>) {
    match &mut node.tree {
        Tree::Text(text) if text.contains('$') => match expand_text(text, variables) {
            Ok(Expanded { text, whole: true }) => node.tree = Tree::Variable(text),
            Ok(Expanded { text, whole: false }) => node.tree = Tree::Text(text),
            Err(complaints) => found.extend(complaints.into_iter().map(|complaint| complaint.at(file, node.place))),
        },
        Tree::List(items) => items.iter_mut().for_each(|item| expand(item, file, variables, found)),
        Tree::Map(entries) => entries.iter_mut().for_each(|entry| expand(&mut entry.value, file, variables, found)),
        _ => {}
    }
}

struct Expanded {
    text: String,
    whole: bool,
}

struct Complaint {
    message: String,
    hint: Option<String>,
}

impl Complaint {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn at(self, file: &str, place: Place) -> Diagnostic {
        let diagnostic = Diagnostic::new(file, place, code::VARIABLE, self.message);
        Diagnostic { hint: self.hint, ..diagnostic }
    }
}

fn expand_text(text: &str, variables: &Variables<'_>) -> Result<Expanded, Vec<Complaint>> {
    let (mut out, mut rest, mut complaints) = (String::with_capacity(text.len()), text, Vec::new());
    let mut whole = false;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let Some(length) = rest[at..].find('}') else {
            complaints.push(Complaint::new("`${` has no `}`").hint("write `$${` for a plain `${`"));
            break;
        };
        let inside = &rest[at + 2..at + length];
        whole = rest.len() == text.len() && at == 0 && length + 1 == rest.len();
        rest = &rest[at + length + 1..];
        match value(inside, variables) {
            Ok(value) => out.push_str(&value),
            Err(complaint) => complaints.push(complaint),
        }
    }
    if !complaints.is_empty() {
        return Err(complaints);
    }
    out.push_str(rest);
    Ok(Expanded { text: out, whole })
}

/// The value of what stands between the braces.
fn value(inside: &str, variables: &Variables<'_>) -> Result<String, Complaint> {
    let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
    let (name, rest) = inside.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Complaint::new("`${…}` does not name a variable").hint("write `$${` for a plain `${`"));
    }
    let otherwise = match rest.get(..2) {
        _ if rest.is_empty() => None,
        Some(":-" | ":?") if rest.contains("${") => {
            return Err(Complaint::new(format!("`${{{name}…}}` holds another `${{`; defaults are plain text")));
        }
        Some(":-") => Some((true, &rest[2..])),
        Some(":?") => Some((false, &rest[2..])),
        _ => {
            let message = format!("`${{{name}…}}` goes on with something else than `:-default` or `:?message`");
            return Err(Complaint::new(message).hint("write `$${` for a plain `${`"));
        }
    };
    if !variables.may_be_shown(name) {
        let why = if name.starts_with("ODOCK_") {
            "it looks like a credential"
        } else {
            "only names that begin with ODOCK_ are"
        };
        return Err(Complaint::new(format!("the variable `{name}` is not read: {why}"))
            .hint(format!("--allow-env {name} allows it; secrets belong into `valueFrom`")));
    }
    let value = (variables.env)(name);
    if let Some(text) = value.as_deref().and_then(unprintable) {
        return Err(Complaint::new(format!("the value of `{name}` holds the control character U+{text:04X}")));
    }
    match (value, otherwise) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some((true, default))) => Ok(default.into()),
        (_, Some((false, message))) => Err(Complaint::new(format!("the variable `{name}` is not set: {message}"))),
        (None, None) => Err(Complaint::new(format!("the variable `{name}` is not set"))
            .hint(format!("`${{{name}:-default}}` gives it a default"))),
    }
}

/// The first control character that no text of a manifest can hold.
fn unprintable(text: &str) -> Option<u32> {
    text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(text: &str, allowed: &[&str]) -> Result<(String, bool), Vec<String>> {
        let env = |name: &str| match name {
            "ODOCK_A" => Some("one".to_owned()),
            "ODOCK_EMPTY" => Some(String::new()),
            "ODOCK_ODD" => Some("x\nname: y: {z}".into()),
            "ODOCK_BELL" => Some("\u{7}".into()),
            "HOME" | "ODOCK_TOKEN" | "ODOCK_OPENAI_KEY" | "CI_SECRET" => Some("hunter2".into()),
            _ => None,
        };
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        expand_text(text, &Variables { env: &env, allowed: &allowed })
            .map(|expanded| (expanded.text, expanded.whole))
            .map_err(|complaints| complaints.into_iter().map(|complaint| complaint.message).collect())
    }

    fn run(text: &str) -> Result<(String, bool), Vec<String>> {
        run_with(text, &[])
    }

    #[test]
    fn variables_are_replaced() {
        assert_eq!(run("${ODOCK_A}").unwrap(), ("one".into(), true));
        assert_eq!(run("a ${ODOCK_A} b ${ODOCK_A}").unwrap(), ("a one b one".into(), false));
        assert_eq!(run("${ODOCK_A}${ODOCK_A}").unwrap(), ("oneone".into(), false));
        assert_eq!(run("${ODOCK_ODD}").unwrap().0, "x\nname: y: {z}");
        assert_eq!(run("costs $5, $A, $ {x} é").unwrap(), ("costs $5, $A, $ {x} é".into(), false));
    }

    #[test]
    fn defaults_and_messages_stand_in_for_what_is_unset_or_empty() {
        assert_eq!(run("${ODOCK_B:-two}").unwrap(), ("two".into(), true));
        assert_eq!(run("${ODOCK_EMPTY:-two}").unwrap().0, "two");
        assert_eq!(run("${ODOCK_EMPTY}").unwrap().0, "");
        assert_eq!(run("${ODOCK_B:-}").unwrap().0, "");
        assert_eq!(run("${ODOCK_U:-https://x:1/?a=b}").unwrap().0, "https://x:1/?a=b");
        assert_eq!(run("${ODOCK_B:?say where}").unwrap_err(), ["the variable `ODOCK_B` is not set: say where"]);
        assert_eq!(
            run("${ODOCK_B} ${ODOCK_C}").unwrap_err(),
            ["the variable `ODOCK_B` is not set", "the variable `ODOCK_C` is not set"]
        );
    }

    #[test]
    fn a_dollar_before_it_makes_it_plain() {
        assert_eq!(run("$${ODOCK_A}").unwrap(), ("${ODOCK_A}".into(), false));
        assert_eq!(run("$${x ${ODOCK_A} }").unwrap().0, "${x one }");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "${",
            "${}",
            "${ODOCK_A",
            "${1A}",
            "${ODOCK_A:x}",
            "${ODOCK_A-x}",
            "${ODOCK_A:-${ODOCK_A}}",
            "${ODOCK_A }",
            "${é}",
        ] {
            assert!(run(text).is_err(), "{text}");
        }
        assert!(run("${ODOCK_BELL}").unwrap_err()[0].contains("U+0007"));
    }

    #[test]
    fn other_names_and_credentials_need_permission() {
        for text in ["${HOME}", "${ODOCK_TOKEN}", "${ODOCK_OPENAI_KEY}", "${CI_SECRET}"] {
            let complaints = run(text).unwrap_err();
            assert!(complaints[0].contains("is not read") && !complaints[0].contains("hunter2"), "{complaints:?}");
        }
        assert_eq!(run_with("${HOME}", &["HOME"]).unwrap().0, "hunter2");
        assert_eq!(run_with("${HOME}", &["HO*"]).unwrap().0, "hunter2");
        assert!(run_with("${CI_SECRET}", &["CI_*"]).is_err(), "a prefix does not name a credential");
        assert_eq!(run_with("${CI_SECRET}", &["CI_SECRET"]).unwrap().0, "hunter2");
    }
}
