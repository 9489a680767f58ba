//! Stories of clients that share a worker's memory.

use super::*;
use crate::queue::{Receiver, queue};
use crate::stats::Stats;

/// A worker's memory of 8 MiB in all, and the clients that share it.
struct Rig {
    stats: Stats,
    memory: Rc<Memory>,
}

struct Client {
    share: Share,
    inbox: Receiver<ToClient>,
}

const MIB: usize = 1 << 20;

/// All of which can be given back at once.
fn loose(bytes: usize) -> Held {
    Held { bytes, loose: bytes, ..Held::default() }
}

/// A command that has come in part.
fn half(bytes: usize, is_starving: bool) -> Held {
    Held { half: bytes, is_starving, ..loose(bytes) }
}

impl Rig {
    fn new(workers: usize) -> Rig {
        let stats = Stats::new(workers, ["main"]);
        let count = Rc::new(Own::new(stats.clone(), 0).unwrap());
        Rig { stats, memory: Memory::new(count, 8 * MIB) }
    }

    fn client(&self, bytes: usize) -> Client {
        let (sender, inbox) = queue();
        let share = self.memory.share_of(sender);
        share.set(loose(bytes));
        Client { share, inbox }
    }

    fn buffered(&self) -> u64 {
        self.stats.sum(|worker| &worker.buffered_bytes)
    }
}

impl Client {
    fn told(&self) -> String {
        std::iter::from_fn(|| self.inbox.take()).map(|told| format!("{told:?}")).collect()
    }
}

#[test]
fn what_is_held_is_counted_and_what_is_dropped_is_not() {
    let rig = Rig::new(1);
    let (first, second) = (rig.client(10), rig.client(20));
    first.share.set(loose(5));
    let node = rig.memory.share();
    node.set(100.into());
    assert_eq!(rig.buffered(), 125);
    drop((first, node));
    assert_eq!(rig.buffered(), 20);
    drop(second);
    assert_eq!(rig.buffered(), 0);
}

#[test]
fn beyond_half_of_it_those_that_hold_much_wait_and_those_that_hold_little_do_not() {
    let rig = Rig::new(1);
    let (large, small) = (rig.client(3 * MIB), rig.client(MEMORY_LITTLE_BYTES));
    assert!(large.share.has_room());
    large.share.set(loose(5 * MIB));
    assert!(!large.share.has_room() && small.share.has_room());
    let _node = {
        let share = rig.memory.share();
        share.set(loose(3 * MIB));
        share
    };
    assert!(!large.share.has_room() && !small.share.has_room());
}

#[test]
fn those_that_wait_are_let_go_one_by_one_in_their_order() {
    let rig = Rig::new(1);
    let hog = rig.client(4 * MIB);
    let mut waiting: Vec<_> = (0..3).map(|_| rig.client(MIB / 4)).collect();
    for client in &waiting {
        assert!(!client.share.has_room());
        client.share.wait();
        client.share.wait();
    }
    assert!(waiting.iter().all(|client| client.told().is_empty()));
    hog.share.set(loose(MIB));
    let told = |waiting: &[Client]| waiting.iter().map(Client::told).collect::<Vec<_>>();
    assert_eq!(told(&waiting), ["Room", "", ""]);
    // The turn of the one lets the next go; so does its end.
    waiting[0].share.set(loose(MIB / 2));
    assert_eq!(told(&waiting), ["", "Room", ""]);
    drop(waiting.remove(1));
    assert_eq!(told(&waiting), ["", "Room"]);
    assert!(!waiting[1].share.is_waiting());
}

#[test]
fn one_that_leaves_while_it_waits_keeps_nobody_waiting() {
    let rig = Rig::new(1);
    let hog = rig.client(4 * MIB);
    let (first, second) = (rig.client(MIB), rig.client(MIB));
    first.share.wait();
    second.share.wait();
    drop(first);
    hog.share.set(loose(0));
    assert_eq!(second.told(), "Room");
}

#[test]
fn beyond_all_of_it_those_that_hold_most_are_told_to_go_and_no_more_of_them_than_it_takes() {
    let rig = Rig::new(1);
    let clients: Vec<_> = [1, 3, 2, 1].map(|mib| rig.client(mib * MIB)).into();
    let node = rig.memory.share();
    node.set(MIB.into());
    let told = || clients.iter().map(Client::told).collect::<Vec<_>>();
    assert_eq!(told(), ["", "", "", ""]);
    node.set((2 * MIB).into());
    assert_eq!(told(), ["", "Evict", "", ""]);
    // It has not gone yet, but will.
    node.set((4 * MIB).into());
    assert_eq!(told(), ["", "", "", ""]);
    node.set((5 * MIB).into());
    assert_eq!(told(), ["", "", "Evict", ""]);
    let bytes = rig.buffered();
    drop(clients);
    assert_eq!((bytes, rig.buffered()), (12 * MIB as u64, 5 * MIB as u64));
    assert_eq!(rig.memory.leaving_bytes.get(), 0);
}

#[test]
fn a_worker_that_holds_its_part_at_most_does_not_wait_for_the_others() {
    let rig = Rig::new(4);
    rig.stats.workers[1].buffered_bytes.add(7 * MIB as u64);
    let client = rig.client(MIB);
    assert!(client.share.has_room());
    client.share.set(loose(MIB + 1));
    assert!(!client.share.has_room());
    assert_eq!(client.told(), "", "it is the other worker that holds too much");
}

