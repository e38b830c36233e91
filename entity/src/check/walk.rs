//! Walks a value along its table and collects what does not fit.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::table::{Field, Object, Presence, Shape};
use super::text::quoted;
use super::{Violation, code, nearest, step};

/// Reports stop here: whoever made a thousand mistakes made the same one often, and answers stay small.
const MOST: usize = 1_000;

pub(super) fn walk(object: &Object, value: &Value) -> Vec<Violation> {
    let mut walker = Walker { found: Vec::new() };
    walker.object(object, value, "");
    walker.found
}

struct Walker {
    found: Vec<Violation>,
}

impl Walker {
    fn report(&mut self, violation: Violation) {
        if self.found.len() < MOST {
            self.found.push(violation);
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value, at: &str) {
        match (shape, value) {
            (Shape::Text(rule), Value::String(text)) => {
                if let Err(complaint) = rule.check(text) {
                    self.report(complaint.at(at));
                }
            }
            (Shape::Word(words), Value::String(text)) => self.word(&words(), text, at),
            (Shape::Whole(least, most), Value::Number(number)) if !number.is_f64() => {
                if !number.as_u64().is_some_and(|number| (*least..=*most).contains(&number)) {
                    let message = if least == most {
                        format!("{number} is not {least}")
                    } else {
                        format!("{number} is not between {least} and {most}")
                    };
                    self.report(Violation::new(at, code::INVALID, message));
                }
            }
            (Shape::Flag, Value::Bool(_)) => {}
            (Shape::Object(object), value) => self.object(object, value, at),
            (Shape::Named(key, object), Value::Array(items)) => self.named(key, object, items, at),
            (Shape::Set(shape), Value::Array(items)) => self.set(shape, items, at),
            (Shape::ByWord(words, shape), Value::Object(given)) => self.by_word(&words(), shape, given, at),
            (_, value) => self.report(wrong_type(shape, value, at)),
        }
    }

    fn object(&mut self, object: &Object, value: &Value, at: &str) {
        let Value::Object(given) = value else {
            return self.report(wrong_type_of_object(object, value, at));
        };
        for field in object.fields {
            self.field(field, given.get(field.name), object, at);
        }
        for name in given.keys().filter(|name| !object.fields.iter().any(|field| field.name == *name)) {
            self.report(unknown_field(object, name, given, at));
        }
    }

    fn field(&mut self, field: &Field, value: Option<&Value>, object: &Object, at: &str) {
        match value {
            None if field.presence == Presence::Required => {
                let message = format!("`{}` is missing from {}", field.name, object.title);
                let violation = Violation::new(step(at, field.name), code::MISSING, message);
                self.report(match allowed(&field.shape) {
                    Some(words) => violation.hint(format!("one of {words}")),
                    None => violation,
                });
            }
            None => {}
            Some(Value::Null) if field.presence == Presence::Optional => {}
            Some(value) => self.value(&field.shape, value, &step(at, field.name)),
        }
    }

    fn word(&mut self, words: &[&'static str], text: &str, at: &str) {
        if words.contains(&text) {
            return;
        }
        let violation =
            Violation::new(at, code::INVALID, format!("{} is not one of {}", quoted(text), words.join(", ")));
        self.report(match nearest(text, words.iter().copied()) {
            Some(word) => violation.hint(format!("did you mean `{word}`?")),
            None => violation,
        });
    }

    fn by_word(&mut self, words: &[&'static str], shape: &Shape, given: &Map<String, Value>, at: &str) {
        for (name, value) in given {
            let at = step(at, name);
            if words.contains(&name.as_str()) {
                self.value(shape, value, &at);
                continue;
            }
            let message = format!("{} is not one of {}", quoted(name), words.join(", "));
            let violation = Violation::new(at, code::UNKNOWN_FIELD, message);
            self.report(match nearest(name, words.iter().copied()) {
                Some(word) => violation.hint(format!("did you mean `{word}`?")),
                None => violation,
            });
        }
    }

    fn named(&mut self, key: &str, object: &Object, items: &[Value], at: &str) {
        let mut first = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let at = step(at, index);
            self.object(object, item, &at);
            let Some(name) = item.get(key).and_then(Value::as_str) else { continue };
            let earlier = *first.entry(name).or_insert(index);
            if earlier != index {
                self.report(repeated(name, earlier, step(&at, key)));
            }
        }
    }

    fn set(&mut self, shape: &Shape, items: &[Value], at: &str) {
        let mut first = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let at = step(at, index);
            self.value(shape, item, &at);
            let Some(text) = item.as_str() else { continue };
            let earlier = *first.entry(text).or_insert(index);
            if earlier != index {
                self.report(repeated(text, earlier, at));
            }
        }
    }
}

fn repeated(name: &str, earlier: usize, at: String) -> Violation {
    Violation::new(
        at,
        code::DUPLICATE,
        format!("{} stands in this list twice; it is already entry {}", quoted(name), earlier + 1),
    )
}

fn unknown_field(object: &Object, name: &str, given: &Map<String, Value>, at: &str) -> Violation {
    let at = step(at, name);
    if object.later.contains(&name) {
        return Violation::new(at, code::UNSUPPORTED, format!("`{name}` is not supported by this version"));
    }
    let violation =
        Violation::new(at, code::UNKNOWN_FIELD, format!("{} is not a field of {}", quoted(name), object.title));
    if name == "valueFrom" && object.fields.iter().any(|field| field.name == "secret") {
        return violation.hint("odockctl resolves it; the API takes `secret`");
    }
    let absent = || object.fields.iter().map(|field| field.name).filter(|field| !given.contains_key(*field));
    match nearest(name, absent()) {
        Some(field) => violation.hint(format!("did you mean `{field}`?")),
        None => violation.hint(format!(
            "its fields are {}",
            object.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn wrong_type(shape: &Shape, value: &Value, at: &str) -> Violation {
    let expected = match shape {
        Shape::Text(super::text::Rule::Money) => "a decimal string",
        Shape::Text(_) | Shape::Word(_) => "a string",
        Shape::Whole(..) => "a whole number",
        Shape::Flag => "true or false",
        Shape::Object(_) | Shape::ByWord(..) => "an object",
        Shape::Named(..) | Shape::Set(_) => "a list",
    };
    let given = match (shape, value) {
        (Shape::Whole(..), Value::Number(number)) => number.to_string(),
        _ => name_of(value).to_owned(),
    };
    let violation = Violation::new(at, code::WRONG_TYPE, format!("must be {expected}, not {given}"));
    match (shape, value) {
        (_, Value::Null) => violation.hint("leave the field out"),
        (Shape::Text(super::text::Rule::Money), Value::Number(number)) => {
            violation.hint(format!("money is written in quotes: \"{number}\""))
        }
        (Shape::Text(_), Value::Number(number)) => violation.hint(format!("write it in quotes: \"{number}\"")),
        (Shape::Text(_), Value::Bool(flag)) => violation.hint(format!("write it in quotes: \"{flag}\"")),
        (Shape::Word(words), _) => violation.hint(format!("one of {}", words().join(", "))),
        (Shape::Whole(..), Value::String(text)) if text.parse::<u64>().is_ok() => {
            violation.hint("write it without quotes")
        }
        (Shape::Flag, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            violation.hint("write it without quotes")
        }
        (Shape::Named(..) | Shape::Set(_), Value::String(_) | Value::Object(_)) => {
            violation.hint("write a list, even of one")
        }
        _ => violation,
    }
}

/// A text where a sealed secret belongs is a secret in clear text: it is named as such and never quoted.
fn wrong_type_of_object(object: &Object, value: &Value, at: &str) -> Violation {
    if std::ptr::eq(object, &super::table::SECRET) && !value.is_null() {
        return Violation::new(at, code::LITERAL_SECRET, "secrets in clear text are refused")
            .hint("in a file write `valueFrom`; the API takes what the client sealed");
    }
    let violation = Violation::new(at, code::WRONG_TYPE, format!("must be an object, not {}", name_of(value)));
    if value.is_null() && !at.is_empty() { violation.hint("leave the field out") } else { violation }
}

fn allowed(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Word(words) => Some(words().join(", ")),
        _ => None,
    }
}

/// What a value is, for people.
pub(super) const fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
