//! Makes a failing plan small: leaves out clients, faults, commands and nodes, and makes the world
//! plain, as long as it fails in the same way (delta debugging).

mod setup;

use crate::plan::Plan;
use crate::run::{Failure, run};
use crate::workload::Manners;

pub use setup::peculiarities;
use setup::{with_one_proxy, with_only, without_primary, without_replicas};

/// A plan made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The plan.
    pub plan: Plan,
    /// How it fails, in the way of the plan it was made of.
    pub failure: Failure,
    /// How many runs it took to find.
    pub runs: usize,
}

/// The smallest plan found in so many runs that fails in the same way; `None` if it does not fail.
#[must_use]
pub fn shrink(plan: &Plan, runs_max: usize) -> Option<Shrunk> {
    let failure = run(plan, false).failures.into_iter().next()?;
    let best = Shrunk { plan: plan.clone(), failure, runs: 1 };
    let mut search = Search { best, runs_max };
    loop {
        let before = search.size();
        search.drop_proxies();
        search.drop_clients();
        search.drop_listeners();
        search.drop_faults();
        search.drop_commands();
        search.drop_manners();
        search.drop_nodes();
        search.make_plain();
        if search.size() == before || search.is_over() {
            return Some(search.best);
        }
    }
}

struct Search {
    best: Shrunk,
    runs_max: usize,
}

impl Search {
    fn is_over(&self) -> bool {
        self.best.runs >= self.runs_max
    }

    fn size(&self) -> [usize; 5] {
        let Plan { faults, setup, listeners, .. } = &self.best.plan;
        let commands = self.best.plan.commands().count();
        [faults.len(), commands, listeners.len(), setup.nodes(), peculiarities(setup).len()]
    }

    /// Takes a plan if it fails in the same way.
    fn try_out(&mut self, plan: Plan) -> bool {
        if self.is_over() {
            return false;
        }
        self.best.runs += 1;
        let wanted = self.best.failure.kind();
        let found = run(&plan, false).failures.into_iter().find(|found| found.kind() == wanted);
        let Some(failure) = found else { return false };
        (self.best.plan, self.best.failure) = (plan, failure);
        true
    }

    fn drop_proxies(&mut self) {
        let proxies = self.best.plan.setup.proxies;
        for kept in (0..proxies).filter(|_| proxies > 1) {
            if self.try_out(with_one_proxy(&self.best.plan, kept)) {
                return;
            }
        }
    }

    /// A client without commands keeps its number, and so the others keep theirs.
    fn drop_clients(&mut self) {
        for client in 0..self.best.plan.scripts.len() {
            let mut fewer = self.best.plan.clone();
            let commands = &mut fewer.scripts[client].commands;
            if commands.iter().any(|command| !command.is_empty()) {
                commands.iter_mut().for_each(Vec::clear);
                self.try_out(fewer);
            }
        }
    }

    fn drop_listeners(&mut self) {
        let listeners = self.best.plan.listeners.clone();
        leave_out(listeners, |listeners| {
            let plan = Plan { listeners: listeners.to_vec(), ..self.best.plan.clone() };
            self.try_out(plan)
        });
    }

    fn drop_faults(&mut self) {
        let faults = self.best.plan.faults.clone();
        leave_out(faults, |faults| {
            let plan = Plan { faults: faults.to_vec(), ..self.best.plan.clone() };
            self.try_out(plan)
        });
    }

    /// A command that is left out leaves its place empty, and so the others keep their numbers.
    fn drop_commands(&mut self) {
        let commands: Vec<_> = self.best.plan.commands().collect();
        leave_out(commands, |kept| {
            let mut fewer = self.best.plan.clone();
            let mut kept = kept.iter().peekable();
            let left: Vec<_> = fewer.commands().collect();
            for place in left {
                if kept.next_if(|next| **next == place).is_none() {
                    fewer.scripts[place.0].commands[place.1].clear();
                }
            }
            self.try_out(fewer)
        });
    }

    /// Clients that only ask explain more.
    fn drop_manners(&mut self) {
        for client in 0..self.best.plan.scripts.len() {
            self.change_manners(client, |manners| *manners = Manners::default());
            self.change_manners(client, |manners| manners.half_closes = false);
            self.change_manners(client, |manners| manners.slow = None);
            for exit in (0..self.best.plan.scripts[client].manners.exits.len()).rev() {
                self.change_manners(client, |manners| {
                    manners.exits.remove(exit);
                });
            }
        }
    }

