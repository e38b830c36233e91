//! JSON with places.
//!
//! serde_json judges the syntax and decodes texts and numbers; what is added here is where everything stands, and that
//! no key stands twice.

use serde::de::IgnoredAny;

use super::diagnostic::{Diagnostic, Place, code};
use super::node::{DEPTH, Entry, Lines, NODES, Node, Tree};

/// Reads one JSON document.
pub(super) fn parse(file: &str, text: &str) -> Result<Node, Diagnostic> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let place = Place { line: number(error.line()), column: number(error.column().max(1)) };
        let told = error.to_string();
        let message = told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message);
        return Err(Diagnostic::new(file, place, code::SYNTAX, format!("is not JSON: {message}")));
    }
    let mut reader = Reader { file, text, lines: Lines::of(text), at: 0, nodes: 0 };
    reader.value(0)
}

/// Walks a text that is known to be JSON.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    lines: Lines<'a>,
    at: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn fail(&self, at: usize, code: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, self.lines.place(at), code, message)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let first = self.peek();
        let start = self.at;
        self.nodes += 1;
        if depth > DEPTH {
            return Err(self.fail(start, code::TOO_LARGE, format!("stands more than {DEPTH} levels deep")));
        }
        if self.nodes > NODES {
            return Err(self.fail(start, code::TOO_LARGE, format!("the file holds more than {NODES} values")));
        }
        let tree = match first {
            b'{' => Tree::Map(self.entries(depth)?),
            b'[' => Tree::List(self.items(depth)?),
            b'"' => Tree::Text(self.string()?),
            b't' => self.word("true", Tree::Flag(true)),
            b'f' => self.word("false", Tree::Flag(false)),
            b'n' => self.word("null", Tree::Null),
            _ => self.number()?,
        };
        Ok(Node::new(self.lines.place(start), tree))
    }

    fn word(&mut self, word: &str, tree: Tree) -> Tree {
        self.at += word.len();
        tree
    }

    fn number(&mut self) -> Result<Tree, Diagnostic> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
        let number = serde_json::from_str(&rest[..length])
            .map_err(|_| self.fail(self.at, code::SYNTAX, "is a number that cannot be read"))?;
        self.at += length;
        Ok(Tree::Number(number))
    }

    fn string(&mut self) -> Result<String, Diagnostic> {
        let rest = &self.text.as_bytes()[self.at..];
        let mut length = 1;
        while let Some(byte) = rest.get(length).filter(|byte| **byte != b'"') {
            length += if *byte == b'\\' { 2 } else { 1 };
        }
        let text = self.text.get(self.at..=self.at + length).and_then(|quoted| serde_json::from_str(quoted).ok());
        let text = text.ok_or_else(|| self.fail(self.at, code::SYNTAX, "is a text that cannot be read"))?;
        self.at += length + 1;
        Ok(text)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Diagnostic> {
        let mut items = Vec::new();
        self.at += 1;
        while self.peek() != b']' {
            items.push(self.value(depth + 1)?);
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(items)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Diagnostic> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::HashMap::new();
        self.at += 1;
        while self.peek() != b'}' {
            let start = self.at;
            let place = self.lines.place(start);
            let key = self.string()?;
            if let Some(earlier) = seen.insert(key.clone(), place) {
                return Err(super::repeated(self.file, place, &key, earlier));
            }
            if self.peek() == b':' {
                self.at += 1;
            }
            let value = self.value(depth + 1)?;
            entries.push(Entry { key, place, value });
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(entries)
    }
}
