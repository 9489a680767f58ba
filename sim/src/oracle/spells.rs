//! When something was broken: from a fault to what mended it.

use std::collections::BTreeMap;
use std::time::Duration;

use redpoll::limits::{TOPOLOGY_HEDGE_MS, TOPOLOGY_TIMEOUT_MS};

use crate::fault::{ClientFault, Fault, NodeFault, SlotChange};
use crate::history::{Conversation, History};
use crate::net::KEEPALIVE;
use crate::world::ms;

/// A time in which something was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spell {
    pub(super) from: Duration,
    /// `Duration::MAX` if it was never mended.
    pub(super) until: Duration,
}

impl Spell {
    /// Whether it overlaps another time.
    pub(super) fn touches(self, from: Duration, until: Duration) -> bool {
        self.from <= until && self.until >= from
    }
}

/// The spells of the faults that `concerns` picks. Those that are over when they have happened make
/// a spell of no length.
pub(super) fn spells(history: &History, concerns: impl Fn(&Fault) -> bool) -> Vec<Spell> {
    let mut open: BTreeMap<_, Duration> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, fault) in history.faults.iter().filter(|(_, fault)| concerns(fault)) {
        let (what, breaks) = fault.breaks_or_mends();
        if breaks {
            open.entry(what).or_insert(*at);
        } else {
            let from = open.remove(&what).unwrap_or(*at);
            found.push(Spell { from, until: *at });
        }
    }
    found.extend(open.into_values().map(|from| Spell { from, until: Duration::MAX }));
    found
}

/// When something was wrong with a node, or with its host where all nodes are on one.
pub(super) fn spells_of(history: &History, node: usize) -> Vec<Spell> {
    let is_its_own = |ill: usize| ill == node || !history.rules.are_apart;
    spells(history, |fault| matches!(fault, Fault::Node(ill, _) if is_its_own(*ill)))
}

/// When what a node says may have been on its way for long: whatever it says and knows, it says it
/// at once. What was said while the network was slow holds up what is said after that.
pub(super) fn delays_of(history: &History, node: usize) -> Vec<Spell> {
    let is_its_own = |ill: usize| ill == node || !history.rules.are_apart;
    let is_said_at_once = |fault: &NodeFault| {
        matches!(
            fault,
            NodeFault::Sicken(_)
                | NodeFault::Recover
                | NodeFault::Isolate
                | NodeFault::Rejoin
                | NodeFault::FailOver
                | NodeFault::Reset
                | NodeFault::Retire(_)
                | NodeFault::HoldReplication
                | NodeFault::ReleaseReplication
        )
    };
    let delays = spells(
        history,
        |fault| matches!(fault, Fault::Node(ill, fault) if is_its_own(*ill) && !is_said_at_once(fault)),
    );
    let slowest = history.faults.iter().filter_map(|(_, fault)| {
        let Fault::Node(ill, NodeFault::SetSpeed(_, max)) = fault else { return None };
        is_its_own(*ill).then(|| ms(*max))
    });
    let wake = slowest.max().unwrap_or_default();
    let with_wake = |spell: Spell| Spell { until: spell.until.saturating_add(wake), ..spell };
    delays.into_iter().map(with_wake).collect()
}

/// Whether clients get what they are told only when that is over.
pub(super) fn delays_clients(fault: &Fault) -> bool {
    matches!(fault, Fault::Deaf(_)) || matches!(fault, Fault::Clients(fault) if fault.delays())
}

/// After each change of the configuration, the time in which clients may wait: what they ask is not
/// taken before all that they have asked of the old connections is answered.
pub(super) fn renewals(history: &History) -> impl Iterator<Item = Spell> {
    let rules = &history.rules;
    let longest = rules.drain_timeout.min(rules.longest_timeout()) + rules.slack;
    let is_one = |fault: &Fault| matches!(fault, Fault::Reload(_));
    let renewals = history.faults.iter().filter(move |(_, fault)| is_one(fault));
    renewals.map(move |(at, _)| Spell { from: *at, until: *at + longest })
}

