//! Streams.

use super::super::keys::Take;
use super::{Access, KEY, Row, SECOND, STREAM_OPTIONS, Spread, Waits, keyword};

pub(super) const ROWS: &[Row] = &[
    Row::new("xack", -4, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@write", "@stream", "@fast"])
        .doc(
            "stream",
            "5.0.0",
            "O(1) for each message ID processed.",
            "Returns the number of messages that were successfully acknowledged by the \
             consumer group member of a stream.",
        ),
    Row::new("xadd", -5, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@stream", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc(
            "stream",
            "5.0.0",
            "O(1) when adding a new entry, O(N) when trimming where N being the number of \
             entries evicted.",
            "Appends a new message to a stream. Creates the key if it doesn't exist.",
        ),
    Row::new("xautoclaim", -6, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@stream", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc(
            "stream",
            "6.2.0",
            "O(1) if COUNT is small.",
            "Changes, or acquires, ownership of messages in a consumer group, as if the \
             messages were delivered to as consumer group member.",
        ),
    Row::new("xclaim", -6, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "fast"], &["@write", "@stream", "@fast"])
        .tips(&["nondeterministic_output"])
        .doc(
            "stream",
            "5.0.0",
            "O(log N) with N being the number of messages in the PEL of the consumer \
             group.",
            "Changes, or acquires, ownership of a message in a consumer group, as if the \
             message was delivered a consumer group member.",
        ),
    Row::new("xdel", -3, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write", "fast"], &["@write", "@stream", "@fast"])
        .doc(
            "stream",
            "5.0.0",
            "O(1) for each single item to delete in the stream, regardless of the stream \
             size.",
            "Returns the number of messages after removing them from a stream.",
        ),
    Row::new("xgroup", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "stream",
            "5.0.0",
            "Depends on subcommand.",
            "A container for consumer groups commands.",
        )
        .container(&[
            Row::new("xgroup|create", -5, Access::Write)
                .keys(SECOND, &["RW insert"])
                .flags(&["write", "denyoom"], &["@write", "@stream", "@slow"])
                .doc("stream", "5.0.0", "O(1)", "Creates a consumer group."),
            Row::new("xgroup|createconsumer", 5, Access::Write)
                .keys(SECOND, &["RW insert"])
                .flags(&["write", "denyoom"], &["@write", "@stream", "@slow"])
                .doc("stream", "6.2.0", "O(1)", "Creates a consumer in a consumer group."),
            Row::new("xgroup|delconsumer", 5, Access::Write)
                .keys(SECOND, &["RW delete"])
                .flags(&["write"], &["@write", "@stream", "@slow"])
                .doc("stream", "5.0.0", "O(1)", "Deletes a consumer from a consumer group."),
            Row::new("xgroup|destroy", 4, Access::Write)
                .keys(SECOND, &["RW delete"])
                .flags(&["write"], &["@write", "@stream", "@slow"])
                .doc(
                    "stream",
                    "5.0.0",
                    "O(N) where N is the number of entries in the group's pending entries list \
                     (PEL).",
                    "Destroys a consumer group.",
                ),
            Row::new("xgroup|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@stream", "@slow"])
                .doc(
                    "stream",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("xgroup|setid", -5, Access::Write)
                .keys(SECOND, &["RW update"])
                .flags(&["write"], &["@write", "@stream", "@slow"])
                .doc("stream", "5.0.0", "O(1)", "Sets the last-delivered ID of a consumer group."),
        ]),
    Row::new("xinfo", -2, Access::None)
        .flags(&[], &["@slow"])
        .doc(
            "stream",
            "5.0.0",
            "Depends on subcommand.",
            "A container for stream introspection commands.",
        )
        .container(&[
            Row::new("xinfo|consumers", 4, Access::Read)
                .keys(SECOND, &["RO access"])
                .flags(&["readonly"], &["@read", "@stream", "@slow"])
                .tips(&["nondeterministic_output"])
                .doc(
                    "stream",
                    "5.0.0",
                    "O(1)",
                    "Returns a list of the consumers in a consumer group.",
                ),
            Row::new("xinfo|groups", 3, Access::Read)
                .keys(SECOND, &["RO access"])
                .flags(&["readonly"], &["@read", "@stream", "@slow"])
                .doc(
                    "stream",
                    "5.0.0",
                    "O(1)",
                    "Returns a list of the consumer groups of a stream.",
                ),
            Row::new("xinfo|help", 2, Access::None)
                .spread(Spread::AnyPrimary)
                .flags(&["loading", "stale"], &["@stream", "@slow"])
                .doc(
                    "stream",
                    "5.0.0",
                    "O(1)",
                    "Returns helpful text about the different subcommands.",
                ),
            Row::new("xinfo|stream", -3, Access::Read)
                .keys(SECOND, &["RO access"])
                .flags(&["readonly"], &["@read", "@stream", "@slow"])
                .doc("stream", "5.0.0", "O(1)", "Returns information about a stream."),
        ]),
    Row::new("xlen", 2, Access::Read)
        .keys(KEY, &["RO"])
        .flags(&["readonly", "fast"], &["@read", "@stream", "@fast"])
        .doc("stream", "5.0.0", "O(1)", "Return the number of messages in a stream."),
    Row::new("xpending", -3, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@stream", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "stream",
            "5.0.0",
            "O(N) with N being the number of elements returned, so asking for a small \
             fixed number of entries per call is O(1). O(M), where M is the total number \
             of entries scanned when used with the IDLE filter. When the command returns \
             just the summary and the list of consumers is small, it runs in O(1) time; \
             otherwise, an additional O(N) time for iterating every consumer.",
            "Returns the information and entries from a stream consumer group's pending \
             entries list.",
        ),
    Row::new("xrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@stream", "@slow"])
        .doc(
            "stream",
            "5.0.0",
            "O(N) with N being the number of elements being returned. If N is constant \
             (e.g. always asking for the first 10 elements with COUNT), you can consider \
             it O(1).",
            "Returns the messages from a stream within a range of IDs.",
        ),
    Row::new("xread", -4, Access::Read)
        .keys(&[keyword("streams", 1, Take::Half, STREAM_OPTIONS)], &["RO access"])
        .waits(Waits::Block)
        .flags(
            &["readonly", "blocking", "movablekeys"],
            &["@read", "@stream", "@slow", "@blocking"],
        )
        .doc(
            "stream",
            "5.0.0",
            "",
            "Returns messages from multiple streams with IDs greater than the ones \
             requested. Blocks until a message is available otherwise.",
        ),
    Row::new("xreadgroup", -7, Access::Write)
        .keys(&[keyword("streams", 4, Take::Half, STREAM_OPTIONS)], &["RO access"])
        .waits(Waits::Block)
        .flags(&["write", "blocking", "movablekeys"], &["@write", "@stream", "@slow", "@blocking"])
        .doc(
            "stream",
            "5.0.0",
            "For each stream mentioned: O(M) with M being the number of elements \
             returned. If M is constant (e.g. always asking for the first 10 elements \
             with COUNT), you can consider it O(1). On the other side when XREADGROUP \
             blocks, XADD will pay the O(N) time in order to serve the N clients blocked \
             on the stream getting new data.",
            "Returns new or historical messages from a stream for a consumer in a group. \
             Blocks until a message is available otherwise.",
        ),
    Row::new("xrevrange", -4, Access::Read)
        .keys(KEY, &["RO access"])
        .flags(&["readonly"], &["@read", "@stream", "@slow"])
        .doc(
            "stream",
            "5.0.0",
            "O(N) with N being the number of elements returned. If N is constant (e.g. \
             always asking for the first 10 elements with COUNT), you can consider it \
             O(1).",
            "Returns the messages from a stream within a range of IDs in reverse order.",
        ),
    Row::new("xsetid", -3, Access::Write)
        .keys(KEY, &["RW update"])
        .flags(&["write", "denyoom", "fast"], &["@write", "@stream", "@fast"])
        .doc("stream", "5.0.0", "O(1)", "An internal command for replicating stream values."),
    Row::new("xtrim", -4, Access::Write)
        .keys(KEY, &["RW delete"])
        .flags(&["write"], &["@write", "@stream", "@slow"])
        .tips(&["nondeterministic_output"])
        .doc(
            "stream",
            "5.0.0",
            "O(N), with N being the number of evicted entries. Constant times are very \
             small however, since entries are organized in macro nodes containing \
             multiple entries that can be released with a single deallocation.",
            "Deletes messages from the beginning of a stream.",
        ),
];
