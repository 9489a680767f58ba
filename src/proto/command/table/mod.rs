//! The table of commands: a row a command, found by its name in any case.
//!
//! The rows are those that Valkey 8.1 tells with `COMMAND` and `COMMAND DOCS`, which has every
//! command of Redis 7.2, a file a group; `scripts/command-rows` prints them. A proxy adds how a
//! command is spread over nodes, and how its replies merge. What no client gets is in `refused`.

mod bitmap;
mod blocking;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod index;
mod list;
mod markdown;
mod proxy;
mod pubsub;
mod refused;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

pub use index::{find, find_full, number};
pub use markdown::markdown;

use super::keys::{KeySpec, Take};

/// What is known about one command, or one subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name in lower case; a subcommand's with its container's before it: `client|id`.
    pub name: &'static str,
    /// How many arguments, the name (of a subcommand: both names) included; negative: at least.
    pub arity: i8,
    /// Where its keys are.
    pub keys: &'static [KeySpec],
    /// What it does to its keys.
    pub access: Access,
    /// Where it runs.
    pub spread: Spread,
    /// How the replies of its parts become one.
    pub merge: Merge,
    /// Whether it may wait at its node, and how long is said where.
    pub waits: Waits,
    /// The flags that `COMMAND INFO` shows, in Redis' order.
    pub flags: &'static [&'static str],
    /// The categories of access control lists that it belongs to, with the `@`, in Redis' order.
    pub categories: &'static [&'static str],
    /// The tips for clients and proxies that `COMMAND INFO` shows.
    pub tips: &'static [&'static str],
    /// The flags of each of `keys`, in one text as `RO access`.
    pub key_flags: &'static [&'static str],
    /// The group that Redis' documentation puts it in: `sorted-set`.
    pub group: &'static str,
    /// The first version of Redis that has it.
    pub since: &'static str,
    /// Its time complexity; empty where nobody says.
    pub complexity: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The version of Redis that deprecated it, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// The subcommands of a container command.
    pub subcommands: &'static [Row],
}

/// What a command does to its keys. Only what reads may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing.
    Read,
    /// It can change something, depending on its arguments too.
    Write,
    /// It has no keys, or none that the proxy knows of.
    None,
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// The proxy answers it itself.
    Local,
    /// All its keys are in one slot; it is forwarded whole to the owner of that slot.
    OneSlot,
    /// Its keys may be in several slots; it is split over their owners and the replies merged.
    BySlot,
    /// An argument of it is the number of a slot, whose owner runs it.
    NamedSlot,
    /// Some primary runs it, whichever.
    AnyPrimary,
    /// Every primary runs it, alone: when what was asked before is answered, and before what is
    /// asked after it.
    EveryPrimary,
    /// Every primary is asked for what it tells of itself; alone.
    Report,
    /// One primary after the other runs it; which one, the cursor says.
    Scan,
    /// The primaries that the client has written to ask their replicas for that, one after the
    /// other; alone.
    Replicas,
    /// It begins or ends a transaction; what is in between waits at the proxy.
    Transaction,
    /// It subscribes the client to what it names, or unsubscribes it, alone as the above; it has a
    /// connection that all subscribers of a worker share.
    Subscription,
    /// No client gets it, for this reason.
    Refused(&'static str),
}

/// How long a command may wait at its node until there is something for it; 0 is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// It does not wait.
    No,
    /// The first argument says for how many seconds.
    SecondsFirst,
    /// The last argument does.
    SecondsLast,
    /// The last argument does, in milliseconds.
    MillisecondsLast,
    /// The argument after the option `BLOCK`, if that is there, says for how many milliseconds.
    Block,
}

/// How the replies of a command's parts become one reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// There is one part, and its reply is the reply.
    Whole,
    /// Arrays with an element a key: each goes to the place of its key.
    Positions,
    /// Integers: their sum.
    Sum,
    /// `OK` if every part says so.
    AllOk,
    /// Arrays: one with the elements of all.
    Joined,
    /// Arrays: one with the elements of all, each once.
    Distinct,
    /// Arrays in which names and integers alternate: the sum beside each name.
    Counted,
    /// Arrays of as many integers: the smallest in each place.
    Least,
    /// Every part says the same, or one speaks for all.
    First,
    /// Texts: all of them, each below the address of its node.
    Headed,
    /// Any that is not null.
    Any,
    /// One success is enough, whatever the others say.
    OneOk,
}

/// The rows of what clients get, containers without their subcommands.
pub fn offered() -> impl Iterator<Item = &'static Row> + Clone {
    rows().filter(|row| row.is_offered())
}

