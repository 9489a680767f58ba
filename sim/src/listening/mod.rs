//! Clients that listen: they subscribe through the proxy to what is published past it, each
//! message a number larger than all before it.
//!
//! - `listener`: a client that follows its script
//! - `log`: what it said and heard
//! - `publisher`: who publishes, at the nodes themselves

mod listener;
mod log;
mod publisher;

use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::resp::{content, elements};

pub(crate) use listener::Follower;
pub use log::{Listening, Said};
pub(crate) use publisher::Publisher;

/// Channels, and as many shard channels.
const CHANNELS: u64 = 3;

/// A client that listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Whether it says `HELLO 3` first.
    pub resp3: bool,
    /// Its connections, one after the other.
    pub rounds: Vec<Round>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The commands by which it subscribes, each a list of arguments.
    pub commands: Vec<Vec<String>>,
    /// How long it listens then, in ms.
    pub listens_ms: u64,
    /// Whether it begins, or else ends, when everything has been well for a while.
    pub is_late: bool,
    /// Whether it unsubscribes before it leaves.
    pub unsubscribes: bool,
}

/// The name of a channel.
fn channel(number: u64) -> String {
    format!("news:{number}")
}

/// The name of a shard channel.
fn shard_channel(number: u64) -> String {
    format!("shard:{number}")
}

/// Draws the clients that listen: one that stays as long as it can, and some that come and go.
#[must_use]
pub fn draw(dice: &mut Dice, time_ms: u64) -> Vec<Listener> {
    let staying = Listener { resp3: dice.chance(0.5), rounds: vec![round(dice, 0, false)] };
    let count = dice.within(1..=3);
    let others = (0..count).map(|_| {
        let early = dice.within(1..=4);
        let rounds = (0..=early).map(|number| round(dice, time_ms / early, number == early));
        let rounds = rounds.collect();
        Listener { resp3: dice.chance(0.5), rounds }
    });
    let others: Vec<_> = others.collect();
    std::iter::once(staying).chain(others).collect()
}

/// A connection on which it listens for so long about; 0: to the end.
fn round(dice: &mut Dice, time_ms: u64, is_late: bool) -> Round {
    let count = dice.within(1..=3);
    let commands = (0..count).map(|_| subscribe(dice)).collect();
    let listens_ms = if time_ms == 0 { 0 } else { dice.within(1..=time_ms) };
    Round { commands, listens_ms, is_late, unsubscribes: dice.chance(0.7) }
}

fn subscribe(dice: &mut Dice) -> Vec<String> {
    let count = dice.within(1..=3);
    let mut names = |of: fn(u64) -> String| {
        (0..count).map(|_| of(dice.within(0..=CHANNELS - 1))).collect::<Vec<_>>()
    };
    let (name, names) = match count {
        1 => ("PSUBSCRIBE", vec!["news:*".to_owned()]),
        2 => ("SSUBSCRIBE", names(shard_channel)),
        _ => ("SUBSCRIBE", names(channel)),
    };
    std::iter::once(name.to_owned()).chain(names).collect()
}

/// The strings that an array or push begins with.
pub(crate) fn words(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let items = elements(frame)?;
    let words: Vec<_> = items.into_iter().map_while(content).collect();
    (!words.is_empty()).then_some(words)
}
