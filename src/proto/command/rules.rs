//! What a configuration says of commands: some that the table does not know, some that it refuses.

use std::collections::{BTreeMap, BTreeSet};

use super::super::resp::Span;
use super::{Command, Refusal, Row, parse, table};
use bytes::Bytes;

/// What holds for the commands of one upstream beside the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Commands that the table does not know, by their names in lower case.
    pub declared: BTreeMap<&'static str, &'static Row>,
    /// The full names of commands that are refused, as `config|get`; a container's stands for all
    /// its subcommands.
    pub refused: BTreeSet<&'static str>,
    /// Whether an `MSET` whose keys lie in several slots is refused, and not split.
    pub atomic_mset: bool,
}

impl Rules {
    /// As [`parse`](super::parse), with what is declared and what is refused.
    ///
    /// # Errors
    /// What Redis refuses before it runs a command, and what is refused by these rules.
    pub fn parse<'a>(&self, frame: &'a Bytes, spans: &'a [Span]) -> Result<Command<'a>, Refusal> {
        let command = match parse(frame, spans) {
            Err(Refusal::UnknownCommand { .. }) if !self.declared.is_empty() => {
                self.declared(frame, spans)?
            }
            parsed => parsed?,
        };
        if self.refuses(command.row) {
            let (row, why) = (command.row, "the configuration refuses it");
            return Err(Refusal::Refused { row, why });
        }
        Ok(command)
    }

    fn declared<'a>(&self, frame: &'a Bytes, spans: &'a [Span]) -> Result<Command<'a>, Refusal> {
        let name = spans.first().map_or(&[][..], |span| &frame[span.range()]);
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        match self.declared.get(name.as_str()) {
            Some(row) if row.accepts(spans.len()) => Ok(Command { frame, spans, row }),
            Some(row) => Err(Refusal::WrongArity(row)),
            None => Err(Refusal::unknown_command(frame, spans)),
        }
    }

    fn refuses(&self, row: &Row) -> bool {
        let container = || row.name.split('|').next().unwrap_or_default();
        !self.refused.is_empty()
            && (self.refused.contains(row.name) || self.refused.contains(container()))
    }
}

/// The full name of the command that somebody writes as `CONFIG GET` or `config|get`, if there is
/// one.
#[must_use]
pub fn full_name(written: &str) -> Option<&'static str> {
    let name = written.split_whitespace().collect::<Vec<_>>().join("|");
    table::find_full(name.as_bytes()).map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::super::rig::written;
    use super::super::table::Access;
    use super::super::{KeySpec, Spread};
    use super::*;

    const KEYS: &[KeySpec] = &[KeySpec::Range { first: 1, last: -2, step: 1 }];

    fn rules() -> Rules {
        let mget = Row::declared("json.mget", KEYS, Access::Read);
        let search = Row::declared("ft.search", &[], Access::Read);
        let rows = [mget, search].map(|row| (row.name, &*Box::leak(Box::new(row))));
        Rules {
            declared: rows.into(),
            refused: ["flushall", "config", "script|flush"].into(),
            atomic_mset: false,
        }
    }

    fn asked(line: &str) -> Result<(Spread, String), String> {
        let written = written(line);
        let parsed = rules().parse(&written.frame, &written.spans);
        let command = parsed.map_err(|refusal| refusal.to_string())?;
        let keys = command.keys().map(|at| String::from_utf8_lossy(command.arg(at)));
        Ok((command.row.spread, keys.collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn what_is_declared_goes_where_its_keys_are() {
        assert_eq!(asked("JSON.MGET a b $"), Ok((Spread::OneSlot, "a b".to_owned())));
        assert_eq!(asked("ft.search index *"), Ok((Spread::AnyPrimary, String::new())));
        assert_eq!(asked("get a"), Ok((Spread::OneSlot, "a".to_owned())));
        let error = "ERR wrong number of arguments for 'json.mget' command";
        assert_eq!(asked("json.mget"), Err(error.to_owned()));
        assert!(asked("json.get a").unwrap_err().starts_with("ERR unknown command 'json.get'"));
    }

    #[test]
    fn what_the_configuration_refuses_is_refused_and_nothing_else() {
        for (line, name) in [
            ("FLUSHALL", "FLUSHALL"),
            ("config get x", "CONFIG GET"),
            ("script flush", "SCRIPT FLUSH"),
        ] {
            let error = format!("ERR redpoll refuses {name}: the configuration refuses it");
            assert_eq!(asked(line), Err(error));
        }
        assert!(asked("flushdb").is_ok() && asked("script load x").is_ok());
    }

    #[test]
    fn a_command_may_be_written_with_a_space_or_a_bar() {
        for written in ["CONFIG GET", "config|get", " Config  get "] {
            assert_eq!(full_name(written), Some("config|get"), "{written}");
        }
        assert_eq!((full_name("keys"), full_name("config")), (Some("keys"), Some("config")));
        assert_eq!((full_name("config nosuch"), full_name("")), (None, None));
    }
}
