//! YAML 1.2 with places: `no` is a text, aliases repeat what they name within limits, and no key stands twice.

use std::collections::HashMap;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options};

use super::diagnostic::{Diagnostic, Place, code};
use super::node::{DEPTH, Entry, NODES, Node, Tree};

/// How many values aliases may repeat in one file.
const REPEATED: usize = 50_000;

/// Reads every document of a file. A document that cannot be read is reported and the next one is tried.
pub(super) fn parse(file: &str, text: &str) -> (Vec<Node>, Vec<Diagnostic>) {
    let options = options! { flow_nesting_limit: DEPTH + 1, block_nesting_limit: DEPTH + 1, emit_comments: false };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { file, nodes: 0, repeated: 0, build: Build::default() };
    let (mut documents, mut found) = (Vec::new(), Vec::new());
    loop {
        match reader.document(&mut parser) {
            Ok(Some(node)) => documents.push(node),
            Ok(None) => return (documents, found),
            Err(Failure { diagnostic, fatal }) => {
                found.push(*diagnostic);
                reader.build = Build::default();
                if fatal || found.len() >= 20 || !matches!(parser.proceed_next_document(), Ok(true)) {
                    return (documents, found);
                }
            }
        }
    }
}

struct Failure {
    diagnostic: Box<Diagnostic>,
    /// The rest of the file is not to be read.
    fatal: bool,
}

/// A document under construction.
#[derive(Default)]
struct Build {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
}

struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// A list or an object that is not closed yet.
struct Open {
    place: Place,
    anchor: usize,
    /// How many nodes there were before it, and how deep it is inside.
    nodes: usize,
    depth: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Place>, key: Option<(String, Place)> },
}

struct Reader<'a> {
    file: &'a str,
    nodes: usize,
    repeated: usize,
    build: Build,
}

