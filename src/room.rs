//! Room in a buffer for the rest of a frame.
//!
//! A buffer is never larger than a few times what has arrived, whatever a peer announces; and once
//! the rest of a frame is no more than that, the buffer becomes exactly as long as the frame. So
//! the frame, which keeps the buffer for as long as it is needed, keeps nothing else.

use bytes::BytesMut;

use crate::limits::READ_BYTES_MIN;

/// Whether there is room to read on in a buffer that begins with a part of a frame, of
/// `frame_bytes` if that is known.
pub(crate) fn has_room(buffer: &BytesMut, frame_bytes: Option<usize>) -> bool {
    let missing = frame_bytes.map_or(READ_BYTES_MIN, |bytes| bytes.saturating_sub(buffer.len()));
    buffer.capacity() - buffer.len() >= missing.min(READ_BYTES_MIN)
}

/// Makes room to read on in a buffer that begins with a part of a frame, of `frame_bytes` if that
/// is known; at least `usual` if there is less than that.
pub(crate) fn make_room(buffer: &mut BytesMut, frame_bytes: Option<usize>, usual: usize) {
    let have = buffer.len();
    let missing = frame_bytes.map(|bytes| bytes.saturating_sub(have));
    let is_small = have <= usual && missing.is_none_or(|missing| missing <= usual);
    if is_small {
        buffer.reserve(usual);
        return;
    }
    if has_room(buffer, frame_bytes) {
        return;
    }
    let growth = have.max(usual);
    let rest = missing.filter(|missing| *missing <= growth + growth / 2);
    // By hand, because `reserve` rounds up to twice the size.
    let mut larger = BytesMut::with_capacity(have + rest.unwrap_or(growth));
    larger.extend_from_slice(buffer);
    *buffer = larger;
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: usize = 64 * 1024;

    /// Fills a buffer with a frame, as far as there is room each time; gives its capacity whenever
    /// it was filled.
    fn fill(frame_bytes: usize, is_known: bool) -> Vec<usize> {
        let mut buffer = BytesMut::new();
        let mut capacities = Vec::new();
        while buffer.len() < frame_bytes {
            // Where it ends is known from its first line.
            let known = (is_known && !buffer.is_empty()).then_some(frame_bytes);
            make_room(&mut buffer, known, USUAL);
            let room = buffer.capacity() - buffer.len();
            assert!(room > 0 && buffer.capacity() <= 4 * buffer.len().max(USUAL));
            let taken = room.min(frame_bytes - buffer.len());
            buffer.resize(buffer.len() + taken, b'x');
            capacities.push(buffer.capacity());
        }
        capacities
    }

    #[test]
    fn a_long_frame_fills_its_buffer_exactly_once_it_is_all_there() {
        for frame_bytes in [USUAL * 3, 1 << 20, (1 << 20) + 12, 1_500_000, 10_000_000] {
            let last = fill(frame_bytes, true).pop().unwrap();
            assert_eq!(last, frame_bytes);
        }
    }

    #[test]
    fn a_buffer_grows_with_what_arrives_and_not_with_what_is_announced() {
        let capacities = fill(100_000_000, true);
        assert_eq!(capacities[0], USUAL);
        assert!(capacities.windows(2).all(|pair| pair[1] <= pair[0] * 5 / 2), "{capacities:?}");
        assert!(capacities.len() < 15, "few copies: {capacities:?}");
    }

    #[test]
    fn a_frame_whose_end_is_not_known_doubles_its_buffer() {
        let capacities = fill(10_000_000, false);
        assert!(capacities.windows(2).all(|pair| pair[1] <= pair[0] * 5 / 2), "{capacities:?}");
        assert!(capacities.len() < 15, "few copies: {capacities:?}");
    }

    #[test]
    fn short_frames_are_read_many_at_a_time() {
        let mut buffer = BytesMut::new();
        make_room(&mut buffer, None, USUAL);
        assert!(buffer.capacity() >= USUAL);
        buffer.extend_from_slice(&[b'x'; 100]);
        make_room(&mut buffer, Some(200), USUAL);
        assert!(buffer.capacity() - buffer.len() >= USUAL);
    }
}
