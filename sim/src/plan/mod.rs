//! The whole of a run, drawn from its seed before it begins: the world, what the clients ask, and
//! what goes wrong when. The run itself draws only jitter.
//!
//! Each seed leaves out about half of the families of faults: what only shows when some things go
//! wrong and others do not is found sooner (swarm testing). Some seeds are about one thing alone:
//! slots that move under the feet of slow commands, where order is lost; replies that are lost,
//! after which it is hard to say what may be asked again; nodes that have lost their place and do
//! not know; nodes that leave with much to be written to them; clients that do not read, where
//! there is little room.

mod families;
mod faults;
mod links;
mod processes;

use std::collections::BTreeSet;

use redpoll::config::MEMORY_BYTES_MAX;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::fault::{Fault, NodeFault, Timed};
use crate::listening::{self, Listener};
use crate::net::{Grain, Medium, WINDOW_BYTES};
use crate::tuning::Tuning;
use crate::workload::{self, Script, Size};
use crate::world::Setup;

pub use families::Family;
use faults::{Faults, Focus};

/// How likely a value is large, where some are.
const LARGE_VALUES: f64 = 0.15;

/// The same, where there is little room.
const LARGE_VALUES_TIGHT: f64 = 0.6;

/// The fewest requests that may be in flight there.
const REQUESTS_TIGHT_MIN: usize = 4;

/// How likely a key is in the slot that all clients like best, where they like it most.
const FOCUS_MAX: f64 = 0.9;

/// The fewest commands of a client.
const COMMANDS_MIN: u64 = 50;

/// How likely a run is on turmoil, which is much slower: to see that both find the same.
const TURMOIL_SHARE: f64 = 0.03;

/// How likely there are many clients.
const CROWDED: f64 = 0.15;

/// How likely somebody listens to what is published.
const LISTENED: f64 = 0.3;

