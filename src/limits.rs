//! Every bound of the program that is not a key of the configuration file. The unit comes last in
//! the name; `_max` is inclusive.

/// Longest bulk string accepted, in bytes. Redis' own default (`proto-max-bulk-len`).
pub const BULK_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Largest command or reply accepted as a whole, in bytes. Redis' `client-query-buffer-limit`.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Most arguments of one command, its name included. Redis' own limit before 7.0.
pub const REQUEST_ARGS_MAX: u32 = 1024 * 1024;

/// Longest inline command or reply line, in bytes. Redis' `PROTO_INLINE_MAX_SIZE`.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of aggregates in one reply. `COMMAND DOCS`, the deepest of Redis' own, has 9.
pub const NESTING_MAX: usize = 32;

/// Size of the buffer that a worker reads clients into, in bytes. A small command pins at most this
/// much while it is unanswered.
pub const READ_BYTES: usize = 32 * 1024;

/// Replies to one client that are written before all that came in a turn are taken, in bytes.
pub const CLIENT_EARLY_WRITE_BYTES_MIN: usize = 256 * 1024;

/// A client whose buffers hold no more than this, in bytes, is read as long as there is any memory.
pub const MEMORY_LITTLE_BYTES: usize = 64 * 1024;

/// How often a worker whose clients wait for memory looks whether others hold less, in
/// milliseconds.
pub const MEMORY_LOOK_MS: u64 = 100;

/// How long nobody may be read for want of memory before half commands are given up, in
/// milliseconds.
pub const MEMORY_STUCK_MS: u64 = 2_000;

/// Room that a read has at least, in bytes.
pub const READ_BYTES_MIN: usize = 8 * 1024;

/// Reads of one client in one turn; then others have their turn.
pub const READS_PER_TURN_MAX: usize = 4;

/// Size of a node connection's read buffer, in bytes: it holds the replies of many clients.
pub const UPSTREAM_READ_BYTES: usize = 64 * 1024;

/// What a node connection reads in one turn, about, in bytes: then those whose replies came have
/// theirs, so that replies do not pile up before a client has taken any.
pub const UPSTREAM_TURN_BYTES_MAX: usize = 1024 * 1024;

/// A frame of at least this many bytes is sent from where it lies instead of being copied.
pub const BY_REFERENCE_BYTES_MIN: usize = 16 * 1024;

/// An out-of-order reply below this size is copied, so that it does not pin a read buffer.
pub const COPY_WHEN_KEPT_BYTES_MAX: usize = 4 * 1024;

/// An output buffer that has grown beyond this is given back once it is empty, in bytes.
pub const OUTPUT_KEPT_BYTES_MAX: usize = 16 * 1024;

/// One write to a node gathers at most about this much, in bytes; the rest follows in the next.
pub const UPSTREAM_BATCH_BYTES_MAX: usize = 256 * 1024;

/// How often a worker looks whether there was traffic, in milliseconds.
pub const PURGE_LOOK_MS: u64 = 1_000;

/// From one step of giving memory back to the next, in milliseconds.
pub const PURGE_STEP_MS: u64 = 100;

/// Steps after the last traffic: enough for five times that the allocator looks.
pub const PURGE_STEPS: u32 = 50;

/// Allocations of one step: about 30 us. After ten steps the allocator looks.
pub const PURGE_ALLOCATIONS: u32 = 1_000;

/// Their size, in bytes: not small, or they would not count.
pub const PURGE_BLOCK_BYTES: usize = 2 * 1024;

/// Slices in one vectored write.
pub const WRITE_SLICES_MAX: usize = 64;

/// Commands of one client that may be unanswered before its socket is read no further.
pub const CLIENT_PIPELINE_COMMANDS_MAX: usize = 1024;

/// Bytes of one client's unanswered commands before its socket is read no further.
pub const CLIENT_PIPELINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long a command may wait at its node, in seconds; whoever asks for ever waits so long.
pub const WAIT_S_MAX: u64 = 365 * 24 * 3_600;

/// Primaries that a client's writes are remembered to have gone to; one that writes to more waits
/// for the replicas of all.
pub const WRITTEN_NODES_MAX: usize = 256;

/// Bytes that are read ahead of a client whose command waits, at its node or for the end of a
/// pause, to see that it leaves; one that sends more is closed.
pub const READ_AHEAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a key that people are shown, before they are escaped.
pub const KEY_SHOWN_BYTES_MAX: usize = 64;

/// Keys, or parts of a command, that `PROXY ROUTE` shows.
pub const ROUTE_SHOWN_MAX: usize = 100;

/// How long a connection that nobody borrows is kept where others are kept for ever, in seconds.
pub const LEASE_IDLE_S: u64 = 60;

/// Commands that a client may queue in a transaction.
pub const TRANSACTION_COMMANDS_MAX: u32 = 65_536;

/// Bytes of a transaction beyond which no further command is queued.
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Channels, patterns and shard channels together that a client may be subscribed to.
pub const CLIENT_SUBSCRIPTIONS_MAX: usize = 65_536;

/// What a subscription of a client takes beside its name, about, in bytes.
pub const SUBSCRIPTION_BYTES: usize = 256;

/// What the subscriptions of all clients of a worker to one upstream may take, in bytes.
pub const SUBSCRIPTIONS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Reads that a new client may have on their way before any is answered. As many replies, each of
/// this part of the room for them, fill the half of it that is for what is expected.
pub const REPLIES_UNKNOWN_MAX: usize = 4;

/// The same of a new client where the replies to others are short.
pub const REPLIES_NEW_MAX: usize = 64;

/// A long reply to anybody is forgotten by this power of two of it at each shorter one.
pub const COMMON_REPLY_FORGET_SHIFT: u32 = 8;

