//! What a [`Config`](super::Config) holds: tables and values, each with its source.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

#[derive(Clone)]
pub(super) enum Node {
    Table(BTreeMap<String, Node>),
    Leaf(Leaf),
}

#[derive(Clone)]
pub(super) struct Leaf {
    /// No object.
    pub(super) value: Value,
    /// As the environment has it: a text that is wanted as one stays what it is, `0123` or `true`.
    pub(super) text: Option<String>,
    pub(super) source: Arc<str>,
}

impl Node {
    pub(super) fn table() -> Self {
        Self::Table(BTreeMap::new())
    }

    pub(super) fn of_json(value: Value, source: &Arc<str>) -> Self {
        match value {
            Value::Object(map) => Self::Table(
                map.into_iter().map(|(name, value)| (name, Self::of_json(value, source))).collect(),
            ),
            value => Self::Leaf(Leaf { value, text: None, source: Arc::clone(source) }),
        }
    }

    pub(super) fn of_toml(value: toml::Value, source: &Arc<str>) -> Self {
        match value {
            toml::Value::Table(table) => Self::Table(
                table.into_iter().map(|(name, value)| (name, Self::of_toml(value, source))).collect(),
            ),
            value => Self::Leaf(Leaf { value: json(value), text: None, source: Arc::clone(source) }),
        }
    }

    /// Puts a node at a key; tables on the way are made.
    pub(super) fn put(&mut self, key: &str, node: Self) {
        let nested =
            key.rsplit('.').fold(node, |node, name| Self::Table(BTreeMap::from([(name.to_owned(), node)])));
        self.merge(nested);
    }

    /// Takes another's values in place of its own: of two tables key by key, anything else whole.
    pub(super) fn merge(&mut self, stronger: Self) {
        match (self, stronger) {
            (Self::Table(own), Self::Table(stronger)) => {
                for (name, node) in stronger {
                    match own.get_mut(&name) {
                        Some(weaker) => weaker.merge(node),
                        None => drop(own.insert(name, node)),
                    }
                }
            }
            (own, stronger) => *own = stronger,
        }
    }

    /// The node at a key; the empty one is the whole.
    pub(super) fn find(&self, key: &str) -> Option<&Self> {
        let names = key.split('.').filter(|name| !name.is_empty());
        names.into_iter().try_fold(self, |node, name| match node {
            Self::Table(table) => table.get(name),
            Self::Leaf(_) => None,
        })
    }

    pub(super) fn source(&self) -> Option<&str> {
        match self {
            Self::Table(_) => None,
            Self::Leaf(leaf) => Some(&leaf.source),
        }
    }

    /// Shows each value with its key, in order.
    pub(super) fn each(&self, key: &str, show: &mut dyn FnMut(&str, &Leaf)) {
        match self {
            Self::Table(table) => table.iter().for_each(|(name, node)| node.each(&joined(key, name), show)),
            Self::Leaf(leaf) => show(key, leaf),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Table(table) => table.iter().map(|(name, node)| (name.clone(), node.to_json())).collect(),
            Self::Leaf(leaf) => leaf.value.clone(),
        }
    }
}

/// The key of a name in a table.
pub(super) fn joined(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}

/// Tells whether a key's name says that its value is secret.
pub(super) fn looks_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let is_secret = |word: &&str| key.contains(*word);
    ["secret", "password", "passwd", "passphrase", "token", "credential"].iter().any(is_secret)
        || key.split(['.', '_', '-']).any(|word| matches!(word, "key" | "keys"))
}

/// Tells whether a value has a URL with a user's name or password in it.
pub(super) fn has_credentials(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        rest.split(['/', '?', '#', '"', ' ']).next().is_some_and(|authority| authority.contains('@'))
    })
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        // What JSON has no number for, `nan` and `inf`, is null.
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(is_true) => is_true.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(name, value)| (name, json(value))).collect(),
    }
}