impl Reader<'_> {
    fn fail(&self, place: Place, code: &str, message: impl Into<String>) -> Failure {
        Failure { diagnostic: Box::new(Diagnostic::new(self.file, place, code, message)), fatal: false }
    }

    fn too_large(&self, place: Place, message: impl Into<String>) -> Failure {
        Failure { fatal: true, ..self.fail(place, code::TOO_LARGE, message) }
    }

    /// The next document; `None` at the end of the file.
    fn document<'a>(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> Result<Option<Node>, Failure> {
        loop {
            let Some(event) = parser.next_event() else { return Ok(None) };
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentEnd => {
                    let build = std::mem::take(&mut self.build);
                    return Ok(Some(build.root.unwrap_or(Node::new(place(&span), Tree::Null))));
                }
                event => self.event(event, &span)?,
            }
        }
    }

    fn syntax(&self, error: &ScanError) -> Failure {
        let marker = error.marker();
        let told = error.info();
        let deep = told.contains("nesting") || told.contains("depth");
        let (code, message) = if deep {
            (code::TOO_LARGE, format!("stands more than {DEPTH} levels deep"))
        } else {
            (code::SYNTAX, format!("is not YAML: {told}"))
        };
        let failure = self.fail(at(marker.line(), marker.col()), code, message);
        Failure { fatal: deep, ..failure }
    }

    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Failure> {
        let place = place(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(text.into_owned(), place);
                }
                let tree = self.scalar(&text, style, tag.as_deref(), place)?;
                self.finish(Node::new(place, tree), anchor, 0, 0)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Content::List(Vec::new()), anchor, tag.as_deref(), place),
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.open(content, anchor, tag.as_deref(), place)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.build.open.pop() {
                Some(Open { place, anchor, nodes, depth, content }) => {
                    let tree = match content {
                        Content::List(items) => Tree::List(items),
                        Content::Map { entries, .. } => Tree::Map(entries),
                    };
                    self.finish(Node::new(place, tree), anchor, self.nodes - nodes, depth)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => self.alias(anchor, place),
            _ => Ok(()),
        }
    }

    /// Whether the next value is the key of an object.
    fn wants_key(&self) -> bool {
        matches!(self.build.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, text: String, place: Place) -> Result<(), Failure> {
        if text == "<<" {
            let failure = self.fail(place, code::SYNTAX, "`<<` is a merge key, which YAML 1.2 does not have");
            return Err(Failure {
                diagnostic: Box::new(failure.diagnostic.hint("write the fields out")),
                fatal: false,
            });
        }
        let Some(Open { content: Content::Map { seen, key, .. }, .. }) = self.build.open.last_mut() else {
            return Ok(());
        };
        if let Some(earlier) = seen.insert(text.clone(), place) {
            return Err(Failure {
                diagnostic: Box::new(super::repeated(self.file, place, &text, earlier)),
                fatal: false,
            });
        }
        *key = Some((text, place));
        Ok(())
    }

    fn open(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, place: Place) -> Result<(), Failure> {
        if self.wants_key() {
            return Err(self.fail(place, code::SYNTAX, "a key is a text, not a list or an object"));
        }
        if tag.is_some_and(|tag| !matches!(tag.core_suffix(), Some("map" | "seq"))) {
            return Err(self.tag(place));
        }
        if self.build.open.len() >= DEPTH {
            return Err(self.too_large(place, format!("stands more than {DEPTH} levels deep")));
        }
        self.build.open.push(Open { place, anchor, nodes: self.nodes, depth: 0, content });
        Ok(())
    }

    fn tag(&self, place: Place) -> Failure {
        self.fail(place, code::SYNTAX, "has a YAML tag; manifests are plain data")
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Failure> {
        if self.wants_key() {
            return Err(self.fail(place, code::SYNTAX, "a key cannot be an alias"));
        }
        let Some(Anchored { node, nodes, depth }) = self.build.anchors.get(&anchor) else {
            return Err(self.fail(place, code::SYNTAX, "the alias names what it stands in"));
        };
        self.repeated += nodes;
        self.nodes += nodes;
        if self.repeated > REPEATED {
            return Err(self.too_large(place, format!("aliases repeat more than {REPEATED} values")));
        }
        if self.build.open.len() + depth > DEPTH {
            return Err(self.too_large(place, format!("the alias reaches more than {DEPTH} levels deep")));
        }
        let (copy, nodes, depth) = (Node::new(place, node.tree.clone()), *nodes, *depth);
        self.finish(copy, 0, nodes, depth)
    }

    /// Puts a complete value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, inner: usize, depth: usize) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > NODES {
            return Err(self.too_large(node.place, format!("the file holds more than {NODES} values")));
        }
        if anchor > 0 {
            self.repeated += inner + 1;
            self.build.anchors.insert(anchor, Anchored { node: node.clone(), nodes: inner + 1, depth: depth + 1 });
        }
        let Some(open) = self.build.open.last_mut() else {
            self.build.root = Some(node);
            return Ok(());
        };
        open.depth = open.depth.max(depth + 1);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key, .. } => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry { key, place, value: node });
                }
            }
        }
        Ok(())
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Tree, Failure> {
        match tag.map(|tag| tag.core_suffix()) {
            Some(Some("str")) => return Ok(Tree::Text(text.into())),
            Some(Some("int" | "float" | "bool" | "null")) | None => {}
            Some(_) => return Err(self.tag(place)),
        }
        if tag.is_none() && style != ScalarStyle::Plain {
            return Ok(Tree::Text(text.into()));
        }
        plain(text).ok_or_else(|| self.fail(place, code::SYNTAX, "is a number that no field can hold"))
    }
}

/// What a plain scalar is by YAML 1.2's core schema; `None` for infinities and the like.
pub(super) fn plain(text: &str) -> Option<Tree> {
    let number = |number: Option<serde_json::Number>| number.map(Tree::Number);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Tree::Null),
        "true" | "True" | "TRUE" => return Some(Tree::Flag(true)),
        "false" | "False" | "FALSE" => return Some(Tree::Flag(false)),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ if matches!(unsigned, ".inf" | ".Inf" | ".INF") => return None,
        _ => {}
    }
    if digits(unsigned) {
        let text = text.strip_prefix('+').unwrap_or(text);
        let whole = text.parse::<u64>().map(Into::into).or_else(|_| text.parse::<i64>().map(Into::into)).ok();
        return number(whole.or_else(|| serde_json::Number::from_f64(text.parse().ok()?)));
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        let digits = text.strip_prefix(prefix).filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit()));
        if let Some(Ok(value)) = digits.map(|digits| u64::from_str_radix(digits, radix)) {
            return number(Some(value.into()));
        }
    }
    if is_float(unsigned) {
        return number(serde_json::Number::from_f64(text.parse().ok()?));
    }
    Some(Tree::Text(text.into()))
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !unsigned.is_empty() && digits(unsigned)
    });
    mantissa_fits && exponent_fits
}

fn place(span: &Span) -> Place {
    at(span.start.line(), span.start.col())
}

fn at(line: usize, column: usize) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { line: number(line), column: number(column + 1) }
}
