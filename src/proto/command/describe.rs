//! `COMMAND`: the table itself as replies, in the layout of Redis 7. Clients are told of what they
//! get.

use super::super::resp::{Protocol, Writer};
use super::documents::Document;
use super::keys::Take;
use super::table::{find_full, offered};
use super::{Command, KeySpec, Refusal, Row, getkeys, glob, help};

/// Answers `COMMAND` and its subcommands.
pub(super) fn answer(command: &Command<'_>, out: &mut Vec<u8>, protocol: Protocol) {
    let mut writer = Writer::new(out, protocol);
    match command.row.own_name() {
        "command" => infos(offered(), &mut writer),
        "count" => writer.integer(offered().count().try_into().unwrap_or(i64::MAX)),
        "docs" => docs(command, &mut writer),
        "getkeys" => getkeys::getkeys(command, &mut writer),
        "getkeysandflags" => getkeys::getkeysandflags(command, &mut writer),
        "help" => help::write(&help::COMMAND, &mut writer),
        "info" if command.len() == 2 => infos(offered(), &mut writer),
        "info" => {
            writer.array(command.len() - 2);
            for name in command.args().skip(2) {
                match find_offered(name) {
                    Some(row) => info(row, &mut writer),
                    None => writer.null(),
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
        infos(row.offered(), writer);
    }
}

fn find_offered(name: &[u8]) -> Option<&'static Row> {
    find_full(name).filter(|row| row.is_offered())
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
        // What `SORT` has in between makes it more than a search for a word.
        KeySpec::Keyword { take: Take::One, from: 2, .. } => {
            step_of("begin_search", "unknown", &[], writer);
            step_of("find_keys", "unknown", &[], writer);
        }
        KeySpec::Keyword { word, from, take, .. } => {
            search_for(word, from, writer);
            let (last, limit) = match take {
                Take::One | Take::Latest => (0, 0),
                Take::Half => (-1, 2),
                Take::Rest => (-1, 0),
            };
            let fields = [("lastkey", last), ("keystep", 1), ("limit", limit)];
            step_of("find_keys", "range", &fields, writer);
        }
    }
}

/// The step that looks for a keyword.
fn search_for(word: &str, from: i8, writer: &mut Writer<'_>) {
    writer.bulk(b"begin_search");
    writer.map(2);
    writer.bulk(b"type");
    writer.bulk(b"keyword");
    writer.bulk(b"spec");
    writer.map(2);
    writer.bulk(b"keyword");
    writer.bulk(word.to_uppercase().as_bytes());
    writer.bulk(b"startfrom");
    writer.integer(from.into());
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
        return docs_of(offered(), writer);
    }
    docs_of(command.args().skip(2).filter_map(find_offered), writer);
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
    let complexity = usize::from(!row.complexity.is_empty());
    let document = Document::of(row.name);
    let subcommands = usize::from(!row.subcommands.is_empty());
    writer.map(3 + complexity + deprecated + document.fields() + subcommands);
    let mut text = |name: &str, value: &str| {
        writer.bulk(name.as_bytes());
        writer.bulk(value.as_bytes());
    };
    text("summary", row.summary);
    text("since", row.since);
    text("group", row.group);
    if complexity > 0 {
        text("complexity", row.complexity);
    }
    if let Some((since, instead)) = row.deprecated {
        writer.bulk(b"doc_flags");
        simples(["deprecated"].into_iter(), writer);
        for (name, value) in [("deprecated_since", since), ("replaced_by", instead)] {
            writer.bulk(name.as_bytes());
            writer.bulk(value.as_bytes());
        }
    }
    document.write(writer);
    if !row.subcommands.is_empty() {
        writer.bulk(b"subcommands");
        docs_of(row.offered(), writer);
    }
}

