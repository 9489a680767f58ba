//! Draws what is done to the proxies' processes, from dice of its own.

use crate::dice::Dice;
use crate::fault::{CONNECTIONS_PER_NODE_MAX, ConfigChange, Fault, Timed};
use crate::plan::Family;
use crate::world::Setup;

/// How likely the proxies of a run are given other configurations.
const RELOADS: f64 = 0.25;

/// How likely proxies of a run are killed.
const CRASHES: f64 = 0.2;

/// How long one is down at least, in ms: longer than an answer to a connect is under way, so that
/// who is connected after that is connected to the new process.
const DOWN_MS_MIN: u64 = 30;

/// Draws it for a run in which nothing begins later than `span`, in ms.
pub(super) fn draw(mut dice: Dice, setup: &Setup, span: u64) -> Vec<(Family, Timed)> {
    let mut drawn = Vec::new();
    if dice.chance(RELOADS) {
        let mut at_ms = dice.within(1..=span);
        for _ in 0..dice.within(1..=3) {
            if at_ms > span {
                break;
            }
            let fault = Fault::Reload(change(&mut dice, setup));
            drawn.push((Family::Reload, Timed { at_ms, fault }));
            at_ms += dice.within(20..=800);
        }
    }
    drawn
}

/// Draws which proxies are killed when, and started again: each for itself, so that now and then
/// none is there.
pub(super) fn crashes(mut dice: Dice, setup: &Setup, span: u64) -> Vec<(Family, Timed)> {
    let mut drawn = Vec::new();
    if !dice.chance(CRASHES) {
        return drawn;
    }
    for proxy in 0..setup.proxies {
        if setup.proxies > 1 && dice.chance(0.4) {
            continue;
        }
        let mut at_ms = dice.within(1..=span);
        for _ in 0..dice.within(1..=3) {
            if at_ms > span {
                break;
            }
            let back_ms = at_ms + *dice.pick(&[DOWN_MS_MIN, 150, 700]);
            let crash = Timed { at_ms, fault: Fault::Crash(proxy) };
            let start = Timed { at_ms: back_ms, fault: Fault::Start(proxy) };
            drawn.extend([crash, start].map(|timed| (Family::Crash, timed)));
            at_ms = back_ms + dice.within(20..=1_000);
        }
    }
    drawn
}

fn change(dice: &mut Dice, setup: &Setup) -> ConfigChange {
    let tuning = &setup.tuning;
    // Where connections are made slowly, more of them take too long.
    let is_slow = tuning.connections_per_s > 0 && tuning.connections_per_s < 50;
    match dice.index(4) {
        0 if !is_slow => ConfigChange::Connections(1 + dice.index(CONNECTIONS_PER_NODE_MAX)),
        1 => ConfigChange::Requests(*dice.pick(&[256, 1_024])),
        2 => ConfigChange::CommandStats(!tuning.command_stats),
        _ => ConfigChange::Flush(*dice.pick(&[0, 64, 4_096]), tuning.flush_timeout_ms),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::Plan;

    #[test]
    fn who_is_killed_is_started_again_in_a_while_whether_there_are_others_or_not() {
        let (mut crashed, mut together) = ([0; 4], 0);
        for plan in (0..300).map(Plan::draw) {
            let (mut down, mut has_crashed) = (BTreeMap::new(), false);
            for timed in &plan.faults {
                if let Fault::Crash(proxy) = timed.fault {
                    assert!(proxy < plan.setup.proxies, "{timed:?}");
                    assert_eq!(down.insert(proxy, timed.at_ms), None, "{timed:?}");
                    together += usize::from(down.len() > 1);
                    has_crashed = true;
                } else if let Fault::Start(proxy) = timed.fault {
                    let since = down.remove(&proxy).expect("it is down");
                    assert!(timed.at_ms - since >= DOWN_MS_MIN, "{timed:?}");
                }
            }
            assert!(down.is_empty(), "{}: {down:?}", plan.seed);
            crashed[plan.setup.proxies] += usize::from(has_crashed);
        }
        assert!(crashed[1] > 20 && crashed[2] > 3 && crashed[3] > 1, "{crashed:?}");
        assert!(together > 0, "some are down together");
    }
}
