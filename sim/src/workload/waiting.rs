//! Commands that wait for an element of a list, in the places of others, so that what is asked
//! beside them stays the same. None of them is in a transaction, where nobody waits.

use std::time::Duration;

use super::{HOT, Id, KEYS_EACH, Script, marker, words};
use crate::dice::Dice;

/// How likely a client has any.
const HAS: f64 = 0.3;

/// How likely a command is one.
const WAITS: f64 = 0.03;

/// How long one waits at most, in ms.
const TIMES_MS: [u64; 4] = [50, 100, 200, 400];

/// Puts some into the script of a client.
pub(super) fn draw(dice: &mut Dice, client: u16, script: &mut Script) {
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
                *command = blpop(dice, id);
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
    let is_one = args.first().is_some_and(|name| name.eq_ignore_ascii_case(b"blpop"));
    let time = args.last().filter(|_| is_one).and_then(|time| std::str::from_utf8(time).ok());
    let seconds = time.and_then(|time| time.parse().ok()).unwrap_or_default();
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
