//! What a client asks of the clients of the process: `CLIENT LIST`, `INFO`, `KILL`, `PAUSE`,
//! `UNPAUSE`, `UNBLOCK`.
//!
//! ```text
//! CLIENT LIST ID 7   -> Directory::all -> lines in Redis' form
//! CLIENT KILL ADDR a -> Directory::all -> those that match -> Directory::close
//! CLIENT UNBLOCK 7   -> Directory::wake
//! CLIENT PAUSE 100   -> Directory::pause, which sessions hear of as Pause
//! ```

mod kill;
mod unblock;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use self::kill::kill;
pub use self::unblock::Wake;
use self::unblock::unblock;
use super::super::pubsub::Counts;
use super::super::resp::{Protocol, Writer, parse_integer};
use super::{After, Command, Facts, Identity, cluster, refusal};
use crate::limits::WAIT_S_MAX;

/// What is known of one client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Its number.
    pub id: u64,
    /// Where it connects from.
    pub address: String,
    /// Where it connects to.
    pub own_address: String,
    /// The name it has given itself.
    pub name: Vec<u8>,
    /// The name of its library.
    pub lib_name: Vec<u8>,
    /// The version of its library.
    pub lib_version: Vec<u8>,
    /// How long it has been connected, in seconds.
    pub age_s: u64,
    /// How long it has said nothing, in seconds.
    pub idle_s: u64,
    /// What it has switched, a letter each; `N` if nothing.
    pub flags: String,
    /// Whether it waits at a node.
    pub is_blocked: bool,
    /// The database that its commands are for.
    pub database: u32,
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// What it is subscribed to.
    pub subscriptions: Counts,
    /// Commands queued in its transaction, if it has begun one.
    pub queued: Option<u32>,
    /// Bytes that were read from it and not taken.
    pub unparsed_bytes: u64,
    /// Bytes of replies that wait for it.
    pub unread_bytes: u64,
    /// Bytes that are held for it in all.
    pub held_bytes: u64,
    /// The command that came last; empty if none has.
    pub command: &'static str,
}

/// Which commands wait, and until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// None.
    #[default]
    None,
    /// Those that may change something.
    Writes(Instant),
    /// All.
    All(Instant),
}

/// All clients of the process.
pub trait Directory {
    /// What is known of each, in the order of their numbers; it may be what was known before its
    /// latest turn.
    fn all(&self) -> Vec<Card>;
    /// Closes one.
    fn close(&self, id: u64);
    /// Has one that waits at a node wait no longer; false if it does not wait.
    fn wake(&self, id: u64, wake: Wake) -> bool;
    /// Has commands of all clients wait: all, or those that may write.
    fn pause(&self, length: Duration, all: bool);
    /// Ends that.
    fn resume(&self);
}

impl Pause {
    /// When it ends.
    #[must_use]
    pub fn until(self) -> Option<Instant> {
        match self {
            Pause::None => None,
            Pause::Writes(until) | Pause::All(until) => Some(until),
        }
    }
}

/// Answers the commands of this module.
pub(super) fn answer(
    command: &Command<'_>,
    identity: &Identity,
    (facts, directory): (&Facts, &dyn Directory),
    out: &mut Vec<u8>,
) -> After {
    let mut writer = Writer::new(out, identity.protocol);
    let cards = || known(command, identity, facts, directory);
    match command.row.own_name() {
        "info" => {
            let own = cards().into_iter().find(|card| card.id == identity.id);
            writer.verbatim(&own.map(|card| card.line()).unwrap_or_default());
        }
        "list" => match chosen(command, cards()) {
            Ok(cards) => writer.verbatim(&cards.iter().map(Card::line).collect::<String>()),
            Err(error) => writer.error(error),
        },
        "unblock" => unblock(command, directory, &mut writer),
        "kill" => return kill(command, identity.id, (cards(), directory), &mut writer),
        "pause" => match pause(command) {
            Ok((length, all)) => {
                directory.pause(length, all);
                writer.simple("OK");
            }
            Err(error) => writer.error(error),
        },
        _ => {
            directory.resume();
            writer.simple("OK");
        }
    }
    After::Continue
}

