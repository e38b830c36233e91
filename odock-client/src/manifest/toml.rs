//! TOML with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Place, code};
use super::node::{DEPTH, Entry, Lines, NODES, Node, Tree};

/// Reads one TOML document; the errors are all that the parser could find.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut told: Vec<Diagnostic> = Vec::new();
        for error in errors {
            let place = error.span().map_or(Place::START, |span| lines.place(span.start));
            if error.message().contains("recurs") {
                let message = format!("stands more than {DEPTH} levels deep");
                return Err(vec![Diagnostic::new(file, place, code::TOO_LARGE, message)]);
            }
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            let diagnostic = Diagnostic::new(file, place, code::SYNTAX, format!("is not TOML: {message}"));
            if told.len() < 20 && told.last() != Some(&diagnostic) {
                told.push(diagnostic);
            }
        }
        return Err(told);
    }
    let mut reader = Reader { file, lines, nodes: 0 };
    let place = reader.lines.place(table.span().start);
    let entries = reader.entries(table.get_ref(), 0).map_err(|diagnostic| vec![diagnostic])?;
    Ok(Node::new(place, Tree::Map(entries)))
}

struct Reader<'a> {
    file: &'a str,
    lines: Lines<'a>,
    nodes: usize,
}

impl Reader<'_> {
    fn value(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Diagnostic> {
        let place = self.lines.place(value.span().start);
        self.nodes += 1;
        if depth > DEPTH || self.nodes > NODES {
            let message = format!("the file is more than {DEPTH} levels deep or holds more than {NODES} values");
            return Err(Diagnostic::new(self.file, place, code::TOO_LARGE, message));
        }
        let tree = match value.get_ref() {
            DeValue::String(text) => Tree::Text(text.to_string()),
            DeValue::Integer(digits) => {
                let number = i64::from_str_radix(digits.as_str(), digits.radix());
                Tree::Number(
                    number
                        .map_err(|_| Diagnostic::new(self.file, place, code::SYNTAX, "is a number out of range"))?
                        .into(),
                )
            }
            DeValue::Float(digits) => {
                let number = digits.as_str().parse().ok().and_then(serde_json::Number::from_f64);
                Tree::Number(number.ok_or_else(|| {
                    Diagnostic::new(self.file, place, code::SYNTAX, "is a number that no field can hold")
                })?)
            }
            DeValue::Boolean(flag) => Tree::Flag(*flag),
            DeValue::Datetime(instant) => Tree::Text(instant.to_string()),
            DeValue::Array(items) => {
                Tree::List(items.iter().map(|item| self.value(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Tree::Map(self.entries(table, depth)?),
        };
        Ok(Node::new(place, tree))
    }

    fn entries(&mut self, table: &DeTable<'_>, depth: usize) -> Result<Vec<Entry>, Diagnostic> {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            Ok(Entry {
                key: key.get_ref().to_string(),
                place: self.lines.place(key.span().start),
                value: self.value(value, depth + 1)?,
            })
        };
        let mut entries = table.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|entry| entry.place);
        Ok(entries)
    }
}