/// All rows by name, containers without their subcommands.
pub fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    index::GROUPS.iter().flat_map(|group| group.iter())
}

impl Row {
    /// Whether clients get it; a container, if they get some subcommand.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        !matches!(self.spread, Spread::Refused(_))
    }

    /// The subcommands that clients get.
    pub fn offered(&self) -> impl Iterator<Item = &'static Row> + Clone + use<> {
        self.subcommands.iter().filter(|row| row.is_offered())
    }

    /// Whether it runs without keys, too, although it may have some.
    #[must_use]
    pub fn may_be_keyless(&self) -> bool {
        self.flags.contains(&"no_mandatory_keys")
    }

    /// Whether a command of `len` arguments, its name included, has as many as it takes.
    #[must_use]
    pub fn accepts(&self, len: usize) -> bool {
        self.has_arity(len) && self.pairs_up(len)
    }

    /// The same where a key may be without its value, which only running the command reveals.
    #[must_use]
    pub fn has_arity(&self, len: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { len >= arity } else { len == arity }
    }

    /// The row of a subcommand, by its own name in any case.
    #[must_use]
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Row> {
        self.subcommands.iter().find(|row| row.own_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name, a subcommand's without its container's.
    #[must_use]
    pub fn own_name(&self) -> &'static str {
        self.name.split_once('|').map_or(self.name, |(_, own)| own)
    }

    /// Where keys and values alternate to the end, none is without the other.
    fn pairs_up(&self, len: usize) -> bool {
        let [KeySpec::Range { first, last: -1, step }] = self.keys else { return true };
        *step == 1 || len.saturating_sub(usize::from(*first)).is_multiple_of(usize::from(*step))
    }

    const fn new(name: &'static str, arity: i8, access: Access) -> Row {
        Row {
            name,
            arity,
            keys: &[],
            access,
            spread: if matches!(access, Access::None) { Spread::Local } else { Spread::OneSlot },
            merge: Merge::Whole,
            waits: Waits::No,
            flags: &[],
            categories: &[],
            tips: &[],
            key_flags: &[],
            group: "",
            since: "",
            complexity: "",
            summary: "",
            deprecated: None,
            subcommands: &[],
        }
    }

    /// A command that a configuration declares: where its keys are, and what it does to them.
    #[must_use]
    pub fn declared(name: &'static str, keys: &'static [KeySpec], access: Access) -> Row {
        let first = keys.iter().filter_map(|spec| match spec {
            KeySpec::Range { first, .. } => i8::try_from(*first).ok(),
            KeySpec::Count { .. } | KeySpec::Keyword { .. } => None,
        });
        let arity = -1 - first.max().unwrap_or(0);
        let spread = if keys.is_empty() { Spread::AnyPrimary } else { Spread::OneSlot };
        Row { keys, spread, ..Row::new(name, arity, access) }
    }

    const fn refused(
        name: &'static str,
        arity: i8,
        group: &'static str,
        since: &'static str,
        why: &'static str,
    ) -> Row {
        let spread = Spread::Refused(why);
        Row { spread, group, since, ..Row::new(name, arity, Access::None) }
    }

    const fn keys(self, keys: &'static [KeySpec], key_flags: &'static [&'static str]) -> Row {
        Row { keys, key_flags, ..self }
    }

    const fn waits(self, waits: Waits) -> Row {
        Row { waits, ..self }
    }

    const fn split(self, merge: Merge) -> Row {
        Row { spread: Spread::BySlot, merge, ..self }
    }

    const fn everywhere(self, merge: Merge) -> Row {
        Row { spread: Spread::EveryPrimary, merge, ..self }
    }

    const fn spread(self, spread: Spread) -> Row {
        Row { spread, ..self }
    }

    const fn merge(self, merge: Merge) -> Row {
        Row { merge, ..self }
    }

    const fn flags(
        self,
        flags: &'static [&'static str],
        categories: &'static [&'static str],
    ) -> Row {
        Row { flags, categories, ..self }
    }

    const fn tips(self, tips: &'static [&'static str]) -> Row {
        Row { tips, ..self }
    }

    const fn doc(
        self,
        group: &'static str,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Row {
        Row { group, since, complexity, summary, ..self }
    }

    const fn deprecated(self, since: &'static str, instead: &'static str) -> Row {
        Row { deprecated: Some((since, instead)), ..self }
    }

    const fn container(self, subcommands: &'static [Row]) -> Row {
        Row { subcommands, ..self }
    }
}

