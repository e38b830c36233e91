//! JSON as the caller wrote it: borrowed where it can be, in its own order, with its own numbers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::{RawValue, to_raw_value};

/// A value of which every part is known. Text is borrowed from the body unless it had escapes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Node::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Node::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Node::Number(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Node::Number(value.into()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Number::from_f64(value).map(Node::Number).ok_or_else(|| E::custom("number out of range"))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Node::Text(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Node::Text(value.to_owned().into()))
            }
            fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
                Ok(Node::Text(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = from.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Key(name), value)) = from.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Node::Object(fields))
            }
        }
        from.deserialize_any(Any)
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Number(value) => value.serialize(to),
            Self::Text(text) => to.serialize_str(text),
            Self::List(items) => to.collect_seq(items),
            Self::Object(fields) => to.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
    }
}

/// A field's name. serde borrows a `Cow` only where it stands alone in a struct.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Key(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Key(value.to_owned().into()))
            }
        }
        from.deserialize_str(Text)
    }
}

/// An object of which only the names of its fields are known. What nobody edits is written as the bytes that came.
#[derive(Clone, Debug, Default)]
pub(super) struct RawObject<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> RawObject<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The first name that stands twice.
    pub(super) fn twice(&self) -> Option<&str> {
        twice(self.0.iter().map(|(name, _)| name.as_ref()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(there, _)| *there == name).map(|(_, value)| value)
    }

    /// The value of a field, for as long as the body lives; `None` too if it is null, or was written anew.
    pub(super) fn present(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(there, _)| there == name)?;
        match value {
            Cow::Borrowed(raw) if raw.get() != "null" => Some(raw),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(there, _)| there != name);
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &RawValue) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    /// Writes a field, in its place if it is there and at the end if not.
    pub(super) fn set(&mut self, name: &'static str, value: &impl Serialize) {
        // What is written here has strings for keys and no unusual numbers, so that it always serialises.
        let Ok(raw) = to_raw_value(value) else { return };
        match self.0.iter_mut().find(|(there, _)| there == name) {
            Some((_, there)) => *there = Cow::Owned(raw),
            None => self.0.push((name.into(), Cow::Owned(raw))),
        }
    }
}

impl<'de> Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Key(name), value)) = from.next_entry::<Key<'de>, &'de RawValue>()? {
                    fields.push((name, Cow::Borrowed(value)));
                }
                Ok(RawObject(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

impl Serialize for RawObject<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A value as bytes.
pub(super) fn bytes(value: &impl Serialize) -> Vec<u8> {
    // All that is written here has strings for keys and no unusual numbers, so that it always serialises.
    serde_json::to_vec(value).unwrap_or_default()
}

/// The first name that stands twice. Objects may be large, so that names are not compared each with each.
pub(super) fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    let mut names = names;
    names.find(|name| !seen.insert(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_order_and_borrows_what_it_can() {
        let text = r#"{"b":1,"a":[true,null,-2,0.5,"plain","esc\n"],"é":{}}"#;
        let node: Node<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&node).unwrap(), text);
        let Node::Object(fields) = &node else { panic!("{node:?}") };
        let Node::List(items) = &fields[1].1 else { panic!("{node:?}") };
        assert!(matches!(&items[4], Node::Text(Cow::Borrowed("plain"))));
        assert!(matches!(&items[5], Node::Text(Cow::Owned(_))));
    }

    #[test]
    fn a_raw_object_changes_only_where_it_is_edited() {
        let mut object: RawObject<'_> = serde_json::from_str(r#"{"x": 1.0e400,"m": "a","gone":[ ],"old":2}"#).unwrap();
        object.set("m", &"b");
        object.set("new", &[1, 2]);
        object.remove("gone");
        assert_eq!(String::from_utf8(bytes(&object)).unwrap(), r#"{"x":1.0e400,"m":"b","old":2,"new":[1,2]}"#);
    }
}
