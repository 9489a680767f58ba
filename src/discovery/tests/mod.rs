//! Stories of rounds of questions.

mod pace;
mod rig;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::LocalSet;

use self::rig::{Node, Nodes, at};
use super::*;
use crate::config::{Credentials, Refresh, Secret};
use crate::refresh::{Nudge, nudges};

const ALL: Option<u16> = Some(16_383);

/// A story in virtual time.
fn story(told: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, told);
}

fn discovery(net: &Nodes, seeds: &[Address]) -> Discovery<Nodes> {
    paced(net, seeds, Refresh::default()).0
}

/// The same, with the pace that is wanted and whoever may quicken it.
fn paced(net: &Nodes, seeds: &[Address], refresh: Refresh) -> (Discovery<Nodes>, Nudge) {
    let (pace, nudge) = pace(refresh);
    let (name, greeting) = ("main".to_owned(), with_password(None));
    (Discovery::new(net.clone(), name, seeds.to_vec(), greeting, pace), nudge)
}

fn pace(refresh: Refresh) -> (Pace, Nudge) {
    let (nudge, nudges) = nudges(&refresh);
    (Pace::new(refresh, nudges, StdRng::seed_from_u64(1)), nudge)
}

/// Who somebody with this password is.
fn with_password(password: Option<&str>) -> Greeting {
    let credentials = password
        .map(|password| Credentials { username: None, password: Secret::new(password.to_owned()) });
    greeting(&Connections { credentials, ..Connections::default() })
}

/// The view that the first round at `seeds` gives.
async fn view(net: &Nodes, seeds: &[Address]) -> Topology {
    let mut discovery = discovery(net, seeds);
    let Round::View(view) = discovery.round().await else { panic!("no view") };
    view
}

#[test]
fn a_node_that_says_nothing_delays_the_first_view_by_the_hedge_and_no_more() {
    story(async {
        let net = Nodes::new([(1, Node::Silent), (2, Node::Sees(7, ALL, 5))]);
        assert_eq!(view(&net, &[at(1), at(2)]).await.epoch(), 7);
        assert_eq!(net.connects(), [(0, 1), (100, 2)]);
        assert!(net.now_ms() < 115, "{}", net.now_ms());
    });
}

#[test]
fn a_node_that_refuses_delays_nothing() {
    story(async {
        let net = Nodes::new([(3, Node::Sees(7, ALL, 0))]);
        view(&net, &[at(1), at(2), at(3)]).await;
        assert_eq!(net.connects(), [(0, 1), (0, 2), (0, 3)]);
    });
}

#[test]
fn a_node_that_is_only_slow_is_still_heard() {
    story(async {
        let net = Nodes::new([(1, Node::Sees(7, ALL, 60)), (2, Node::Silent), (3, Node::Silent)]);
        view(&net, &[at(1), at(2), at(3)]).await;
        assert_eq!(net.connects(), [(0, 1), (100, 2)]);
        assert!((120..130).contains(&net.now_ms()), "{}", net.now_ms());
    });
}

#[test]
fn only_a_few_nodes_are_asked_at_a_time_and_each_has_a_second() {
    story(async {
        let net = Nodes::new((1..=7).map(|number| (number, Node::Silent)));
        let seeds: Vec<_> = (1..=7).map(at).collect();
        let mut discovery = discovery(&net, &seeds);
        assert!(matches!(discovery.round().await, Round::Nothing));
        let times: Vec<_> = net.connects().iter().map(|(at_ms, _)| at_ms / 10 * 10).collect();
        assert_eq!(times, [0, 100, 200, 1_000, 1_100, 1_200, 2_000]);
        assert!((3_000..3_010).contains(&net.now_ms()), "{}", net.now_ms());
    });
}

#[test]
fn every_address_of_a_name_is_asked() {
    story(async {
        let net = Nodes::new([(2, Node::Silent), (3, Node::Sees(7, ALL, 0))]);
        net.set_name("redis.svc", &[1, 2, 3]);
        let seed = Address::new("redis.svc", rig::PORT).unwrap();
        view(&net, &[seed, at(4)]).await;
        assert_eq!(net.connects(), [(0, 1), (0, 2), (100, 3)]);
    });
}

#[test]
fn a_seed_whose_name_points_elsewhere_by_now_is_found_though_no_known_node_answers() {
    story(async {
        let net = Nodes::new([(1, Node::Sees(7, ALL, 0)), (2, Node::Silent), (3, Node::Silent)]);
        net.set_name("redis.svc", &[1]);
        let seed = Address::new("redis.svc", rig::PORT).unwrap();
        let mut discovery = discovery(&net, std::slice::from_ref(&seed));
        let Round::View(before) = discovery.round().await else { panic!("no view") };
        discovery.current = Some(Arc::new(before.clone()));
        assert_eq!(before.nodes(), [at(1), at(2), at(3)]);

        net.set(1, Node::Silent);
        net.set(9, Node::Sees(8, ALL, 0));
        net.set_name("redis.svc", &[9]);
        let began = net.now_ms();
        let Round::View(after) = discovery.round().await else { panic!("no view") };
        assert_eq!(after.owner(crate::proto::cluster::Slot::of(b"k")), Some(&at(9)));
        assert!(net.now_ms() - began <= 200, "{}", net.now_ms() - began);
    });
}