impl Card {
    /// The line of `CLIENT LIST`, as Redis 7.2 has it. What a proxy has not is 0, or -1.
    fn line(&self) -> String {
        let text = String::from_utf8_lossy;
        let queued = self.queued.map_or(-1, i64::from);
        let command = if self.command.is_empty() { "NULL" } else { self.command };
        let flags = self.shown_flags();
        let resp = if self.protocol == Protocol::Resp3 { 3 } else { 2 };
        format!(
            "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={flags} db={} sub={} \
             psub={} ssub={} multi={queued} qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 \
             rbp=0 obl={} oll=0 omem=0 tot-mem={} events=r cmd={command} user=default redir=-1 \
             resp={resp} lib-name={} lib-ver={}\n",
            self.id,
            self.address,
            self.own_address,
            text(&self.name),
            self.age_s,
            self.idle_s,
            self.database,
            self.subscriptions.channels,
            self.subscriptions.patterns,
            self.subscriptions.shard_channels,
            self.unparsed_bytes,
            self.unread_bytes,
            self.held_bytes,
            text(&self.lib_name),
            text(&self.lib_version),
        )
    }
}

impl Card {
    /// The flags, that of one that waits in Redis' place for it.
    fn shown_flags(&self) -> String {
        if !self.is_blocked {
            return self.flags.clone();
        }
        let flags = self.flags.replace('N', "");
        let (before, after) = flags.split_at(usize::from(flags.starts_with('P')));
        format!("{before}b{after}")
    }
}

/// All clients; of the one that asks, what holds now.
fn known(
    command: &Command<'_>,
    identity: &Identity,
    facts: &Facts,
    directory: &dyn Directory,
) -> Vec<Card> {
    let mut cards = directory.all();
    if !cards.iter().any(|card| card.id == identity.id) {
        cards.push(Card { id: identity.id, ..Card::default() });
    }
    let own = cards.iter_mut().filter(|card| card.id == identity.id);
    own.for_each(|card| {
        card.introduce(identity, facts.database);
        card.command = command.row.name;
        card.idle_s = 0;
    });
    cards
}

impl Card {
    /// Takes over what a client says of itself, whose commands are for `database` unless it has
    /// chosen one.
    pub fn introduce(&mut self, identity: &Identity, database: u32) {
        self.address.clone_from(&identity.address);
        self.own_address = cluster::own_address(identity);
        self.name.clone_from(&identity.name);
        self.lib_name.clone_from(&identity.lib_name);
        self.lib_version.clone_from(&identity.lib_version);
        self.subscriptions = identity.subscriptions;
        self.flags = identity.modes.flags(identity.subscriptions.any());
        self.database = identity.database.unwrap_or(database);
        self.protocol = identity.protocol;
    }
}

/// Those that a `CLIENT LIST` asks for.
fn chosen(command: &Command<'_>, cards: Vec<Card>) -> Result<Vec<Card>, Vec<u8>> {
    let option = command.arg(2);
    match command.len() {
        2 => Ok(cards),
        4 if option.eq_ignore_ascii_case(b"type") => {
            let of_type = of_type(command.arg(3))?;
            Ok(cards.into_iter().filter(of_type).collect())
        }
        4.. if option.eq_ignore_ascii_case(b"id") => {
            let mut left: BTreeMap<u64, Card> =
                cards.into_iter().map(|card| (card.id, card)).collect();
            let mut found = Vec::new();
            for id in command.args().skip(3) {
                let id = parse_integer(id).ok_or("ERR Invalid client ID")?;
                // Once, however often it is asked for.
                found.extend(u64::try_from(id).ok().and_then(|id| left.remove(&id)));
            }
            Ok(found)
        }
        _ => Err("ERR syntax error".into()),
    }
}

/// Which clients are of a type.
fn of_type(name: &[u8]) -> Result<fn(&Card) -> bool, Vec<u8>> {
    let is = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
    if is("normal") {
        return Ok(|card| !card.subscriptions.any());
    }
    if is("pubsub") {
        return Ok(|card| card.subscriptions.any());
    }
    if ["master", "replica", "slave"].into_iter().any(is) {
        return Ok(|_| false);
    }
    Err([b"ERR Unknown client type '", refusal::as_c_text(name), b"'"].concat())
}

