//! What the network did to those who use it: that its faults were more than announced.

use super::Tally;
use crate::net::Effect;
use crate::world::World;

/// What must happen some time.
const EFFECTS: [(&str, Effect); 10] = [
    ("net_writes_stopped_by_the_reader", Effect::WindowFull),
    ("net_writes_on_a_narrow_link", Effect::NarrowLink),
    ("net_reads_of_a_slow_reader", Effect::SlowRead),
    ("net_reads_of_a_frozen_host", Effect::FrozenRead),
    ("net_connections_not_accepted", Effect::Unaccepted),
    ("net_connects_beyond_the_backlog", Effect::BacklogFull),
    ("net_connects_that_hang", Effect::Hanging),
    ("net_connections_reset_with_their_listener", Effect::Orphaned),
    ("net_writes_lost_one_way", Effect::LostOneWay),
    ("net_writes_to_a_forgotten_stream", Effect::Forgotten),
];

pub(super) fn see(world: &World, tally: &mut Tally) {
    let overlay = world.network.overlay();
    for (name, effect) in EFFECTS {
        tally.see(name, overlay.effects(effect));
    }
}