#[test]
fn who_did_not_answer_is_asked_last_until_that_is_long_ago() {
    story(async {
        let net = Nodes::new((1..=4).map(|number| (number, Node::Sees(7, ALL, 0))));
        let mut discovery = discovery(&net, &[at(1)]);
        discovery.current = Some(Arc::new(view(&net, &[at(1)]).await));
        net.set(1, Node::Silent);
        net.set(2, Node::Silent);
        // Until both have kept it waiting.
        for _ in 0..20 {
            discovery.round().await;
        }
        assert!([at(1), at(2)].iter().all(|node| discovery.troubles.contains(node)));
        let asked = net.connects().len();
        for _ in 0..20 {
            discovery.round().await;
        }
        let connects = net.connects().split_off(asked);
        assert!(connects.len() == 20 && connects.iter().all(|(_, node)| *node > 2));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!discovery.troubles.contains(&at(1)));
    });
}

#[test]
fn a_node_without_slots_does_not_empty_the_table() {
    story(async {
        for epoch in [7, 9] {
            let net = Nodes::new([(1, Node::Sees(epoch, None, 0)), (2, Node::Sees(7, ALL, 20))]);
            assert_eq!(view(&net, &[at(1), at(2)]).await.uncovered(), 0, "epoch {epoch}");
        }
    });
}

#[test]
fn a_view_with_a_gap_is_taken_when_nobody_has_a_better_one_soon() {
    story(async {
        let some = Node::Sees(7, Some(99), 0);
        let net = Nodes::new([(1, some), (2, Node::Silent), (3, Node::Sees(7, Some(199), 0))]);
        let view = view(&net, &[at(1), at(2), at(3)]).await;
        assert_eq!(view.uncovered(), 16_384 - 200);
        assert!(net.now_ms() <= 205, "{}", net.now_ms());
    });
}

#[test]
fn a_newer_view_with_a_gap_is_worth_more_than_an_older_one() {
    for older in [Node::Sees(8, ALL, 20), Node::Sees(8, Some(199), 20)] {
        story(async {
            let net = Nodes::new([(1, Node::Sees(9, Some(99), 0)), (2, older)]);
            assert_eq!(view(&net, &[at(1), at(2)]).await.epoch(), 9, "not {older:?}");
        });
    }
}

#[test]
fn an_older_view_is_not_taken() {
    story(async {
        let net = Nodes::new([(1, Node::Sees(7, ALL, 0)), (2, Node::Sees(7, ALL, 0))]);
        let mut discovery = discovery(&net, &[at(1), at(2)]);
        discovery.current = Some(Arc::new(view(&net, &[at(1), at(2)]).await));
        net.set(1, Node::Sees(6, ALL, 0));
        net.set(2, Node::Sees(5, ALL, 0));
        let Round::Older(best) = discovery.round().await else { panic!("taken") };
        assert_eq!(best.epoch(), 6);
        net.set(2, Node::Sees(7, ALL, 0));
        assert!(matches!(discovery.round().await, Round::View(_)));
    });
}

#[test]
fn a_node_with_a_password_is_told_it_before_anything_else() {
    story(async {
        let net = Nodes::new([(1, Node::Sees(7, ALL, 0))]);
        net.set_password("open sesame");
        let mut discovery = discovery(&net, &[at(1)]);
        let unhurried = || pace(Refresh::default()).0;
        for (password, why) in [
            (None, "10.0.0.1:7000: it says: NOAUTH Authentication required."),
            (Some("open"), "10.0.0.1:7000: it refuses the handshake: WRONGPASS open is wrong"),
        ] {
            discovery.greeting = with_password(password);
            assert!(matches!(discovery.round().await, Round::Nothing));
            assert_eq!(discovery.troubles.describe(), why.replace(" open ", " *** "));
            let watch = Watch::new(net.clone(), at(1), with_password(password), unhurried());
            assert!(watch.ping().await.is_err());
        }
        discovery.greeting = with_password(Some("open sesame"));
        assert!(matches!(discovery.round().await, Round::View(_)));
        let watch = Watch::new(net.clone(), at(1), with_password(Some("open sesame")), unhurried());
        assert!(watch.ping().await.is_ok());
    });
}

#[test]
fn a_server_without_cluster_slots_is_asked_for_its_shards() {
    story(async {
        let net = Nodes::new([(1, Node::Shards(3))]);
        let view = view(&net, &[at(1)]).await;
        assert_eq!((view.epoch(), view.uncovered()), (3, 0));
    });
}