/// How likely clients of a run may have manners of their own.
const MANNERED: f64 = 0.7;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What jitter is drawn from.
    pub seed: u64,
    /// The world.
    pub setup: Setup,
    /// What goes wrong, in the order of time.
    pub faults: Vec<Timed>,
    /// What the clients ask.
    pub scripts: Vec<Script>,
    /// Who listens to what is published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn draw(seed: u64) -> Plan {
        Plan::draw_with_families(seed).0
    }

    /// The plan of a seed, and the family of each of its faults.
    #[must_use]
    pub fn draw_with_families(seed: u64) -> (Plan, Vec<Family>) {
        let tuning = Tuning::draw(&mut Dice::fork(seed, "tuning", 0));
        let mut setup = setup(&mut Dice::fork(seed, "setup", 0), tuning);
        let mut dice = Dice::fork(seed, "size", 0);
        let mut size = Size {
            clients: dice.within(2..=8),
            commands: dice.within(COMMANDS_MIN..=400),
            time_ms: dice.within(500..=4_000),
            late: dice.within(10..=30),
            focus: *dice.pick(&[0.0, 0.2, 0.6, FOCUS_MAX]),
            large_values: *dice.pick(&[0.0, 0.0, LARGE_VALUES]),
        };
        let mut crowd = Dice::fork(seed, "crowd", 0);
        setup.workers = *crowd.pick(&[1, 2, 2, 2, 3, 4]);
        setup.proxies = match Dice::fork(seed, "proxies", 0).index(12) {
            0 => 3,
            1..3 => 2,
            _ => 1,
        };
        let focus = match dice.index(20) {
            // Little room shows where much is to be kept.
            _ if tuning.is_tight() => Focus::Room,
            0..3 => Focus::Order,
            3..5 => Focus::Loss,
            5 => Focus::News,
            6 => Focus::Leaving,
            _ => Focus::Anything,
        };
        match focus {
            Focus::Order | Focus::Loss => size.focus = FOCUS_MAX,
            Focus::Leaving => setup.standalone = false,
            Focus::Room => {
                let is_small = Dice::fork(seed, "room", 0).chance(0.5);
                fill_up(&mut setup, &mut size, is_small);
            }
            Focus::News => {
                setup.replicas = setup.replicas.max(1);
                setup.standalone = false;
                // Old news is heard only by who asks.
                setup.tuning.refresh_ms = 200;
            }
            // More seeds find more than longer runs do.
            Focus::Anything => size.commands = (size.commands / 3).max(COMMANDS_MIN),
        }
        if crowd.chance(CROWDED) {
            size = size.shared_among(crowd.within(9..=20));
        }
        if Dice::fork(seed, "medium", 0).chance(TURMOIL_SHARE) {
            setup.medium = Medium::Turmoil;
        }
        let faults = Faults::new(Dice::fork(seed, "faults", 0), size, &setup, focus);
        let mut faults = faults.with_sides(Dice::fork(seed, "sides", 0)).draw();
        faults.extend(processes::draw(Dice::fork(seed, "processes", 0), &setup, size.time_ms));
        let crashes = processes::crashes(Dice::fork(seed, "crashes", 0), &setup, size.time_ms);
        faults.extend(crashes);
        faults.sort_by_key(|(_, timed)| timed.at_ms);
        let (families, faults) = faults.into_iter().unzip();
        let mut scripts = workload::draw(&mut Dice::fork(seed, "workload", 0), size);
        let dice = |name| move |client| Dice::fork(seed, name, client);
        workload::draw_transactions(&mut scripts, dice("transactions"));
        workload::draw_waiting(&mut scripts, dice("waiting"), dice("counts"));
        if Dice::fork(seed, "manners", u64::MAX).chance(MANNERED) {
            workload::draw_manners(&mut scripts, size, dice("manners"));
        }
        let mut dice = Dice::fork(seed, "audience", 0);
        let is_heard = dice.chance(LISTENED);
        let listeners = if is_heard { listening::draw(&mut dice, size.time_ms) } else { vec![] };
        (Plan { seed, setup, faults, scripts, listeners }, families)
    }

    /// The commands that were not left out: the client of each, and its place in the script.
    pub fn commands(&self) -> impl Iterator<Item = (usize, usize)> {
        self.scripts.iter().enumerate().flat_map(|(client, script)| {
            let places = script.commands.iter().enumerate();
            places.filter(|(_, command)| !command.is_empty()).map(move |(place, _)| (client, place))
        })
    }

    /// From when on nothing may fail, in ms: from the start if nothing is ever broken, else some
    /// time after the last repair; `None` if something stays broken.
    #[must_use]
    pub fn quiet_from_ms(&self) -> Option<u64> {
        let harmful = || self.faults.iter().filter(|timed| !timed.fault.is_harmless());
        let mut broken = BTreeSet::new();
        let mut replaced = BTreeSet::new();
        for timed in harmful() {
            let (what, breaks) = timed.fault.breaks_or_mends();
            let was_broken = broken.remove(&what);
            replaced.remove(&what);
            if breaks {
                broken.insert(what);
            } else if was_broken && matches!(timed.fault, Fault::Node(_, NodeFault::FailOver)) {
                replaced.insert(what);
            }
        }
        let last = harmful().next_back().map(|timed| timed.at_ms);
        let mut recovery = self.setup.recovery_ms();
        if !replaced.is_empty() {
            // A node that stays away may be missed only by the next regular look.
            recovery += self.setup.tuning.regular_look_ms();
        }
        broken.is_empty().then(|| last.map_or(0, |last| last + recovery))
    }
}