/// Whether what a node tells of the topology at that time is for all clients: for a while after a
/// change of the configuration some are left to the old one, which looks for itself, and ends with
/// the last look that it has begun.
pub(super) fn reaches_all_clients(history: &History, look: Duration) -> bool {
    let began = look.saturating_sub(ms(TOPOLOGY_TIMEOUT_MS));
    !renewals(history).any(|renewal| renewal.touches(began, look))
}

/// How long a view of the topology may wait for better ones: one with a gap has to, and what takes
/// slots from nodes makes gaps.
pub(super) fn wait_for_better_views(history: &History) -> Duration {
    let takes = |fault: &Fault| matches!(fault, Fault::Slot(_, SlotChange::Take));
    let has_gaps = history.faults.iter().any(|(_, fault)| takes(fault));
    if has_gaps { ms(2 * TOPOLOGY_HEDGE_MS) } else { Duration::ZERO }
}

/// Whether nobody may have heard the answer to a look: what another node was asked shortly before
/// `news` was enough to end the round, and was not news yet.
pub(super) fn may_be_unheard(history: &History, look: Duration, news: Duration) -> bool {
    let swift = 2 * history.rules.slack;
    history.looks.iter().any(|earlier| {
        let delays = || delays_of(history, earlier.node);
        let is_held_up = || delays().iter().any(|it| it.touches(earlier.at, look));
        let under_way = if is_held_up() { ms(TOPOLOGY_TIMEOUT_MS) } else { swift };
        earlier.at <= news && earlier.at + under_way >= look
    })
}

/// The time in which a client read little at a time.
pub(super) fn slow_spell(conversation: &Conversation) -> Option<Spell> {
    conversation.slow.map(|(from, until)| Spell { from, until })
}

/// Whether the network, or the death of the process, ended a client's connection that ended at
/// `end`.
pub(super) fn was_cut_off(history: &History, end: Duration) -> bool {
    let is_dead = history.own().died.is_some_and(|died| died <= end);
    is_dead
        || history.faults.iter().any(|(at, fault)| {
            let Fault::Clients(fault @ (ClientFault::Reset | ClientFault::Forget)) = fault else {
                return false;
            };
            let found_after =
                if *fault == ClientFault::Forget { KEEPALIVE } else { Duration::ZERO };
            (*at..=*at + found_after + history.rules.slack).contains(&end)
        })
}

