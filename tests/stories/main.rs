//! Stories of the whole proxy on a simulated network: each breaks one thing and says what a client
//! sees.

mod bounds;
mod drain;
mod faults;
mod pipelining;
mod redirects;
mod reload;
mod topology;