/// One key, the first argument.
const KEY: &[KeySpec] = &[arg(1)];
/// One key, the second argument, after a subcommand.
const SECOND: &[KeySpec] = &[arg(2)];
/// Two keys, the first arguments.
const TWO: &[KeySpec] = &[arg(1), arg(2)];
/// Every argument is a key.
const ALL: &[KeySpec] = &[rest(1, 1)];
/// Every argument but the last is a key.
const ALL_BUT_LAST: &[KeySpec] = &[KeySpec::Range { first: 1, last: -2, step: 1 }];
/// Keys and values alternate.
const PAIRS: &[KeySpec] = &[rest(1, 2)];
/// As many keys as the first argument says.
const COUNTED: &[KeySpec] = &[counted(1)];
/// As many keys as the second argument says, after the first.
const COUNTED_SECOND: &[KeySpec] = &[counted(2)];
/// The first argument, a key, is made from all others.
const TARGET_AND_REST: &[KeySpec] = &[arg(1), rest(2, 1)];
/// The first argument, a key, is made from as many keys as the second one says.
const TARGET_AND_COUNTED: &[KeySpec] = &[arg(1), counted(2)];

const fn arg(at: u8) -> KeySpec {
    KeySpec::Range { first: at, last: at as i16, step: 1 }
}

const fn rest(first: u8, step: u8) -> KeySpec {
    KeySpec::Range { first, last: -1, step }
}

const fn counted(at: u8) -> KeySpec {
    KeySpec::Count { at, first: at + 1, step: 1 }
}

const fn keyword(
    word: &'static str,
    from: i8,
    take: Take,
    skip: &'static [(&'static str, u8)],
) -> KeySpec {
    KeySpec::Keyword { word, from, take, skip }
}

/// Words of `SORT` with how many arguments belong to each.
const SORT_OPTIONS: &[(&str, u8)] = &[("limit", 2), ("get", 1), ("by", 1)];
/// Words of `GEORADIUS` that name a key.
const GEO: &[(&str, u8)] = &[("store", 1), ("storedist", 1)];
/// Words of `XREAD` and `XREADGROUP` before `STREAMS`.
const STREAM_OPTIONS: &[(&str, u8)] = &[("block", 1), ("count", 1), ("group", 2), ("noack", 0)];

