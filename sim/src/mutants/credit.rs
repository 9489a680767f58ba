//! Which checkers have proved that they see something: those that saw a planted bug.

use std::collections::BTreeSet;

use super::hunt::Hunt;
use crate::oracle::catalogue::INVARIANTS;

/// What the invariants are checked by and saw none of the bugs hunted.
#[must_use]
pub fn unproven(hunts: &[Hunt]) -> Vec<&'static str> {
    let traces = hunts.iter().filter_map(|hunt| hunt.trace.as_ref());
    let seen: BTreeSet<&str> = traces.flat_map(|trace| &trace.by).map(String::as_str).collect();
    let all: BTreeSet<_> = INVARIANTS.iter().flat_map(|row| row.kinds).copied().collect();
    all.into_iter().filter(|kind| !seen.contains(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{MUTANTS, Trace};
    use super::*;

    #[test]
    fn a_checker_that_saw_no_bug_is_told_and_one_that_was_not_the_first_to_see_it_is_not() {
        let kinds: Vec<_> = unproven(&[]).into_iter().map(str::to_owned).collect();
        assert!(["goodbye", "linear", "panic"].iter().all(|kind| kinds.iter().any(|k| k == kind)));
        let hunt = |by: &[String]| {
            let trace = Trace { run: "seed 0".to_owned(), by: by.to_vec(), what: String::new() };
            Hunt { mutant: &MUTANTS[0], trace: Some(trace), seeds: 1 }
        };
        let (last, others) = kinds.split_last().expect("there are checkers");
        assert_eq!(unproven(&[hunt(others)]), [last]);
        assert!(unproven(&[hunt(others), hunt(&["panic".to_owned(), last.clone()])]).is_empty());
    }
}
