//! What an observer of a node sees.

use tokio::time::Instant;

/// A command that a node has executed, or refused.
#[derive(Clone, Copy, Debug)]
pub struct Execution<'a> {
    /// The node's id, as `CLUSTER MYID` tells it.
    pub node: &'a str,
    /// The client's connection, as `CLIENT ID` tells it.
    pub connection: u64,
    /// Where the client is, as `CLIENT INFO` tells it.
    pub peer: &'a str,
    /// The command, its name first.
    pub args: &'a [&'a [u8]],
    /// Whether `ASKING` came directly before.
    pub asking: bool,
    /// Whether it is one that `EXEC` ran.
    pub is_queued: bool,
    /// The reply: one frame; `QUEUED`, if it is put off until `EXEC`.
    pub reply: &'a [u8],
    /// When it was executed.
    pub now: Instant,
    /// How far the node's data was then, in changes.
    pub offset: u64,
    /// How far each of its replicas was.
    pub replicas: &'a [u64],
}

pub(super) type Observer = Box<dyn FnMut(&Execution<'_>)>;
