//! `--set KEY=VALUE`: one key of the configuration, given on the command line. It goes into the
//! tree before anything is judged, so a bad one is reported like a bad line of the file.

use std::str::FromStr;

use super::format::{Format, SyntaxError};
use super::keys::{self, Kind};
use super::problem::Problem;
use super::tree::{Entry, Node, Origin, Value};

/// Most parts of a path: more than any key has, and few enough to nest.
const STEPS_MAX: usize = 16;

/// One `KEY=VALUE`. The key is a path with dots, items of lists by their number from 0; the value
/// is written in YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    path: String,
    value: String,
}

/// The text is not `KEY=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write KEY=VALUE, for example upstreams.main.op_timeout=2s")]
pub struct NotASet;

impl FromStr for Set {
    type Err = NotASet;

    fn from_str(text: &str) -> Result<Set, NotASet> {
        let (path, value) = text.split_once('=').ok_or(NotASet)?;
        if path.split('.').any(str::is_empty) || path.split('.').count() > STEPS_MAX {
            return Err(NotASet);
        }
        Ok(Set { path: path.to_owned(), value: value.to_owned() })
    }
}

impl Set {
    /// As it was written.
    pub(super) fn text(&self) -> String {
        format!("{}={}", self.path, self.value)
    }

    /// Puts the value into `tree`; what it comes from is `source`.
    pub(super) fn apply(&self, tree: &mut Node, source: usize) -> Result<(), Problem> {
        let offset = self.path.len() + 1;
        let value = Format::Yaml.parse(&self.value).map_err(|errors| {
            let error = errors.into_iter().next();
            let (origin, message) = error.map_or_else(
                || (Origin::default(), "not valid YAML".to_owned()),
                |SyntaxError { origin, message }| (origin, message),
            );
            Problem { origin: origin.moved(source, offset), path: self.path.clone(), message }
        })?;
        let mut node = tree;
        for step in self.steps(source) {
            node = step.descend(node)?;
        }
        *node = value.moved(source, offset);
        Ok(())
    }

    fn steps(&self, source: usize) -> impl Iterator<Item = Step<'_>> {
        let mut start = 0;
        self.path.split('.').map(move |name| {
            let origin = Origin { source, start, end: start + name.len() };
            let parent = self.path[..start].trim_end_matches('.');
            start = origin.end + 1;
            Step { parent, name, origin }
        })
    }
}

/// One part of a path.
struct Step<'a> {
    /// The path up to here.
    parent: &'a str,
    name: &'a str,
    origin: Origin,
}

impl Step<'_> {
    /// The node below `node`; it is made if it is missing.
    fn descend<'t>(&self, node: &'t mut Node) -> Result<&'t mut Node, Problem> {
        if let Value::Null = node.value {
            let list = kind_of(self.parent) == Some(Kind::List);
            node.value = if list { Value::List(Vec::new()) } else { Value::Map(Vec::new()) };
            node.origin = self.origin;
        }
        let missing = Node { value: Value::Null, origin: self.origin };
        match &mut node.value {
            Value::List(nodes) => {
                let index = self.index(nodes.len())?;
                if index == nodes.len() {
                    nodes.push(missing);
                }
                Ok(&mut nodes[index])
            }
            Value::Map(entries) => {
                let found = entries.iter().position(|entry| entry.key == self.name);
                let index = found.unwrap_or(entries.len());
                if found.is_none() {
                    let key = self.name.to_owned();
                    entries.push(Entry { key, key_origin: self.origin, node: missing });
                }
                Ok(&mut entries[index].node)
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_)) => {
                let what = leaf.described();
                Err(self.problem(format!("it is {what}, and has nothing called '{}'", self.name)))
            }
        }
    }

    /// The item of a list of `len` items, or the place after its last one.
    fn index(&self, len: usize) -> Result<usize, Problem> {
        let index = self.name.parse().ok().filter(|index| *index <= len);
        index.ok_or_else(|| {
            let name = self.name;
            self.problem(format!("'{name}' is no item of this list; allowed: 0 to {len}"))
        })
    }

    fn problem(&self, message: String) -> Problem {
        Problem { origin: self.origin, path: self.parent.to_owned(), message }
    }
}

/// What the table of keys says about a path as the user writes it.
fn kind_of(path: &str) -> Option<Kind> {
    let same = |pattern: &str| {
        pattern.split('.').count() == path.split('.').count()
            && pattern.split('.').zip(path.split('.')).all(|(p, name)| p == "*" || p == name)
    };
    keys::KEYS.iter().find(|key| same(key.path)).map(|key| key.kind)
}