fn setup(dice: &mut Dice, tuning: Tuning) -> Setup {
    let primaries = *dice.pick(&[1, 2, 3, 3, 3, 3, 4, 6]);
    let replicas = *dice.pick(&[0, 0, 0, 1, 1, 2]);
    let names = dice.index(5);
    let standalone = primaries * (1 + replicas) == 1 && dice.chance(0.6);
    let mut probability = |choices: &[f64]| *dice.pick(choices);
    let grain = Grain {
        short_reads: probability(&[0.0, 0.1, 0.5, 0.9]),
        short_writes: probability(&[0.0, 0.1, 0.5, 0.9]),
        full_buffers: probability(&[0.0, 0.05, 0.3]),
        late_tasks: probability(&[0.0, 0.05, 0.3]),
    };
    Setup {
        primaries,
        replicas,
        hostnames: names == 0,
        shared_host: names == 1,
        standalone,
        medium: Medium::Memory,
        tick_ms: *dice.pick(&[1, 2]),
        latency_min_ms: dice.within(0..=1),
        latency_max_ms: dice.within(1..=8),
        grain,
        window_bytes: *dice.pick(&[16 * 1024, 64 * 1024, WINDOW_BYTES, WINDOW_BYTES]),
        proxies: 1,
        workers: 2,
        op_timeout_ms: *dice.pick(&[150, 400, 1_000]),
        connect_timeout_ms: *dice.pick(&[40, 120, 300]),
        drain_timeout_ms: *dice.pick(&[40, 300, 1_500]),
        tuning,
    }
}

/// Makes that there is much to be kept; perhaps in a world so small that it shows.
fn fill_up(setup: &mut Setup, size: &mut Size, is_small: bool) {
    size.large_values = LARGE_VALUES_TIGHT;
    setup.tuning.leases_max = 1;
    if setup.tuning.memory_bytes < MEMORY_BYTES_MAX && is_small {
        // What connections to nodes may hold on top would hide what is too much.
        (setup.primaries, setup.replicas, setup.workers) = (1, 0, 1);
        setup.tuning.connections_per_node = 1;
        // Only of many that are to be kept waiting does it show who is not.
        size.clients *= 4;
        // And all have to be served in the time that a run has.
        setup.tuning.connections_per_s = Tuning::default().connections_per_s;
        setup.tuning.requests_max = setup.tuning.requests_max.max(REQUESTS_TIGHT_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_many_clients_they_have_no_more_to_ask_together() {
        // Where memory is tight there are twice as many for another reason.
        let has_room = |plan: &Plan| plan.setup.tuning.memory_bytes == MEMORY_BYTES_MAX;
        let plans: Vec<_> = (0..330).map(Plan::draw).filter(has_room).collect();
        let of = |many: bool| {
            let plans = plans.iter().filter(|plan| (plan.scripts.len() > 8) == many);
            let commands: Vec<_> = plans.map(|plan| plan.commands().count()).collect();
            (commands.len(), commands.iter().sum::<usize>() / commands.len())
        };
        let ((crowded, theirs), (_, others)) = (of(true), of(false));
        assert!(crowded > 30 && theirs < others * 11 / 10, "{crowded}: {theirs} and {others}");
        assert!(plans.iter().any(|plan| plan.scripts.len() == 20));
        let workers = |count| plans.iter().any(|plan| plan.setup.workers == count);
        assert!((1..=4).all(workers));
    }

    #[test]
    fn where_there_is_little_memory_there_are_small_worlds_and_large_ones() {
        let setups = (0..300).map(|seed| Plan::draw(seed).setup);
        let tight: Vec<_> =
            setups.filter(|setup| setup.tuning.memory_bytes < MEMORY_BYTES_MAX).collect();
        let is_small = |setup: &&Setup| setup.nodes() == 1 && setup.workers == 1;
        let small = tight.iter().filter(is_small).count();
        assert!(small > 10 && tight.len() - small > 10, "{small} of {}", tight.len());
    }

    #[test]
    fn a_plan_is_its_seed_s_alone_and_survives_being_written_down() {
        for seed in 0..20 {
            let plan = Plan::draw(seed);
            assert_eq!(plan, Plan::draw(seed));
            assert_ne!(plan.scripts, Plan::draw(seed + 1).scripts);
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        }
    }
}
