//! The table as a part of a manual.

use std::collections::BTreeMap;

use super::{Row, Spread, Waits, offered, rows};

/// The commands that clients get, as Markdown: a table with a row a group, then which commands are
/// special, and what no client gets. Ends with a line end.
#[must_use]
pub fn markdown() -> String {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in offered() {
        groups.entry(row.group).or_default().push(entry(row, row.offered()));
    }
    let mut text = "| group | commands |\n|---|---|\n".to_owned();
    for (group, entries) in groups {
        text += &format!("| {group} | {} |\n", entries.join(", "));
    }
    for (what, spread) in [
        ("Split over the owners of their keys", Spread::BySlot),
        ("Run by every primary, their replies merged", Spread::EveryPrimary),
        ("Asked of every primary", Spread::Report),
        ("Run by one primary after the other", Spread::Scan),
        ("Run by the owner of the slot that they name", Spread::NamedSlot),
        ("Asked of the primaries that the client wrote to, one after the other", Spread::Replicas),
        ("Run by some primary", Spread::AnyPrimary),
        ("Begin or end a transaction, which waits at Redpoll until `EXEC`", Spread::Transaction),
        ("Subscribe or unsubscribe, on a connection that subscribers share", Spread::Subscription),
        ("Answered by Redpoll itself", Spread::Local),
    ] {
        text += &format!("\n{what}: {}.\n", names(spread));
    }
    let waiting = offered().filter(|row| row.waits != Waits::No);
    let waiting: Vec<_> = waiting.map(|row| entry(row, std::iter::empty())).collect();
    let what = "Wait at their node, over a connection lent to the client";
    text += &format!("\n{what}: {} (with `BLOCK`).\n", waiting.join(", "));
    text += "\nRefused, and why:\n\n| commands | reason |\n|---|---|\n";
    for (why, names) in refused() {
        text += &format!("| {} | {why} |\n", names.join(", "));
    }
    text
}

fn entry(row: &Row, subcommands: impl Iterator<Item = &'static Row>) -> String {
    let name = row.name.to_uppercase();
    let own: Vec<_> = subcommands.map(|sub| sub.own_name().to_uppercase()).collect();
    if own.is_empty() { format!("`{name}`") } else { format!("`{name}` ({})", own.join(", ")) }
}

/// What runs so: commands, and of containers the subcommands.
fn names(spread: Spread) -> String {
    let own = |row: &'static Row| {
        let is_such = |row: &&Row| row.spread == spread;
        if row.subcommands.is_empty() {
            return is_such(&row).then(|| entry(row, std::iter::empty()));
        }
        row.offered().any(|sub| is_such(&sub)).then(|| entry(row, row.offered().filter(is_such)))
    };
    offered().filter_map(own).collect::<Vec<_>>().join(", ")
}

/// What no client gets, by the reason.
fn refused() -> BTreeMap<&'static str, Vec<String>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let why = |row: &Row| {
        let Spread::Refused(why) = row.spread else { return None };
        Some(why)
    };
    for row in rows() {
        let mut reasons: Vec<_> =
            std::iter::once(row).chain(row.subcommands).filter_map(why).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let subcommands = row.subcommands.iter().filter(|sub| why(sub) == Some(reason));
            found.entry(reason).or_default().push(entry(row, subcommands));
        }
    }
    found
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
        for row in offered() {
            let name = format!("`{}`", row.name.to_uppercase());
            assert!(line(row.group).contains(&name), "{name}");
        }
        assert!(line("generic").contains("`OBJECT` (ENCODING, FREQ, HELP, IDLETIME, REFCOUNT)"));
    }

    #[test]
    fn what_is_special_is_said() {
        let text = markdown();
        let split = "`DEL`, `EXISTS`, `TOUCH`, `UNLINK`, `MGET`, `MSET`";
        assert!(text.contains(&format!("\nSplit over the owners of their keys: {split}.\n")));
        assert!(text.contains("\nRun by one primary after the other: `SCAN`.\n"));
        for part in
            ["`DBSIZE`", "`SCRIPT` (EXISTS, FLUSH, KILL, LOAD)", "`SLOWLOG` (GET, LEN, RESET)"]
        {
            let line = text.lines().find(|line| line.starts_with("Run by every")).unwrap();
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn every_row_is_named_whether_clients_get_it_or_not() {
        let text = markdown();
        for row in rows() {
            assert!(text.contains(&format!("`{}`", row.name.to_uppercase())), "{}", row.name);
            for sub in row.subcommands {
                assert!(text.contains(&sub.own_name().to_uppercase()), "{}", sub.name);
            }
        }
        assert!(text.contains("`CONFIG` (RESETSTAT, REWRITE, SET), "), "{text}");
    }
}
