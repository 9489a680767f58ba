//! What was broken, and from when to when: a bar in the lane of each that it befell.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::{Bar, Lanes, ms};
use crate::fault::{Fault, SlotChange};
use crate::history::History;

/// The bars of all faults; one that is over as it comes has no length.
pub(super) fn bars(history: &History, lanes: &Lanes) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut open: BTreeMap<(usize, usize), Range<usize>> = BTreeMap::new();
    for (at, fault) in &history.faults {
        let (what, begins) = span(fault);
        if let Some(of_one) = open.remove(&what) {
            bars[of_one].iter_mut().for_each(|bar| close(bar, *at, fault));
            if !begins {
                continue;
            }
        }
        let first = bars.len();
        let end = if begins { history.took } else { *at };
        let text = if begins { name(fault) } else { format!("{} at once", name(fault)) };
        let bar = |lane| Bar { lane, from: ms(*at), to: ms(end), text: text.clone() };
        bars.extend(befallen(fault, lanes).map(bar));
        if begins {
            open.insert(what, first..bars.len());
        }
    }
    bars
}

fn close(bar: &mut Bar, at: Duration, fault: &Fault) {
    bar.to = ms(at);
    bar.text += &format!(" until {}", name(fault));
}

/// What a fault breaks (true) or mends, slots on their way and a proxy that drains included.
fn span(fault: &Fault) -> ((usize, usize), bool) {
    match fault {
        Fault::Slot(slot, SlotChange::BeginMigration(_)) => ((usize::from(*slot), 100), true),
        Fault::Slot(slot, SlotChange::FinishMigration) => ((usize::from(*slot), 100), false),
        Fault::Drain => ((0, 101), true),
        Fault::Stop(proxy) => ((*proxy, 102), true),
        Fault::Node(..)
        | Fault::Between(..)
        | Fault::Slot(..)
        | Fault::Leave(_)
        | Fault::Crash(_)
        | Fault::Start(_)
        | Fault::Reload(_)
        | Fault::Deaf(_)
        | Fault::Clients(_) => fault.breaks_or_mends(),
    }
}

fn name(fault: &Fault) -> String {
    match fault {
        Fault::Node(_, fault) => format!("{fault:?}"),
        Fault::Between(proxy, _, fault) => format!("proxy-{proxy}: {fault:?}"),
        Fault::Slot(slot, change) => format!("slot {slot} {change:?}"),
        Fault::Clients(fault) => format!("clients {fault:?}"),
        Fault::Leave(_)
        | Fault::Drain
        | Fault::Stop(_)
        | Fault::Crash(_)
        | Fault::Start(_)
        | Fault::Reload(_)
        | Fault::Deaf(_) => format!("{fault:?}"),
    }
}

/// The lanes of those that a fault befalls.
fn befallen(fault: &Fault, lanes: &Lanes) -> Range<usize> {
    let lane = match fault {
        Fault::Node(node, _) | Fault::Between(_, node, _) => lanes.node(*node),
        Fault::Slot(..) => lanes.slots(),
        Fault::Leave(client) => lanes.client(u16::try_from(*client).unwrap_or_default()),
        Fault::Stop(proxy) | Fault::Crash(proxy) | Fault::Start(proxy) => lanes.proxy(*proxy),
        Fault::Drain | Fault::Reload(_) | Fault::Deaf(_) | Fault::Clients(_) => {
            return lanes.proxy(0)..lanes.proxy(lanes.proxies);
        }
    };
    lane..lane + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::NodeFault;

    /// The lane of each bar, from when to when it goes, and what is written there.
    fn told(bars: &[Bar]) -> Vec<(usize, f64, f64, &str)> {
        bars.iter().map(|bar| (bar.lane, bar.from, bar.to, &bar.text[..])).collect()
    }

    #[test]
    fn what_befalls_all_proxies_is_drawn_with_each_and_what_befalls_one_with_that_one() {
        let at = Duration::from_millis;
        let history = History {
            faults: vec![
                (at(1), Fault::Deaf(true)),
                (at(2), Fault::Stop(1)),
                (at(3), Fault::Deaf(false)),
                (at(4), Fault::Drain),
            ],
            took: at(9),
            ..History::default()
        };
        let bars = bars(&history, &Lanes { clients: 1, proxies: 2, nodes: 2 });
        assert_eq!(
            told(&bars),
            [
                (1, 1.0, 3.0, "Deaf(true) until Deaf(false)"),
                (2, 1.0, 3.0, "Deaf(true) until Deaf(false)"),
                (2, 2.0, 9.0, "Stop(1)"),
                (1, 4.0, 9.0, "Drain"),
                (2, 4.0, 9.0, "Drain"),
            ]
        );
    }

    #[test]
    fn a_fault_lasts_until_it_is_mended_or_to_the_end() {
        let at = Duration::from_millis;
        let history = History {
            faults: vec![
                (at(1), Fault::Node(1, NodeFault::Stall)),
                (at(2), Fault::Node(1, NodeFault::Reset)),
                (at(3), Fault::Slot(7, SlotChange::BeginMigration(0))),
                (at(4), Fault::Node(1, NodeFault::Heal)),
                (at(5), Fault::Slot(7, SlotChange::FinishMigration)),
                (at(6), Fault::Node(0, NodeFault::Kill)),
                (at(7), Fault::Leave(1)),
                (at(7), Fault::Crash(0)),
                (at(8), Fault::Start(0)),
            ],
            took: at(9),
            ..History::default()
        };
        let bars = bars(&history, &Lanes { clients: 2, proxies: 1, nodes: 2 });
        assert_eq!(
            told(&bars),
            [
                (4, 1.0, 4.0, "Stall until Heal"),
                (4, 2.0, 2.0, "Reset at once"),
                (5, 3.0, 5.0, "slot 7 BeginMigration(0) until slot 7 FinishMigration"),
                (3, 6.0, 9.0, "Kill"),
                (1, 7.0, 7.0, "Leave(1) at once"),
                (2, 7.0, 8.0, "Crash(0) until Start(0)"),
            ]
        );
    }
}
