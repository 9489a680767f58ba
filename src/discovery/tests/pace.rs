//! Stories of the pace at which the topology is looked at.

use tokio::time::sleep;

use super::*;

/// A cluster that is looked at for a while, during which `meanwhile` happens. Gives the times of
/// the looks, in ms, and the views that came of them.
async fn looks(
    net: &Nodes,
    refresh: Refresh,
    for_ms: u64,
    meanwhile: impl AsyncFnOnce(Nudge),
) -> (Vec<u64>, u64) {
    let (discovery, nudge) = paced(net, &[at(1)], refresh);
    let stats = Arc::new(UpstreamStats::default());
    let its_stats = Arc::clone(&stats);
    net.spawn(async move { discovery.run(&its_stats, |_| ()).await });
    meanwhile(nudge.clone()).await;
    sleep(Duration::from_millis(for_ms.saturating_sub(net.now_ms()))).await;
    let times = net.connects().iter().map(|(at_ms, _)| *at_ms).collect();
    (times, stats.refreshes_total.get())
}

/// A cluster of one node.
fn well() -> Nodes {
    Nodes::new([(1, Node::Sees(7, ALL, 0))])
}

fn gaps(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

async fn quiet(_: Nudge) {}

#[test]
fn a_quiet_cluster_is_looked_at_once_an_interval_with_jitter() {
    story(async {
        let (times, views) = looks(&well(), Refresh::default(), 100_000, quiet).await;
        assert_eq!(views, times.len() as u64);
        let gaps = gaps(&times);
        assert!(gaps.iter().all(|gap| (7_500..=12_510).contains(gap)), "{gaps:?}");
        assert!(gaps.windows(2).any(|pair| pair[0] != pair[1]), "{gaps:?}");
    });
}

#[test]
fn a_redirect_makes_for_a_look_at_once_and_many_for_no_more_than_one_an_interval() {
    story(async {
        let storm = async |nudge: Nudge| {
            sleep(Duration::from_millis(1_000)).await;
            for _ in 0..2_000 {
                nudge.count(10, 10);
                sleep(Duration::from_millis(1)).await;
            }
        };
        let (times, _) = looks(&well(), Refresh::default(), 4_000, storm).await;
        assert!(times[1] <= 1_002, "{times:?}");
        let gaps = gaps(&times[1..]);
        assert!(gaps.iter().all(|gap| (75..=127).contains(gap)), "{gaps:?}");
        assert!(times.len() <= 2 + 2_000 / 75 + 1, "{times:?}");
        // What happened during the last look may not have been seen by it.
        assert!(*times.last().unwrap() >= 3_000 - 5, "{times:?}");
    });
}

#[test]
fn nothing_makes_for_a_look_below_its_threshold() {
    story(async {
        let refresh = Refresh { redirect_threshold: 3, failure_threshold: 0, ..Refresh::default() };
        let meanwhile = async |nudge: Nudge| {
            sleep(Duration::from_millis(200)).await;
            nudge.count(2, 1_000);
            sleep(Duration::from_millis(2_000)).await;
            nudge.count(1, 0);
            sleep(Duration::from_millis(2_000)).await;
            nudge.count(2, 0);
        };
        let (times, _) = looks(&well(), refresh, 6_000, meanwhile).await;
        assert_eq!(times.len(), 2, "{times:?}");
        assert!((2_200..2_205).contains(&times[1]), "{times:?}");
    });
}

#[test]
fn a_look_in_vain_is_repeated_ever_later_up_to_a_second() {
    story(async {
        let (times, views) = looks(&Nodes::new([]), Refresh::default(), 20_000, quiet).await;
        assert_eq!(views, 0);
        let gaps = gaps(&times);
        for (gap, pause) in gaps.iter().zip([100, 200, 400, 800, 1_000, 1_000, 1_000]) {
            assert!((pause * 3 / 4..=pause * 5 / 4 + 2).contains(gap), "{gaps:?}");
        }
        assert!(times.len() < 30, "{times:?}");
    });
}

#[test]
fn as_long_as_commands_fail_the_pace_stays_at_the_interval() {
    story(async {
        let net = Nodes::new([]);
        let promoted = net.clone();
        let meanwhile = async |nudge: Nudge| {
            while promoted.now_ms() < 10_000 {
                nudge.count(0, 1);
                sleep(Duration::from_millis(5)).await;
            }
            promoted.set(1, Node::Sees(8, ALL, 0));
            nudge.count(0, 1);
        };
        let (times, views) = looks(&net, Refresh::default(), 12_000, meanwhile).await;
        let gaps = gaps(&times);
        assert!(gaps.iter().all(|gap| (75..=135).contains(gap)), "{gaps:?}");
        assert_eq!(views, 1, "the first look after the promotion is the last");
        assert!(*times.last().unwrap() < 10_135, "{times:?}");
    });
}

#[test]
fn older_views_are_refused_for_a_while_and_then_the_cluster_is_another_one() {
    story(async {
        let net = well();
        let before = net.clone();
        let restored = async |nudge: Nudge| {
            sleep(Duration::from_millis(1_000)).await;
            before.set(1, Node::Sees(2, ALL, 0));
            while before.now_ms() < 8_000 {
                nudge.count(0, 1);
                sleep(Duration::from_millis(20)).await;
            }
        };
        let (discovery, nudge) = paced(&net, &[at(1)], Refresh::default());
        let (views, stats) = (std::cell::RefCell::new(vec![]), UpstreamStats::default());
        let publish = |view: &Arc<Topology>| views.borrow_mut().push((net.now_ms(), view.epoch()));
        let mut looking = std::pin::pin!(discovery.run(&stats, publish));
        let mut meanwhile = std::pin::pin!(restored(nudge));
        std::future::poll_fn(|cx| {
            assert!(looking.as_mut().poll(cx).is_pending(), "there is somebody who nudges");
            meanwhile.as_mut().poll(cx)
        })
        .await;
        let views = views.borrow();
        let (at_ms, _) = views.iter().find(|(_, epoch)| *epoch == 2).unwrap();
        assert_eq!(views[0], (0, 7));
        assert!((6_000..6_300).contains(at_ms), "{views:?}");
    });
}

#[test]
fn without_workers_nobody_looks_any_more() {
    story(async {
        let (discovery, nudge) = paced(&well(), &[at(1)], Refresh::default());
        drop(nudge);
        discovery.run(&UpstreamStats::default(), |_| ()).await;
    });
}

#[test]
fn what_happened_to_workers_that_are_gone_makes_for_no_look() {
    story(async {
        let net = well();
        let (discovery, nudge) = paced(&net, &[at(1)], Refresh::default());
        let looking = async { discovery.run(&UpstreamStats::default(), |_| ()).await };
        let working = async move {
            sleep(Duration::from_millis(10)).await;
            nudge.count(100, 100);
        };
        tokio::join!(looking, working);
        assert_eq!(net.connects().len(), 1);
    });
}

#[test]
fn a_server_is_pinged_at_the_same_pace() {
    story(async {
        let net = Nodes::new([(1, Node::Refuses)]);
        let (pace, nudge) = pace(Refresh::default());
        let stats = Arc::new(UpstreamStats::default());
        let its_stats = Arc::clone(&stats);
        let watch = Watch::new(net.clone(), at(1), with_password(None), pace);
        net.spawn(async move { watch.run(&its_stats).await });
        sleep(Duration::from_millis(500)).await;
        assert!(!stats.usable.load(Ordering::Relaxed));
        net.set(1, Node::Sees(0, None, 0));
        nudge.count(0, 1);
        sleep(Duration::from_millis(600)).await;
        assert!(stats.usable.load(Ordering::Relaxed));
        let reasons = [&stats.looks_first_total, &stats.looks_failures_total];
        assert!(reasons.iter().all(|count| count.get() == 1), "{stats:?}");
    });
}
