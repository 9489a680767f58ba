//! Bugs planted in the proxy, to prove that the simulator finds them: one that finds nothing may be
//! blind.
//!
//! - `table`: what they are
//! - `hunt`: seeds are run with a bug planted until one of them fails
//! - `credit`: which checkers found none
//! - `document`: what came of it, as a table

mod credit;
mod document;
mod hunt;
mod table;

pub use credit::unproven;
pub use document::{listed, written};
pub use hunt::{CAN_PLANT, Hunt, Terms, Trace, hunt_all, plant};
pub use table::{MUTANTS, Mutant};

/// The mutant of this name, if there is one.
#[must_use]
pub fn find(name: &str) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}
