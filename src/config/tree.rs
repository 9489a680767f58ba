//! A configuration as written, before it means anything: values, and where each of them stands.

/// Where a value was written: a range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// Which source, an index into [`super::problem::Sources`].
    pub(super) source: usize,
    /// The first byte.
    pub(super) start: usize,
    /// One past the last byte; `start` where the format gives no end.
    pub(super) end: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What YAML, TOML and JSON can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order written; a key may stand there twice.
    Map(Vec<Entry>),
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_origin: Origin,
    pub(super) node: Node,
}

impl Node {
    /// The same tree, `by` bytes further into `source`: for a text that is a part of another.
    pub(super) fn moved(mut self, source: usize, by: usize) -> Node {
        self.origin = self.origin.moved(source, by);
        self.value = match self.value {
            Value::List(nodes) => {
                Value::List(nodes.into_iter().map(|node| node.moved(source, by)).collect())
            }
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|entry| entry.moved(source, by)).collect())
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_)) => leaf,
        };
        self
    }
}

impl Entry {
    fn moved(self, source: usize, by: usize) -> Entry {
        let key_origin = self.key_origin.moved(source, by);
        Entry { key: self.key, key_origin, node: self.node.moved(source, by) }
    }
}

impl Origin {
    /// The same range, `by` bytes further into `source`.
    pub(super) fn moved(self, source: usize, by: usize) -> Origin {
        Origin { source, start: self.start + by, end: self.end + by }
    }
}

impl Value {
    /// The value in the words of an error message.
    pub(super) fn described(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) => text.clone(),
            Value::Text(text) => format!("'{text}'"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a section".to_owned(),
        }
    }
}
