//! Draws what is done to the proxies' processes, from dice of its own.

use crate::dice::Dice;
use crate::fault::{CONNECTIONS_PER_NODE_MAX, ConfigChange, Fault, Timed};
use crate::plan::Family;
use crate::world::Setup;

/// How likely the proxies of a run are given other configurations.
const RELOADS: f64 = 0.25;

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
