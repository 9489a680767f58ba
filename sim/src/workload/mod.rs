//! What the clients will ask: written down before the run, drawn from the seed.
//!
//! Every client has keys of its own and shares others, pipelines, and mixes single commands with
//! such as span all nodes. Nearly every command carries its [`Id`]; those that cannot (`GET`,
//! `INCR`, …) are told apart by their arguments as far as it matters.

mod id;
mod kind;
mod manners;
mod transaction;
mod waiting;

use std::iter::once;

use serde::{Deserialize, Serialize};

pub use id::Id;
pub use kind::{Effect, KINDS, Kind, Shape};
pub use manners::{Exit, Manners, Slow};
pub(crate) use waiting::patience;

use crate::dice::Dice;

/// Keys of one type that a client has for itself, and that all share.
const KEYS_EACH: u64 = 3;

/// The hash tag of the keys that all clients like best.
const HOT: &str = "{hot}";

/// Longest value, in bytes: beyond what the proxy sends by reference.
const VALUE_BYTES_MAX: u64 = 40_000;

/// What one client does, connection after connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// Whether it says `HELLO 3` first.
    pub resp3: bool,
    /// Commands it has unanswered at most.
    pub depth: usize,
    /// How many of the commands, the last ones, are sent only when everything is well again.
    pub late: usize,
    /// The longest pause between two bursts, in ms.
    pub pause_ms: u64,
    /// The commands, each a list of arguments, all of them text. One without any was left out of
    /// the plan; those behind it keep their places, and so their numbers.
    pub commands: Vec<Vec<String>>,
    /// How it behaves beside that.
    #[serde(default, skip_serializing_if = "Manners::are_plain")]
    pub manners: Manners,
}

impl Script {
    /// The script without what was left out of it, and the place that each command had.
    ///
    /// # Panics
    /// There are four billion commands.
    #[must_use]
    pub fn close_up(self) -> (Script, Vec<u32>) {
        let early = self.commands.len().saturating_sub(self.late);
        let mut left = Script { commands: Vec::new(), late: 0, ..self };
        let mut places = Vec::new();
        for (place, command) in self.commands.into_iter().enumerate() {
            if !command.is_empty() {
                left.late += usize::from(place >= early);
                left.commands.push(command);
                places.push(u32::try_from(place).expect("few commands"));
            }
        }
        (left, places)
    }
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Clients.
    pub clients: u64,
    /// Commands of each.
    pub commands: u64,
    /// How many of them, the last ones, are sent only when everything is well again.
    pub late: u64,
    /// How long they take about, in virtual ms.
    pub time_ms: u64,
    /// How likely a key is in the one slot that all clients like best.
    pub focus: f64,
    /// How likely a value is large.
    pub large_values: f64,
}

/// The fewest commands that one of many clients gets of what is shared among them.
const SHARE_MIN: u64 = 20;

/// The fewest of them that are sent late.
const LATE_SHARE_MIN: u64 = 4;

impl Size {
    /// About as much, shared among so many clients.
    #[must_use]
    pub fn shared_among(self, clients: u64) -> Size {
        let each = |all: u64, least: u64| (all * self.clients / clients).max(least);
        let commands = each(self.commands, SHARE_MIN);
        let late = each(self.late, LATE_SHARE_MIN);
        Size { clients, commands, late, ..self }
    }
}

/// Draws the scripts of all clients.
#[must_use]
pub fn draw(dice: &mut Dice, size: Size) -> Vec<Script> {
    (0..size.clients).map(|client| script(dice, client, size)).collect()
}

/// Puts transactions in the place of commands of some clients, each from the dice of its number.
pub fn draw_transactions(scripts: &mut [Script], dice: impl Fn(u64) -> Dice) {
    for (client, script) in scripts.iter_mut().enumerate() {
        let client = u16::try_from(client).expect("few clients");
        transaction::draw(&mut dice(client.into()), client, script);
    }
}

/// Has some clients wait in the place of commands: for elements, and for replicas; each from the
/// dice of its number.
pub fn draw_waiting(
    scripts: &mut [Script],
    elements: impl Fn(u64) -> Dice,
    replicas: impl Fn(u64) -> Dice,
) {
    for (client, script) in scripts.iter_mut().enumerate() {
        let client = u16::try_from(client).expect("few clients");
        waiting::draw(&mut elements(client.into()), client, script);
        waiting::draw_counts(&mut replicas(client.into()), client, script);
    }
}

/// Draws how the clients with these scripts behave, each from the dice of its number.
pub fn draw_manners(scripts: &mut [Script], size: Size, dice: impl Fn(u64) -> Dice) {
    for (client, script) in scripts.iter_mut().enumerate() {
        script.manners = manners::draw(&mut dice(client as u64), script, size);
    }
}

