//! What `COMMAND DOCS` tells of a command beside its row: its arguments, and what changed in which
//! version. Written by `scripts/documents` from what Valkey tells.
//!
//! ```text
//! # set                               a command, or a subcommand as client|kill
//! history 2.6.12 Added the ...        a version, and what it brought
//! key name=key spec=0                 an argument: its type, then what is known of it
//! oneof name=condition flags=optional
//!  pure-token name=nx token=NX        within the one above
//! ```

use memchr::memmem;

use super::super::resp::Writer;

const TEXT: &str = include_str!("documents.txt");

/// What is told of one command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// Versions, and what changed in each.
    history: Vec<(&'static str, &'static str)>,
    arguments: Vec<Argument>,
}

/// An argument.
#[derive(Debug, PartialEq, Eq)]
struct Argument {
    kind: &'static str,
    name: &'static str,
    display: Option<&'static str>,
    /// The number of its key specification, if it is a key.
    spec: Option<i64>,
    token: Option<&'static str>,
    summary: Option<&'static str>,
    since: Option<&'static str>,
    until: Option<&'static str>,
    flags: Vec<&'static str>,
    /// What it is one of, or consists of.
    inner: Vec<Argument>,
}

impl Document {
    /// That of a command, by its full name; an empty one if there is nothing to tell.
    pub(super) fn of(name: &str) -> Document {
        let mut document = Document::default();
        for line in block(name).unwrap_or_default().lines() {
            if let Some((version, change)) =
                line.strip_prefix("history ").and_then(|text| text.split_once(' '))
            {
                document.history.push((version, change));
                continue;
            }
            let text = line.trim_start();
            put(&mut document.arguments, line.len() - text.len(), Argument::read(text));
        }
        document
    }

    /// How many fields of the command it makes.
    pub(super) fn fields(&self) -> usize {
        usize::from(!self.history.is_empty()) + usize::from(!self.arguments.is_empty())
    }

    /// Writes these fields.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        if !self.history.is_empty() {
            writer.bulk(b"history");
            writer.set(self.history.len());
            for (version, change) in &self.history {
                writer.array(2);
                writer.bulk(version.as_bytes());
                writer.bulk(change.as_bytes());
            }
        }
        write_all(&self.arguments, writer);
    }
}

/// The lines of a command.
fn block(name: &str) -> Option<&'static str> {
    let head = format!("# {name}\n");
    let begin = memmem::find(TEXT.as_bytes(), head.as_bytes())? + head.len();
    let rest = TEXT.get(begin..)?;
    rest.split("# ").next()
}

/// Puts an argument that many levels below the last ones.
fn put(all: &mut Vec<Argument>, depth: usize, argument: Argument) {
    match all.last_mut().filter(|_| depth > 0) {
        Some(last) => put(&mut last.inner, depth - 1, argument),
        None => all.push(argument),
    }
}

impl Argument {
    fn read(line: &'static str) -> Argument {
        let (line, summary) = match line.split_once(" summary=") {
            Some((line, summary)) => (line, Some(summary)),
            None => (line, None),
        };
        let mut words = line.split(' ');
        let kind = words.next().unwrap_or_default();
        let fields: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
        let field =
            |name: &str| fields.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
        let name = field("name").unwrap_or_default();
        // What has others in it is shown by them.
        let is_shown = !matches!(kind, "oneof" | "block");
        Argument {
            kind,
            name,
            display: is_shown.then(|| field("display").unwrap_or(name)),
            spec: field("spec").and_then(|number| number.parse().ok()),
            token: field("token"),
            summary,
            since: field("since"),
            until: field("until"),
            flags: field("flags").map(|flags| flags.split(',').collect()).unwrap_or_default(),
            inner: Vec::new(),
        }
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let before = [("name", Some(self.name)), ("type", Some(self.kind))];
        let before = before.into_iter().chain([("display_text", self.display)]);
        let after = [
            ("token", self.token),
            ("summary", self.summary),
            ("since", self.since),
            ("deprecated_since", self.until),
        ];
        let is_there = |(_, text): &(&str, Option<&str>)| text.is_some();
        let texts = before.clone().chain(after).filter(is_there).count();
        let lists = usize::from(!self.flags.is_empty()) + usize::from(!self.inner.is_empty());
        writer.map(texts + usize::from(self.spec.is_some()) + lists);
        before.for_each(|field| write_text(field, writer));
        if let Some(spec) = self.spec {
            writer.bulk(b"key_spec_index");
            writer.integer(spec);
        }
        after.into_iter().for_each(|field| write_text(field, writer));
        if !self.flags.is_empty() {
            writer.bulk(b"flags");
            writer.set(self.flags.len());
            self.flags.iter().for_each(|flag| writer.simple(flag));
        }
        write_all(&self.inner, writer);
    }
}

