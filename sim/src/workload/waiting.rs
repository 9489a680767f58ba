//! Commands that wait for an element of a list, or for replicas, in the places of others, so that
//! what is asked beside them stays the same. None of them is in a transaction, where nobody waits.

use std::time::Duration;

use super::{HOT, Id, KEYS_EACH, Script, marker, words};
use crate::dice::Dice;

/// How likely a client has any.
const HAS: f64 = 0.3;

/// How likely a command is one.
const WAITS: f64 = 0.03;

/// How long one waits at most, in ms.
const TIMES_MS: [u64; 4] = [50, 100, 200, 400];

/// How long one waits for replicas, in ms: there are never so many as it asks for.
const REPLICAS_MS: [u64; 3] = [1, 20, 60];

/// Has some of the commands in the script of a client wait for elements.
pub(super) fn draw(dice: &mut Dice, client: u16, script: &mut Script) {
    put(dice, client, script, blpop);
}

/// Has some of them wait for replicas.
pub(super) fn draw_counts(dice: &mut Dice, client: u16, script: &mut Script) {
    put(dice, client, script, |dice, id| {
        words(["WAIT", &id.to_string(), &dice.pick(&REPLICAS_MS).to_string()])
    });
}

fn put(
    dice: &mut Dice,
    client: u16,
    script: &mut Script,
    one: impl Fn(&mut Dice, Id) -> Vec<String>,
) {
    if !dice.chance(HAS) {
        return;
    }
    let mut is_open = false;
    // Who says that it asks no more while it waits is taken to have gone.
    let last = script.commands.len().saturating_sub(script.depth);
    for (place, command) in script.commands[..last].iter_mut().enumerate() {
        match command[0].as_str() {
            "WATCH" | "MULTI" => is_open = true,
            "EXEC" => is_open = false,
            _ if !is_open && dice.chance(WAITS) => {
                let id = Id { client, seq: u32::try_from(place).expect("few commands") };
                *command = one(dice, id);
            }
            _ => {}
        }
    }
}

fn blpop(dice: &mut Dice, id: Id) -> Vec<String> {
    let whose = if dice.chance(0.7) { "all".to_owned() } else { id.client.to_string() };
    let key = if dice.chance(0.3) {
        format!("l:{HOT}:{whose}")
    } else {
        format!("l:{whose}:{}", dice.within(0..=KEYS_EACH - 1))
    };
    let time = format!("0.{:03}", dice.pick(&TIMES_MS));
    words(["BLPOP", &key, &marker(&key, &id.to_string()), &time])
}

/// How long a command says that it waits at most.
pub(crate) fn patience(args: &[Vec<u8>]) -> Duration {
    let is = |name: &[u8]| args.first().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let time = args.last().and_then(|time| std::str::from_utf8(time).ok()).unwrap_or_default();
    if is(b"wait") {
        return Duration::from_millis(time.parse().unwrap_or_default());
    }
    let seconds = if is(b"blpop") { time.parse().unwrap_or_default() } else { 0.0 };
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::super::Manners;
    use super::*;

    #[test]
    fn commands_that_wait_carry_their_id_and_say_for_how_long() {
        let mut seen = 0;
        for seed in 0..20 {
            let commands = vec![words(["PING", "x"]); 200];
            let manners = Manners::default();
            let mut script =
                Script { resp3: false, depth: 1, late: 0, pause_ms: 0, commands, manners };
            draw(&mut Dice::fork(seed, "waiting", 7), 7, &mut script);
            for (place, args) in script.commands.iter().enumerate() {
                let bytes: Vec<_> = args.iter().map(|arg| arg.clone().into_bytes()).collect();
                if args[0] == "PING" {
                    assert_eq!(patience(&bytes), Duration::ZERO);
                    continue;
                }
                let id = Id::of_command(args).expect("an id");
                assert_eq!((id.client, id.seq as usize), (7, place));
                assert!((50..=400).contains(&patience(&bytes).as_millis()));
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen}");
    }
}