fn script(dice: &mut Dice, client: u64, size: Size) -> Script {
    let depth = *dice.pick(&[1, 4, 16, 64]);
    let bursts = size.commands / (depth / 2 + 1) + 1;
    let mut command = |seq| {
        let id = Id {
            client: u16::try_from(client).expect("few clients"),
            seq: u32::try_from(seq).expect("few commands"),
        };
        Writer { dice, id, focus: size.focus, large: size.large_values }.command()
    };
    let commands = (0..size.commands).map(&mut command).collect();
    Script {
        resp3: dice.chance(0.5),
        depth: usize::try_from(depth).expect("a shallow pipeline"),
        late: usize::try_from(size.late).expect("few commands"),
        pause_ms: 2 * size.time_ms / bursts,
        commands,
        manners: Manners::default(),
    }
}

/// A key of the slot that all clients like best.
#[must_use]
pub fn hot_key() -> &'static str {
    HOT
}

/// Keys that clients share beside that, for whoever wants to do something to their slots.
pub fn shared_keys() -> impl Iterator<Item = String> {
    "sclhtz".chars().flat_map(|kind| (0..KEYS_EACH).map(move |n| format!("{kind}:all:{n}")))
}

/// Writes one command.
struct Writer<'a> {
    dice: &'a mut Dice,
    id: Id,
    focus: f64,
    large: f64,
}

impl Writer<'_> {
    fn command(&mut self) -> Vec<String> {
        let mut args = match self.dice.index(16) {
            0..5 => self.string(),
            5..8 => self.counter(),
            8..10 => self.list(),
            10..12 => self.hash(),
            12 => self.set(),
            13 => self.sorted_set(),
            14 => self.many(),
            _ => vec![self.dice.pick(&["PING", "ECHO"]).to_string(), self.id.to_string()],
        };
        if self.dice.chance(0.3) {
            args[0].make_ascii_lowercase();
        }
        args
    }

    fn string(&mut self) -> Vec<String> {
        let (key, id) = (self.key('s'), self.id.to_string());
        match self.dice.index(12) {
            0 => words(["GET", &key]),
            1 => words(["STRLEN", &key]),
            2 => words(["APPEND", &key, &id]),
            3 => words(["GETSET", &key, &id]),
            4 => words(["SETNX", &key, &id]),
            5 => words(["TYPE", &key]),
            6..9 => words(["GETRANGE", &key, "0", &id]),
            _ => words(["SET", &key, &self.value()]),
        }
    }

    fn counter(&mut self) -> Vec<String> {
        let (key, id) = (self.key('c'), self.id.to_string());
        match self.dice.index(6) {
            0 => words(["GET", &key]),
            1 => words(["INCR", &key]),
            2 => words(["DECR", &key]),
            3 => words(["GETRANGE", &key, "0", &id]),
            _ => words(["INCRBY", &key, &id]),
        }
    }

    fn list(&mut self) -> Vec<String> {
        let (key, id) = (self.key('l'), self.id.to_string());
        match self.dice.index(6) {
            0 => words(["LPOP", &key]),
            1 => words(["LPUSH", &key, &id]),
            2 => words(["LRANGE", &key, "0", &id]),
            3 => words(["LLEN", &key]),
            _ => words(["RPUSH", &key, &id]),
        }
    }

    fn hash(&mut self) -> Vec<String> {
        let (key, id) = (self.key('h'), self.id.to_string());
        let field = format!("f{}", self.dice.index(3));
        match self.dice.index(6) {
            0 => words(["HGETALL", &key]),
            1 => words(["HINCRBY", &key, "n", &id]),
            2 => words(["HMGET", &key, &field, &id]),
            3 => words(["HDEL", &key, &field, &id]),
            _ => words(["HSET", &key, &field, &id]),
        }
    }

    fn set(&mut self) -> Vec<String> {
        let (key, id) = (self.key('t'), self.id.to_string());
        match self.dice.index(4) {
            0 => words(["SCARD", &key]),
            1 => words(["SISMEMBER", &key, &id]),
            2 => words(["SREM", &key, &id]),
            _ => words(["SADD", &key, &id]),
        }
    }

    fn sorted_set(&mut self) -> Vec<String> {
        let (key, id) = (self.key('z'), self.id.to_string());
        let score = self.dice.index(100).to_string();
        match self.dice.index(5) {
            0 => words(["ZCARD", &key]),
            1 => words(["ZSCORE", &key, &id]),
            2 => words(["ZRANGE", &key, "0", &id]),
            3 => words(["ZINCRBY", &key, &id, "m"]),
            _ => words(["ZADD", &key, &score, &id]),
        }
    }

    /// A command of several keys. Beside each stands one that carries the id and lies in the same
    /// slot, so that every part of the command can be told.
    fn many(&mut self) -> Vec<String> {
        let keys: Vec<_> = (0..=self.dice.within(0..=4)).map(|_| self.key('s')).collect();
        let name =
            *self.dice.pick(&["MGET", "MGET", "MSET", "MSET", "DEL", "UNLINK", "EXISTS", "TOUCH"]);
        let id = self.id.to_string();
        let keys = keys.into_iter().flat_map(|key| {
            let second = if name == "MSET" { id.clone() } else { marker(&key, &id) };
            [key, second]
        });
        once(name.to_owned()).chain(keys).collect()
    }

    fn key(&mut self, kind: char) -> String {
        let n = self.dice.within(0..=KEYS_EACH - 1);
        let whose =
            if self.dice.chance(0.4) { "all".to_owned() } else { self.id.client.to_string() };
        if self.dice.chance(self.focus) {
            format!("{kind}:{HOT}:{whose}")
        } else {
            format!("{kind}:{whose}:{n}")
        }
    }

    fn value(&mut self) -> String {
        if !self.dice.chance(self.large) {
            return self.id.to_string();
        }
        let filler = self.dice.within(0..=VALUE_BYTES_MAX);
        format!("{}:{}", self.id, "x".repeat(usize::try_from(filler).expect("a length")))
    }
}

