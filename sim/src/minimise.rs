//! Makes a failing plan small: leaves out faults and clients as long as it fails in the same way
//! (delta debugging).

use crate::plan::Plan;
use crate::run::run;

/// A plan that breaks the same promise with as few faults and clients as can be, and how many runs
/// it took to find; `None` if the plan does not fail.
#[must_use]
pub fn minimise(plan: &Plan) -> Option<(Plan, usize)> {
    let kinds = |plan: &Plan| {
        let failures = run(plan, false).failures;
        failures.iter().map(|failure| failure.kind().to_owned()).collect::<Vec<_>>()
    };
    let wanted = kinds(plan).first()?.clone();
    let mut runs = 1;
    let mut fails = |plan: &Plan| {
        runs += 1;
        kinds(plan).contains(&wanted)
    };
    let faults = shrink(plan.faults.clone(), |faults| {
        fails(&Plan { faults: faults.to_vec(), ..plan.clone() })
    });
    let mut best = Plan { faults, ..plan.clone() };
    // A client without commands keeps its number, and so the others keep theirs.
    for client in 0..best.scripts.len() {
        let mut fewer = best.clone();
        fewer.scripts[client].commands.clear();
        if fails(&fewer) {
            best = fewer;
        }
    }
    Some((best, runs))
}

/// Leaves out ever smaller chunks of a list for as long as `fails` holds of the rest.
fn shrink<T: Clone>(mut items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut chunk = items.len();
    while chunk > 0 {
        let mut start = 0;
        while start < items.len() {
            let end = items.len().min(start + chunk);
            let rest = [&items[..start], &items[end..]].concat();
            if fails(&rest) {
                items = rest;
            } else {
                start = end;
            }
        }
        chunk /= 2;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_it_takes() {
        let items: Vec<u32> = (0..40).collect();
        let mut runs = 0;
        let left = shrink(items, |items| {
            runs += 1;
            items.contains(&7) && items.contains(&31)
        });
        assert_eq!(left, [7, 31]);
        assert!(runs < 60, "{runs} runs");
    }
}
