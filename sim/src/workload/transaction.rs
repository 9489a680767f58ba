//! Transactions: `MULTI`, a few commands on keys of one slot, and `EXEC`; some with `WATCH` before.
//! They take the places of other commands, so that what is asked beside them stays the same.

use super::{Id, Script, hot_key, marker, words};
use crate::dice::Dice;

/// How likely a client has any.
const HAS: f64 = 0.4;

/// How likely one begins where none is open.
const BEGINS: f64 = 0.04;

/// How likely one has a command that is refused: its key is in another slot.
const SPOILT: f64 = 0.1;

/// How likely one only reads.
const READS: f64 = 0.2;

/// How likely keys are watched for one.
const WATCHED: f64 = 0.4;

/// Puts some into the script of a client.
pub(super) fn draw(dice: &mut Dice, client: u16, script: &mut Script) {
    if !dice.chance(HAS) {
        return;
    }
    let mut place = 0;
    while place < script.commands.len() {
        if !dice.chance(BEGINS) {
            place += 1;
            continue;
        }
        let (inner, is_watched) = (dice.index(3) + 2, dice.chance(WATCHED));
        let first = Id { client, seq: u32::try_from(place).expect("few commands") };
        let commands = transaction(dice, first, inner, is_watched);
        let Some(room) = script.commands.get_mut(place..place + commands.len()) else { return };
        room.clone_from_slice(&commands);
        place += commands.len();
    }
}

/// One of so many commands, the first of which has this number. If its key is watched, its client
/// looks at that before.
fn transaction(dice: &mut Dice, first: Id, inner: usize, is_watched: bool) -> Vec<Vec<String>> {
    let whose = if dice.chance(0.4) { "all".to_owned() } else { first.client.to_string() };
    let spot = dice.chance(0.3).then(|| dice.index(3));
    // What is looked at under a watch may have more time than the end of the transaction.
    let is_text = is_watched && dice.chance(0.5);
    let kind = *dice.pick(if is_text { &['s', 'c'][..] } else { &['s', 'c', 'l', 'h', 't', 'z'] });
    let only_reads = dice.chance(READS);
    let spoilt = dice.chance(SPOILT).then(|| dice.index(inner));
    let mut commands = Vec::new();
    if is_watched {
        let key = match spot {
            Some(spot) => format!("{kind}:{whose}:{spot}"),
            None => format!("{kind}:{}:{whose}", hot_key()),
        };
        let seen = Id { seq: first.seq + 1, ..first }.to_string();
        commands.push(words(["WATCH", &key, &marker(&key, &first.to_string())]));
        commands.push(command(dice, (kind, &key), true, &seen));
    }
    commands.push(words(["MULTI"]));
    let before = u32::try_from(commands.len()).expect("few commands");
    for (number, seq) in (0..inner).zip(first.seq + before..) {
        let id = Id { seq, ..first }.to_string();
        let (kind, key) = match spot {
            Some(spot) => (kind, format!("{kind}:{whose}:{spot}")),
            None => {
                let kind = *dice.pick(&['s', 'c', 'l', 'h', 't', 'z']);
                (kind, format!("{kind}:{}:{whose}", hot_key()))
            }
        };
        let key = if spoilt == Some(number) { format!("{kind}:elsewhere:{id}") } else { key };
        let reads = only_reads || dice.chance(0.3);
        commands.push(command(dice, (kind, &key), reads, &id));
    }
    commands.push(words(["EXEC"]));
    commands
}

fn command(dice: &mut Dice, (kind, key): (char, &str), reads: bool, id: &str) -> Vec<String> {
    match (kind, reads) {
        ('s' | 'c', true) => words(["GETRANGE", key, "0", id]),
        ('s', false) => words([*dice.pick(&["SET", "APPEND", "GETSET", "SETNX"]), key, id]),
        ('c', false) => words(["INCRBY", key, id]),
        ('l', true) => words(["LRANGE", key, "0", id]),
        ('l', false) => words([*dice.pick(&["LPUSH", "RPUSH"]), key, id]),
        ('h', true) => words(["HMGET", key, "f0", id]),
        ('h', false) => words(["HSET", key, "f0", id]),
        ('t', true) => words(["SISMEMBER", key, id]),
        ('t', false) => words(["SADD", key, id]),
        (_, true) => words(["ZSCORE", key, id]),
        (_, false) => words(["ZADD", key, "1", id]),
    }
}

#[cfg(test)]
mod tests {
    use redpoll::proto::cluster::Slot;

    use super::*;
    use crate::workload::Kind;

    #[test]
    fn transactions_are_whole_and_nearly_all_of_one_slot() {
        let (mut seen, mut spoilt) = (0, 0);
        for seed in 0..50 {
            let commands = vec![words(["PING", "x"]); 200];
            let mut script = Script {
                resp3: false,
                depth: 1,
                late: 0,
                pause_ms: 0,
                commands,
                manners: super::super::Manners::default(),
            };
            draw(&mut Dice::fork(seed, "transactions", 7), 7, &mut script);
            assert_eq!(script.commands.len(), 200);
            for inner in script.commands.split(|args| args[0] == "MULTI").skip(1) {
                let end = inner.iter().position(|args| args[0] == "EXEC").expect("it ends");
                let slots = inner[..end].iter().map(|args| {
                    assert_eq!(Id::of_command(args).expect("an id").client, 7);
                    Slot::of(Kind::of(args).expect("known").keys(args).next().expect("a key"))
                });
                let slots: std::collections::BTreeSet<_> = slots.collect();
                assert!((2..=4).contains(&end));
                (seen, spoilt) = (seen + 1, spoilt + u64::from(slots.len() > 1));
            }
        }
        assert!(seen > 50 && spoilt > 2 && spoilt * 5 < seen, "{spoilt} of {seen}");
    }
}
