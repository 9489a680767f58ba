//! What is drawn.

use super::*;
use crate::plan::Plan;

#[test]
fn one_of_several_proxies_is_struck_alone_on_its_way_to_a_node_and_nowhere_else() {
    let plans: Vec<_> = (0..600).map(Plan::draw).collect();
    let mut kinds = BTreeMap::new();
    for plan in &plans {
        for timed in &plan.faults {
            let Fault::Between(proxy, node, fault) = timed.fault else { continue };
            let Setup { proxies, .. } = plan.setup;
            assert!(proxies > 1 && proxy < proxies && node < plan.setup.nodes(), "{timed:?}");
            assert!(fault.is_between(), "{timed:?}");
            *kinds.entry(timed.fault.kind()).or_insert(0) += 1;
        }
    }
    for kind in ["Stall", "Cut", "HangConnects", "RefuseConnects", "Clog", "Reset", "Narrow"] {
        let kind = format!("one proxy: {kind}");
        assert!(kinds.get(&kind).is_some_and(|count| *count > 2), "{kind}: {kinds:?}");
    }
    let has_one =
        |plan: &&Plan| plan.faults.iter().any(|timed| matches!(timed.fault, Fault::Between(..)));
    let several = || plans.iter().filter(|plan| plan.setup.proxies > 1);
    let alone = several().filter(has_one).count();
    assert!(alone > 20 && alone < several().count(), "{alone} of {}", several().count());
}

#[test]
fn faults_come_in_order_and_every_family_comes() {
    let plans: Vec<_> = (0..300).map(Plan::draw).collect();
    for plan in &plans {
        assert!(plan.faults.is_sorted_by_key(|timed| timed.at_ms));
    }
    let faults = || plans.iter().flat_map(|plan| &plan.faults).map(|timed| timed.fault);
    for fault in [
        NodeFault::Stall,
        NodeFault::Cut,
        NodeFault::HangConnects,
        NodeFault::RefuseConnects,
        NodeFault::Clog,
        NodeFault::Unclog,
        NodeFault::ClogReplies,
        NodeFault::UnclogReplies,
        NodeFault::Reset,
        NodeFault::SetSpeed(1, 5),
        NodeFault::Kill,
        NodeFault::PowerOff,
        NodeFault::Restart,
        NodeFault::RestartEmpty,
        NodeFault::FailOver,
        NodeFault::HoldReplication,
        NodeFault::Isolate,
        NodeFault::ForgetName,
        NodeFault::DoubleName,
    ] {
        assert!((0..3).all(|node| faults().any(|f| f == Fault::Node(node, fault))), "{fault:?}");
    }
    for ailment in Ailment::ALL {
        assert!(
            faults().any(|f| matches!(f, Fault::Node(_, NodeFault::Sicken(a)) if a == ailment))
        );
    }
    assert!(faults().any(|f| matches!(f, Fault::Node(_, NodeFault::Retire(_)))));
    for change in ["BeginMigration", "Take", "Entangle"] {
        assert!(faults().any(|f| format!("{f:?}").contains(change)), "{change}");
    }
    assert!(faults().any(|f| f == Fault::Leave(0)) && faults().any(|f| f == Fault::Drain));
    assert!(faults().any(|f| f == Fault::Deaf(true)));
    assert!(plans.iter().all(|plan| plan.quiet_from_ms().is_some()));
    assert!(plans.iter().any(|plan| plan.quiet_from_ms() == Some(0)));
    assert!(plans.iter().any(|plan| {
        let is_final = |fault| matches!(fault, Fault::Node(_, NodeFault::FailOver));
        plan.faults.last().is_some_and(|timed| is_final(timed.fault))
    }));
}
