//! What happened in a run, as data: what the clients said and heard, what the proxy sent, what the
//! nodes did. The checkers of [`oracle`](crate::oracle) look at nothing else.

mod connections;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

pub use self::connections::{Attempt, Connect, Look};
use crate::fault::Fault;
pub use crate::listening::{Listening, Said};
use crate::proxies::name_of;
pub use crate::transactions::Queued;
use crate::workload::{Effect, Id, Kind};

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What holds for the whole run.
    pub rules: Rules,
    /// The client connections, in the order in which they were opened.
    pub conversations: Vec<Conversation>,
    /// What nodes executed or refused, in that order.
    pub executions: Vec<Execution>,
    /// What the proxy sent to nodes, in that order.
    pub sendings: Vec<Sending>,
    /// The faults that came, and when.
    pub faults: Vec<(Duration, Fault)>,
    /// Writes that were lost with the node or the slot that they were in.
    pub losses: Vec<Loss>,
    /// Failovers: when, whose place was taken, and by which node.
    pub failovers: Vec<(Duration, usize, usize)>,
    /// Primaries that handed their slots over, and when.
    pub retirements: Vec<(Duration, usize)>,
    /// Connections to nodes that were asked for.
    pub connects: Vec<Connect>,
    /// Those that took time and are over.
    pub attempts: Vec<Attempt>,
    /// Questions for the topology that nodes answered.
    pub looks: Vec<Look>,
    /// The members that are left in the sets, by key, when all is over; of keys whose slot
    /// somebody serves.
    pub left: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    /// The connections of clients that listened.
    pub listenings: Vec<Listening>,
    /// What was published past the proxy, and when: the message is the place in this list.
    pub published: Vec<(Duration, String)>,
    /// How long all of it took.
    pub took: Duration,
    /// The processes of the proxies. What is said above of one names its place in this list; a view
    /// of one holds that one only.
    pub processes: Vec<Process>,
}

/// A process of a proxy, and what is its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The number of the proxy.
    pub proxy: usize,
    /// Its number among the processes that the proxy had, from 0 on.
    pub life: usize,
    /// When it began.
    pub began: Duration,
    /// When it was killed, if it was.
    pub died: Option<Duration>,
    /// What it counted.
    pub counted: Counted,
    /// When it was told to stop, if it was.
    pub drained: Option<Duration>,
}

/// What a process counted, all workers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Commands read.
    pub commands: u64,
    /// Redirects followed: `MOVED`.
    pub moved: u64,
    /// Redirects followed: `ASK`.
    pub asked: u64,
    /// Answers `UNSENT`, of parts of commands.
    pub unsent: u64,
    /// Answers `UNSURE`, of parts of commands.
    pub unsure: u64,
    /// Connections to nodes opened.
    pub connections: u64,
    /// Requests of which a byte was written to a node.
    pub sent: u64,
    /// Requests that nodes replied to in time.
    pub answered: u64,
    /// Looks at the topology, those in vain included.
    pub refreshes: u64,
    /// Commands sent again because their connection failed, or their node had left.
    pub retries: u64,
    /// Requests given to node connections.
    pub requests: u64,
    /// The most bytes that buffers held at the end of a step.
    pub buffered_most: u64,
    /// Bytes that buffers hold when all is over.
    pub buffered: u64,
    /// Bytes that wait to be written to nodes when all is over.
    pub unwritten: u64,
    /// Requests whose replies are still to come when all is over.
    pub in_flight: u64,
    /// Connections to nodes that are open when all is over.
    pub open: u64,
}

