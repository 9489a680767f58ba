//! `COMMAND`: the table itself as replies, in the layout of Redis 7.0.
//!
//! Arguments and history, which `COMMAND DOCS` gives where it knows them, are not in the table.

use super::super::resp::{Protocol, Writer};
use super::table::{find_full, rows};
use super::{Command, KeySpec, Refusal, Row, glob, help, parse};

/// Answers `COMMAND` and its subcommands.
pub(super) fn answer(command: &Command<'_>, out: &mut Vec<u8>, protocol: Protocol) {
    let mut writer = Writer::new(out, protocol);
    match command.row.own_name() {
        "command" => infos(rows(), &mut writer),
        "count" => writer.integer(rows().count().try_into().unwrap_or(i64::MAX)),
        "docs" => docs(command, &mut writer),
        "getkeys" => getkeys(command, &mut writer),
        "help" => help::write(&help::COMMAND, &mut writer),
        "info" if command.len() == 2 => infos(rows(), &mut writer),
        "info" => {
            writer.array(command.len() - 2);
            for name in command.args().skip(2) {
                match find_full(name) {
                    Some(row) => info(row, &mut writer),
                    None => writer.null_array(),
                }
            }
        }
        "list" => list(command, &mut writer),
        _ => Refusal::unknown_command(command.frame, command.spans).write(out),
    }
}

fn infos(rows: impl Iterator<Item = &'static Row> + Clone, writer: &mut Writer<'_>) {
    writer.array(rows.clone().count());
    for row in rows {
        info(row, writer);
    }
}

/// The ten elements that describe a command.
fn info(row: &'static Row, writer: &mut Writer<'_>) {
    writer.array(10);
    writer.bulk(row.name.as_bytes());
    writer.integer(row.arity.into());
    simples(row.flags.iter().copied(), writer);
    for number in legacy_range(row.keys) {
        writer.integer(number);
    }
    simples(row.categories.iter().copied(), writer);
    writer.set(row.tips.len());
    for tip in row.tips {
        writer.bulk(tip.as_bytes());
    }
    writer.set(row.keys.len());
    for (spec, flags) in row.keys.iter().zip(row.key_flags) {
        key_spec(*spec, flags, writer);
    }
    if row.subcommands.is_empty() {
        writer.set(0);
    } else {
        infos(row.subcommands.iter(), writer);
    }
}

fn simples(texts: impl Iterator<Item = &'static str> + Clone, writer: &mut Writer<'_>) {
    writer.set(texts.clone().count());
    texts.for_each(|text| writer.simple(text));
}

/// The first key, the last key and the step that Redis derives from the key specs for clients that
/// know nothing else (`populateCommandLegacyRangeSpec`).
fn legacy_range(specs: &[KeySpec]) -> [i64; 3] {
    if let [KeySpec::Range { first, last, step }] = *specs {
        return [first.into(), last.into(), step.into()];
    }
    let mut range: Option<(u8, i16)> = None;
    for spec in specs {
        let KeySpec::Range { first, last, .. } = *spec else { continue };
        match range {
            None => range = Some((first, last)),
            Some((begin, end)) if end == i16::from(first) - 1 => range = Some((begin, last)),
            Some(_) => break,
        }
    }
    range.map_or([0; 3], |(first, last)| [first.into(), last.into(), 1])
}

fn key_spec(spec: KeySpec, flags: &'static str, writer: &mut Writer<'_>) {
    writer.map(3);
    writer.bulk(b"flags");
    simples(flags.split(' '), writer);
    match spec {
        KeySpec::Range { first, last, step } => {
            let last = if last < 0 { last } else { last - i16::from(first) };
            step_of("begin_search", "index", &[("index", first.into())], writer);
            let fields = [("lastkey", last.into()), ("keystep", step.into()), ("limit", 0)];
            step_of("find_keys", "range", &fields, writer);
        }
        KeySpec::Count { at, first, step } => {
            let (first, step) = (i64::from(first - at), i64::from(step));
            step_of("begin_search", "index", &[("index", at.into())], writer);
            let fields = [("keynumidx", 0), ("firstkey", first), ("keystep", step)];
            step_of("find_keys", "keynum", &fields, writer);
        }
        KeySpec::Keyword { .. } => {
            step_of("begin_search", "unknown", &[], writer);
            step_of("find_keys", "unknown", &[], writer);
        }
    }
}

