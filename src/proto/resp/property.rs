//! What holds for any bytes and any values. Each property is a function that panics where it does
//! not hold; the fuzz target, the seeded tests and proptest call the same ones.
//!
//! ```text
//! fuzz bytes -> check_bytes -> check_requests, check_replies   whole, byte by byte, in pieces
//! Value      -> check_value                                    every prefix of its encoding
//! any bytes  -> check_each_split                               every way to cut them in two
//! ```
//!
//! | property | how it is seen |
//! |---|---|
//! | any cutting gives what one piece gives | frames, arguments, the error and where it is are equal |
//! | a strict prefix of a frame wants more | a new decoder is shown prefixes of each frame found |
//! | memory is bounded by what was received | the decoder's own heap is compared with the buffer |
//! | work is linear in what was received | bytes dealt with are overwritten before more arrive, so that a second look would find something else |
//! | what is written reads back | frames and values are encoded, decoded and compared |

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{
    Progress, Protocol, ProtocolError, ReplyDecoder, RequestDecoder, Value, Writer, elements,
};

/// Bytes that a decoder may look at again with each arrival: a header of a type byte, the longest
/// number and a carriage return.
const LOOKED_AT_AGAIN_BYTES_MAX: usize = 22;

/// Memory beside the buffer that a decoder may hold for each byte in the buffer, in bytes.
const HEAP_BYTES_PER_BYTE_MAX: usize = 4;

/// Memory that a decoder may hold whatever is in the buffer, in bytes.
const HEAP_BYTES_MIN: usize = 2048;

/// All properties of bytes, as a fuzzer draws them: the first byte says how the others are cut.
///
/// # Panics
/// A property does not hold.
pub fn check_bytes(drawn: &[u8]) {
    let Some((&cut_seed, input)) = drawn.split_first() else { return };
    check_requests(input, cut_seed);
    check_replies(input, cut_seed);
}

/// The properties of what a client may send.
///
/// # Panics
/// A property does not hold.
pub fn check_requests(input: &[u8], cut_seed: u8) {
    let outcome = check_any_cutting::<RequestDecoder>(input, cut_seed);
    let mut start = 0;
    for found in &outcome.frames {
        check_prefixes::<RequestDecoder>(&input[start..found.end]);
        check_canonical(found);
        assert!(found.frame.len() <= 4 * (found.end - start) + 16, "a frame outgrew its input");
        start = found.end;
    }
}

/// The properties of what a node may send.
///
/// # Panics
/// A property does not hold.
pub fn check_replies(input: &[u8], cut_seed: u8) {
    let outcome = check_any_cutting::<ReplyDecoder>(input, cut_seed);
    let mut start = 0;
    for found in &outcome.frames {
        assert_eq!(found.frame, input[start..found.end], "a reply is passed on as it came");
        check_prefixes::<ReplyDecoder>(&found.frame);
        check_elements(&found.frame);
        let value = Value::parse(&found.frame).expect("a frame that is found can be read");
        check_value(&value);
        start = found.end;
    }
}

/// A value reads back as it was written. Its depth is at most `NESTING_MAX`, and no simple string
/// in it holds a line end.
///
/// # Panics
/// The property does not hold.
pub fn check_value(value: &Value) {
    let written = encoded(value);
    check_prefixes::<ReplyDecoder>(&written);
    let read = Value::parse(&written).expect("an encoded value is a frame");
    assert_eq!(encoded(&read), written, "{value:?} was read as {read:?}");
    // A value that holds a NaN is not equal to itself, so its bytes had to do.
    if value.clone() == *value {
        assert_eq!(read, *value);
    }
}

/// Each way to cut `input` in two gives what it gives in one piece, as requests and as replies.
///
/// # Panics
/// The property does not hold.
pub fn check_each_split(input: &[u8]) {
    let requests = feed::<RequestDecoder>([input]);
    let replies = feed::<ReplyDecoder>([input]);
    for cut in 1..input.len() {
        let (head, tail) = input.split_at(cut);
        assert_eq!(feed::<RequestDecoder>([head, tail]), requests, "requests cut at {cut}");
        assert_eq!(feed::<ReplyDecoder>([head, tail]), replies, "replies cut at {cut}");
    }
}

/// The two decoders as one.
trait Decoder: Default {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError>;
    fn arguments(&self) -> Vec<Range<usize>>;
    fn progress(&self) -> Progress;
    fn heap_bytes(&self) -> usize;
    /// Replaces what it can of an unfinished line by line ends, so that the line stays as
    /// well-formed as it was: its content is read once when its true end is found.
    fn overwrite_searched(buffer: &mut [u8], searched: Range<usize>);
}

impl Decoder for RequestDecoder {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError> {
        self.decode(buffer)
    }

