//! The same commands, sent to two who should give the same replies: the embedded node and a real
//! `redis-server`; Redpoll before a real server or cluster, and a real server alone.
//!
//! ```text
//! grammar (a line a command) -> syntax -> proptest -> Story -> subject -.
//!                                                       '----> model ---+-> verdict
//! ```
//!
//! Stories are drawn from every command that the subject has, in RESP2 and RESP3; a command without
//! a line in the grammar fails a test. All replies have to be equal, byte by byte, but where Redis
//! itself promises no order or no value (the line says so), and but for the deliberate differences
//! in `exceptions`. A story that gives different replies is cut down to the fewest commands that
//! do, and printed as it belongs into `regressions.txt`, which is told first.
//!
//! `PROPTEST_CASES` is the number of stories a test tells, `PROPTEST_RNG_SEED` what they are drawn
//! from. The seed is fixed unless told.

#[path = "../e2e/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the trials of `e2e` need more of it")]
mod harness;

mod embedded;
mod everywhere;
mod exceptions;
mod grammar;
mod proxied;
mod rig;
mod rows;
mod scripts;
mod story;
mod syntax;
mod verdict;
mod vocabulary;
mod words;
