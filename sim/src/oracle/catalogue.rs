//! The invariants, numbered, so that a failure can be talked about; and what checks which of them.

/// Something that must hold of every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// Its number.
    pub number: u8,
    /// What must hold.
    pub text: &'static str,
    /// The kinds of failures that break it; none where runs are compared, not judged.
    pub kinds: &'static [&'static str],
}

const fn row(number: u8, kinds: &'static [&'static str], text: &'static str) -> Invariant {
    Invariant { number, text, kinds }
}

/// All of them: safety (1 to 9), liveness (10 to 14), drain (15 to 17), resources (18 to 20), and
/// the simulation itself (21 to 23), what is published (24), and what is waited for (25).
pub const INVARIANTS: [Invariant; 26] = [
    row(1, &["answers"], "the k-th reply on a connection answers its k-th command, nothing extra"),
    row(
        2,
        &["content", "words"],
        "a reply is what a node said to that command, or an error of the proxy's",
    ),
    row(
        3,
        &["once", "sends", "halves", "whole", "watched", "durable"],
        "a write is executed once, and never sent again",
    ),
    row(4, &["order", "linear"], "what one client asks of one key is executed in the order sent"),
    row(5, &["content", "dialect"], "merges are in position; a connection's state never leaves it"),
    row(6, &["asking"], "ASKING goes directly before its command on the same connection"),
    row(7, &["answers", "content"], "late replies are discarded, never handed on"),
    row(8, &["answers", "content"], "no reply is from before a reconnect"),
    row(9, &["content"], "replicas are read only where that is allowed"),
    row(10, &["deadline"], "every command is answered by its deadline under every fault"),
    row(11, &["deadline", "goodbye", "error"], "no client is stuck"),
    row(12, &["quiet"], "nothing fails some time after all is mended"),
    row(
        13,
        &["hops", "news", "deposed", "refreshes", "retries"],
        "redirects converge, without a storm",
    ),
    row(14, &["neighbours", "silent"], "a slow or dead node does not stop what is for others"),
    row(
        15,
        &["drain", "words", "retired", "error"],
        "a drain answers what was received and ends in time",
    ),
    row(16, &["drain"], "a drain loses nothing"),
    row(17, &["farewell"], "a drain closes subscribers and tells blocked clients"),
    row(18, &["rest"], "nothing is left of clients that have left"),
    row(19, &["memory", "unread"], "bytes buffered are within the limits at every step"),
    row(20, &["connects"], "connections are made no faster than the limit"),
    row(21, &[], "the same seed has the same hash"),
    row(22, &["counters"], "what the proxy counts is what happened"),
    row(23, &["panic"], "nothing panics"),
    row(
        24,
        &["heard"],
        "who is subscribed hears what is published from then on, in order and once",
    ),
    row(25, &["orphans"], "no element is given to a client that has left"),
    row(26, &["counted"], "WAIT counts replicas that have what its client wrote, and no others"),
];

/// The invariants that a failure of this kind may break.
pub fn broken_by(kind: &str) -> impl Iterator<Item = &'static Invariant> {
    INVARIANTS.iter().filter(move |invariant| invariant.kinds.contains(&kind))
}

/// A kind of failure with the numbers of its invariants: `order (invariant 4)`.
#[must_use]
pub fn with_numbers(kind: &str) -> String {
    let numbers: Vec<_> = broken_by(kind).map(|invariant| invariant.number.to_string()).collect();
    match numbers.len() {
        0 => kind.to_owned(),
        1 => format!("{kind} (invariant {})", numbers[0]),
        _ => format!("{kind} (invariants {})", numbers.join(", ")),
    }
}

/// The catalogue as a table in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut table = "| # | what must hold | checked by |\n|---|---|---|\n".to_owned();
    for Invariant { number, text, kinds } in &INVARIANTS {
        let kinds: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
        let checked_by =
            if kinds.is_empty() { "the test `determinism`".to_owned() } else { kinds.join(", ") };
        table += &format!("| {number} | {text} | {checked_by} |\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::CHECKERS;
    use super::*;

    #[test]
    fn every_checker_is_in_the_catalogue_and_nothing_else() {
        for checker in &CHECKERS {
            assert!(broken_by(checker.promise).next().is_some(), "{}", checker.promise);
        }
        let known = |kind: &&&str| {
            CHECKERS.iter().any(|checker| checker.promise == **kind)
                || ["panic", "error"].contains(*kind)
        };
        for (place, invariant) in INVARIANTS.iter().enumerate() {
            assert_eq!(usize::from(invariant.number), place + 1);
            assert_eq!(invariant.kinds.iter().find(|kind| !known(kind)), None);
        }
    }

    #[test]
    fn the_invariants_documented_are_those_of_the_catalogue() {
        let text = include_str!("../../../docs/failures.md");
        let after = text.split_once("<!-- invariants -->\n").unwrap().1;
        let listed = after.split_once("<!-- /invariants -->").unwrap().0;
        assert_eq!(listed, markdown(), "between the marks in docs/failures.md belongs that");
    }

    #[test]
    fn a_failure_is_named_with_its_numbers() {
        assert_eq!(with_numbers("order"), "order (invariant 4)");
        assert_eq!(with_numbers("deadline"), "deadline (invariants 10, 11)");
    }
}
