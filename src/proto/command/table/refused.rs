//! What no client gets, and why.

use super::{MOVES_KEYS, ONE_SERVER, Row};

pub(super) const ROWS: &[Row] = &[
    Row::refused("bgrewriteaof", 1, "server", "1.0.0", ONE_SERVER),
    Row::refused("bgsave", -1, "server", "1.0.0", ONE_SERVER),
    Row::refused("commandlog", -2, "server", "8.1.0", ONE_SERVER).container(&[
        Row::refused("commandlog|get", 4, "server", "8.1.0", ONE_SERVER),
        Row::refused("commandlog|help", 2, "server", "8.1.0", ONE_SERVER),
        Row::refused("commandlog|len", 3, "server", "8.1.0", ONE_SERVER),
        Row::refused("commandlog|reset", 3, "server", "8.1.0", ONE_SERVER),
    ]),
    Row::refused("debug", -2, "server", "1.0.0", ONE_SERVER),
    Row::refused("failover", -1, "server", "6.2.0", ONE_SERVER),
    Row::refused("lastsave", 1, "server", "1.0.0", ONE_SERVER),
    Row::refused("latency", -2, "server", "2.8.13", ONE_SERVER).container(&[
        Row::refused("latency|doctor", 2, "server", "2.8.13", ONE_SERVER),
        Row::refused("latency|graph", 3, "server", "2.8.13", ONE_SERVER),
        Row::refused("latency|help", 2, "server", "2.8.13", ONE_SERVER),
        Row::refused("latency|histogram", -2, "server", "7.0.0", ONE_SERVER),
        Row::refused("latency|history", 3, "server", "2.8.13", ONE_SERVER),
        Row::refused("latency|latest", 2, "server", "2.8.13", ONE_SERVER),
        Row::refused("latency|reset", -2, "server", "2.8.13", ONE_SERVER),
    ]),
    Row::refused("migrate", -6, "generic", "2.6.0", MOVES_KEYS),
    Row::refused("module", -2, "server", "4.0.0", ONE_SERVER).container(&[
        Row::refused("module|help", 2, "server", "5.0.0", ONE_SERVER),
        Row::refused("module|list", 2, "server", "4.0.0", ONE_SERVER),
        Row::refused("module|load", -3, "server", "4.0.0", ONE_SERVER),
        Row::refused("module|loadex", -3, "server", "7.0.0", ONE_SERVER),
        Row::refused("module|unload", 3, "server", "4.0.0", ONE_SERVER),
    ]),
    Row::refused("monitor", 1, "server", "1.0.0", ONE_SERVER),
    Row::refused("pfdebug", 3, "hyperloglog", "2.8.9", ONE_SERVER),
    Row::refused("pfselftest", 1, "hyperloglog", "2.8.9", ONE_SERVER),
    Row::refused("psync", -3, "server", "2.8.0", ONE_SERVER),
    Row::refused("replconf", -1, "server", "3.0.0", ONE_SERVER),
    Row::refused("replicaof", 3, "server", "5.0.0", ONE_SERVER),
    Row::refused("restore-asking", -4, "server", "3.0.0", MOVES_KEYS),
    Row::refused("save", 1, "server", "1.0.0", ONE_SERVER),
    Row::refused("shutdown", -1, "server", "1.0.0", ONE_SERVER),
    Row::refused("slaveof", 3, "server", "1.0.0", ONE_SERVER),
    Row::refused("sync", 1, "server", "1.0.0", ONE_SERVER),
];