    fn change_manners(&mut self, client: usize, change: impl Fn(&mut Manners)) {
        let mut plan = self.best.plan.clone();
        change(&mut plan.scripts[client].manners);
        if plan != self.best.plan {
            self.try_out(plan);
        }
    }

    /// The nodes that stay get other numbers, and slots another owner; what fails all the same
    /// needs no more of them.
    fn drop_nodes(&mut self) {
        while let Some(fewer) = without_replicas(&self.best.plan)
            && self.try_out(fewer)
        {}
        for primary in (0..self.best.plan.setup.primaries).rev() {
            if let Some(fewer) = without_primary(&self.best.plan, primary) {
                self.try_out(fewer);
            }
        }
    }

    /// What is as plain as can be does not distract.
    fn make_plain(&mut self) {
        let setup = self.best.plan.setup;
        leave_out(peculiarities(&setup), |kept| {
            let plan = Plan { setup: with_only(&setup, kept), ..self.best.plan.clone() };
            self.try_out(plan)
        });
    }
}

/// Leaves out ever smaller chunks of a list for as long as `fails` holds of the rest.
fn leave_out<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut chunk = items.len();
    while chunk > 0 {
        let mut start = 0;
        while start < items.len() {
            let end = items.len().min(start + chunk);
            let rest = [&items[..start], &items[end..]].concat();
            if fails(&rest) {
                items = rest;
            } else {
                start = end;
            }
        }
        chunk /= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use redpoll::proto::cluster::Slot;

    use super::*;
    use crate::fault::{Fault, SlotChange, Timed};
    use crate::net::Grain;
    use crate::tuning::Tuning;
    use crate::world::Setup;

    #[test]
    fn what_is_left_is_what_it_takes() {
        let items: Vec<u32> = (0..40).collect();
        let mut runs = 0;
        let left = leave_out(items, |items| {
            runs += 1;
            items.contains(&7) && items.contains(&31)
        });
        assert_eq!(left, [7, 31]);
        assert!(runs < 60, "{runs} runs");
    }

    #[test]
    fn a_plan_is_left_with_what_breaks_the_promise_and_nothing_else() {
        let mut plan = Plan::draw(3);
        let clients = plan.scripts.len();
        // It carries the number of another one, so that nobody seems to have asked for it.
        plan.scripts[1].commands[3] = ["SADD", "t:1:0", "1001000900"].map(str::to_owned).into();
        let shrunk = shrink(&plan, 200).unwrap();
        assert_eq!(shrunk.failure.kind(), "once", "{}", shrunk.failure);
        assert_eq!(shrunk.plan.commands().collect::<Vec<_>>(), [(1, 3)]);
        assert_eq!((shrunk.plan.faults.len(), shrunk.plan.scripts.len()), (0, clients));
        let setup = shrunk.plan.setup;
        assert_eq!((setup.primaries, setup.replicas, setup.workers), (1, 0, 1));
        assert_eq!((setup.grain, setup.tuning), (Grain::default(), Tuning::default()));
        assert!(setup.standalone && setup.latency_max_ms == Setup::default().latency_max_ms);
        assert!(shrunk.runs < 100, "{} runs", shrunk.runs);
        let again = shrink(&plan, 200).unwrap();
        assert_eq!(
            (again.plan, again.runs),
            (shrunk.plan, shrunk.runs),
            "it is the same each time"
        );
    }

    #[test]
    fn a_plan_that_leaves_a_slot_on_its_way_can_be_carried_out() {
        let mut plan = Plan::draw(2);
        let slot = Slot::of(b"t:1:0").number();
        let begin = Fault::Slot(slot, SlotChange::BeginMigration(0));
        let other = Fault::Slot(slot, SlotChange::BeginMigration(1));
        plan.setup = Setup { primaries: 2, ..Setup::default() };
        plan.faults = [begin, other].map(|fault| Timed { at_ms: 1, fault }).into();
        plan.scripts.iter_mut().for_each(|script| script.commands.iter_mut().for_each(Vec::clear));
        plan.scripts[1].commands[3] = ["SADD", "t:1:0", "1001000003"].map(str::to_owned).into();
        assert_eq!(run(&plan, false).failures, []);
    }

    #[test]
    fn a_plan_that_does_not_fail_has_nothing_to_be_shrunk() {
        assert!(shrink(&Plan::draw(1), 10).is_none());
    }
}
