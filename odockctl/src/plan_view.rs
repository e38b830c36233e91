//! A plan for people: what comes to be, what changes field by field, what stays.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use entity::plan::{Action, Change, FieldChange, Plan};
use serde_json::Value;

use crate::output::{Style, one_line};

/// Up to so many resources that do not change are named; beyond, they are counted.
const NAMED: u64 = 20;
/// Longer values are cut.
const WIDTH: usize = 100;

/// How a piece of text is coloured.
pub type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

/// The plan as text. Nothing from elsewhere can control the terminal.
#[must_use]
pub fn render(plan: &Plan, paint: Paint<'_>) -> String {
    let organisations: BTreeSet<_> = plan.changes.iter().filter_map(|change| change.organisation.as_deref()).collect();
    let view = View { paint, several: organisations.len() > 1 };
    let mut text = String::new();
    for change in &plan.changes {
        if change.action != Action::Unchanged || plan.summary.unchanged <= NAMED {
            view.change(change, &mut text);
        }
    }
    if plan.summary.unchanged > NAMED {
        text.push_str(&paint(Style::Dim, &format!("= {} unchanged\n", plan.summary.unchanged)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary(plan));
    text.push('\n');
    text
}

/// The plan in one line: `2 to create, 1 to update, 5 unchanged`.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let counts = plan.summary;
    let words = if plan.dry_run {
        ["to create", "to update", "to rename", "to delete"]
    } else {
        ["created", "updated", "renamed", "deleted"]
    };
    let [create, update, rename, delete] = words;
    let mut parts = vec![format!("{} {create}", counts.create), format!("{} {update}", counts.update)];
    // Rare, and worth a word only when they happen.
    parts.extend((counts.rename > 0).then(|| format!("{} {rename}", counts.rename)));
    parts.extend((counts.delete > 0).then(|| format!("{} {delete}", counts.delete)));
    parts.push(format!("{} unchanged", counts.unchanged));
    parts.join(", ")
}

/// The name of a field, given by its path: `policies.ratelimit.requests.per_minute`.
#[must_use]
pub fn field_name(path: &str) -> String {
    let tokens = path.split('/').skip(1).map(|token| shown_token(&token.replace("~1", "/").replace("~0", "~")));
    one_line(&tokens.collect::<Vec<String>>().join(".")).trim_start_matches('@').to_owned()
}

struct View<'a> {
    paint: Paint<'a>,
    several: bool,
}

impl View<'_> {
    fn change(&self, change: &Change, text: &mut String) {
        let (symbol, style) = match change.action {
            Action::Create => ("+", Style::Green),
            Action::Update => ("~", Style::Yellow),
            Action::Rename => (">", Style::Yellow),
            Action::Unchanged => ("=", Style::Dim),
            Action::Delete => ("-", Style::Red),
        };
        let within = change.organisation.as_deref().filter(|_| self.several);
        let within = within.map(|slug| format!(" ({})", one_line(slug))).unwrap_or_default();
        let before = change.renamed_from.as_deref().map(|old| format!("{} → ", one_line(old))).unwrap_or_default();
        let heading = format!("{symbol} {} {before}{}{within}", change.kind, one_line(&change.name));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", (self.paint)(style, &heading));
        let lines: Vec<(String, String)> =
            change.fields.iter().filter_map(|field| self.field(change.action, field)).collect();
        let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in lines {
            let _ = writeln!(text, "    {name:width$}  {value}");
        }
        for consequence in &change.consequences {
            let _ = writeln!(text, "    {}", (self.paint)(Style::Yellow, &format!("! {}", one_line(consequence))));
        }
    }

    /// A field's name and how it changes; none for what its own name says already.
    fn field(&self, action: Action, field: &FieldChange) -> Option<(String, String)> {
        let tokens: Vec<String> =
            field.path.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        if let [.., entry, last] = &tokens[..] {
            let value = field.new.as_ref().or(field.old.as_ref()).and_then(Value::as_str);
            if matches!(last.as_str(), "name" | "user") && value == Some(entry) {
                return None;
            }
        }
        let last = tokens.last().map_or("", String::as_str);
        let name = field_name(&field.path);
        let value = match (&field.old, &field.new) {
            (None, Some(new)) if action == Action::Create => human(last, new),
            (Some(old), Some(new)) if is_set(old) && is_set(new) => self.set(old, new),
            (Some(old), Some(new)) if old == new => format!("{} → another with the same preview", human(last, old)),
            (old, new) => {
                let side = |value: &Option<Value>, style| match value {
                    Some(value) => (self.paint)(style, &human(last, value)),
                    None => (self.paint)(Style::Dim, "none"),
                };
                format!("{} → {}", side(old, Style::Red), side(new, Style::Green))
            }
        };
        Some((name, value))
    }

    /// What joins and what leaves a set.
    fn set(&self, old: &Value, new: &Value) -> String {
        let (old, new) = (words(old), words(new));
        let joins = new.difference(&old).map(|word| (self.paint)(Style::Green, &format!("+ {}", one_line(word))));
        let leaves = old.difference(&new).map(|word| (self.paint)(Style::Red, &format!("- {}", one_line(word))));
        joins.chain(leaves).collect::<Vec<_>>().join(", ")
    }
}

fn shown_token(token: &str) -> String {
    if token.is_empty() || token.contains(['.', ' ', '"']) { format!("{token:?}") } else { token.to_owned() }
}

