//! The `redpoll` binary.

fn main() {}