/// How long a pause is, and whether it is for all commands.
fn pause(command: &Command<'_>) -> Result<(Duration, bool), Vec<u8>> {
    let mode = command.arg(3);
    let all = match command.len() {
        3 => true,
        4 if mode.eq_ignore_ascii_case(b"all") => true,
        4 if mode.eq_ignore_ascii_case(b"write") => false,
        4 => return Err("ERR CLIENT PAUSE mode must be WRITE or ALL".into()),
        _ => return Err(wrong_number(command)),
    };
    let length = parse_integer(command.arg(2));
    let length = length.ok_or("ERR timeout is not an integer or out of range")?;
    let length = u64::try_from(length).map_err(|_| "ERR timeout is negative")?;
    if length > WAIT_S_MAX * 1_000 {
        return Err("ERR timeout is out of range".into());
    }
    Ok((Duration::from_millis(length), all))
}

fn wrong_number(command: &Command<'_>) -> Vec<u8> {
    let begin = &b"ERR unknown subcommand or wrong number of arguments for '"[..];
    [begin, refusal::as_c_text(command.arg(1)), b"'. Try CLIENT HELP."].concat()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::rig::written;
    use super::*;

    /// Three clients, of which the one that asks is the second.
    #[derive(Default)]
    struct Hall {
        closed: RefCell<Vec<u64>>,
        woken: RefCell<Vec<(u64, Wake)>>,
        paused: RefCell<Vec<(u128, bool)>>,
    }

    impl Directory for Hall {
        fn all(&self) -> Vec<Card> {
            let card = |id: u64, age_s| Card {
                id,
                address: format!("10.0.0.{id}:1"),
                own_address: "10.0.0.9:6380".to_owned(),
                age_s,
                flags: "N".to_owned(),
                ..Card::default()
            };
            vec![card(1, 100), card(2, 50), card(3, 10)]
        }

        fn close(&self, id: u64) {
            self.closed.borrow_mut().push(id);
        }

        fn wake(&self, id: u64, wake: Wake) -> bool {
            self.woken.borrow_mut().push((id, wake));
            id == 3
        }

        fn pause(&self, length: Duration, all: bool) {
            self.paused.borrow_mut().push((length.as_millis(), all));
        }

        fn resume(&self) {
            self.paused.borrow_mut().clear();
        }
    }

    fn ask(hall: &Hall, line: &str) -> (String, After) {
        let identity = Identity {
            host: Some([10, 0, 0, 9].into()),
            port: 6380,
            name: b"me".to_vec(),
            ..Identity::new(2, "10.0.0.2:1".to_owned())
        };
        let (written, mut out) = (written(line), Vec::new());
        let command = written.parse().unwrap();
        let facts = Facts { database: 3, ..Facts::default() };
        let after = answer(&command, &identity, (&facts, hall), &mut out);
        (String::from_utf8(out).unwrap(), after)
    }

    fn listed(line: &str) -> Vec<String> {
        let (reply, _) = ask(&Hall::default(), line);
        let ids = reply.lines().filter_map(|line| line.split(' ').next()?.strip_prefix("id="));
        ids.map(str::to_owned).collect()
    }

    #[test]
    fn one_that_waits_is_woken_in_either_way() {
        let hall = Hall::default();
        for (line, reply) in [
            ("client unblock 3", ":1\r\n"),
            ("client unblock 3 timeout", ":1\r\n"),
            ("client unblock 4 ERROR", ":0\r\n"),
            ("client unblock -3", ":0\r\n"),
            ("client unblock x", "-ERR value is not an integer or out of range\r\n"),
            ("client unblock 3 x", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
        ] {
            assert_eq!(ask(&hall, line).0, reply, "{line}");
        }
        assert!(ask(&hall, "client unblock 3 error x").0.starts_with("-ERR unknown subcommand or"));
        let asked = [(3, Wake::TimedOut), (3, Wake::TimedOut), (4, Wake::Error)];
        assert_eq!(*hall.woken.borrow(), asked);
    }

    #[test]
    fn of_one_that_waits_the_flags_say_so() {
        for (flags, shown) in [("N", "b"), ("P", "Pb"), ("eT", "beT"), ("PeT", "PbeT")] {
            let card = Card { flags: flags.to_owned(), is_blocked: true, ..Card::default() };
            assert_eq!(card.shown_flags(), shown);
        }
    }

    #[test]
    fn every_client_has_a_line_and_the_one_that_asks_is_as_it_is_now() {
        let (reply, _) = ask(&Hall::default(), "client list");
        let lines: Vec<_> = reply.lines().collect();
        assert_eq!(
            lines[2],
            "id=2 addr=10.0.0.2:1 laddr=10.0.0.9:6380 fd=-1 name=me age=50 idle=0 flags=N db=3 \
             sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 \
             obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|list user=default redir=-1 resp=2 \
             lib-name= lib-ver="
        );
        assert!(lines[1].contains(" name= ") && lines[1].contains(" cmd=NULL "));
        assert_eq!(listed("client list"), ["1", "2", "3"]);
        assert_eq!(listed("client list TYPE normal"), ["1", "2", "3"]);
        assert_eq!(listed("client list id 3 9 1"), ["3", "1"]);
        assert_eq!(listed("client info"), ["2"]);
        for (line, error) in [
            ("client list type x", "ERR Unknown client type 'x'"),
            ("client list id x", "ERR Invalid client ID"),
            ("client list id", "ERR syntax error"),
            ("client list nosuch 1", "ERR syntax error"),
        ] {
            assert_eq!(ask(&Hall::default(), line).0, format!("-{error}\r\n"), "{line}");
        }
        assert_eq!(ask(&Hall::default(), "client list type replica").0, "$0\r\n\r\n");
        assert_eq!(ask(&Hall::default(), "client list type pubsub").0, "$0\r\n\r\n");
    }

    #[test]
    fn clients_are_closed_by_what_is_said_of_them() {
        for (line, reply, closed, after) in [
            ("client kill 10.0.0.3:1", "+OK", &[3][..], After::Continue),
            ("client kill 10.0.0.2:1", "+OK", &[], After::Close),
            ("client kill 10.0.0.8:1", "-ERR No such client", &[], After::Continue),
            ("client kill id 1", ":1", &[1], After::Continue),
            ("client kill id 2", ":0", &[], After::Continue),
            ("client kill ID 2 SKIPME no", ":1", &[], After::Close),
            ("client kill type normal", ":2", &[1, 3], After::Continue),
            ("client kill type normal skipme NO", ":3", &[1, 3], After::Close),
            ("client kill laddr 10.0.0.9:6380 maxage 60", ":1", &[1], After::Continue),
            ("client kill addr 10.0.0.1:1 user default", ":1", &[1], After::Continue),
            ("client kill type replica", ":0", &[], After::Continue),
            ("client kill user bob", "-ERR No such user 'bob'", &[], After::Continue),
            ("client kill id 0", "-ERR client-id should be greater than 0", &[], After::Continue),
            ("client kill id 1 skipme", "-ERR syntax error", &[], After::Continue),
            ("client kill nosuch 1", "-ERR syntax error", &[], After::Continue),
        ] {
            let hall = Hall::default();
            assert_eq!(ask(&hall, line), (format!("{reply}\r\n"), after), "{line}");
            assert_eq!(*hall.closed.borrow(), closed, "{line}");
        }
    }

    #[test]
    fn a_pause_has_a_length_and_is_for_all_commands_or_for_writes() {
        let hall = Hall::default();
        for (line, reply, paused) in [
            ("client pause 100", "+OK", &[(100, true)][..]),
            ("client pause 5 WRITE", "+OK", &[(100, true), (5, false)]),
            ("client unpause", "+OK", &[]),
            ("client pause 7 all", "+OK", &[(7, true)]),
            ("client pause x", "-ERR timeout is not an integer or out of range", &[(7, true)]),
            ("client pause -1", "-ERR timeout is negative", &[(7, true)]),
            ("client pause 31536000001", "-ERR timeout is out of range", &[(7, true)]),
            ("client pause 1 x", "-ERR CLIENT PAUSE mode must be WRITE or ALL", &[(7, true)]),
        ] {
            assert_eq!(ask(&hall, line).0, format!("{reply}\r\n"), "{line}");
            assert_eq!(*hall.paused.borrow(), paused, "{line}");
        }
    }
}
