//! What is drawn.

use super::*;
use crate::plan::Plan;

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