/// Whether a client whose connection ended at `end` took little when the proxy was told to stop,
/// or after that: it may be left behind, with what it was to be told half written.
pub(super) fn was_left_behind(
    history: &History,
    conversation: &Conversation,
    end: Duration,
) -> bool {
    let Some(drained) = history.own().drained else { return false };
    let mut deaf = spells(history, delays_clients).into_iter().chain(slow_spell(conversation));
    deaf.any(|spell| spell.touches(drained, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::ConfigChange;
    use crate::history::{Look, Process};

    #[test]
    fn a_spell_goes_from_what_breaks_to_what_mends() {
        let ms = Duration::from_millis;
        let fault = |at, node, fault| (ms(at), Fault::Node(node, fault));
        let faults = vec![
            fault(1, 0, NodeFault::Stall),
            fault(2, 1, NodeFault::Stall),
            fault(3, 0, NodeFault::Reset),
            fault(4, 0, NodeFault::Heal),
            fault(5, 0, NodeFault::Kill),
        ];
        let history = History { faults, ..History::default() };
        let of_first = |fault: &Fault| matches!(fault, Fault::Node(0, _));
        let spell = |from, until| Spell { from: ms(from), until };
        let expected = [spell(3, ms(3)), spell(1, ms(4)), spell(5, Duration::MAX)];
        assert_eq!(spells(&history, of_first), expected);
        assert!(spell(3, ms(5)).touches(ms(5), ms(9)) && !spell(3, ms(5)).touches(ms(6), ms(9)));
    }

    #[test]
    fn what_was_said_slowly_holds_up_what_is_said_then() {
        let fault = |at, fault| (ms(at), Fault::Node(0, fault));
        let slow = [NodeFault::SetSpeed(100, 200), NodeFault::SetSpeed(1, 5)];
        let faults = vec![fault(10, slow[0]), fault(20, slow[1])];
        let mut history = History { faults, ..History::default() };
        history.rules.are_apart = true;
        assert_eq!(delays_of(&history, 0), [Spell { from: ms(10), until: ms(220) }]);
        assert_eq!(delays_of(&history, 1), []);
    }

    #[test]
    fn while_a_new_configuration_takes_over_nobody_knows_for_all() {
        let ms = Duration::from_millis;
        let change = Fault::Reload(ConfigChange::CommandStats(true));
        let mut history = History { faults: vec![(ms(10), change)], ..History::default() };
        history.rules.op_timeout = ms(100);
        history.rules.drain_timeout = ms(40);
        history.rules.slack = ms(5);
        let reaches_all_clients = |at| reaches_all_clients(&history, ms(at));
        let last = 55 + TOPOLOGY_TIMEOUT_MS;
        assert!(reaches_all_clients(9) && reaches_all_clients(last + 1));
        assert!(!reaches_all_clients(10) && !reaches_all_clients(last));
    }

    #[test]
    fn a_view_waits_for_better_ones_only_where_slots_are_taken() {
        let given = (ms(1), Fault::Slot(1, SlotChange::Give(0)));
        let mut history = History { faults: vec![given], ..History::default() };
        assert_eq!(wait_for_better_views(&history), Duration::ZERO);
        history.faults.push((ms(2), Fault::Slot(1, SlotChange::Take)));
        assert_eq!(wait_for_better_views(&history), ms(2 * TOPOLOGY_HEDGE_MS));
    }

    #[test]
    fn an_answer_may_be_unheard_if_one_from_before_the_news_was_enough() {
        let mut history = History::default();
        history.rules.slack = ms(5);
        history.looks =
            [(20, 1), (30, 0)].map(|(at, node)| Look { process: 0, at: ms(at), node }).into();
        assert!(may_be_unheard(&history, ms(30), ms(25)));
        assert!(!may_be_unheard(&history, ms(31), ms(25)), "the first was over by then");
        assert!(!may_be_unheard(&history, ms(30), ms(19)), "the first was news, too");
        history.faults = vec![(ms(10), Fault::Node(1, NodeFault::Stall))];
        assert!(may_be_unheard(&history, ms(31), ms(25)), "it was held up");
    }

    #[test]
    fn who_was_reset_was_cut_off_then_and_who_was_forgotten_when_keepalive_finds_it() {
        let ms = Duration::from_millis;
        let processes = vec![Process::default()];
        let mut history = History { processes, ..History::default() };
        history.rules.slack = ms(5);
        let mut is_cut_off = |fault, end| {
            history.faults = vec![(ms(10), Fault::Clients(fault))];
            was_cut_off(&history, ms(end))
        };
        assert!(is_cut_off(ClientFault::Reset, 10) && is_cut_off(ClientFault::Reset, 15));
        assert!(!is_cut_off(ClientFault::Reset, 9) && !is_cut_off(ClientFault::Reset, 16));
        assert!(is_cut_off(ClientFault::Forget, 1_015) && !is_cut_off(ClientFault::Forget, 1_016));
        assert!(!is_cut_off(ClientFault::Narrow(1), 10));
    }

    #[test]
    fn who_takes_nothing_while_the_proxy_stops_is_left_behind() {
        let ms = Duration::from_millis;
        let faults = vec![(ms(10), Fault::Deaf(true)), (ms(20), Fault::Deaf(false))];
        let processes = vec![Process::default()];
        let mut history = History { faults, processes, ..History::default() };
        let (fast, mut slow) = (Conversation::default(), Conversation::default());
        assert!(!was_left_behind(&history, &fast, ms(30)), "it was not told to stop");
        for (drained, end, is_left) in [(5, 9, false), (5, 12, true), (15, 30, true)] {
            history.processes[0].drained = Some(ms(drained));
            assert_eq!(was_left_behind(&history, &fast, ms(end)), is_left, "{drained} to {end}");
        }
        history.processes[0].drained = Some(ms(21));
        assert!(!was_left_behind(&history, &fast, ms(30)));
        slow.slow = Some((ms(1), ms(25)));
        assert!(was_left_behind(&history, &slow, ms(30)));
    }
}