    fn arguments(&self) -> Vec<Range<usize>> {
        self.spans().iter().map(|span| span.range()).collect()
    }

    fn progress(&self) -> Progress {
        self.progress()
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn overwrite_searched(buffer: &mut [u8], searched: Range<usize>) {
        let line = &mut buffer[searched];
        // A blank line stays blank, any other does not become so, and what a quote or a NUL begins
        // stays as it is.
        let first = line.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'));
        let special = line.iter().position(|byte| matches!(byte, b'"' | b'\'' | 0));
        let from = first.map_or(line.len(), |at| at + 1);
        let to = special.unwrap_or(line.len()).max(from);
        line[from..to].fill(b'\n');
    }
}

impl Decoder for ReplyDecoder {
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError> {
        self.decode(buffer)
    }

    fn arguments(&self) -> Vec<Range<usize>> {
        Vec::new()
    }

    fn progress(&self) -> Progress {
        self.progress()
    }

    fn heap_bytes(&self) -> usize {
        self.heap_bytes()
    }

    fn overwrite_searched(buffer: &mut [u8], searched: Range<usize>) {
        // Numbers must remain numbers, and a bare line feed makes a line malformed.
        let kind = searched.start.checked_sub(1).and_then(|at| buffer.get(at));
        if let Some(b'+' | b'-') = kind {
            for byte in buffer[searched].iter_mut().filter(|byte| **byte != b'\n') {
                *byte = b'\r';
            }
        }
    }
}

/// A frame that was found in an input.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    frame: Bytes,
    arguments: Vec<Range<usize>>,
    /// Where the input goes on after it.
    end: usize,
}

/// What an input gave.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    frames: Vec<Found>,
    error: Option<ProtocolError>,
    /// Bytes of the input that were taken off the buffer, by frames and blanks.
    taken: usize,
}

impl Outcome {
    /// What is left to compare once the content of frames was overwritten.
    fn shape(&self) -> (Vec<usize>, Option<ProtocolError>, usize) {
        (self.frames.iter().map(|found| found.end).collect(), self.error, self.taken)
    }
}

fn check_any_cutting<D: Decoder>(input: &[u8], cut_seed: u8) -> Outcome {
    let whole = feed::<D>([input]);
    assert_eq!(feed::<D>(input.chunks(1)), whole, "byte by byte differs from one piece");
    assert_eq!(feed::<D>(pieces(input, cut_seed)), whole, "pieces differ from one piece");
    // Overwriting is linear each time, so a long input comes in fewer pieces.
    let blind = feed_with::<D>(input.chunks(1 + input.len() / 4096), overwrite_dealt_with);
    assert_eq!(blind.shape(), whole.shape(), "bytes dealt with were looked at again");
    whole
}

fn feed<'a, D: Decoder>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    feed_with::<D>(pieces, |_, _| {})
}

/// Feeds `pieces`; `between` may change what has arrived before the next one does.
fn feed_with<'a, D: Decoder>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    between: impl Fn(&D, &mut [u8]),
) -> Outcome {
    let mut decoder = D::default();
    let mut buffer = BytesMut::new();
    let mut outcome = Outcome::default();
    let mut received = 0;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        received += piece.len();
        let ended = take_frames(&mut decoder, &mut buffer, received, &mut outcome);
        outcome.taken = received - buffer.len();
        if let Err(error) = ended {
            outcome.error = Some(error);
            break;
        }
        check_bounds(&decoder, &buffer);
        between(&decoder, &mut buffer);
    }
    outcome
}

fn take_frames<D: Decoder>(
    decoder: &mut D,
    buffer: &mut BytesMut,
    received: usize,
    outcome: &mut Outcome,
) -> Result<(), ProtocolError> {
    while let Some(frame) = decoder.decode(buffer)? {
        let end = received - buffer.len();
        outcome.frames.push(Found { frame, arguments: decoder.arguments(), end });
    }
    Ok(())
}

/// What holds while a decoder waits for more.
fn check_bounds<D: Decoder>(decoder: &D, buffer: &[u8]) {
    let heap_bytes = decoder.heap_bytes();
    let allowed = HEAP_BYTES_PER_BYTE_MAX * buffer.len() + HEAP_BYTES_MIN;
    assert!(heap_bytes <= allowed, "{heap_bytes} bytes held for {} received", buffer.len());
    let Progress { done, searched } = decoder.progress();
    let again = buffer.len().saturating_sub(done + searched.len());
    assert!(again <= LOOKED_AT_AGAIN_BYTES_MAX, "{again} bytes are looked at again");
}

/// Replaces bytes that the decoder says it has dealt with by ones that would change the outcome.
fn overwrite_dealt_with<D: Decoder>(decoder: &D, buffer: &mut [u8]) {
    let Progress { done, searched } = decoder.progress();
    let done = done.min(buffer.len());
    // Nothing begins with a colon where a length or a line end is due.
    buffer[..done].fill(b':');
    let end = searched.end.min(buffer.len());
    D::overwrite_searched(buffer, searched.start.min(end)..end);
}

