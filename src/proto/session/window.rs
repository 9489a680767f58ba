//! How many commands of a client may be on their way at a time: as many as there is room for the
//! replies to.
//!
//! ```text
//! 0          waiting           + owed x expected         half          output_bytes_max
//! |== replies not yet read ==|-- replies to come --|      |                  |
//!                                                   send ->  hold             close
//! ```
//!
//! Nobody knows how long a reply will be, so it is taken to be as long as the longest of late. A
//! new client's reads are taken to be answered like those of all others of the worker's, of whom
//! nothing is known at first: then four of them leave at a time, and each reply that is short lets
//! more of them go. Writes are taken to be answered with a line until one is not.

use crate::limits::{
    COMMAND_BYTES, COMMON_REPLY_FORGET_SHIFT, REPLIES_NEW_MAX, REPLIES_UNKNOWN_MAX,
    REPLY_FORGET_SHIFT,
};
use crate::mutant::planted;
use crate::proto::command::Access;

/// The room for replies to one client.
#[derive(Debug)]
pub(super) struct Window {
    /// Bytes of replies that may wait.
    bytes_max: usize,
    reads: Expectation,
    writes: Expectation,
    /// Bytes of commands sent and not answered.
    sent_bytes: usize,
}

/// What is known of the replies to one kind of commands.
#[derive(Debug)]
struct Expectation {
    /// Commands sent and not answered.
    owed: usize,
    /// Bytes that a reply is taken to have.
    reply_bytes: usize,
    /// How slowly a long reply is forgotten: by this power of two of it at each shorter one.
    forget_shift: u32,
}

/// The longest reply to a read of late, of all clients of one worker.
#[derive(Debug)]
pub struct CommonReply {
    bytes: usize,
}

impl CommonReply {
    /// Of replies to clients that may leave `output_bytes_max` of them unread, none of which is
    /// known.
    #[must_use]
    pub fn new(output_bytes_max: usize) -> CommonReply {
        CommonReply { bytes: output_bytes_max / 2 / REPLIES_UNKNOWN_MAX }
    }

    /// What a client's first replies are taken to be, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes a reply of so many bytes.
    pub(super) fn learn(&mut self, bytes: usize) {
        let forgotten = self.bytes - (self.bytes >> COMMON_REPLY_FORGET_SHIFT);
        self.bytes = forgotten.max(bytes);
    }
}

impl Window {
    /// The room of a client of which nothing is known, but that others get replies of
    /// `common_bytes` at most.
    pub(super) fn new(bytes_max: usize, common_bytes: usize) -> Window {
        let bytes_max = if planted("output-without-bound") { usize::MAX } else { bytes_max };
        let (most, least) = (bytes_max / 2 / REPLIES_UNKNOWN_MAX, bytes_max / 2 / REPLIES_NEW_MAX);
        let reads = Expectation {
            owed: 0,
            reply_bytes: common_bytes.clamp(least, most),
            // What was only assumed is forgotten soon.
            forget_shift: 1,
        };
        let writes = Expectation { owed: 0, reply_bytes: 0, forget_shift: REPLY_FORGET_SHIFT };
        Window { bytes_max, reads, writes, sent_bytes: 0 }
    }

    /// Whether another command may be sent while `waiting` bytes of replies wait: what is expected
    /// fills half of the room at most, because it may turn out longer.
    pub(super) fn is_open(&self, waiting: usize) -> bool {
        waiting.saturating_add(self.reads.bytes()).saturating_add(self.writes.bytes())
            < self.bytes_max / 2
    }

    /// Whether so many bytes of replies leave no room, whatever is expected.
    pub(super) fn is_full(&self, waiting: usize) -> bool {
        waiting >= self.bytes_max / 2
    }

    /// Whether so many bytes of replies are more than may wait, whatever comes next.
    pub(super) fn is_exceeded(&self, waiting: usize) -> bool {
        waiting > self.bytes_max
    }

    /// What commands take that were sent and are not answered, in bytes.
    pub(super) fn sent_bytes(&self) -> usize {
        self.sent_bytes + (self.reads.owed + self.writes.owed) * COMMAND_BYTES
    }

    /// Notes that a command of so many bytes was sent.
    pub(super) fn send(&mut self, access: Access, bytes: usize) {
        self.of(access).owed += 1;
        self.sent_bytes += bytes;
    }

