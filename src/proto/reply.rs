//! What comes back for a request: a frame, or a failure that says how far the request got.

use bytes::Bytes;

use crate::mutant::planted;

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// What the server said: one whole frame, which may be an error.
    Frame(Bytes),
    /// The server said nothing.
    Failure(Failure),
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub cause: Cause,
    /// How far the request got.
    pub progress: Progress,
}

/// How far a request got before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not a byte of it left: it was certainly not executed.
    Unsent,
    /// A byte of it may have left: it may have been executed.
    Sent,
}

/// What happened to a request that got no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The node's host name has no address.
    Unresolved,
    /// The node refused the connection, or cannot be reached.
    Unreachable,
    /// The connection was not there within `connect_timeout`.
    ConnectTimeout,
    /// The last attempt to use the node failed a moment ago; the next one is due soon.
    Backoff(Trouble),
    /// The node refused what must come before the first command.
    HandshakeRefused,
    /// The connection ended.
    Closed,
    /// The node sent what is not RESP, or what nobody asked for.
    Garbled,
    /// The connection owed replies and was silent for `stall_timeout`.
    Stalled,
    /// The node has left the topology.
    Retired,
    /// The upstream has another configuration, and `drain_timeout` is over.
    Replaced,
    /// No reply within the command's time.
    Timeout,
    /// The node refused to begin a transaction.
    NoTransaction,
    /// All connections that may be lent are.
    NoLease,
    /// The connection on loan is gone.
    LeaseLost,
    /// The proxy is stopping.
    Stopping,
}

/// Why a node was of no use a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Its host name had no address.
    Unresolved,
    /// It refused the connection, or could not be reached.
    Unreachable,
    /// There was no connection within `connect_timeout`, or no end of the handshake.
    ConnectTimeout,
    /// It refused what must come before the first command.
    HandshakeRefused,
    /// It accepted the connection, and was never of use on it.
    Useless,
}

impl From<Cause> for Trouble {
    fn from(cause: Cause) -> Trouble {
        match cause {
            Cause::Unresolved => Trouble::Unresolved,
            Cause::Unreachable => Trouble::Unreachable,
            Cause::ConnectTimeout => Trouble::ConnectTimeout,
            Cause::HandshakeRefused => Trouble::HandshakeRefused,
            Cause::Backoff(trouble) => trouble,
            Cause::Closed
            | Cause::Garbled
            | Cause::Stalled
            | Cause::Retired
            | Cause::Replaced
            | Cause::Timeout
            | Cause::NoTransaction
            | Cause::NoLease
            | Cause::LeaseLost
            | Cause::Stopping => Trouble::Useless,
        }
    }
}

impl Cause {
    /// What happened, for a sentence that begins with the node's address.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Cause::Unresolved => "its host name has no address",
            Cause::Unreachable => "it refused the connection or cannot be reached",
            Cause::ConnectTimeout => "no connection within connect_timeout",
            Cause::Backoff(trouble) => trouble.describe(),
            Cause::HandshakeRefused => "it refused the handshake",
            Cause::Closed => "the connection ended",
            Cause::Garbled => "it broke the protocol and was disconnected",
            Cause::Stalled => "it was silent for stall_timeout and was disconnected",
            Cause::Retired => "it has left the topology",
            Cause::Replaced => "the configuration changed, and drain_timeout is over",
            Cause::Timeout => "no reply within op_timeout",
            Cause::NoTransaction => "it refused MULTI, and not what followed",
            Cause::NoLease => "all leases_max connections of its worker were lent for op_timeout",
            Cause::LeaseLost => "the connection on loan is gone",
            Cause::Stopping => "the proxy is stopping",
        }
    }
}

impl Trouble {
    fn describe(self) -> &'static str {
        match self {
            Trouble::Unresolved => "a moment ago its host name had no address",
            Trouble::Unreachable => "a moment ago it refused the connection or was out of reach",
            Trouble::ConnectTimeout => "a moment ago it made no connection within connect_timeout",
            Trouble::HandshakeRefused => "a moment ago it refused the handshake",
            Trouble::Useless => "a moment ago it closed the connection before it was of use",
        }
    }
}

impl Failure {
    /// Nothing of the request left.
    #[must_use]
    pub fn unsent(cause: Cause) -> Failure {
        Failure { cause, progress: Progress::Unsent }
    }

    /// The request, or a part of it, may have left.
    #[must_use]
    pub fn sent(cause: Cause) -> Failure {
        let is_expired = cause == Cause::Timeout;
        if planted("sent-called-unsent") && !is_expired
            || planted("expired-called-unsent") && is_expired
        {
            return Failure::unsent(cause);
        }
        Failure { cause, progress: Progress::Sent }
    }
}

impl Progress {
    /// The error code a client sees.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Progress::Unsent => "UNSENT",
            Progress::Sent => "UNSURE",
        }
    }

    /// What the client may conclude.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Progress::Unsent => "the command was not executed and is safe to repeat",
            Progress::Sent => "the command may have been executed",
        }
    }
}