/// A key that is nowhere, in the slot of `key`.
fn marker(key: &str, id: &str) -> String {
    if key.contains(HOT) { format!("{key}#{id}") } else { format!("{{{key}}}#{id}") }
}

fn words<const N: usize>(args: [&str; N]) -> Vec<String> {
    args.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use redpoll::proto::cluster::Slot;

    use super::*;

    const SIZE: Size = Size {
        clients: 4,
        commands: 500,
        late: 10,
        time_ms: 1_000,
        focus: 0.2,
        large_values: 0.15,
    };

    #[test]
    fn every_kind_of_command_is_drawn_and_known() {
        let many = Size { clients: 16, ..SIZE };
        let mut scripts = draw(&mut Dice::fork(1, "workload", 0), many);
        draw_transactions(&mut scripts, |client| Dice::fork(1, "transactions", client));
        let dice = |name| move |client| Dice::fork(1, name, client);
        draw_waiting(&mut scripts, dice("waiting"), dice("counts"));
        let commands: Vec<_> = scripts.iter().flat_map(|script| &script.commands).collect();
        for kind in &KINDS {
            assert!(
                commands.iter().any(|args| Kind::of(args) == Some(kind)),
                "no {} in the workload",
                kind.name
            );
        }
        assert!(commands.iter().all(|args| Kind::of(args).is_some()));
    }

    #[test]
    fn ids_are_where_they_can_be() {
        let mut scripts = draw(&mut Dice::fork(2, "workload", 0), SIZE);
        draw_transactions(&mut scripts, |client| Dice::fork(2, "transactions", client));
        for (client, script) in scripts.iter().enumerate() {
            for (seq, args) in script.commands.iter().enumerate() {
                let Some(id) = Id::of_command(args) else { continue };
                assert_eq!((usize::from(id.client), id.seq as usize), (client, seq), "{args:?}");
            }
        }
    }

    #[test]
    fn a_marker_is_in_the_slot_of_its_key() {
        for key in ["s:all:1", "s:{hot}:7"] {
            let marker = marker(key, "1000000001");
            assert_eq!(Slot::of(marker.as_bytes()), Slot::of(key.as_bytes()), "{marker}");
        }
        assert_eq!(Slot::of(b"s:{hot}:all"), Slot::of(hot_key().as_bytes()));
    }

    #[test]
    fn a_script_with_gaps_keeps_the_places_of_what_is_left() {
        let scripts =
            draw(&mut Dice::fork(1, "workload", 0), Size { commands: 6, late: 3, ..SIZE });
        let whole = scripts[0].clone();
        assert_eq!(whole.clone().close_up(), (whole.clone(), vec![0, 1, 2, 3, 4, 5]));
        let mut gappy = whole.clone();
        [0, 2, 4].into_iter().for_each(|place: usize| gappy.commands[place].clear());
        let (left, places) = gappy.close_up();
        assert_eq!((places, left.late), (vec![1, 3, 5], 2));
        assert_eq!(left.commands, [1, 3, 5].map(|place: usize| whole.commands[place].clone()));
    }

    #[test]
    fn what_a_seed_draws_is_always_the_same() {
        let of = |seed| draw(&mut Dice::fork(seed, "workload", 0), SIZE);
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }
}
