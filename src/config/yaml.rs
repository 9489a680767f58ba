//! YAML into a tree. serde gives values and locations but stops at what a type does not want; so it
//! is asked for everything there is, and what the values mean is judged later.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::format::SyntaxError;
use super::tree::{Entry, Node, Origin, Value};

/// The tree that `text` writes in YAML, or in the `language` that is a part of it, with origins in
/// source 0.
pub(super) fn parse(text: &str, language: &str) -> Result<Node, SyntaxError> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
    };
    let raw: RawNode = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| syntax_error(text, language, &error))?;
    Ok(raw.into_node(text))
}

fn syntax_error(text: &str, language: &str, error: &serde_saphyr::Error) -> SyntaxError {
    let (line, column) =
        error.location().map_or((1, 1), |location| (location.line(), location.column()));
    let message = error.without_snippet().to_string();
    let place = format!(" at line {line}, column {column}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let message = if message.starts_with("multiple YAML documents") {
        "a second YAML document begins; a configuration is one document"
    } else {
        message
    };
    SyntaxError::at(text, line, column, format!("not valid {language}: {message}"))
}

/// What serde makes of YAML: a value with its location, numbers still without the text they had.
struct RawNode(Spanned<RawValue>);

enum RawValue {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<RawNode>),
    Map(Vec<(RawNode, RawNode)>),
}

impl RawNode {
    fn origin(&self) -> Origin {
        let span = self.0.referenced.span();
        let at = |offset: Option<u64>| usize::try_from(offset.unwrap_or(0)).unwrap_or(0);
        let start = at(span.byte_offset());
        Origin { source: 0, start, end: start + at(span.byte_len()) }
    }

    fn into_node(self, text: &str) -> Node {
        let origin = self.origin();
        let value = match self.0.value {
            RawValue::Null => Value::Null,
            RawValue::Bool(value) => Value::Bool(value),
            RawValue::Number => Value::Number(written(text, origin)),
            RawValue::Text(value) => Value::Text(value),
            RawValue::List(nodes) => {
                Value::List(nodes.into_iter().map(|node| node.into_node(text)).collect())
            }
            RawValue::Map(entries) => Value::Map(
                entries.into_iter().map(|(key, value)| entry(key, value, text)).collect(),
            ),
        };
        Node { value, origin }
    }
}

fn entry(key: RawNode, value: RawNode, text: &str) -> Entry {
    let key_origin = key.origin();
    let key = match key.0.value {
        RawValue::Text(key) => key,
        RawValue::Null
        | RawValue::Bool(_)
        | RawValue::Number
        | RawValue::List(_)
        | RawValue::Map(_) => written(text, key_origin),
    };
    Entry { key, key_origin, node: value.into_node(text) }
}

fn written(text: &str, origin: Origin) -> String {
    text.get(origin.start..origin.end).unwrap_or_default().to_owned()
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(RawNode)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<RawValue, E> {
        Ok(RawValue::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<RawValue, E> {
        Ok(RawValue::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<RawValue, E> {
        Ok(RawValue::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<RawValue, E> {
        Ok(RawValue::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(RawValue::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = items.next_entry()? {
            entries.push(entry);
        }
        Ok(RawValue::Map(entries))
    }
}
