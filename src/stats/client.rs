//! What is counted of clients.

use super::counter::kinds;

kinds!(
    /// Why a client's connection is over.
    ClientEnd {
        /// It said `QUIT` or sent no more, or the proxy drained; all was answered.
        Finished = "finished",
        /// It was gone.
        Lost = "lost",
        /// It said nothing for `client_idle_timeout`.
        Idle = "idle",
        /// It took none of its replies for `client_stall_timeout`.
        Stalled = "stalled",
        /// More than `client_output_bytes_max` of replies waited for it.
        Overflown = "output",
        /// It was a subscriber, and more than `subscriber_output_bytes_max` waited for it.
        Subscriber = "subscriber",
        /// More than `memory_max` was held, and of what could be given back at once it held most.
        Memory = "memory",
        /// `memory_max` left no room for the rest of a command.
        Starved = "starved",
        /// Another client wanted it closed.
        Killed = "killed",
        /// It sent what is not RESP.
        Protocol = "protocol",
    }
);
