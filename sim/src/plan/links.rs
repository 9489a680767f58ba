//! Draws what goes wrong with the network: before a node, as episodes like all others that strike
//! it, and before the clients.

use crate::dice::Dice;
use crate::fault::{ClientFault, Fault, LinkFault, NodeFault, Timed};
use crate::world::Setup;

/// Faults of the network before a node that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkFamily {
    OneWay,
    Forget,
    Narrow,
    SlowReader,
    Freeze,
    Unaccepting,
    HangingName,
    Sticky,
}

/// Bytes an ms that get through, or are read: less than a command, some commands, a large reply.
const RATES: [u64; 4] = [1, 5, 30, 500];

impl LinkFamily {
    /// What happens, in a sentence.
    pub(super) const fn description(self) -> &'static str {
        match self {
            LinkFamily::OneWay => "what travels in one direction is lost, and nobody says so",
            LinkFamily::Forget => "streams are known to nobody on the way any more",
            LinkFamily::Narrow => "few bytes get through in a millisecond",
            LinkFamily::SlowReader => "a node reads slowly",
            LinkFamily::Freeze => "a node's process is stopped, and its system goes on",
            LinkFamily::Unaccepting => "a node accepts no connections, and few may wait",
            LinkFamily::HangingName => "a name has another address, to which connects hang",
            LinkFamily::Sticky => "one node is far away from the beginning to the end",
        }
    }

    /// Whether a node can be struck by faults of this family.
    pub(super) fn strikes(self, node: usize, setup: &Setup) -> bool {
        // What strikes one of those on a host strikes all.
        let is_its_own = node == 0 || !setup.shared_host;
        match self {
            LinkFamily::OneWay | LinkFamily::Forget => {
                // Only a stall timeout shows that a connection is dead.
                is_its_own && setup.tuning.stall_timeout_ms > 0
            }
            LinkFamily::Narrow
            | LinkFamily::SlowReader
            | LinkFamily::Freeze
            | LinkFamily::Unaccepting => is_its_own,
            LinkFamily::HangingName => setup.hostnames && !setup.shared_host,
            LinkFamily::Sticky => false,
        }
    }

    /// A fault from one time to another: what comes when.
    pub(super) fn episode(self, dice: &mut Dice, (at, end): (u64, u64)) -> Vec<(u64, NodeFault)> {
        let rate = *dice.pick(&RATES);
        let pair = |fault, cure| vec![(at, NodeFault::Link(fault)), (end, NodeFault::Link(cure))];
        match self {
            LinkFamily::OneWay => {
                let cuts = [LinkFault::CutRequests, LinkFault::CutReplies];
                vec![(at, NodeFault::Link(*dice.pick(&cuts))), (end, NodeFault::Repair)]
            }
            LinkFamily::Forget => vec![(at, NodeFault::Link(LinkFault::Forget))],
            LinkFamily::Narrow => pair(LinkFault::Narrow(rate), LinkFault::Widen),
            LinkFamily::SlowReader => pair(LinkFault::ReadSlowly(rate), LinkFault::ReadFast),
            LinkFamily::Freeze => pair(LinkFault::Freeze, LinkFault::Thaw),
            LinkFamily::Unaccepting => {
                let backlog = *dice.pick(&[0, 1, 4, 100]);
                let mut events = pair(LinkFault::StopAccepting(backlog), LinkFault::AcceptAgain);
                if dice.chance(0.7) {
                    // Who has connections need not ask for new ones.
                    events.insert(1, (at, NodeFault::Reset));
                }
                if dice.chance(0.3) {
                    // What waits to be accepted ends with its listener.
                    let killed = at + (end - at) / 2;
                    events.insert(events.len() - 1, (killed, NodeFault::Kill));
                    events.push((end, NodeFault::Restart));
                }
                events
            }
            LinkFamily::HangingName => {
                let mut events = pair(LinkFault::HangName, LinkFault::UnhangName);
                events.insert(1, (at, NodeFault::Reset));
                events
            }
            LinkFamily::Sticky => vec![],
        }
    }
}

/// One node that is farther away than others from the beginning to the end.
pub(super) fn sticky(dice: &mut Dice, setup: &Setup, span: u64) -> Vec<Timed> {
    let node = if setup.shared_host { 0 } else { dice.index(setup.nodes()) };
    let slow = dice.within(10..=60);
    let timed = |at_ms, fault| Timed { at_ms, fault: Fault::Node(node, fault) };
    vec![
        timed(0, NodeFault::SetSpeed(slow / 2, slow)),
        timed(span, NodeFault::SetSpeed(setup.latency_min_ms, setup.latency_max_ms)),
    ]
}

/// What strikes the clients' side of the proxy: one thing after the other.
pub(super) fn of_clients(dice: &mut Dice, span: u64) -> Vec<Timed> {
    let mut drawn = Vec::new();
    let mut add = |at_ms, fault| drawn.push(Timed { at_ms, fault: Fault::Clients(fault) });
    let mut at = dice.within(10..=span);
    for _ in 0..dice.within(1..=3) {
        let end = at + *dice.pick(&[20, 150, 700]);
        let rate = 10 * *dice.pick(&RATES);
        match dice.index(4) {
            0 => {
                add(at, ClientFault::ReadSlowly(rate));
                add(end, ClientFault::ReadFast);
            }
            1 => {
                add(at, ClientFault::Narrow(rate));
                add(end, ClientFault::Widen);
            }
            2 => add(at, ClientFault::Reset),
            _ => add(at, ClientFault::Forget),
        }
        at = end + dice.within(1..=500);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::*;

    #[test]
    fn every_fault_of_the_network_comes() {
        let plans: Vec<_> = (0..600).map(Plan::draw).collect();
        let faults = || plans.iter().flat_map(|plan| &plan.faults).map(|timed| timed.fault);
        let name = |fault: Fault| format!("{fault:?}");
        for part in [
            "CutRequests",
            "CutReplies",
            "Link(Forget)",
            "Link(Narrow",
            "Link(Widen)",
            "Link(ReadSlowly",
            "Link(ReadFast)",
            "Freeze",
            "Thaw",
            "StopAccepting",
            "AcceptAgain",
            "Link(HangName)",
            "Link(UnhangName)",
            "Clients(ReadSlowly",
            "Clients(ReadFast)",
            "Clients(Narrow",
            "Clients(Widen)",
            "Clients(Reset)",
            "Clients(Forget)",
        ] {
            assert!(faults().any(|fault| name(fault).contains(part)), "{part}");
        }
        let windows = || plans.iter().map(|plan| plan.setup.window_bytes);
        assert!(windows().any(|bytes| bytes < 32 * 1024) && windows().any(|bytes| bytes > 1 << 19));
    }
}