#[tokio::test(start_paused = true)]
async fn what_another_worker_gives_back_lets_those_go_that_wait_here() {
    let rig = Rig::new(2);
    rig.stats.workers[1].buffered_bytes.add(3 * MIB as u64);
    let client = rig.client(3 * MIB);
    assert!(!client.share.has_room());
    client.share.wait();
    let mut watch = std::pin::pin!(rig.memory.watch());
    let mut pass = async |ms| {
        let time = Duration::from_millis(ms);
        drop(tokio::time::timeout(time, &mut watch).await);
    };
    pass(10 * MEMORY_LOOK_MS).await;
    assert_eq!(client.told(), "");
    rig.stats.workers[1].buffered_bytes.sub(2 * MIB as u64);
    pass(2 * MEMORY_LOOK_MS).await;
    assert_eq!(client.told(), "Room");
}

#[test]
fn who_holds_what_a_node_was_sent_is_not_told_to_go_for_it() {
    let rig = Rig::new(1);
    let (writer, reader) = (rig.client(0), rig.client(MIB));
    let node = rig.memory.share();
    writer.share.set((4 * MIB).into());
    node.set((4 * MIB).into());
    assert_eq!([writer.told(), reader.told()], ["", "Evict"]);
    // What it leaves behind makes nobody else go.
    let mut heir = reader.share;
    heir.outlive();
    heir.set(MIB.into());
    node.set((5 * MIB).into());
    assert_eq!((rig.memory.leaving_bytes.get(), writer.told()), (0, String::new()));
}

#[test]
fn half_commands_that_starve_are_given_up_once_none_of_them_can_go_on() {
    let rig = Rig::new(1);
    let clients: Vec<_> = (0..3).map(|_| rig.client(0)).collect();
    let told = || clients.iter().map(Client::told).collect::<Vec<_>>();
    let busy = rig.client(MIB);
    clients[0].share.set(half(MIB, true));
    clients[1].share.set(half(2 * MIB, true));
    assert_eq!(told(), ["", "", ""], "what the others hold will be given back");
    clients[2].share.set(half(MIB + 1, true));
    assert_eq!(told(), ["", "GiveUp", ""]);
    busy.share.set(loose(0));
    assert_eq!(told(), ["", "", ""], "what it gives back is room");
    // It has given that back; now they starve anew.
    clients[1].share.set(loose(0));
    clients[0].share.set(half(3 * MIB, true));
    assert_eq!(told(), ["GiveUp", "", ""]);
    drop(clients);
    let starving = rig.stats.sum(|worker| &worker.starving_bytes);
    assert_eq!((starving, rig.memory.leaving_bytes.get()), (0, 0));
}

#[test]
fn little_half_commands_starve_only_where_nobody_is_read() {
    let rig = Rig::new(1);
    let starve = || {
        let client = rig.client(0);
        client.share.set(half(MEMORY_LITTLE_BYTES, true));
        client
    };
    let clients: Vec<_> = (0..8 * MIB / MEMORY_LITTLE_BYTES / 4 * 3).map(|_| starve()).collect();
    assert!(clients.iter().all(|client| client.told().is_empty()));
    let last = starve();
    let told: String = clients.iter().chain([&last]).map(Client::told).collect();
    assert_eq!(told, "GiveUp");
}

#[test]
fn who_starves_for_too_long_gets_the_room_of_the_largest_half_command() {
    let rig = Rig::new(1);
    let (silent, starving) = (rig.client(0), rig.client(0));
    silent.share.set(half(3 * MIB, false));
    starving.share.set(half(2 * MIB, true));
    starving.share.demand_room();
    starving.share.demand_room();
    assert_eq!([silent.told(), starving.told()], ["GiveUp", ""]);
    silent.share.set(loose(0));
    starving.share.demand_room();
    assert_eq!(starving.told(), "GiveUp", "it was its own");
}

#[test]
fn half_commands_on_all_workers_together_keep_each_other_from_going_on() {
    let rig = Rig::new(2);
    let client = rig.client(0);
    client.share.set(half(3 * MIB, true));
    assert_eq!(client.told(), "", "the other worker may give back what it holds");
    rig.stats.workers[1].starving_bytes.add(MIB as u64 + 1);
    client.share.set(half(3 * MIB, true));
    assert_eq!(client.told(), "GiveUp");
}

#[tokio::test(start_paused = true)]
async fn half_commands_that_nobody_ends_make_room_once_nobody_was_read_for_a_while() {
    let rig = Rig::new(1);
    let silent: Vec<_> = [1, 3, 2, 1].map(|_| rig.client(0)).into();
    for (client, mib) in silent.iter().zip([1, 3, 2, 1]) {
        client.share.set(half(mib * MIB, false));
    }
    let (small, other) = (rig.client(0), rig.client(0));
    assert!(!small.share.has_room(), "7 of 8 MiB are taken");
    let mut watch = std::pin::pin!(rig.memory.watch());
    let mut pass = async |ms| {
        let time = Duration::from_millis(ms);
        drop(tokio::time::timeout(time, &mut watch).await);
    };
    small.share.wait();
    pass(MEMORY_STUCK_MS - 2 * MEMORY_LOOK_MS).await;
    let told = || silent.iter().map(Client::told).collect::<Vec<_>>();
    assert_eq!(told(), ["", "", "", ""], "somebody may yet end a command");
    pass(4 * MEMORY_LOOK_MS).await;
    assert_eq!(told(), ["", "GiveUp", "", ""], "one is enough");
    silent[1].share.set(loose(0));
    pass(2 * MEMORY_LOOK_MS).await;
    assert_eq!((small.told(), other.told()), ("Room".to_owned(), String::new()));
    pass(2 * MEMORY_STUCK_MS).await;
    assert_eq!(told(), ["", "", "", ""]);
}