fn write_text((field, text): (&str, Option<&str>), writer: &mut Writer<'_>) {
    if let Some(text) = text {
        writer.bulk(field.as_bytes());
        writer.bulk(text.as_bytes());
    }
}

fn write_all(arguments: &[Argument], writer: &mut Writer<'_>) {
    if arguments.is_empty() {
        return;
    }
    writer.bulk(b"arguments");
    writer.array(arguments.len());
    arguments.iter().for_each(|argument| argument.write(writer));
}

#[cfg(test)]
mod tests {
    use super::super::table::{find_full, offered, rows};
    use super::*;

    const TYPES: [&str; 9] = [
        "block",
        "double",
        "integer",
        "key",
        "oneof",
        "pattern",
        "pure-token",
        "string",
        "unix-time",
    ];

    fn check(argument: &Argument, name: &str, keys: usize) {
        assert!(TYPES.contains(&argument.kind) && !argument.name.is_empty(), "{name}");
        // SORT has one more, of the keys that its patterns make, which nobody can know.
        let most = keys + usize::from(name.starts_with("sort"));
        let has_spec = argument.spec.is_none_or(|spec| usize::try_from(spec).unwrap() < most);
        assert!(has_spec, "{name}: {argument:?}");
        assert_eq!(argument.inner.is_empty(), argument.display.is_some(), "{name}: {argument:?}");
        argument.inner.iter().for_each(|inner| check(inner, name, keys));
    }

    #[test]
    fn what_is_told_is_of_commands_that_there_are_and_well_formed() {
        let names: Vec<_> = TEXT.lines().filter_map(|line| line.strip_prefix("# ")).collect();
        assert!(names.len() > 240 && names.is_sorted(), "{}", names.len());
        for name in names {
            let row = find_full(name.as_bytes()).unwrap_or_else(|| panic!("no command {name}"));
            let document = Document::of(name);
            document.arguments.iter().for_each(|argument| check(argument, name, row.keys.len()));
            let own = block(name).unwrap();
            let lines = own.lines().filter(|line| line.starts_with("history ")).count();
            assert_eq!(document.history.len(), lines, "{name}");
            assert!(own.lines().all(|line| !line.starts_with('#')), "{name}");
            let is_version = |text: &str| text.split('.').all(|part| part.parse::<u8>().is_ok());
            assert!(document.history.iter().all(|(version, _)| is_version(version)), "{name}");
        }
    }

    #[test]
    fn who_takes_arguments_tells_of_them() {
        let all = offered().flat_map(|row| std::iter::once(row).chain(row.offered()));
        // A container takes a subcommand, of which its own row tells; PROXY is Redpoll's own.
        let plain = all.filter(|row| row.subcommands.is_empty() && row.group != "proxy");
        let silent = plain.filter(|row| Document::of(row.name).arguments.is_empty());
        let own = |name: &str| 1 + usize::from(name.contains('|'));
        let takes = silent.filter(|row| usize::from(row.arity.unsigned_abs()) > own(row.name));
        assert_eq!(takes.map(|row| row.name).collect::<Vec<_>>(), [""; 0]);
        assert!(rows().count() > 200);
    }

    #[test]
    fn arguments_are_within_those_above_them() {
        let set = Document::of("set");
        let names = |all: &[Argument]| all.iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(&set.arguments), ["key", "value", "condition", "get", "expiration"]);
        assert_eq!(names(&set.arguments[2].inner), ["nx", "xx", "comparison-value"]);
        assert_eq!(set.arguments[2].inner[0].token, Some("NX"));
        assert!(set.arguments[2].inner[2].summary.unwrap().starts_with("Sets the key's value"));
        assert_eq!(Document::of("nosuch"), Document::default());
    }
}