/// What the checkers must know of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The proxy's own.
    pub op_timeout: Duration,
    /// The proxy's own for some commands, by their names in lower case.
    pub command_timeouts: BTreeMap<&'static str, Duration>,
    /// Whether the proxy follows redirects; else clients get them.
    pub follows: bool,
    /// The proxy's own.
    pub redirects_max: u8,
    /// The proxy's own.
    pub retries_max: u8,
    /// The proxy's own.
    pub connect_timeout: Duration,
    /// The proxy's own.
    pub drain_timeout: Duration,
    /// The proxy's own.
    pub stall_timeout: Option<Duration>,
    /// Connections to nodes that are not used are closed within moments.
    pub closes_idle: bool,
    /// Each `MOVED` makes for a look at the topology.
    pub heeds_each_redirect: bool,
    /// What replies to one client may take while it does not read, in bytes.
    pub output_bytes: usize,
    /// Commands may fail for want of room, though nothing is broken.
    pub is_narrow: bool,
    /// The proxy may close connections of clients, for it has little patience or memory.
    pub may_close: bool,
    /// Commands may wait to be read, so that they take longer than they may.
    pub is_tight: bool,
    /// So few connections may be lent that clients have to wait for them.
    pub has_few_leases: bool,
    /// So few nodes that the topology does not name may be in use that a redirect may find no room.
    pub has_few_unknown: bool,
    /// The proxy's own, in bytes.
    pub memory_max: usize,
    /// What all buffers may hold, in bytes, with what may come on top.
    pub memory_bytes: u64,
    /// Workers of the proxy.
    pub workers: u64,
    /// Attempts to connect to a node that one worker may make in a second; 0 if there is no limit.
    pub connects_per_s: u64,
    /// The share of retries among requests, in percent.
    pub retry_percent: u64,
    /// Nodes are on hosts of their own, so that what befalls one befalls no other.
    pub are_apart: bool,
    /// How long a command may wait in the proxy while nothing is in its way.
    pub patience: Duration,
    /// From one look at the topology to the next while nothing seems to have changed.
    pub refresh: Duration,
    /// From one look at the topology to the next however much seems to have changed.
    pub refresh_min: Duration,
    /// How long the proxy may need to be well again once all is mended.
    pub recovery: Duration,
    /// What a reply may take beyond that: twice over the network to the client, and a timer tick.
    pub slack: Duration,
    /// Bytes that a connection takes before the other side reads; 0 if there is no limit.
    pub window: usize,
    /// The longest way over the network and back.
    pub round_trip: Duration,
    /// From when on nothing is broken, so that nothing may fail; `None` if something always is.
    pub quiet_from: Option<Duration>,
    /// The same, though commands may fail for want of room.
    pub mended_from: Option<Duration>,
    /// From when on who is subscribed hears whatever is published; `None` if something always is
    /// broken.
    pub heard_from: Option<Duration>,
}

impl History {
    /// All commands of all clients, connection after connection.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.conversations.iter().flat_map(|conversation| &conversation.calls)
    }

    /// The process that a view is of.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn own(&self) -> &Process {
        self.processes.first().expect("a view is one of a process")
    }

    /// How many proxies there are.
    #[must_use]
    pub fn proxies(&self) -> usize {
        self.processes.iter().map(|process| process.proxy + 1).max().unwrap_or(0)
    }

    /// When nothing more came from the process that a view is of.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.own().died.unwrap_or(self.took)
    }

    /// How long that process was there.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.end().saturating_sub(self.own().began)
    }

    /// The name of the proxy whose process is at this place.
    #[must_use]
    pub fn proxy_of(&self, process: usize) -> String {
        name_of(self.processes.get(process).map_or(0, |process| process.proxy), self.proxies())
    }

    /// The name of the process at this place.
    #[must_use]
    pub fn name_of(&self, process: usize) -> String {
        let proxy = self.proxy_of(process);
        match self.processes.get(process) {
            Some(Process { life: 1.., .. }) => {
                format!("{proxy}, life {}", self.processes[process].life + 1)
            }
            Some(_) | None => proxy,
        }
    }
}

impl Rules {
    /// The longest that a command may take.
    #[must_use]
    pub fn longest_timeout(&self) -> Duration {
        self.command_timeouts.values().copied().max().unwrap_or_default().max(self.op_timeout)
    }

    /// How long the other side's reading may hold up so many bytes that are written at once, and
    /// how many bytes of them are held up no more.
    fn trips(&self, bytes: usize) -> (Duration, usize) {
        let trips = bytes.checked_div(self.window).unwrap_or(0);
        let left = bytes.checked_rem(self.window).unwrap_or(0);
        (self.round_trip * u32::try_from(trips).unwrap_or(u32::MAX), left)
    }

    /// How long a command may take; one of a transaction, as long as its `EXEC`.
    #[must_use]
    pub fn timeout_of(&self, call: &Call) -> Duration {
        let kind = if call.queued.is_some() {
            Kind::of(&["EXEC"]).expect("the workload has it")
        } else {
            call.kind()
        };
        let own =
            self.command_timeouts.iter().find(|(name, _)| kind.name.eq_ignore_ascii_case(name));
        own.map_or(self.op_timeout, |(_, timeout)| *timeout)
    }
}

/// What an argument takes beside its own bytes, about.
const BULK_BYTES: usize = 12;

/// Writes that may be lost although they were acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which ones.
    pub what: Lost,
    /// If they were executed at that time or later.
    pub from: Duration,
    /// If they were executed at that time or before.
    pub until: Duration,
    /// When it happened; nothing was wrong with them before.
    pub at: Duration,
}

/// What was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// What this node executed.
    Node(usize),
    /// What was in these slots.
    Slots(BTreeSet<u16>),
}

