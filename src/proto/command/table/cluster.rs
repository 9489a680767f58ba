//! Of cluster clients: Redpoll is the one node of a cluster.

use super::{Access, NOT_A_NODE, Row, Spread};

pub(super) const ROWS: &[Row] = &[
    Row::new("asking", 1, Access::None).flags(&["fast"], &["@fast", "@connection"]).doc(
        "cluster",
        "3.0.0",
        "O(1)",
        "Signals that a cluster client is following an -ASK redirect.",
    ),
    Row::new("cluster", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc("cluster", "3.0.0", "Depends on subcommand.", "A container for Cluster commands.")
        .container(&[
            Row::refused("cluster|addslots", -3, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|addslotsrange", -4, "cluster", "7.0.0", NOT_A_NODE),
            Row::refused("cluster|bumpepoch", 2, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|count-failure-reports", 3, "cluster", "3.0.0", NOT_A_NODE),
            Row::new("cluster|countkeysinslot", 3, Access::None)
                .spread(Spread::NamedSlot)
                .flags(&["stale"], &["@slow"])
                .doc("cluster", "3.0.0", "O(1)", "Returns the number of keys in a hash slot."),
            Row::refused("cluster|delslots", -3, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|delslotsrange", -4, "cluster", "7.0.0", NOT_A_NODE),
            Row::refused("cluster|failover", -2, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|flushslots", 2, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|forget", 3, "cluster", "3.0.0", NOT_A_NODE),
            Row::new("cluster|getkeysinslot", 4, Access::None)
                .spread(Spread::NamedSlot)
                .flags(&["stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "3.0.0",
                    "O(N) where N is the number of requested keys",
                    "Returns the key names in a hash slot.",
                ),
            Row::new("cluster|help", 2, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
                "cluster",
                "5.0.0",
                "O(1)",
                "Returns helpful text about the different subcommands.",
            ),
            Row::new("cluster|info", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc("cluster", "3.0.0", "O(1)", "Returns information about the state of a node."),
            Row::new("cluster|keyslot", 3, Access::None).flags(&["stale"], &["@slow"]).doc(
                "cluster",
                "3.0.0",
                "O(N) where N is the number of bytes in the key",
                "Returns the hash slot for a key.",
            ),
            Row::refused("cluster|links", 2, "cluster", "7.0.0", NOT_A_NODE),
            Row::refused("cluster|meet", -4, "cluster", "3.0.0", NOT_A_NODE),
            Row::new("cluster|myid", 2, Access::None).flags(&["loading", "stale"], &["@slow"]).doc(
                "cluster",
                "3.0.0",
                "O(1)",
                "Returns the ID of a node.",
            ),
            Row::new("cluster|myshardid", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc("cluster", "7.2.0", "O(1)", "Returns the shard ID of a node."),
            Row::new("cluster|nodes", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "3.0.0",
                    "O(N) where N is the total number of Cluster nodes",
                    "Returns the cluster configuration for a node.",
                ),
            Row::new("cluster|replicas", 3, Access::None)
                .flags(&["admin", "stale"], &["@admin", "@slow", "@dangerous"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "5.0.0",
                    "O(N) where N is the number of replicas.",
                    "Lists the replica nodes of a primary node.",
                ),
            Row::refused("cluster|replicate", 3, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|reset", -2, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|saveconfig", 2, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|set-config-epoch", 3, "cluster", "3.0.0", NOT_A_NODE),
            Row::refused("cluster|setslot", -4, "cluster", "3.0.0", NOT_A_NODE),
            Row::new("cluster|shards", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "7.0.0",
                    "O(N) where N is the total number of cluster nodes",
                    "Returns the mapping of cluster slots to shards.",
                ),
            Row::new("cluster|slaves", 3, Access::None)
                .flags(&["admin", "stale"], &["@admin", "@slow", "@dangerous"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "3.0.0",
                    "O(N) where N is the number of replicas.",
                    "Lists the replica nodes of a primary node.",
                )
                .deprecated("5.0.0", "`CLUSTER REPLICAS`"),
            Row::refused("cluster|slot-stats", -4, "cluster", "8.0.0", NOT_A_NODE),
            Row::new("cluster|slots", 2, Access::None)
                .flags(&["loading", "stale"], &["@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "cluster",
                    "3.0.0",
                    "O(N) where N is the total number of Cluster nodes",
                    "Returns the mapping of cluster slots to nodes.",
                ),
        ]),
    Row::new("readonly", 1, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc(
            "cluster",
            "3.0.0",
            "O(1)",
            "Enables read-only queries for a connection to a Valkey replica node.",
        ),
    Row::new("readwrite", 1, Access::None)
        .flags(&["loading", "stale", "fast"], &["@fast", "@connection"])
        .doc(
            "cluster",
            "3.0.0",
            "O(1)",
            "Enables read-write queries for a connection to a Valkey replica node.",
        ),
];