    /// Notes that one of so many bytes was answered, with a reply of so many if it says anything of
    /// the next.
    pub(super) fn receive(&mut self, access: Access, bytes: usize, reply_bytes: Option<usize>) {
        debug_assert!(self.sent_bytes >= bytes, "more is answered than was sent");
        self.sent_bytes = self.sent_bytes.saturating_sub(bytes);
        let expectation = self.of(access);
        debug_assert!(expectation.owed > 0, "answered without having been sent");
        expectation.owed = expectation.owed.saturating_sub(1);
        if let Some(bytes) = reply_bytes {
            expectation.learn(bytes);
        }
    }

    fn of(&mut self, access: Access) -> &mut Expectation {
        match access {
            Access::Write => &mut self.writes,
            Access::Read | Access::None => &mut self.reads,
        }
    }
}

impl Expectation {
    fn bytes(&self) -> usize {
        self.owed.saturating_mul(self.reply_bytes)
    }

    fn learn(&mut self, bytes: usize) {
        if bytes >= self.reply_bytes {
            self.reply_bytes = bytes;
            self.forget_shift = REPLY_FORGET_SHIFT;
        } else {
            self.reply_bytes -= self.reply_bytes >> self.forget_shift;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Sends as many as may be on their way, then answers them all.
    fn round(window: &mut Window, access: Access, reply_bytes: usize) -> usize {
        let mut sent = 0;
        while sent < 1024 && window.is_open(0) {
            window.send(access, 10);
            sent += 1;
        }
        (0..sent).for_each(|_| window.receive(access, 10, Some(reply_bytes)));
        sent
    }

    #[test]
    fn a_new_client_reads_four_at_a_time_until_replies_prove_short() {
        let mut window = Window::new(8 * MIB, MIB);
        let rounds: Vec<_> = (0..4).map(|_| round(&mut window, Access::Read, 64)).collect();
        assert_eq!(rounds, [4, 64, 1024, 1024]);
    }

    #[test]
    fn a_new_client_reads_more_at_once_where_replies_have_been_short() {
        let mut common = CommonReply::new(8 * MIB);
        assert_eq!(common.bytes(), MIB);
        let first_round = |common: &CommonReply| {
            round(&mut Window::new(8 * MIB, common.bytes()), Access::Read, 64)
        };
        assert_eq!(first_round(&common), 4);
        (0..2000).for_each(|_| common.learn(64));
        assert_eq!(first_round(&common), 64, "and no more: who knows what it reads");
        common.learn(MIB / 2);
        assert_eq!((first_round(&common), common.bytes()), (8, MIB / 2));
        common.learn(100 * MIB);
        assert_eq!(first_round(&common), 4);
    }

    #[test]
    fn long_replies_leave_as_many_as_fill_half_of_the_room() {
        let mut window = Window::new(8 * MIB, MIB);
        for (reply, expected) in [(MIB, [4, 4]), (2 * MIB, [4, 2]), (9 * MIB, [2, 1])] {
            assert_eq!([(); 2].map(|()| round(&mut window, Access::Read, reply)), expected);
        }
        assert!(window.is_open(0), "one alone may always leave");
        assert!(!window.is_open(4 * MIB), "but not while so much waits");
    }

    #[test]
    fn a_long_reply_is_remembered_over_some_short_ones() {
        let mut window = Window::new(8 * MIB, MIB);
        round(&mut window, Access::Read, MIB);
        (0..10).for_each(|_| {
            window.send(Access::Read, 10);
            window.receive(Access::Read, 10, Some(64));
        });
        assert!((8..32).contains(&round(&mut window, Access::Read, MIB)));
        let rounds: Vec<_> = (0..8).map(|_| round(&mut window, Access::Read, 64)).collect();
        assert_eq!((rounds[0], rounds[7]), (4, 1024), "{rounds:?}");
    }

    #[test]
    fn writes_are_not_held_up_until_one_is_answered_at_length() {
        let mut window = Window::new(8 * MIB, MIB);
        assert_eq!(round(&mut window, Access::Write, 5), 1024);
        // GETDEL, SPOP, LPOP
        window.send(Access::Write, 10);
        window.receive(Access::Write, 10, Some(2 * MIB));
        assert_eq!(round(&mut window, Access::Write, 2 * MIB), 2);
        assert_eq!(round(&mut window, Access::Read, 64), 4, "reads are another matter");
    }

    #[test]
    fn an_error_says_nothing_of_the_next_reply() {
        let mut window = Window::new(8 * MIB, MIB);
        for _ in 0..100 {
            window.send(Access::Read, 10);
            window.receive(Access::Read, 10, None);
        }
        assert_eq!(round(&mut window, Access::Read, 64), 4);
    }
}
