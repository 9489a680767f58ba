//! What an upstream's keys about commands mean: what is declared, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::leaf;
use super::reader::{Place, Reader, Section, did_you_mean};
use super::tree::{Node, Value};
use crate::proto::command::table::{self, Access};
use crate::proto::command::{KeySpec, Row, Rules, full_name};

/// Longest name of a command that can be declared, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What is declared of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Declaration {
    /// Position of the first key; 0: it has none.
    first: u8,
    last: i16,
    step: u8,
    reads: bool,
}

pub(super) fn rules(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Rules> {
    let declared = match section.get("commands") {
        Some((place, node)) => declared(reader, &place, node),
        None => Some(BTreeMap::new()),
    };
    let refused = match section.get("refuse_commands") {
        Some((place, node)) => refused(reader, &place, node),
        None => Some(BTreeSet::new()),
    };
    let mset = reader.leaf(section, "mset", leaf::choice);
    Some(Rules { declared: declared?, refused: refused?, atomic_mset: mset? == "atomic" })
}

fn declared(
    reader: &mut Reader<'_>,
    place: &Place,
    node: &Node,
) -> Option<BTreeMap<&'static str, &'static Row>> {
    let mut rows = BTreeMap::new();
    let entries = reader.names(place, node, is_name)?;
    let count = entries.len();
    for (name, entry) in entries {
        let place = place.item(name, entry.key_origin);
        if table::find(name.as_bytes()).is_some() {
            let message = format!("redpoll knows '{name}': only what it does not is declared");
            reader.problem(&place, entry.key_origin, message);
            continue;
        }
        if let Some(declaration) = declaration(reader, place, &entry.node) {
            let row = interned(&name.to_ascii_lowercase(), declaration);
            rows.insert(row.name, row);
        }
    }
    (rows.len() == count).then_some(rows)
}

fn declaration(reader: &mut Reader<'_>, place: Place, node: &Node) -> Option<Declaration> {
    let section = reader.section(place, node)?;
    let first = reader.leaf(&section, "key", leaf::number);
    let last = match section.get("last_key") {
        Some((place, node)) => reader.parsed(&place, node, leaf::integer),
        None => first.map(i64::from),
    };
    let step = reader.leaf(&section, "step", leaf::number);
    let access = reader.leaf(&section, "access", leaf::choice);
    let (first, last, step) = (first?, i16::try_from(last?).ok()?, step?);
    if (0..i64::from(first)).contains(&i64::from(last)) {
        let message = "last_key comes before key; allowed: key or more, or from the end, as -1";
        reader.problem(&section.place, node.origin, message.to_owned());
        return None;
    }
    Some(Declaration {
        first: u8::try_from(first).ok()?,
        last,
        step: u8::try_from(step).ok()?,
        reads: access? == "read",
    })
}

fn refused(reader: &mut Reader<'_>, place: &Place, node: &Node) -> Option<BTreeSet<&'static str>> {
    let Value::List(nodes) = &node.value else {
        let what = format!("{} is not a list", node.value.described());
        reader.wrong(place, node, &what);
        return None;
    };
    let mut names = BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        let item = place.item(&index.to_string(), node.origin);
        let Value::Text(written) = &node.value else {
            let message = format!("{} is not the name of a command", node.value.described());
            reader.problem(&item, node.origin, message);
            continue;
        };
        match full_name(written) {
            Some(name) => drop(names.insert(name)),
            None => reader.problem(&item, node.origin, no_command(written)),
        }
    }
    Some(names)
}

/// What is said of a name that no command has.
pub(super) fn no_command(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let hint = did_you_mean(&lower, table::offered().map(|row| row.name))
        .map_or(String::new(), |meant| format!(" (did you mean '{meant}'?)"));
    format!("there is no command '{name}'{hint}")
}

/// Whether a command may have this name; the names of modules' have dots.
pub(super) fn is_name(name: &str) -> Result<(), &'static str> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_valid) {
        return Err("at most 64 letters, digits, -, _ and .");
    }
    Ok(())
}

/// The row of a declaration. Rows live as long as the process, and the same is made once, so that
/// reading a configuration again and again takes no more of them.
fn interned(name: &str, declaration: Declaration) -> &'static Row {
    static ROWS: Mutex<BTreeMap<(&'static str, Declaration), &'static Row>> =
        Mutex::new(BTreeMap::new());
    let mut rows = ROWS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, row)) =
        rows.iter().find(|((known, it), _)| *known == name && *it == declaration)
    {
        return row;
    }
    let Declaration { first, last, step, reads } = declaration;
    let name: &'static str = String::from(name).leak();
    let keys: &'static [KeySpec] =
        if first == 0 { &[] } else { vec![KeySpec::Range { first, last, step }].leak() };
    let access = if reads { Access::Read } else { Access::Write };
    let row: &'static Row = Box::leak(Box::new(Row::declared(name, keys, access)));
    rows.insert((name, declaration), row);
    row
}