fn list(command: &Command<'_>, writer: &mut Writer<'_>) {
    let every = || offered().flat_map(|row| std::iter::once(row).chain(row.offered()));
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

#[cfg(test)]
mod tests {
    use super::super::rig::Client;
    use super::super::table::offered;
    use super::legacy_range;
    use crate::proto::command::table::find_full;
    use crate::proto::resp::Value;

    const MGET: &str = "*1|*10|$4|mget|:-2|~2|+readonly|+fast|:1|:-1|:1|~3|+@read|+@string|+@fast|\
        ~1|$26|request_policy:multi_shard|~1|%3|$5|flags|~2|+RO|+access|\
        $12|begin_search|%2|$4|type|$5|index|$4|spec|%1|$5|index|:1|\
        $9|find_keys|%2|$4|type|$5|range|$4|spec|%3|$7|lastkey|:-1|$7|keystep|:1|$5|limit|:0|~0|";

    const ZUNION: &str = "*1|*10|$6|zunion|:-3|*2|+readonly|+movablekeys|:0|:0|:0|\
        *3|+@read|+@sortedset|+@slow|*0|*1|*6|$5|flags|*2|+RO|+access|\
        $12|begin_search|*4|$4|type|$5|index|$4|spec|*2|$5|index|:1|\
        $9|find_keys|*4|$4|type|$6|keynum|$4|spec|\
        *6|$9|keynumidx|:0|$8|firstkey|:1|$7|keystep|:1|*0|";

    const GETSET: &str = "*2|$6|getset|*16|\
        $7|summary|$75|Returns the previous string value of a key after setting it to a new value.|\
        $5|since|$5|1.0.0|$5|group|$6|string|$10|complexity|$4|O(1)|\
        $9|doc_flags|*1|+deprecated|$16|deprecated_since|$5|6.2.0|\
        $11|replaced_by|$30|`SET` with the `!GET` argument|\
        $9|arguments|*2|\
        *8|$4|name|$3|key|$4|type|$3|key|$12|display_text|$3|key|$14|key_spec_index|:0|\
        *6|$4|name|$5|value|$4|type|$6|string|$12|display_text|$5|value|";

    const CLIENT_ID: &str = "%1|$9|client|id|%4|\
        $7|summary|$47|Returns the unique client ID of the connection.|\
        $5|since|$5|5.0.0|$5|group|$10|connection|$10|complexity|$4|O(1)|";

    #[test]
    fn info_is_what_redis_itself_says() {
        assert_eq!(Client::resp3().ask("command info MGET"), MGET);
        assert_eq!(Client::default().ask("command info zunion"), ZUNION);
        assert_eq!(
            Client::default().ask("command info client|id"),
            "*1|*10|$9|client|id|:2|*3|+noscript|+loading|+stale|:0|:0|:0|\
             *2|+@slow|+@connection|*0|*0|*0|",
        );
        assert_eq!(Client::default().ask("command info nosuch get|x"), "*2|$-1|$-1|");
        assert_eq!(Client::resp3().ask("command info nosuch"), "*1|_|");
    }

    #[test]
    fn a_container_describes_its_subcommands() {
        let reply = Client::resp3().ask("command info object");
        assert!(reply.starts_with("*1|*10|$6|object|:-2|~0|:0|:0|:0|~1|+@slow|~0|~0|*5|*10|"));
        assert!(reply.contains("|*10|$11|object|freq|:3|~1|+readonly|:2|:2|:1|"), "{reply}");
    }

    #[test]
    fn the_keys_are_summed_up_for_old_clients() {
        for (name, range) in [
            ("get", [1, 1, 1]),
            ("mset", [1, -1, 2]),
            ("rename", [1, 2, 1]),
            ("sdiffstore", [1, -1, 1]),
            ("zunionstore", [1, 1, 1]),
            ("zunion", [0, 0, 0]),
            ("sort", [1, 1, 1]),
            ("object|freq", [2, 2, 1]),
            ("ping", [0, 0, 0]),
        ] {
            assert_eq!(legacy_range(find_full(name.as_bytes()).unwrap().keys), range, "{name}");
        }
    }

    #[test]
    fn docs_are_a_map_of_maps() {
        assert_eq!(Client::default().ask("command docs getset nosuch"), GETSET);
        assert_eq!(Client::resp3().ask("command docs client|id"), CLIENT_ID);
        assert_eq!(Client::default().ask("command docs nosuch"), "*0|");
        let auth = Client::resp3().ask("command docs auth");
        assert!(auth.contains("|$7|history|~1|*2|$5|6.0.0|$40|Added ACL style "), "{auth}");
        assert!(auth.contains("|$5|flags|~1|+optional|%3|$4|name|$8|password|"), "{auth}");
        let reply = Client::resp3().ask("command docs client");
        assert!(reply.contains("|$11|subcommands|%17|$11|client|capa|%5|"), "{reply}");
    }

    #[test]
    fn without_names_all_rows_are_given() {
        let count = offered().count();
        let mut client = Client::resp3();
        assert_eq!(client.ask("command count"), format!(":{count}|"));
        let all = client.ask("command");
        assert!(all.starts_with(&format!("*{count}|*10|")));
        assert_eq!(client.ask("command info"), all);
        assert!(client.ask("command docs").starts_with(&format!("%{count}|")));
        let list = client.ask("command list");
        let with_subcommands = offered().map(|row| 1 + row.offered().count()).sum::<usize>();
        assert!(list.starts_with(&format!("*{with_subcommands}|")));
        assert!(list.contains("|$3|get|") && list.contains("|$9|client|id|"), "{list}");
    }

    #[test]
    fn the_whole_table_reads_back_as_one_value() {
        for mut client in [Client::default(), Client::resp3()] {
            let mut value = |line| Value::parse(&client.raw(line)).unwrap();
            let (infos, docs) = (value("command"), value("command docs"));
            for (row, info) in offered().zip(infos.as_items().unwrap()) {
                let info = info.as_items().unwrap();
                assert_eq!(info.len(), 10);
                assert_eq!(info[0].as_text(), Some(row.name));
                assert_eq!(info[8].as_items().map(<[_]>::len), Some(row.keys.len()));
                let doc = docs.get(row.name).unwrap();
                assert_eq!(doc.get("summary").and_then(Value::as_text), Some(row.summary));
                assert_eq!(doc.get("subcommands").is_some(), !row.subcommands.is_empty());
            }
        }
    }

    #[test]
    fn a_list_is_filtered() {
        let mut client = Client::default();
        for (filter, reply) in [
            ("pattern H?ET", "*2|$4|hget|$4|hset|"),
            ("pattern [ps]etex", "*1|$5|setex|"),
            ("aclcat CONNECTION", ""),
            ("aclcat nosuch", "*0|"),
            ("module json", "*0|"),
            ("color red", "-ERR syntax error|"),
            ("pattern", "-ERR syntax error|"),
        ] {
            let found = client.ask(format!("command list filterby {filter}"));
            if reply.is_empty() {
                assert!(found.contains("|$9|client|id|") && !found.contains("|get|"), "{found}");
            } else {
                assert_eq!(found, reply, "{filter}");
            }
        }
        assert_eq!(client.ask("command list x"), "-ERR syntax error|");
    }

    #[test]
    fn keys_are_extracted_or_the_reason_is_given() {
        let mut client = Client::default();
        for (line, reply) in [
            ("mset a 1 b 2", "*2|$1|a|$1|b|"),
            ("sort a by store store c", "*2|$1|a|$1|c|"),
            ("object freq a", "*1|$1|a|"),
            ("eval s 2 a b", "*2|$1|a|$1|b|"),
            ("eval s 0 a", "*0|"),
            ("eval s 3 a b", "*0|"),
            ("spublish a b", "-ERR The command has no key arguments|"),
            ("zunion 9 b", "-ERR Invalid arguments specified for command|"),
            ("mset a b c", "*2|$1|a|$1|c|"),
            ("get a b", "-ERR Invalid number of arguments specified for command|"),
            ("ping a b", "-ERR The command has no key arguments|"),
            ("object help", "-ERR The command has no key arguments|"),
            ("client id x", "-ERR The command has no key arguments|"),
            ("object nosuch", "-ERR Invalid command specified|"),
            ("nosuch a", "-ERR Invalid command specified|"),
        ] {
            assert_eq!(client.ask(format!("command getkeys {line}")), reply, "{line}");
        }
    }
}
