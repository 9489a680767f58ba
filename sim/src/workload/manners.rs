//! How clients behave, beside what they ask: drawn for each from dice of its own, so that what it
//! asks stays the same.

use serde::{Deserialize, Serialize};

use super::{Effect, Id, Kind, Script, Size};
use crate::dice::Dice;
use crate::resp::command;

/// How likely a client shuts its writing side down when it has asked everything.
const HALF_CLOSES: f64 = 0.2;

/// How likely it leaves now and then without waiting for replies.
const EXITS: f64 = 0.2;

/// How likely it reads little at a time for a while.
const SLOW: f64 = 0.12;

/// How a client behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manners {
    /// After its last command it shuts its writing side down, and waits for all replies and the
    /// end.
    pub half_closes: bool,
    /// Where it leaves, in the order of their places; it connects again and goes on.
    pub exits: Vec<Exit>,
    /// When it reads little at a time.
    pub slow: Option<Slow>,
}

/// A client leaves, and has read nothing since it began to send what it sent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The place of the command that it sends last.
    pub place: u32,
    /// How many bytes of this command it sends, fewer than it has; `None` if it sends all.
    pub bytes: Option<usize>,
    /// How long it stays after that, in ms.
    pub stays_ms: u64,
}

/// A client reads little at a time for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    /// From then on, in ms.
    pub from_ms: u64,
    /// Until then, in ms.
    pub until_ms: u64,
    /// How many bytes at a time.
    pub bytes: usize,
    /// How long it pauses before each time, in ms.
    pub pause_ms: u64,
}

impl Manners {
    /// Whether there is nothing remarkable about them.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        *self == Manners::default()
    }
}

/// Draws those of the client with this script.
#[must_use]
pub(super) fn draw(dice: &mut Dice, script: &Script, size: Size) -> Manners {
    let half_closes = dice.chance(HALF_CLOSES);
    let exits = if dice.chance(EXITS) { exits(dice, script) } else { Vec::new() };
    let slow = dice.chance(SLOW).then(|| slow(dice, size.time_ms));
    Manners { half_closes, exits, slow }
}

fn exits(dice: &mut Dice, script: &Script) -> Vec<Exit> {
    let mut exits: Vec<Exit> = Vec::new();
    for _ in 0..dice.within(1..=4) {
        let place = dice.index(script.commands.len());
        let args = &script.commands[place];
        // What is half sent must be found wherever it turns up.
        let has_id = Id::of_command(args).is_some()
            && Kind::of(args).is_some_and(|kind| kind.effect != Effect::Local);
        let bytes = (has_id && dice.chance(0.6)).then(|| cut(dice, args));
        let stays_ms = *dice.pick(&[0, 0, 1, 20]);
        exits.push(Exit { place: u32::try_from(place).expect("few commands"), bytes, stays_ms });
    }
    exits.sort_by_key(|exit| exit.place);
    exits.dedup_by_key(|exit| exit.place);
    exits
}

/// Where a command is cut off: anywhere, in its first lines, in its last argument, or in what ends
/// it.
fn cut(dice: &mut Dice, args: &[String]) -> usize {
    let len = command(args).len();
    let last = args.last().map_or(0, String::len);
    let bytes = match dice.index(5) {
        0 => dice.index(len),
        1 => dice.index(len.min(8)),
        2 => len - 2 - dice.index(last.max(1)),
        3 => len - 2,
        _ => len - 1,
    };
    bytes.max(1)
}

fn slow(dice: &mut Dice, time_ms: u64) -> Slow {
    let from_ms = dice.within(0..=time_ms);
    let until_ms = from_ms + *dice.pick(&[50, 200, 600]);
    let bytes = *dice.pick(&[1, 20, 500, 4_000]);
    Slow { from_ms, until_ms, bytes, pause_ms: dice.within(1..=10) }
}

#[cfg(test)]
mod tests {
    use super::super::draw as draw_scripts;
    use super::*;

    const SIZE: Size =
        Size { clients: 8, commands: 100, late: 10, time_ms: 500, focus: 0.2, large_values: 0.1 };

    #[test]
    fn what_is_cut_off_carries_its_number_and_is_not_whole() {
        let mut cuts = 0;
        for seed in 0..100 {
            let script = &draw_scripts(&mut Dice::fork(seed, "workload", 0), SIZE)[0];
            let manners = draw(&mut Dice::fork(seed, "manners", 0), script, SIZE);
            assert!(manners.exits.is_sorted_by(|a, b| a.place < b.place));
            for Exit { place, bytes, .. } in manners.exits {
                let args = &script.commands[place as usize];
                let Some(bytes) = bytes else { continue };
                assert!((1..command(args).len()).contains(&bytes), "{bytes} of {args:?}");
                assert_eq!(Id::of_command(args).map(|id| id.seq), Some(place));
                cuts += 1;
            }
        }
        assert!(cuts > 10, "{cuts}");
    }
}