fn is_set(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn words(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A value in the unit that its field has.
fn human(field: &str, value: &Value) -> String {
    let text = match value {
        Value::String(amount) if field.ends_with("_cost_per_1k_tokens") => format!("${amount} / 1k tokens"),
        Value::String(text) => text.clone(),
        Value::Number(number) if field.ends_with("Ms") => {
            number.as_u64().map_or_else(|| number.to_string(), milliseconds)
        }
        Value::Number(number) if field.ends_with("_percent") => format!("{number} %"),
        list if is_set(list) => words(list).into_iter().collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let text = one_line(&text);
    if text.chars().nth(WIDTH).is_some() {
        format!("{}…", text.chars().take(WIDTH).collect::<String>())
    } else {
        text
    }
}

fn milliseconds(span: u64) -> String {
    match span {
        0 => "0 ms".into(),
        _ if span.is_multiple_of(60_000) => format!("{} min", span / 60_000),
        _ if span.is_multiple_of(1_000) => format!("{} s", span / 1_000),
        _ => format!("{span} ms"),
    }
}

#[cfg(test)]
mod tests {
    use entity::Kind;
    use entity::check::diff;
    use entity::plan::PlanSummary;
    use serde_json::json;

    use super::*;

    fn plan(changes: Vec<Change>, dry_run: bool) -> Plan {
        let count = |action| u64::try_from(changes.iter().filter(|change| change.action == action).count()).unwrap();
        let summary = PlanSummary {
            create: count(Action::Create),
            update: count(Action::Update),
            rename: count(Action::Rename),
            unchanged: count(Action::Unchanged),
            delete: count(Action::Delete),
        };
        Plan { dry_run, changes, summary, ..Plan::default() }
    }

    fn change(action: Action, kind: Kind, name: &str, old: Value, new: Value) -> Change {
        let fields = diff(&old, &new);
        let name = name.into();
        Change {
            action,
            kind,
            organisation: Some("acme".into()),
            name,
            renamed_from: None,
            fields,
            consequences: vec![],
        }
    }

    fn plain(plan: &Plan) -> String {
        render(plan, &|_, text| text.to_owned())
    }

    #[test]
    fn a_plan_reads_field_by_field_in_human_units() {
        let secret = |text: &str, fingerprint: &str| json!({"preview": text, "fingerprint": fingerprint});
        let mut model = change(
            Action::Update,
            Kind::Model,
            "fast",
            json!({"slug": "a", "capabilities": ["vision", "reasoning"], "pricing": {"input": {"text_cost_per_1k_tokens": "0.0004"}}}),
            json!({"slug": "b", "capabilities": ["vision", "tool_use"], "pricing": {"input": {"text_cost_per_1k_tokens": "0.0005"}, "cached_input_discount_percent": 75}}),
        );
        model.consequences = vec!["2 keys call it".into()];
        let plan = plan(
            vec![
                change(
                    Action::Create,
                    Kind::Provider,
                    "openai",
                    Value::Null,
                    json!({"type": "OPENAI", "timeoutMs": 120_000, "keys": [{"name": "a.b", "secret": secret("sk-p…cdef", "1"), "revoked": false}]}),
                ),
                change(
                    Action::Update,
                    Kind::Provider,
                    "azure",
                    json!({"timeoutMs": 1500, "keys": [{"name": "k", "secret": secret("…", "1")}]}),
                    json!({"keys": [{"name": "k", "secret": secret("…", "2")}]}),
                ),
                model,
                change(Action::Unchanged, Kind::ApiKey, "ci", json!({}), json!({})),
            ],
            true,
        );
        insta::assert_snapshot!(plain(&plan), @r#"
        + Provider openai
            keys."a.b".revoked  false
            keys."a.b".secret   sk-p…cdef
            timeoutMs           2 min
            type                OPENAI
        ~ Provider azure
            keys.k.secret  … → another with the same preview
            timeoutMs      1500 ms → none
        ~ Model fast
            capabilities                           + tool_use, - reasoning
            pricing.cached_input_discount_percent  none → 75 %
            pricing.input.text_cost_per_1k_tokens  $0.0004 / 1k tokens → $0.0005 / 1k tokens
            slug                                   a → b
            ! 2 keys call it
        = ApiKey ci

        1 to create, 2 to update, 1 unchanged
        "#);
    }

    #[test]
    fn several_organisations_are_told_apart_and_many_unchanged_are_counted() {
        let mut changes: Vec<Change> =
            (0..21).map(|n| change(Action::Unchanged, Kind::Model, &format!("m{n}"), json!({}), json!({}))).collect();
        changes.push(Change {
            organisation: Some("globex".into()),
            ..change(Action::Create, Kind::Team, "t", Value::Null, json!({}))
        });
        assert_eq!(
            plain(&plan(changes, false)),
            "+ Team t (globex)\n= 21 unchanged\n\n1 created, 0 updated, 21 unchanged\n"
        );
    }

    #[test]
    fn nothing_from_elsewhere_controls_the_terminal() {
        let mut odd = change(
            Action::Update,
            Kind::Team,
            "a\x1b[2J",
            json!({"x\x1b[2J": "a\nb", "l": ["\x1b]0;x"]}),
            json!({"x\x1b[2J": "\u{202e}", "l": ["\x07"]}),
        );
        odd.consequences = vec!["\x1b[31m".into()];
        odd.organisation = Some("\x1b[1m".into());
        let text = plain(&plan(vec![odd], true));
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']) && text.lines().count() == 6, "{text:?}");
        let long = change(Action::Create, Kind::Team, "t", Value::Null, json!({"description": "x".repeat(500)}));
        assert!(plain(&plan(vec![long], true)).len() < 250);
    }
}
