//! Bytes on their way into a socket.
//!
//! ```text
//! push, writer -> [ chunks: by reference | tail: copied ] -> slices -> (socket) -> advance
//! ```

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::resp::{Protocol, Writer};
use crate::limits::{BY_REFERENCE_BYTES_MIN, OUTPUT_KEPT_BYTES_MAX};

/// What is to be written to one socket, in order. Small frames are copied together, so that one
/// write takes many of them; large ones are sent from where they lie.
#[derive(Debug, Default)]
pub struct Output {
    /// What comes before the tail. Empty unless a large frame waits.
    chunks: VecDeque<Bytes>,
    /// Bytes in `chunks`.
    chunks_len: usize,
    /// What comes last.
    tail: Vec<u8>,
    /// Bytes at the front, of the first chunk or else of the tail, that are written.
    head: usize,
    /// Bytes written since the connection began.
    written: u64,
}

impl Output {
    /// Appends a frame.
    pub fn push(&mut self, frame: &Bytes) {
        if frame.len() < BY_REFERENCE_BYTES_MIN {
            self.tail.extend_from_slice(frame);
        } else {
            self.push_reference(frame.clone());
        }
    }

    /// Appends bytes by copying them.
    pub fn copy(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// The buffer to append to by hand.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends values.
    pub fn writer(&mut self, protocol: Protocol) -> Writer<'_> {
        Writer::new(&mut self.tail, protocol)
    }

    /// Bytes not yet written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks_len + self.tail.len() - self.head
    }

    /// Memory that is this output's own: what was copied, but not what is sent from where it lies.
    #[must_use]
    pub fn copied_bytes(&self) -> usize {
        if self.tail.is_empty() { 0 } else { self.tail.capacity() }
    }

    /// Whether everything is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes written since the connection began.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes will have been written once everything is.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.written + self.len() as u64
    }

    /// Fills `slices` with what is to be written next; returns how many it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.chunks.iter().map(|chunk| &chunk[..]).chain([&self.tail[..]]);
        let mut skip = self.head;
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(&part[skip..]);
            skip = 0;
            filled += 1;
        }
        filled
    }

    /// The next bytes to be written, if they are all there is.
    #[must_use]
    pub fn single(&self) -> Option<&[u8]> {
        self.chunks.is_empty().then(|| &self.tail[self.head..])
    }

    /// Notes that the first `count` bytes are written.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.written += count as u64;
        self.head += count;
        while let Some(chunk) = self.chunks.front() {
            if self.head < chunk.len() {
                return;
            }
            self.head -= chunk.len();
            self.chunks_len -= chunk.len();
            self.chunks.pop_front();
        }
        if self.head == self.tail.len() {
            self.head = 0;
            self.tail.clear();
            self.tail.shrink_to(OUTPUT_KEPT_BYTES_MAX);
        } else if self.head > self.tail.len() / 2 {
            // Else it would only ever grow where there is always something more to write.
            self.tail.drain(..self.head);
            self.head = 0;
        }
    }

    /// Takes back everything from position `end` on, counted as [`end`](Self::end) counts.
    pub fn truncate(&mut self, end: u64) {
        debug_assert!(self.written <= end && end <= self.end());
        let mut surplus = usize::try_from(self.end() - end).unwrap_or(usize::MAX);
        loop {
            if surplus < self.tail.len() || self.chunks.is_empty() {
                self.tail.truncate(self.tail.len() - surplus);
                break;
            }
            surplus -= self.tail.len();
            let Some(chunk) = self.chunks.pop_back() else { break };
            self.chunks_len -= chunk.len();
            self.tail = chunk.into();
        }
        self.advance(0);
    }

    /// Forgets what was not written, for a connection that is gone.
    pub fn clear(&mut self) {
        *self = Output::default();
    }

    fn push_reference(&mut self, frame: Bytes) {
        if !self.tail.is_empty() {
            let tail = Bytes::from(std::mem::take(&mut self.tail));
            self.chunks_len += tail.len();
            self.chunks.push_back(tail);
        }
        self.chunks_len += frame.len();
        self.chunks.push_back(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwritten(output: &Output) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = output.slices(&mut slices);
        let bytes = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<_>>();
        assert_eq!(bytes.len(), output.len());
        bytes
    }

    fn large(byte: u8) -> Bytes {
        Bytes::from(vec![byte; BY_REFERENCE_BYTES_MIN])
    }

    #[test]
    fn bytes_leave_in_the_order_they_came_whatever_is_accepted_at_a_time() {
        for step in [1, 7, BY_REFERENCE_BYTES_MIN + 3] {
            let mut output = Output::default();
            output.copy(b"head");
            output.push(&large(b'x'));
            output.push(&large(b'y'));
            output.copy(b"tail");
            let expected = unwritten(&output);
            let mut seen = Vec::new();
            while !output.is_empty() {
                let next = unwritten(&output);
                let taken = step.min(next.len());
                seen.extend_from_slice(&next[..taken]);
                output.advance(taken);
            }
            assert!(seen == expected && output.written() == expected.len() as u64);
        }
    }

    #[test]
    fn what_is_taken_back_is_not_written() {
        let mut whole = Output::default();
        whole.copy(b"ab");
        whole.push(&large(b'x'));
        whole.copy(b"cd");
        let bytes = unwritten(&whole);
        for written in [0, 1, 2, 10, bytes.len() - 1] {
            for end in [written, bytes.len() - 1, bytes.len() - 2, bytes.len()] {
                if end < written {
                    continue;
                }
                let mut output = Output::default();
                output.copy(b"ab");
                output.push(&large(b'x'));
                output.copy(b"cd");
                output.advance(written);
                output.truncate(end as u64);
                assert!(unwritten(&output) == bytes[written..end], "{written}..{end}");
                output.copy(b"more");
                assert!(output.end() == end as u64 + 4);
            }
        }
    }

    #[test]
    fn an_idle_output_gives_large_buffers_back() {
        let mut output = Output::default();
        output.copy(&vec![0; 4 * OUTPUT_KEPT_BYTES_MAX]);
        output.advance(output.len());
        assert!(output.tail.capacity() <= OUTPUT_KEPT_BYTES_MAX);
    }

    #[test]
    fn what_never_becomes_empty_holds_no_more_than_twice_what_is_left() {
        let mut output = Output::default();
        let (mut given, mut seen) = (Vec::new(), Vec::new());
        for number in 0_u32..100_000 {
            output.copy(&number.to_be_bytes());
            given.extend_from_slice(&number.to_be_bytes());
            if output.len() > 1_000 {
                let taken = unwritten(&output)[..300].to_vec();
                output.advance(taken.len());
                seen.extend_from_slice(&taken);
            }
            assert!(output.copied_bytes() <= 4_096, "{}", output.copied_bytes());
        }
        assert_eq!(output.written(), seen.len() as u64);
        assert!(given.starts_with(&seen) && given[seen.len()..] == unwritten(&output));
    }
}
