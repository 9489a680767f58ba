//! All bugs that can be planted, by the promise that they break.

/// A bug that can be planted in the proxy.
#[derive(Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What the proxy's code calls it.
    pub name: &'static str,
    /// The promise that it breaks, as `docs/simulation.md` counts them.
    pub promise: u8,
    /// What the proxy does then.
    pub what: &'static str,
    /// The checker that it was planted for, if others see it sooner: only what that one sees is a
    /// find.
    pub planted_for: Option<&'static str>,
}

const fn mutant(promise: u8, name: &'static str, what: &'static str) -> Mutant {
    Mutant { name, promise, what, planted_for: None }
}

impl Mutant {
    const fn planted_for(self, checker: &'static str) -> Mutant {
        Mutant { planted_for: Some(checker), ..self }
    }
}

/// All of them.
pub static MUTANTS: [Mutant; 74] = [
    mutant(1, "replies-out-of-order", "the reply to a later command is written first"),
    mutant(1, "late-reply-to-next", "the late reply to an expired command answers the next one"),
    mutant(1, "place-of-one-who-left", "what a client that left would have got goes to the next"),
    mutant(1, "expired-told-twice", "a command that expires is answered twice"),
    mutant(1, "half-a-command-lost", "a command that comes in two reads loses its first half"),
    mutant(1, "half-closed-told-nothing", "who has said that it asks no more is closed at once"),
    mutant(1, "half-a-reply-survives", "half a reply from before a reconnect is gone on with"),
    mutant(1, "bytes-of-the-last-connection", "bytes from before a reconnect are replies after it"),
    mutant(1, "short-write-taken-for-whole", "what a socket did not take at once is never written"),
    mutant(1, "recalled-bytes-stay", "a command that is taken back stays in the output"),
    mutant(1, "merged-in-order-of-slots", "the values of a split MGET come in the order of slots"),
    mutant(1, "divided-merged-in-wrong-order", "keys that have parted come back in reverse"),
    mutant(1, "sum-forgets", "of the counts of a split DEL only the last is told"),
    mutant(1, "new-overtake-parked", "a new command is sent before earlier ones of its slot"),
    mutant(
        1,
        "redirected-overtake",
        "a command is sent while earlier ones are in flight elsewhere",
    ),
    mutant(1, "paused-are-overtaken", "commands overtake one that waits to be asked again"),
    mutant(1, "held-overtake-sent-again", "held commands overtake one that is to be sent again"),
    mutant(1, "client-not-kept-to-one", "each command of a client may take another connection"),
    mutant(2, "deadline-twice-as-long", "commands have twice as long as is configured"),
    mutant(2, "any-reply-renews-deadlines", "whatever is received, all others get time anew"),
    mutant(2, "all-expire-with-one", "when one command expires, so do all on its connection")
        .planted_for("neighbours"),
    mutant(2, "no-connect-timeout", "an attempt to connect, or a handshake, is never given up"),
    mutant(2, "stall-never-noticed", "a node may be silent for ever"),
    mutant(3, "writes-sent-again", "writes that may have run are sent again"),
    mutant(3, "end-of-input-ends-a-command", "a command that lacks its end is executed"),
    mutant(3, "half-written-recalled", "a command that has begun to leave is sent again"),
    mutant(3, "half-written-called-unsent", "a command that has begun to leave is called unsent"),
    mutant(3, "sent-called-unsent", "what was lost with its connection is said not to have run"),
    mutant(3, "expired-called-unsent", "what expired in flight is said not to have run"),
    mutant(3, "unsent-if-a-part-is", "a split command is called unsent if one part of it is"),
    mutant(3, "stopped-called-unsent", "what is in flight when the proxy stops is called unsent"),
    mutant(3, "spoilt-transaction-sent", "of a spoilt transaction the rest is executed"),
    mutant(3, "transaction-cut-in-two", "a transaction is sent as two").planted_for("whole"),
    mutant(3, "read-past-a-write", "a read is sent again behind a later write"),
    mutant(3, "unsure-write-forgotten", "the same, behind one whose client knows nothing of it"),
    mutant(3, "retry-budget-ignored", "retries are as many as there are failures"),
    mutant(4, "protocols-share-connections", "RESP3 clients are served over RESP2 connections"),
    mutant(4, "watch-on-what-all-share", "keys are watched on the connection that all share")
        .planted_for("watched"),
    mutant(4, "lost-watch-forgotten", "a transaction runs although what it watched is lost")
        .planted_for("watched"),
    mutant(4, "waiting-lease-lent-on", "the connection on which one that left waits is lent on")
        .planted_for("orphans"),
    mutant(4, "counted-without-a-mark", "replicas are counted that are behind what was written")
        .planted_for("counted"),
    mutant(4, "writes-not-counted", "nobody is asked for replicas of what was written"),
    mutant(4, "lost-writes-counted", "replicas are counted although what was written may be lost"),
    mutant(4, "reload-forgets-writes", "a new configuration forgets where a client wrote"),
    mutant(4, "count-of-the-last-node", "of several nodes the last one's count is told"),
    mutant(4, "failed-exec-leaves-its-transaction", "an EXEC that had no time ends nothing"),
    mutant(
        4,
        "subscribed-before-the-node",
        "a subscription is confirmed before a node has done so",
    ),
    mutant(4, "subscribed-to-what-was-said-before", "who subscribes hears what others were owed"),
    mutant(4, "refused-and-goes-on", "a connection whose handshake was refused is used"),
    mutant(4, "asking-after-moved", "a command that has moved for good is sent with ASKING"),
    mutant(5, "asking-forgotten", "a command is sent on to where ASK says, without ASKING"),
    mutant(5, "ask-taken-for-good", "after an ASK all commands of the slot go there, with ASKING")
        .planted_for("durable"),
    mutant(5, "ask-passed-on", "clients are told ASK"),
    mutant(5, "redirected-for-ever", "redirects_max is 255"),
    mutant(5, "moved-not-noted", "MOVED sends on the one command only"),
    mutant(5, "older-view-accepted", "any view of the topology is taken over"),
    mutant(6, "memory-max-ignored", "buffers grow as long as there is memory")
        .planted_for("memory"),
    mutant(6, "output-without-bound", "replies to a client that does not read pile up"),
    mutant(6, "leaver-remembered-for-ever", "what a client that left was owed is never forgotten"),
    mutant(6, "half-closed-kept-open", "who has said that it asks no more is never closed")
        .planted_for("goodbye"),
    mutant(6, "idle-never-closed", "idle connections to nodes are kept"),
    mutant(7, "drain-drops-the-queue", "clients are closed while they are owed replies"),
    mutant(7, "drain-has-no-time", "a proxy that stops answers nothing that is in flight"),
    mutant(7, "subscribers-outlive-a-drain", "a proxy that stops leaves subscribers connected"),
    mutant(7, "waiting-dropped-by-a-drain", "who waits when the proxy stops is told nothing")
        .planted_for("farewell"),
    mutant(7, "retired-cut-off", "a node that leaves is disconnected at once"),
    mutant(7, "retired-keeps-commands", "commands not yet written go to a node that has left"),
    mutant(8, "refresh-storm", "each redirect or failure makes for a look at the topology"),
    mutant(8, "failures-make-no-look", "none does"),
    mutant(8, "failed-node-given-up", "a node that could not be reached is not tried again"),
    mutant(
        8,
        "subscriptions-forgotten",
        "what was subscribed to is not asked for on the next line",
    ),
    mutant(8, "connection-rate-ignored", "nodes are connected to as often as that is wanted"),
    mutant(8, "sent-not-counted", "requests_sent stays at 0"),
    mutant(9, "chance-from-outside", "jitter is not drawn from the seed"),
];
