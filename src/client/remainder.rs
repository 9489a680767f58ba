//! The bytes of a client that were read and not yet taken, and the room to read more.
//!
//! ```text
//! lend: the worker's buffer, with a short remainder at its front; or the client's own, which a
//!       long command fills alone
//! give_back: the worker's buffer is empty again; a remainder is moved out of it
//! ```
//!
//! So an idle client has no buffer, and a worker has one for all of them. Commands that were taken
//! off a buffer keep their part of it until they are answered; it then goes on elsewhere.

use bytes::BytesMut;

use crate::limits::{READ_BYTES, READ_BYTES_MIN};
use crate::mutant::planted;
use crate::room::{has_room, make_room};

/// The remainder of one client.
#[derive(Debug, Default)]
pub(super) struct Remainder {
    bytes: BytesMut,
    /// Whether the client's own buffer is lent, and not the worker's.
    own: bool,
}

impl Remainder {
    /// The bytes themselves.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What they take, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether more of a command of `frame_bytes`, if that is known, can be read into what they
    /// take already.
    pub(super) fn has_room(&self, frame_bytes: Option<usize>) -> bool {
        self.bytes.len() >= READ_BYTES_MIN && has_room(&self.bytes, frame_bytes)
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.bytes = BytesMut::new();
    }

    /// A buffer that holds them, with room to read more of a command of `frame_bytes`, if that is
    /// known. Give it back.
    pub(super) fn lend(&mut self, common: &mut BytesMut, frame_bytes: Option<usize>) -> BytesMut {
        let rest = std::mem::take(&mut self.bytes);
        self.own = rest.len() >= READ_BYTES_MIN;
        if self.own {
            let mut buffer = rest;
            make_room(&mut buffer, frame_bytes, READ_BYTES_MIN);
            return buffer;
        }
        let mut buffer = std::mem::take(common);
        if buffer.capacity() < rest.len() + READ_BYTES_MIN {
            buffer.reserve(READ_BYTES);
        }
        buffer.extend_from_slice(&rest);
        buffer
    }

    /// Takes back what was lent, with what is left in it.
    pub(super) fn give_back(&mut self, mut buffer: BytesMut, common: &mut BytesMut) {
        if self.own {
            self.bytes = if buffer.is_empty() { BytesMut::new() } else { buffer };
        } else {
            let kept = if planted("half-a-command-lost") { 0 } else { buffer.len() };
            self.bytes = BytesMut::from(&buffer[..kept]);
            buffer.clear();
            *common = buffer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `bytes`, as far as there is room; then the first `taken` of what is there are a
    /// command.
    fn read(rest: &mut Remainder, common: &mut BytesMut, bytes: &[u8], taken: usize) -> BytesMut {
        let mut buffer = rest.lend(common, None);
        assert!(buffer.capacity() - buffer.len() >= READ_BYTES_MIN);
        buffer.extend_from_slice(bytes);
        let command = buffer.split_to(taken);
        rest.give_back(buffer, common);
        command
    }

    #[test]
    fn the_worker_s_buffer_is_given_back_empty_and_serves_the_next_client() {
        let (mut half, mut whole) = (Remainder::default(), Remainder::default());
        let mut common = BytesMut::new();
        drop(read(&mut half, &mut common, b"PING\r\nGET", 6));
        assert_eq!((&half.bytes()[..], common.len()), (&b"GET"[..], 0));
        assert!(common.capacity() >= READ_BYTES_MIN);
        for _ in 0..1000 {
            drop(read(&mut whole, &mut common, b"PING\r\n", 6));
            assert!(whole.is_empty() && whole.capacity() == 0, "an idle client has no buffer");
        }
        assert!(common.capacity() <= READ_BYTES, "it does not grow: {}", common.capacity());
        assert_eq!(&half.bytes()[..], b"GET", "nobody else's bytes got in");
    }

    #[test]
    fn a_short_remainder_takes_what_it_is_long_and_is_read_on_in_the_worker_s_buffer() {
        let (mut rest, mut common) = (Remainder::default(), BytesMut::new());
        drop(read(&mut rest, &mut common, b"GE", 0));
        assert!(rest.capacity() < READ_BYTES_MIN);
        let command = read(&mut rest, &mut common, b"T k\r\n", 7);
        assert_eq!(&command[..], b"GET k\r\n");
        assert_eq!((rest.capacity(), common.len()), (0, 0));
    }

    #[test]
    fn a_long_command_has_a_buffer_of_its_own_which_it_fills_exactly() {
        let (mut rest, mut common) = (Remainder::default(), BytesMut::new());
        let command = vec![b'x'; 1_000_000];
        let mut sent = 0;
        while sent < command.len() {
            let known = (sent > 0).then_some(command.len());
            let mut buffer = rest.lend(&mut common, known);
            let room = (buffer.capacity() - buffer.len()).min(command.len() - sent);
            buffer.extend_from_slice(&command[sent..sent + room]);
            sent += room;
            rest.give_back(buffer, &mut common);
        }
        assert_eq!((rest.bytes().len(), rest.capacity()), (command.len(), command.len()));
        assert!(common.capacity() <= READ_BYTES);
        rest.clear();
        assert_eq!(rest.capacity(), 0);
    }

    #[test]
    fn commands_that_are_held_keep_their_bytes_although_the_buffer_goes_on() {
        let (mut rest, mut common) = (Remainder::default(), BytesMut::new());
        let held: Vec<_> = (0..10_000)
            .map(|n| {
                let command = format!("GET {n}\r\n");
                read(&mut rest, &mut common, command.as_bytes(), command.len())
            })
            .collect();
        for (n, command) in held.iter().enumerate() {
            assert_eq!(&command[..], format!("GET {n}\r\n").as_bytes());
        }
    }
}