/// A long reply is forgotten by an eighth (this power of two) at each shorter one.
pub const REPLY_FORGET_SHIFT: u32 = 3;

/// What an unanswered command takes beside its own bytes, about, in bytes: its places in the
/// session's ring and in the pipeline of its node.
pub const COMMAND_BYTES: usize = 320;

/// Replies of an embedded node that a client leaves unread, in bytes, before it is read no further.
pub const EMBEDDED_OUTPUT_PAUSE_BYTES: usize = 1024 * 1024;

/// Bytes that an embedded node reads ahead of a client that waits for an element.
pub const EMBEDDED_WAITING_INPUT_BYTES_MAX: usize = 1024 * 1024;

/// Messages of an embedded node that a subscriber leaves unread, in bytes, before it is closed.
/// Redis' own bound.
pub const EMBEDDED_SUBSCRIBER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Retries that a worker may make at once without having earned them, and in ten seconds.
pub const RETRY_RESERVE: u32 = 100;

/// Pause before a command that a node cannot serve yet is sent again, in milliseconds; each further
/// one doubles it.
pub const REFUSAL_PAUSE_MS_MIN: u64 = 10;

/// Longest such pause, in milliseconds.
pub const REFUSAL_PAUSE_MS_MAX: u64 = 160;

/// Pause after the first failed attempt to connect to a node, in milliseconds; each further failure
/// doubles it.
pub const CONNECT_BACKOFF_MS_MIN: u64 = 20;

/// Longest such pause, in milliseconds.
pub const CONNECT_BACKOFF_MS_MAX: u64 = 1_000;

/// Longest pause after a look at the topology that gave no view, or one in which some slot has no
/// node, in milliseconds, while nothing happens. The first is `redirect_refresh_interval`; each
/// further one is twice as long.
pub const TOPOLOGY_RETRY_MS: u64 = 1_000;

/// How long a node may think about the topology before another is asked as well, in milliseconds.
pub const TOPOLOGY_HEDGE_MS: u64 = 100;

/// Nodes asked for the topology at one time.
pub const TOPOLOGY_QUESTIONS_MAX: usize = 3;

/// Nodes of a known topology asked in one round, beside the seeds: a few of a thousand are enough.
pub const TOPOLOGY_NODES_ASKED_MAX: usize = 8;

/// How long after a node gave no topology others are asked before it, in milliseconds.
pub const TOPOLOGY_AVOID_MS: u64 = 10_000;

/// How long one node may take to tell the topology, in milliseconds.
pub const TOPOLOGY_TIMEOUT_MS: u64 = 1_000;

/// Largest reply with a topology, in bytes: a thousand nodes take about 300 KiB.
pub const TOPOLOGY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a connection that the proxy ends stays open for the client to read what was written, in
/// milliseconds.
pub const LINGER_MS: u64 = 1_000;

/// How long every node's view must have been older than the one in force before the newest of them
/// is taken all the same, in milliseconds.
pub const TOPOLOGY_REFUSED_MS: u64 = 5_000;

/// Clients that are turned away and may stay until they have read why; more are closed at once.
pub const TURNED_AWAY_MAX: usize = 16;

/// What clients have, once the drain is over, to take what they are told, in milliseconds.
pub const STOP_MS: u64 = 200;

/// Clients that may wait to be accepted by one listener.
pub const ACCEPT_BACKLOG_MAX: i32 = 1024;

/// Databases that a client may choose from, of a standalone server: as many as Redis has by itself.
pub const DATABASES_MAX: u32 = 16;

/// How long a connection to a database that only some client chose stays without work, in
/// milliseconds, unless `idle_timeout` of the upstream is shorter.
pub const DATABASE_IDLE_MS: u64 = 60_000;

/// Scripts that are remembered for one upstream, so that a node which has lost one is given it
/// again.
pub const SCRIPTS_MAX: usize = 1024;

/// Bytes of all of them.
pub const SCRIPTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Longest script that is remembered, in bytes.
pub const SCRIPT_BYTES_MAX: usize = 256 * 1024;

/// Entries that an idle queue or ring keeps room for.
pub const IDLE_ENTRIES_MAX: usize = 64;

/// Requests that a node connection keeps room for once it has fewer. More than a queue between two
/// tasks, because it is the sum of many clients' and would grow again at every turn.
pub const PIPELINE_ENTRIES_KEPT: usize = 1024;

/// Pause after a client could not be accepted, in milliseconds: descriptors may be free again.
pub const ACCEPT_PAUSE_MS: u64 = 50;

/// Slots of a Redis Cluster, from the Redis cluster specification.
pub const SLOTS: usize = 16_384;

/// Nodes of one upstream that a worker knows, about 2 MiB. Beyond it, new ones are not used.
pub const NODES_MAX: usize = 32_768;

/// How long a node that the topology does not list is remembered after it was heard of last, in
/// milliseconds.
pub const UNLISTED_NODE_MS: u64 = 60_000;

/// Longest name a client may give itself with `CLIENT SETNAME` or `SETINFO`, in bytes.
pub const CLIENT_NAME_BYTES_MAX: usize = 1024;

const _: () = assert!(FRAME_BYTES_MAX > BULK_BYTES_MAX && FRAME_BYTES_MAX < u32::MAX as usize);
const _: () = assert!(COPY_WHEN_KEPT_BYTES_MAX < BY_REFERENCE_BYTES_MIN);
const _: () = assert!(LINE_BYTES_MAX < FRAME_BYTES_MAX && NESTING_MAX < 128);
const _: () =
    assert!(CONNECT_BACKOFF_MS_MIN > 0 && CONNECT_BACKOFF_MS_MIN < CONNECT_BACKOFF_MS_MAX);
const _: () = assert!(NODES_MAX < u16::MAX as usize);
