//! The table as a part of a manual.

use std::collections::BTreeMap;

use super::{Row, Spread, rows};

/// The commands that are supported, as Markdown: a table with a row a group, then which commands
/// are special. Ends with a line end.
#[must_use]
pub fn markdown() -> String {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in rows() {
        groups.entry(row.group).or_default().push(entry(row));
    }
    let mut text = "| group | commands |\n|---|---|\n".to_owned();
    for (group, entries) in groups {
        text += &format!("| {group} | {} |\n", entries.join(", "));
    }
    text += &format!("\nSplit over the owners of their keys: {}.\n", names(Spread::BySlot));
    text += &format!("\nAnswered by Redpoll itself: {}.\n", names(Spread::Local));
    text
}

fn entry(row: &Row) -> String {
    let name = row.name.to_uppercase();
    if row.subcommands.is_empty() {
        return format!("`{name}`");
    }
    let own: Vec<_> = row.subcommands.iter().map(|sub| sub.own_name().to_uppercase()).collect();
    format!("`{name}` ({})", own.join(", "))
}

fn names(spread: Spread) -> String {
    let own =
        |row: &&Row| row.spread == spread && row.subcommands.iter().all(|sub| sub.spread == spread);
    let names: Vec<_> =
        rows().filter(own).map(|row| format!("`{}`", row.name.to_uppercase())).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_under_its_group() {
        let text = markdown();
        let line = |group: &str| {
            let begin = format!("| {group} | ");
            text.lines().find_map(|line| line.strip_prefix(&begin)).unwrap()
        };
        for row in rows() {
            let name = format!("`{}`", row.name.to_uppercase());
            assert!(line(row.group).contains(&name), "{name}");
        }
        assert!(line("generic").contains("`OBJECT` (ENCODING, FREQ, HELP, IDLETIME, REFCOUNT)"));
    }

    #[test]
    fn what_is_split_and_what_is_local_is_said() {
        let text = markdown();
        let split = "`DEL`, `EXISTS`, `TOUCH`, `UNLINK`, `MGET`, `MSET`";
        assert!(text.contains(&format!("\nSplit over the owners of their keys: {split}.\n")));
        let local = "`AUTH`, `CLIENT`, `ECHO`, `HELLO`, `PING`, `QUIT`, `RESET`, `SELECT`, \
                     `COMMAND`, `INFO`";
        assert!(text.ends_with(&format!("\nAnswered by Redpoll itself: {local}.\n")));
    }
}