/// One of the two steps of a key spec.
fn step_of(name: &str, kind: &str, fields: &[(&str, i64)], writer: &mut Writer<'_>) {
    writer.bulk(name.as_bytes());
    writer.map(2);
    writer.bulk(b"type");
    writer.bulk(kind.as_bytes());
    writer.bulk(b"spec");
    writer.map(fields.len());
    for (field, value) in fields {
        writer.bulk(field.as_bytes());
        writer.integer(*value);
    }
}

fn docs(command: &Command<'_>, writer: &mut Writer<'_>) {
    if command.len() == 2 {
        return docs_of(rows(), writer);
    }
    docs_of(command.args().skip(2).filter_map(find_full), writer);
}

fn docs_of(rows: impl Iterator<Item = &'static Row> + Clone, writer: &mut Writer<'_>) {
    writer.map(rows.clone().count());
    for row in rows {
        writer.bulk(row.name.as_bytes());
        doc(row, writer);
    }
}

fn doc(row: &'static Row, writer: &mut Writer<'_>) {
    let deprecated = if row.deprecated.is_some() { 3 } else { 0 };
    writer.map(4 + deprecated + usize::from(!row.subcommands.is_empty()));
    let mut text = |name: &str, value: &str| {
        writer.bulk(name.as_bytes());
        writer.bulk(value.as_bytes());
    };
    text("summary", row.summary);
    text("since", row.since);
    text("group", row.group);
    text("complexity", row.complexity);
    if let Some((since, instead)) = row.deprecated {
        writer.bulk(b"doc_flags");
        simples(["deprecated"].into_iter(), writer);
        for (name, value) in [("deprecated_since", since), ("replaced_by", instead)] {
            writer.bulk(name.as_bytes());
            writer.bulk(value.as_bytes());
        }
    }
    if !row.subcommands.is_empty() {
        writer.bulk(b"subcommands");
        docs_of(row.subcommands.iter(), writer);
    }
}

fn getkeys(command: &Command<'_>, writer: &mut Writer<'_>) {
    let inner = match parse(command.frame, &command.spans[2..]) {
        Ok(inner) => inner,
        Err(Refusal::WrongArity(row)) if !row.keys.is_empty() => {
            return writer.error("ERR Invalid number of arguments specified for command");
        }
        Err(Refusal::WrongArity(_)) => {
            return writer.error("ERR The command has no key arguments");
        }
        Err(_) => return writer.error("ERR Invalid command specified"),
    };
    if inner.row.keys.is_empty() {
        return writer.error("ERR The command has no key arguments");
    }
    if inner.has_malformed_keys() {
        return writer.error("ERR Invalid arguments specified for command");
    }
    writer.array(inner.keys().count());
    for key in inner.keys() {
        writer.bulk(inner.arg(key));
    }
}

fn list(command: &Command<'_>, writer: &mut Writer<'_>) {
    let every = || rows().flat_map(|row| std::iter::once(row).chain(row.subcommands));
    let is = |index: usize, word: &str| command.arg(index).eq_ignore_ascii_case(word.as_bytes());
    let wanted = command.arg(4);
    let filter: &dyn Fn(&Row) -> bool = if command.len() == 2 {
        &|_| true
    } else if command.len() != 5 || !is(2, "FILTERBY") {
        return writer.error("ERR syntax error");
    } else if is(3, "MODULE") {
        &|_| false
    } else if is(3, "ACLCAT") {
        &|row| row.categories.iter().any(|name| name.as_bytes()[1..].eq_ignore_ascii_case(wanted))
    } else if is(3, "PATTERN") {
        &|row| glob::matches(wanted, row.name.as_bytes())
    } else {
        return writer.error("ERR syntax error");
    };
    writer.array(every().filter(|row| filter(row)).count());
    for row in every().filter(|row| filter(row)) {
        writer.bulk(row.name.as_bytes());
    }
}
