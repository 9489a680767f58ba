//! The order of one client's commands for one slot; the rule is in the documentation of `session`.

use std::collections::BTreeMap;

use super::Session;
use super::part::{Lane, Part, State};
use super::turn::{Transmit, Turn};
use crate::mutant::planted;
use crate::proto::cluster::{Route, Router, Slot};
use crate::proto::pipeline::Request;

impl Session {
    /// Notes that so many parts are parked. What is held has not left either and takes its place
    /// among them, or it would overtake them.
    pub(super) fn park(&mut self, parts: usize) {
        self.parked += parts + self.park_held();
        self.stirred = true;
        self.displaced = true;
    }

    /// Whether a new part may be sent without a look at the others.
    pub(super) fn is_settled(&mut self, router: &Router) -> bool {
        if self.ring.is_empty() {
            self.displaced = false;
            self.version = router.version();
            self.unsure_writes.clear();
        }
        self.displaced |= self.version != router.version();
        !self.displaced || planted("new-overtake-parked")
    }

    /// Sends the parked parts that may be sent; true if something was done.
    pub(super) fn release_parked(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.parked == 0 || !std::mem::take(&mut self.stirred) {
            return false;
        }
        if self.missing > 0 {
            self.repair_missing(turn);
        }
        let router = &*turn.router;
        let choice = self.identity.choice();
        let is_routed = |lane: Lane, part: &Part| {
            lane.choice == choice && part.route(router) == Route::To(lane.node)
        };
        // What is in flight for each slot among the parts seen so far: one lane, or not to be
        // joined.
        let mut lanes: BTreeMap<Slot, Option<Lane>> = BTreeMap::new();
        let mut routed_by_table = true;
        for (ticket, deadline, part) in self.ring.parts_mut() {
            let slot = router.order_of(part.slot);
            let earlier = lanes.get(&slot).copied();
            let (target, asking) = match part.state {
                State::Done => continue,
                State::InFlight(lane) => {
                    routed_by_table &= is_routed(lane, part);
                    let joined = earlier.is_none_or(|earlier| earlier == Some(lane));
                    lanes.insert(slot, joined.then_some(lane));
                    continue;
                }
                State::Parked { target, asking } => (target, asking),
            };
            if part.paused_until().is_some() || part.is_missing() {
                if !planted("paused-are-overtaken") {
                    lanes.insert(slot, None);
                }
                continue;
            }
            // A target that the router has forgotten is no better than none.
            let target = target.filter(|node| router.address(*node).is_some());
            let node = match target.map_or_else(|| part.route(router), Route::To) {
                Route::To(node) => node,
                Route::Uncovered => {
                    turn.tally.refresh_failures += u64::from(Session::note_uncovered(part));
                    lanes.insert(slot, None);
                    continue;
                }
                Route::Unknown => {
                    lanes.insert(slot, None);
                    continue;
                }
            };
            let lane = part.lane(node);
            let is_elsewhere = earlier.is_some_and(|earlier| earlier != Some(lane));
            if is_elsewhere && !planted("redirected-overtake") {
                lanes.insert(slot, None);
                continue;
            }
            lanes.insert(slot, Some(lane));
            routed_by_table &= is_routed(lane, part);
            part.state = State::InFlight(lane);
            self.parked -= 1;
            let (frame, form) = (part.frame.clone(), part.form(asking));
            let (access, since) = (part.access, turn.now);
            let deadline = deadline + part.own.patience();
            let request = Request { frame, form, since, deadline, reply_to: ticket };
            self.transmits.push_back(Transmit { lane, access, request });
        }
        self.displaced = self.parked > 0 || !routed_by_table;
        self.version = turn.router.version();
        true
    }
}