const ONE_SERVER: &str = "it is about one server, so send it to that server itself";
const MOVES_KEYS: &str = "it moves keys past the proxy";
const NOT_A_NODE: &str = "the slots that redpoll shows are not kept at redpoll";
const NO_TRACKING: &str = "redpoll does not tell clients which keys others change";

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Row> {
        rows().flat_map(|row| std::iter::once(row).chain(row.subcommands))
    }

    /// The arguments that a command has at least if all its keys are there.
    fn least(spec: &KeySpec) -> usize {
        match *spec {
            KeySpec::Range { first, last, step } => usize::try_from(last)
                .map_or(usize::from(first) + usize::from(step), |last| last + 1),
            KeySpec::Count { first, .. } => usize::from(first) + 1,
            KeySpec::Keyword { from, .. } => usize::from(from.unsigned_abs()),
        }
    }

    #[test]
    fn rows_are_what_redis_says_they_are() {
        let facts = |name: &str| {
            let row = find_full(name.as_bytes()).unwrap();
            (row.arity, row.access, row.spread, row.merge, row.group)
        };
        use {Access as A, Merge as M, Spread as S};
        for (name, expected) in [
            ("get", (2, A::Read, S::OneSlot, M::Whole, "string")),
            ("set", (-3, A::Write, S::OneSlot, M::Whole, "string")),
            ("getdel", (2, A::Write, S::OneSlot, M::Whole, "string")),
            ("getex", (-2, A::Write, S::OneSlot, M::Whole, "string")),
            ("getset", (3, A::Write, S::OneSlot, M::Whole, "string")),
            ("mget", (-2, A::Read, S::BySlot, M::Positions, "string")),
            ("mset", (-3, A::Write, S::BySlot, M::AllOk, "string")),
            ("msetnx", (-3, A::Write, S::OneSlot, M::Whole, "string")),
            ("del", (-2, A::Write, S::BySlot, M::Sum, "generic")),
            ("unlink", (-2, A::Write, S::BySlot, M::Sum, "generic")),
            ("exists", (-2, A::Read, S::BySlot, M::Sum, "generic")),
            ("touch", (-2, A::Read, S::BySlot, M::Sum, "generic")),
            ("sort", (-2, A::Write, S::OneSlot, M::Whole, "generic")),
            ("sort_ro", (-2, A::Read, S::OneSlot, M::Whole, "generic")),
            ("object|freq", (3, A::Read, S::OneSlot, M::Whole, "generic")),
            ("object|help", (2, A::None, S::Local, M::Whole, "generic")),
            ("hgetall", (2, A::Read, S::OneSlot, M::Whole, "hash")),
            ("lmpop", (-4, A::Write, S::OneSlot, M::Whole, "list")),
            ("spop", (-2, A::Write, S::OneSlot, M::Whole, "set")),
            ("zrangestore", (-5, A::Write, S::OneSlot, M::Whole, "sorted-set")),
            ("ping", (-1, A::None, S::Local, M::Whole, "connection")),
            ("client|setinfo", (4, A::None, S::Local, M::Whole, "connection")),
            ("info", (-1, A::None, S::Local, M::Whole, "server")),
        ] {
            assert_eq!(facts(name), expected, "{name}");
        }
    }

    #[test]
    fn what_no_client_gets_has_a_row_with_the_reason() {
        for name in ["migrate", "psync", "monitor", "cluster|failover"] {
            let row = find_full(name.as_bytes()).unwrap();
            assert!(matches!(row.spread, Spread::Refused(why) if !why.is_empty()), "{name}");
        }
        let names = |row: &'static Row| row.offered().map(Row::own_name).collect::<Vec<_>>();
        assert_eq!(names(find(b"memory").unwrap()), ["help", "purge", "usage"]);
    }

    #[test]
    fn a_container_is_offered_if_something_of_it_is() {
        for row in rows().filter(|row| !row.subcommands.is_empty()) {
            assert_eq!(row.is_offered(), row.offered().next().is_some(), "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique_sorted_and_lower_case() {
        for group in index::GROUPS.iter() {
            assert!(group.is_sorted_by(|one, next| one.name < next.name));
        }
        for row in all() {
            assert_eq!(find_full(row.name.as_bytes()), Some(row));
            assert_eq!(find_full(row.name.to_uppercase().as_bytes()), Some(row));
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b"_|-".contains(&b)));
            assert!(row.subcommands.is_sorted_by(|one, next| one.name < next.name));
            for sub in row.subcommands {
                assert_eq!(sub.name, format!("{}|{}", row.name, sub.own_name()));
            }
        }
    }

    #[test]
    fn every_row_is_whole() {
        for row in all().filter(|row| row.is_offered()) {
            let texts = [row.group, row.since, row.summary];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", row.name);
            assert!(row.categories.iter().all(|name| name.starts_with('@')), "{}", row.name);
        }
    }

    #[test]
    fn the_arity_makes_sure_of_the_first_key() {
        for row in all() {
            assert_eq!(row.keys.len(), row.key_flags.len(), "{}", row.name);
            let arity = usize::from(row.arity.unsigned_abs());
            let is_sure = row.keys.first().is_none_or(|spec| least(spec) <= arity);
            // Who names no shard channel means all that he is subscribed to.
            let may_lack = row.may_be_keyless() || row.spread == Spread::Subscription;
            assert!(is_sure || may_lack, "{}", row.name);
            assert!(row.keys.iter().all(|spec| !matches!(spec, KeySpec::Range { first: 0, .. })));
        }
    }

    #[test]
    fn access_spread_and_merge_go_together() {
        // WATCH has keys and does nothing to them.
        let is_plain = |row: &&Row| row.subcommands.is_empty() && row.name != "watch";
        for row in all().filter(is_plain).filter(|row| row.is_offered()) {
            let has = |flag| row.flags.contains(&flag);
            let access = match (has("readonly"), has("write")) {
                (true, false) => Access::Read,
                (false, true) => Access::Write,
                _ if row.spread == Spread::Subscription => Access::None,
                // A script may write.
                _ if !row.keys.is_empty() => Access::Write,
                _ => Access::None,
            };
            assert_eq!(row.access, access, "{}", row.name);
            let by_keys = matches!(row.spread, Spread::OneSlot | Spread::BySlot);
            let is_free = row.spread == Spread::Subscription;
            assert!(is_free || row.keys.is_empty() != by_keys, "{}", row.name);
            let parts = [Spread::BySlot, Spread::EveryPrimary, Spread::Report];
            let parts = parts.contains(&row.spread);
            assert_eq!(parts, row.merge != Merge::Whole, "{}", row.name);
            let splits = matches!(row.keys, [KeySpec::Range { first: 1, last: -1, .. }]);
            assert!(row.spread != Spread::BySlot || splits, "{}", row.name);
        }
    }
}