/// Cuts `input` as `seed` says, in pieces of a few bytes up to some hundreds.
fn pieces(input: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        // The multiplier and increment of Numerical Recipes; the upper bits are the random ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let spread = [1, 4, 24, 512][(state >> 30) as usize];
        let len = 1 + (state >> 8) as usize % spread;
        let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// No strict prefix of `frame` is a frame or an error. Every one of a short frame is tried; of a
/// long one, the longest and some between.
fn check_prefixes<D: Decoder>(frame: &[u8]) {
    let step = frame.len() / 128 + 1;
    let last = frame.len().saturating_sub(24);
    for len in (0..last).step_by(step).chain(last..frame.len()) {
        let mut prefix = BytesMut::from(&frame[..len]);
        let outcome = D::default().decode(&mut prefix);
        assert_eq!(outcome, Ok(None), "{len} bytes of {}", frame.escape_ascii());
    }
}

/// A request is an array of bulk strings in its one spelling, and decodes to itself.
fn check_canonical(found: &Found) {
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written, Protocol::Resp2);
    writer.array(found.arguments.len());
    for argument in &found.arguments {
        writer.bulk(&found.frame[argument.clone()]);
    }
    assert_eq!(found.frame, written, "a request is not in its canonical form");
    let again = feed::<RequestDecoder>([&found.frame[..]]);
    assert_eq!((again.frames.len(), again.error), (1, None));
    assert_eq!(again.frames[0].arguments, found.arguments);
}

/// The elements of an array are its frame less the header.
fn check_elements(frame: &[u8]) {
    let Some(elements) = elements(frame) else { return };
    let header = frame.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let joined: Vec<u8> = elements.flatten().copied().collect();
    assert_eq!(joined, frame[header..], "elements of {}", frame.escape_ascii());
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    /// A decoder of lines with a fault to choose.
    #[derive(Default)]
    struct Faulty<const FAULT: u8> {
        searched: usize,
        held: Vec<u8>,
    }

    const NONE: u8 = 0;
    const SEARCHES_AGAIN: u8 = 1;
    const HIDES_NO_SEARCH: u8 = 2;
    const ENDS_EARLY: u8 = 3;
    const ALLOCATES: u8 = 4;

    impl<const FAULT: u8> Decoder for Faulty<FAULT> {
        fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError> {
            let from = if FAULT == SEARCHES_AGAIN { 0 } else { self.searched };
            let mut unseen = buffer[from..].iter();
            let Some(offset) = unseen.position(|byte| *byte == b'\n') else {
                self.searched = buffer.len();
                if FAULT == ENDS_EARLY && buffer.len() > 3 {
                    return Ok(Some(buffer.split().freeze()));
                }
                if FAULT == ALLOCATES {
                    self.held.reserve(1 << 20);
                }
                return Ok(None);
            };
            self.searched = 0;
            Ok(Some(buffer.split_to(from + offset + 1).freeze()))
        }

        fn arguments(&self) -> Vec<Range<usize>> {
            Vec::new()
        }

        fn progress(&self) -> Progress {
            let end = if FAULT == HIDES_NO_SEARCH { 0 } else { self.searched };
            Progress { done: 0, searched: 0..end }
        }

        fn heap_bytes(&self) -> usize {
            self.held.capacity()
        }

        fn overwrite_searched(buffer: &mut [u8], searched: Range<usize>) {
            buffer[searched].fill(b'\n');
        }
    }

    const LINES: &[u8] = b"a line that is quite a bit longer than a header\nand\nanother\n";

    #[test]
    fn a_decoder_of_lines_without_fault_passes() {
        assert_eq!(check_any_cutting::<Faulty<NONE>>(LINES, 7).frames.len(), 3);
    }

    #[test]
    fn a_decoder_that_breaks_a_property_is_caught() {
        for check in [
            check_any_cutting::<Faulty<SEARCHES_AGAIN>>,
            check_any_cutting::<Faulty<HIDES_NO_SEARCH>>,
            check_any_cutting::<Faulty<ENDS_EARLY>>,
            check_any_cutting::<Faulty<ALLOCATES>>,
        ] {
            assert!(catch_unwind(|| check(LINES, 7)).is_err());
        }
        assert!(catch_unwind(|| check_prefixes::<Faulty<ENDS_EARLY>>(LINES)).is_err());
    }

    #[test]
    fn pieces_are_the_whole_input_in_order() {
        for seed in 0..=255 {
            assert_eq!(pieces(LINES, seed).collect::<Vec<_>>().concat(), LINES);
        }
    }
}
