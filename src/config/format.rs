//! Texts into trees: YAML, TOML and JSON. A tree keeps where each value stands, and duplicate keys.

use std::path::Path;

use serde::de::IgnoredAny;
use toml::de::{DeTable, DeValue};

use super::tree::{Entry, Node, Origin, Value};
use super::yaml;

/// The languages that a configuration can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.2, of one document.
    Yaml,
    /// TOML 1.1.
    Toml,
    /// JSON (RFC 8259).
    Json,
}

/// What keeps a text from being a tree at all.
#[derive(Debug)]
pub(super) struct SyntaxError {
    /// Where the parser gave up, in source 0.
    pub(super) origin: Origin,
    pub(super) message: String,
}

impl SyntaxError {
    /// An error at a line and a column, both counted from 1, the column in characters.
    pub(super) fn at(text: &str, line: u64, column: u64, message: String) -> SyntaxError {
        let start = offset(text, line, column);
        SyntaxError { origin: Origin { source: 0, start, end: start }, message }
    }
}

impl Format {
    /// By the extension of the file's name: `.toml` and `.json`; all else is YAML.
    #[must_use]
    pub fn of(file: &Path) -> Format {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Format::Toml,
            Some("json") => Format::Json,
            _ => Format::Yaml,
        }
    }

    /// The tree that `text` writes, with origins in source 0.
    ///
    /// # Errors
    /// What is wrong with the syntax: one error, or several where the parser can go on after one.
    pub(super) fn parse(self, text: &str) -> Result<Node, Vec<SyntaxError>> {
        match self {
            Format::Yaml => yaml::parse(text, "YAML").map_err(|error| vec![error]),
            Format::Json => json(text).map_err(|error| vec![error]),
            Format::Toml => toml(text),
        }
    }
}

/// JSON is checked as JSON and then read as YAML, which contains it and gives positions.
fn json(text: &str) -> Result<Node, SyntaxError> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let (line, column) = (error.line() as u64, error.column() as u64);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        return Err(SyntaxError::at(text, line, column, format!("not valid JSON: {message}")));
    }
    yaml::parse(text, "JSON")
}

fn toml(text: &str) -> Result<Node, Vec<SyntaxError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let end = text.len();
        return Ok(toml_table(table.get_ref(), Origin { source: 0, start: end, end }, text));
    }
    let syntax_error = |error: &toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let message = format!("not valid TOML: {}", error.message());
        SyntaxError { origin: Origin { source: 0, start: span.start, end: span.end }, message }
    };
    Err(errors.iter().map(syntax_error).collect())
}

fn toml_table(table: &DeTable<'_>, origin: Origin, text: &str) -> Node {
    let entries = table.iter().map(|(key, value)| {
        let span = key.span();
        let key_origin = Origin { source: 0, start: span.start, end: span.end };
        Entry { key: key.get_ref().to_string(), key_origin, node: toml_node(value, text) }
    });
    Node { value: Value::Map(entries.collect()), origin }
}

fn toml_node(value: &toml::Spanned<DeValue<'_>>, text: &str) -> Node {
    let span = value.span();
    let origin = Origin { source: 0, start: span.start, end: span.end };
    let written = || text.get(span.clone()).unwrap_or_default().to_owned();
    let value = match value.get_ref() {
        DeValue::String(value) => Value::Text(value.to_string()),
        DeValue::Integer(_) | DeValue::Float(_) => Value::Number(written()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(_) => Value::Text(written()),
        DeValue::Array(nodes) => {
            Value::List(nodes.iter().map(|node| toml_node(node, text)).collect())
        }
        DeValue::Table(table) => return toml_table(table, origin, text),
    };
    Node { value, origin }
}

/// The byte at a line and a column, both counted from 1, the column in characters.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let skipped = |count: u64| usize::try_from(count.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(skipped(line)).map(str::len).sum();
    let before = text[start..].chars().take(skipped(column)).take_while(|c| *c != '\n');
    start + before.map(char::len_utf8).sum::<usize>()
}
