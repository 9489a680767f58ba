//! What clients were told.

use super::{Tally, count};
use crate::history::{Call, History};
use crate::resp::error_code;

/// What the first word of an error says.
const CODES: [(&str, &str); 8] = [
    ("UNSENT", "told_unsent"),
    ("UNSURE", "told_unsure"),
    ("CLUSTERDOWN", "told_cluster_down"),
    ("LOADING", "told_loading"),
    ("TRYAGAIN", "told_try_again"),
    ("MASTERDOWN", "told_master_down"),
    ("READONLY", "told_read_only"),
    ("BUSY", "told_busy"),
];

/// Why a command failed, in the proxy's words.
const REASONS: [(&str, &str); 11] = [
    ("no connection within connect_timeout", "failed_while_connecting"),
    ("no reply within op_timeout", "failed_without_reply"),
    ("earlier commands for its slot were not answered", "failed_behind_others"),
    ("no node of the cluster has told its topology", "failed_without_topology"),
    ("a moment ago", "failed_in_backoff"),
    ("its host name has no address", "failed_without_address"),
    ("it broke the protocol", "failed_by_garbage"),
    ("the connection ended", "failed_with_its_connection"),
    ("gave up after ", "failed_after_redirects"),
    ("the proxy is stopping", "failed_in_the_drain"),
    ("the configuration changed", "failed_with_its_configuration"),
];

pub(super) fn see(history: &History, tally: &mut Tally) {
    let calls = || history.calls();
    tally.see("commands", count(calls(), |_| true));
    tally.see("replies", count(calls(), |call| call.reply.is_some()));
    for (code, name) in CODES {
        let is_it = |call: &&Call| call.frame().is_some_and(|frame| error_code(frame) == code);
        tally.see(name, count(calls(), is_it));
    }
    let errors: Vec<_> = calls().filter_map(Call::frame).filter(|frame| frame[0] == b'-').collect();
    for (reason, name) in REASONS {
        let says_it = |frame: &&&[u8]| memmem(frame, reason.as_bytes());
        tally.see(name, count(&errors, says_it));
    }
}

fn memmem(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