/// One client connection.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The process that it is with.
    pub process: usize,
    /// Whether it speaks RESP3.
    pub resp3: bool,
    /// Its commands, in the order sent.
    pub calls: Vec<Call>,
    /// What came that answers no command, or could not be understood.
    pub surplus: Vec<u8>,
    /// How it ended.
    pub end: Option<(Duration, End)>,
    /// When it shut its writing side down.
    pub shut: Option<Duration>,
    /// When it first and last read little at a time.
    pub slow: Option<(Duration, Duration)>,
    /// The command that it left in the middle of.
    pub half: Option<Half>,
    /// Whether it left without reading what it was told about what it had just sent.
    pub is_abandoned: bool,
}

/// A command of which a client sent a part only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    /// Its number.
    pub id: Id,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// How many bytes of it were sent.
    pub bytes: usize,
}

impl Conversation {
    /// Its commands, each with how long it may take to leave the client: more than a connection
    /// takes at once waits for the other side to read.
    pub fn leaving(&self, rules: &Rules) -> impl Iterator<Item = (&Call, Duration)> {
        let (mut asked, mut bytes) = (Duration::ZERO, 0);
        self.calls.iter().map(move |call| {
            if asked != call.sent {
                (asked, bytes) = (call.sent, 0);
            }
            bytes += call.args.iter().map(|arg| arg.len() + BULK_BYTES).sum::<usize>();
            (call, rules.trips(bytes).0)
        })
    }

    /// How much later each reply may arrive than the one before it: the proxy, too, waits for the
    /// client to read where a connection takes no more.
    pub fn arriving(&self, rules: &Rules) -> impl Iterator<Item = Duration> {
        let mut bytes = 0;
        self.calls.iter().map(move |call| {
            bytes += call.frame().map_or(0, <[u8]>::len);
            let (trips, left) = rules.trips(bytes);
            bytes = left;
            trips
        })
    }
}

/// How a client connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was answered, and the client left.
    Finished,
    /// The client left before.
    Left,
    /// The proxy closed it.
    Closed,
    /// What came was not RESP, or answered nothing.
    Garbled,
    /// The client had said that it sends no more, everything was answered, and the end never came.
    Unended,
}

/// A command, as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number, whether it carries it or not.
    pub id: Id,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// When its first byte was sent.
    pub sent: Duration,
    /// When its reply was complete, and the reply.
    pub reply: Option<(Duration, Bytes)>,
    /// If it waited for an `EXEC`: that. When it was sent, and what it was told, is of that then.
    pub queued: Option<Queued>,
}

/// A command, as a node saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// When.
    pub at: Duration,
    /// Which node.
    pub node: usize,
    /// Which process asked for it.
    pub process: usize,
    /// Its arguments.
    pub args: Vec<Vec<u8>>,
    /// What the node replied.
    pub reply: Bytes,
    /// How far the node's data was then, in changes, and each of its replicas.
    pub progress: (u64, Vec<u64>),
    /// The number of the `EXEC` that ran it, among all of them.
    pub exec: Option<u64>,
}

/// A command, as it left the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// When its first byte left.
    pub began: Duration,
    /// When its last byte left, of those that did.
    pub at: Duration,
    /// Which process sent it.
    pub process: usize,
    /// On which stream.
    pub stream: u64,
    /// To which node.
    pub node: usize,
    /// Whether `ASKING` was sent directly before.
    pub asking: bool,
    /// Its arguments; those that left, if the rest did not.
    pub args: Vec<Vec<u8>>,
    /// Whether all of it left.
    pub is_whole: bool,
    /// It is one of a transaction, and not the first.
    pub is_further: bool,
}

impl Call {
    /// What kind of command it is.
    ///
    /// # Panics
    /// The workload has no such command.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        Kind::of(&self.args).expect("clients send what the workload has")
    }

    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.kind().keys(&self.args)
    }

    /// The reply, if there was one.
    #[must_use]
    pub fn frame(&self) -> Option<&[u8]> {
        self.reply.as_ref().map(|(_, frame)| &frame[..])
    }

    /// What became of it, as its client can tell.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Some(frame) = self.frame() else { return Verdict::Silence };
        match crate::resp::error_code(frame) {
            "UNSENT" => Verdict::NotDone,
            "UNSURE" => Verdict::Unsure,
            _ if crate::resp::is_error(frame) => Verdict::Refused,
            _ => Verdict::Done,
        }
    }

    /// Whether it changes keys.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.kind().effect == Effect::Write
    }
}

/// What a client can conclude from a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was executed.
    Done,
    /// There is an error: it was not executed, or, if it was split, not all of it.
    Refused,
    /// It was certainly not executed: the proxy says so.
    NotDone,
    /// It may have been executed.
    Unsure,
    /// There was no reply.
    Silence,
}

impl Execution {
    /// Whether the node did it, whatever came of it: it did not refuse or redirect it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        !crate::resp::is_error(&self.reply)
    }
}
