//! A document as a tree in which every value knows its place.

use serde_json::{Map, Number, Value};

use super::diagnostic::Place;

/// How deep lists and objects may stand in one another.
pub(super) const DEPTH: usize = 64;
/// How many values a file may hold, with what its aliases repeat.
pub(super) const NODES: usize = 1_000_000;

/// A value at its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) tree: Tree,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Null,
    Flag(bool),
    Number(Number),
    Text(String),
    /// A text that was one `${…}` and nothing else: it may become what its field asks for.
    Variable(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A field of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl Node {
    pub(super) const fn new(place: Place, tree: Tree) -> Self {
        Self { place, tree }
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Flag(flag) => Value::Bool(*flag),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) | Tree::Variable(text) => Value::String(text.clone()),
            Tree::List(items) => items.iter().map(Self::to_value).collect(),
            Tree::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_value())).collect::<Map<_, _>>().into()
            }
        }
    }

    /// The value of a field of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        Some(&self.entry(key)?.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.tree {
            Tree::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Text(text) | Tree::Variable(text) => Some(text),
            _ => None,
        }
    }

    /// What stands at a JSON pointer, if anything does.
    pub(super) fn at(&self, pointer: &str) -> Option<&Self> {
        self.steps(pointer).last()?.node
    }

    pub(super) fn at_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        tokens(pointer).try_fold(self, |node, token| match &mut node.tree {
            Tree::Map(entries) => entries.iter_mut().find(|entry| entry.key == token).map(|entry| &mut entry.value),
            Tree::List(items) => items.get_mut(token.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Where the value at a JSON pointer stands. Where nothing stands there: the innermost object or list around it.
    pub(super) fn place_of(&self, pointer: &str) -> Place {
        self.steps(pointer).filter_map(|step| step.node).last().map_or(self.place, |node| node.place)
    }

    /// Where the key of the field at a JSON pointer stands; the place of the value for what is no field.
    pub(super) fn key_place_of(&self, pointer: &str) -> Place {
        self.steps(pointer).last().and_then(|step| step.key).unwrap_or_else(|| self.place_of(pointer))
    }

    fn steps(&self, pointer: &str) -> impl Iterator<Item = Step<'_>> {
        let start = Step { node: Some(self), key: None };
        let mut steps = vec![start];
        for token in tokens(pointer) {
            let Some(node) = steps.last().and_then(|step| step.node) else { break };
            steps.push(match &node.tree {
                Tree::List(items) => {
                    Step { node: token.parse::<usize>().ok().and_then(|index| items.get(index)), key: None }
                }
                _ => {
                    let entry = node.entry(&token);
                    Step { node: entry.map(|entry| &entry.value), key: entry.map(|entry| entry.place) }
                }
            });
        }
        steps.into_iter()
    }
}

struct Step<'a> {
    node: Option<&'a Node>,
    key: Option<Place>,
}

fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// Turns byte offsets into places.
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default().chars().count();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { line: number(line), column: number(before + 1) }
    }
}
