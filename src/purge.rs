//! Has the allocator give back to the operating system what the process no longer uses.
//!
//! mimalloc looks for such memory each time a thread has made 10,000 allocations that are not
//! small (its option `generic_collect`). A worker that has just become idle makes none and would
//! keep what a storm needed. So, as long as there was traffic of late, each worker makes some, for
//! nothing. With another allocator that costs as little and does nothing.

use std::hint::black_box;
use std::time::Duration;

use tokio::time::sleep;

use crate::limits::{
    PURGE_ALLOCATIONS, PURGE_BLOCK_BYTES, PURGE_LOOK_MS, PURGE_STEP_MS, PURGE_STEPS,
};
use crate::stats::Stats;

/// Does that on the calling thread for as long as it is polled.
pub(crate) async fn watch(stats: Stats) {
    let mut traffic = 0;
    let mut steps_left = 0;
    loop {
        let pause_ms = if steps_left > 0 { PURGE_STEP_MS } else { PURGE_LOOK_MS };
        sleep(Duration::from_millis(pause_ms)).await;
        let now = moved_bytes(&stats);
        steps_left = if now == traffic { steps_left } else { PURGE_STEPS };
        traffic = now;
        if steps_left > 0 {
            steps_left -= 1;
            for _ in 0..PURGE_ALLOCATIONS {
                drop(black_box(Vec::<u8>::with_capacity(PURGE_BLOCK_BYTES)));
            }
        }
    }
}

/// Bytes read from clients and written to them so far.
fn moved_bytes(stats: &Stats) -> u64 {
    let read = stats.sum(|worker| &worker.client_read_bytes_total);
    read.wrapping_add(stats.sum(|worker| &worker.client_written_bytes_total))
}
