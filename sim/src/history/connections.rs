//! Connections of a proxy to nodes, and the questions for the topology.

use std::time::Duration;

/// A connection to a node that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Which process asked for it.
    pub process: usize,
    /// When.
    pub at: Duration,
    /// To which node.
    pub node: usize,
}

/// An attempt to connect that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which process made it.
    pub process: usize,
    /// When it began.
    pub since: Duration,
    /// How long it took.
    pub took: Duration,
    /// To which node.
    pub node: usize,
}

/// A question for the topology that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which process asked.
    pub process: usize,
    /// When.
    pub at: Duration,
    /// Which node.
    pub node: usize,
}
