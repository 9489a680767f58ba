//! Any bytes, as a client and as a node may send them, however they are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redpoll::proto::resp::property::check_bytes;

fuzz_target!(|bytes: &[u8]| check_bytes(bytes));
