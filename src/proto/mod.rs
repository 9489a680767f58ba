//! The protocol, pure: no `async`, no tokio, no clock, no dice, no lock, no shared ownership.
//! Bytes, replies and the time come in as arguments; bytes, requests and the next deadline come
//! out.
//!
//! The same verbs everywhere:
//!
//! | verb | meaning |
//! |---|---|
//! | `receive`, `push`, `answer` | something happened; tell the machine |
//! | `poll_*` | what the machine wants done, one at a time until `None` |
//! | `poll_timeout`, `handle_timeout(now)` | when to come back at the latest, and being back |
//! | `is_*`, `has_*`, `wants_*` | a look, without effect |

pub mod cluster;
pub mod command;
pub mod handshake;
pub mod output;
pub mod pipeline;
pub mod pubsub;
pub mod reply;
pub mod resp;
pub mod scripts;
pub mod session;
