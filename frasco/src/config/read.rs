//! Makes a type of a part of the tree, and says of which key and source it can't be made.

use std::collections::btree_map;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::tree::{Leaf, Node, joined};
use super::{ConfigError, ConfigErrorKind};

/// Reads the node of a key; `None` if there is none.
pub(super) fn read<T: DeserializeOwned>(node: Option<&Node>, key: &str) -> Result<T, Unread> {
    match node {
        Some(node) => T::deserialize(At { node, key }),
        None => T::deserialize(Absent(key)),
    }
}

/// Why a type can't be made of a node.
#[derive(Debug)]
pub(super) struct Unread {
    kind: ConfigErrorKind,
    /// `None` until it is known.
    key: Option<String>,
    /// What the table lacks whose key isn't known yet.
    lacks: Option<&'static str>,
    source: Option<String>,
    /// The value at fault.
    value: Option<String>,
    why: String,
}

impl Unread {
    fn missing(key: Option<String>, lacks: Option<&'static str>) -> Self {
        let why = "there is no such key".to_owned();
        Self { kind: ConfigErrorKind::Missing, key, lacks, source: None, value: None, why }
    }

    fn of(why: String, key: &str, leaf: &Leaf) -> Self {
        let (source, value) = (Some(leaf.source.to_string()), Some(leaf.value.to_string()));
        Self { kind: ConfigErrorKind::Type, key: Some(key.to_owned()), lacks: None, source, value, why }
    }

    /// Gives it its key if it has none.
    fn at(mut self, key: &str) -> Self {
        if self.key.is_none() {
            self.key = Some(self.lacks.map_or_else(|| key.to_owned(), |field| joined(key, field)));
        }
        self
    }

    /// In words, without a secret.
    pub(super) fn told(self, is_secret: impl FnOnce(&str, Option<&str>) -> bool) -> ConfigError {
        let key = self.key.unwrap_or_default();
        let why = if is_secret(&key, self.value.as_deref()) && self.kind == ConfigErrorKind::Type {
            "the value, which is a secret, is of another type than is wanted".to_owned()
        } else {
            self.why
        };
        let key = if key.is_empty() { "the config" } else { &key };
        let text = match self.source {
            Some(source) => format!("{key} (from {source}): {why}"),
            None => format!("{key}: {why}"),
        };
        ConfigError::new(self.kind, text)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Unread {}

impl de::Error for Unread {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let kind = ConfigErrorKind::Type;
        Self { kind, key: None, lacks: None, source: None, value: None, why: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::missing(None, Some(field))
    }
}

/// A key that isn't there: only an `Option` can be made of it.
struct Absent<'a>(&'a str);

impl<'de> Deserializer<'de> for Absent<'_> {
    type Error = Unread;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_none()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        Err(Unread::missing(Some(self.0.to_owned()), None))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map struct
        enum identifier ignored_any
    }
}

/// A node, and its key.
#[derive(Clone, Copy)]
struct At<'a, 'k> {
    node: &'a Node,
    key: &'k str,
}

impl<'a> At<'a, '_> {
    /// Hands a value on to JSON's own deserializer.
    fn json<T>(
        self,
        leaf: &'a Leaf,
        read: impl FnOnce(&'a serde_json::Value) -> Result<T, serde_json::Error>,
    ) -> Result<T, Unread> {
        read(&leaf.value).map_err(|error| Unread::of(error.to_string(), self.key, leaf))
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread>
    where
        'a: 'de,
    {
        match self.node {
            Node::Leaf(leaf) => match &leaf.text {
                Some(text) => {
                    visitor.visit_str(text).map_err(|error: Unread| Unread::of(error.why, self.key, leaf))
                }
                None => self.json(leaf, |value| value.deserialize_any(visitor)),
            },
            Node::Table(_) => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for At<'de, '_> {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.node {
            Node::Leaf(leaf) => self.json(leaf, |value| value.deserialize_any(visitor)),
            Node::Table(table) => {
                let fields = Fields { left: table.iter(), key: self.key, value: None };
                visitor.visit_map(fields).map_err(|unread| unread.at(self.key))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.node {
            Node::Leaf(leaf) if leaf.value.is_null() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    /// In the environment a boolean is written as people do.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        match self.node {
            Node::Leaf(Leaf { text: Some(text), .. }) => match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => visitor.visit_bool(true),
                "0" | "false" | "no" | "off" => visitor.visit_bool(false),
                _ => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.text(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        self.text(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        match self.node {
            Node::Leaf(leaf) => match &leaf.text {
                Some(text) => {
                    let text: StrDeserializer<'_, serde_json::Error> = text.as_str().into_deserializer();
                    self.json(leaf, |_| text.deserialize_enum(name, variants, visitor))
                }
                None => self.json(leaf, |value| value.deserialize_enum(name, variants, visitor)),
            },
            Node::Table(_) => {
                let whole = self.node.to_json();
                let read = whole.deserialize_enum(name, variants, visitor);
                read.map_err(|error| <Unread as de::Error>::custom(error).at(self.key))
            }
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A table's fields, one by one.
struct Fields<'de, 'k> {
    left: btree_map::Iter<'de, String, Node>,
    key: &'k str,
    value: Option<(&'de str, &'de Node)>,
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unread> {
        let Some((name, node)) = self.left.next() else { return Ok(None) };
        self.value = Some((name, node));
        seed.deserialize(name.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unread> {
        let Some((name, node)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its name"));
        };
        let key = joined(self.key, name);
        seed.deserialize(At { node, key: &key }).map_err(|unread| unread.at(&key))
    }
}
