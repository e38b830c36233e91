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

/// Turns byte offsets into places, in a time that does not depend on how long the lines are.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// Where each line begins.
    starts: Vec<usize>,
    /// How many characters begin before each block.
    characters: Vec<usize>,
}

const BLOCK: usize = 256;

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let before = |sum: &mut usize, block: &[u8]| Some(std::mem::replace(sum, *sum + characters(block)));
        let characters = text.as_bytes().chunks(BLOCK).scan(0, before).collect();
        Self { bytes: text.as_bytes(), starts, characters }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let column = self.characters_before(offset) - self.characters_before(self.starts[line - 1]) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { line: number(line), column: number(column) }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.bytes.len());
        let block = (offset / BLOCK).min(self.characters.len().saturating_sub(1));
        self.characters.get(block).map_or(0, |before| before + characters(&self.bytes[block * BLOCK..offset]))
    }
}

/// How many characters begin in a piece of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_places() {
        let text = format!("é\nab\n{}x\n", "é".repeat(1_000));
        let lines = Lines::of(&text);
        let place = |offset| (lines.place(offset).line, lines.place(offset).column);
        assert_eq!(
            [place(0), place(2), place(3), place(4), place(5), place(6)],
            [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1)]
        );
        assert_eq!([place(6 + 2_000), place(6 + 2_002), place(usize::MAX)], [(3, 1_001), (4, 1), (4, 1)]);
        assert_eq!(Lines::of("").place(0), Place::START);
    }
}
