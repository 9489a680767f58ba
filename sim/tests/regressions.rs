//! Plans that once failed, made small: seeds change their meaning when one more thing is drawn,
//! plans do not. `redpoll-sim shrink --seed N --out sim/regressions/NAME.json` adds one.

use std::fs;
use std::path::Path;

use redpoll_sim::plan::Plan;
use redpoll_sim::run::run;

#[test]
fn what_once_failed_does_not_fail_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut plans: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    plans.sort();
    assert!(!plans.is_empty());
    for path in plans {
        let plan: Plan = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let failures = run(&plan, false).failures;
        assert!(failures.is_empty(), "{}: {}", path.display(), failures[0]);
        assert!(!plan.faults.is_empty(), "{}: nothing goes wrong in it", path.display());
    }
}
