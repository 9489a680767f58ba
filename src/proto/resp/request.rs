//! What clients send: arrays of bulk strings, and inline commands.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::number::{Header, parse_header};
use super::{Progress, ProtocolError, Writer};
use crate::limits::{BULK_BYTES_MAX, FRAME_BYTES_MAX, LINE_BYTES_MAX, REQUEST_ARGS_MAX};

/// Where an argument lies in its frame, in bytes from the frame's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The span as indices into the frame.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }

    #[expect(clippy::cast_possible_truncation, reason = "FRAME_BYTES_MAX is below u32::MAX")]
    fn new(start: usize, len: usize) -> Self {
        debug_assert!(start + len <= FRAME_BYTES_MAX);
        Span { start: start as u32, len: len as u32 }
    }
}

/// What the next byte of the frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A frame's first byte, or the blank between frames.
    Start,
    /// An inline command; the bytes before this hold no line feed.
    Inline { scanned: usize },
    /// The header of the next of `left` arguments.
    Header { left: u32 },
    /// The content of the next of `left` arguments.
    Bulk { left: u32, len: usize },
}

/// What ends an argument.
const CRLF_BYTES: usize = 2;

/// Finds the commands in what a client sends.
///
/// Frames it yields are canonical: an array of bulk strings, whatever the client wrote.
#[derive(Debug)]
pub struct RequestDecoder {
    place: Place,
    /// Bytes of the current frame that are understood.
    at: usize,
    /// The arguments found in the current frame, or those of the frame last yielded.
    spans: Vec<Span>,
}

impl Default for RequestDecoder {
    fn default() -> Self {
        RequestDecoder { place: Place::Start, at: 0, spans: Vec::new() }
    }
}

impl RequestDecoder {
    /// Takes the next command off the front of `buffer`, or `None` if it is not complete yet; then
    /// call again once bytes were appended. Empty commands are skipped, as Redis does.
    ///
    /// # Errors
    /// The bytes are not a command. Nothing sensible can follow; do not call again.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError> {
        loop {
            match self.place {
                Place::Start => {
                    if !self.start(buffer)? {
                        return Ok(None);
                    }
                }
                Place::Inline { scanned } => match self.inline(buffer, scanned)? {
                    Inline::Partial => return Ok(None),
                    Inline::Blank => {}
                    Inline::Command(frame) => return Ok(Some(frame)),
                },
                Place::Header { left } => {
                    if !self.header(buffer, left)? {
                        return Ok(None);
                    }
                }
                Place::Bulk { left, len } => {
                    if !self.bulk(buffer, left, len)? {
                        return Ok(None);
                    }
                    if left == 1 {
                        self.place = Place::Start;
                        return Ok(Some(buffer.split_to(self.at).freeze()));
                    }
                }
            }
        }
    }

    /// The arguments of the frame that [`decode`](Self::decode) yielded last, its name first.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether a command has begun and is not complete.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        self.place != Place::Start
    }

    /// The length of the command that has begun, once its end is known.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<usize> {
        match self.place {
            Place::Bulk { left: 1, len } => Some(self.at + len + CRLF_BYTES),
            Place::Start | Place::Inline { .. } | Place::Header { .. } | Place::Bulk { .. } => None,
        }
    }

    /// What of the bytes received will not be looked at again.
    pub(super) fn progress(&self) -> Progress {
        match self.place {
            Place::Start => Progress::default(),
            Place::Inline { scanned } => Progress { searched: 0..scanned, done: 0 },
            Place::Header { .. } => Progress { searched: 0..0, done: self.at },
            Place::Bulk { len, .. } => Progress { searched: 0..0, done: self.at + len },
        }
    }

    /// Memory held beside the buffer, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
    }

    fn start(&mut self, buffer: &mut BytesMut) -> Result<bool, ProtocolError> {
        self.at = 0;
        self.spans.clear();
        // One giant command must not leave its memory behind with an idle client.
        self.spans.shrink_to(64);
        match buffer.first() {
            None => Ok(false),
            Some(b'*') => {
                match parse_header(&buffer[1..]) {
                    Header::Partial => return Ok(false),
                    Header::Malformed => return Err(ProtocolError::InvalidMultibulkLength),
                    Header::Complete(count, taken) => {
                        let taken = 1 + taken;
                        match u32::try_from(count) {
                            Ok(0) | Err(_) if count <= 0 => {
                                drop(buffer.split_to(taken));
                            }
                            Ok(left) if left <= REQUEST_ARGS_MAX => {
                                self.at = taken;
                                self.place = Place::Header { left };
                            }
                            _ => return Err(ProtocolError::InvalidMultibulkLength),
                        }
                    }
                }
                Ok(true)
            }
            Some(_) => {
                self.place = Place::Inline { scanned: 0 };
                Ok(true)
            }
        }
    }

    fn header(&mut self, buffer: &BytesMut, left: u32) -> Result<bool, ProtocolError> {
        let Some(&first) = buffer.get(self.at) else { return Ok(false) };
        if first != b'$' {
            return Err(ProtocolError::ExpectedBulk(first));
        }
        match parse_header(&buffer[self.at + 1..]) {
            Header::Partial => Ok(false),
            Header::Malformed => Err(ProtocolError::InvalidBulkLength),
            Header::Complete(len, taken) => {
                let len = usize::try_from(len).map_err(|_| ProtocolError::InvalidBulkLength)?;
                if len > BULK_BYTES_MAX {
                    return Err(ProtocolError::InvalidBulkLength);
                }
                self.at += 1 + taken;
                if self.at + len + 2 > FRAME_BYTES_MAX {
                    return Err(ProtocolError::FrameTooLarge);
                }
                self.place = Place::Bulk { left, len };
                Ok(true)
            }
        }
    }

    fn bulk(&mut self, buffer: &BytesMut, left: u32, len: usize) -> Result<bool, ProtocolError> {
        let end = self.at + len;
        if buffer.len() < end + 2 {
            return Ok(false);
        }
        if buffer[end..end + 2] != *b"\r\n" {
            return Err(ProtocolError::ExpectedCrlf);
        }
        self.spans.push(Span::new(self.at, len));
        self.at = end + 2;
        self.place = Place::Header { left: left - 1 };
        Ok(true)
    }

    fn inline(&mut self, buffer: &mut BytesMut, scanned: usize) -> Result<Inline, ProtocolError> {
        let Some(offset) = memchr(b'\n', &buffer[scanned..]) else {
            if buffer.len() > LINE_BYTES_MAX {
                return Err(ProtocolError::TooBigInline);
            }
            self.place = Place::Inline { scanned: buffer.len() };
            return Ok(Inline::Partial);
        };
        let end = scanned + offset;
        if end > LINE_BYTES_MAX {
            return Err(ProtocolError::TooBigInline);
        }
        self.place = Place::Start;
        let line = buffer.split_to(end + 1);
        let line = line[..end].strip_suffix(b"\r").unwrap_or(&line[..end]);
        let args = split_inline(line).ok_or(ProtocolError::UnbalancedQuotes)?;
        if args.is_empty() {
            return Ok(Inline::Blank);
        }
        Ok(Inline::Command(self.canonical(&args)))
    }

    /// Writes inline arguments as the array of bulks that servers are sent.
    fn canonical(&mut self, args: &[Vec<u8>]) -> Bytes {
        let mut frame = Vec::new();
        Writer::new(&mut frame, super::Protocol::Resp2).array(args.len());
        for arg in args {
            Writer::new(&mut frame, super::Protocol::Resp2).bulk(arg);
            self.spans.push(Span::new(frame.len() - 2 - arg.len(), arg.len()));
        }
        Bytes::from(frame)
    }
}

/// What a line was.
enum Inline {
    Partial,
    Blank,
    Command(Bytes),
}

/// Splits an inline command as Redis' `sdssplitargs`; `None` where quotes are unbalanced. A NUL
/// ends the line, as it ends a string in C.
fn split_inline(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut args = Vec::new();
    let mut rest = &line[..memchr(0, line).unwrap_or(line.len())];
    loop {
        rest = &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..];
        if rest.is_empty() {
            return Some(args);
        }
        let (arg, after) = inline_argument(rest)?;
        args.push(arg);
        rest = after;
    }
}

/// One argument, which may be quoted in part, and what follows it.
fn inline_argument(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut arg = Vec::new();
    loop {
        match rest {
            [] => return Some((arg, rest)),
            [b' ' | b'\t' | b'\r' | b'\n', after @ ..] => return Some((arg, after)),
            [quote @ (b'"' | b'\''), after @ ..] => {
                let closed = if *quote == b'"' {
                    double_quoted(after, &mut arg)?
                } else {
                    single_quoted(after, &mut arg)?
                };
                // A closing quote ends the argument: a space or nothing must follow.
                return match closed {
                    [] => Some((arg, closed)),
                    [byte, after @ ..] if is_space(*byte) => Some((arg, after)),
                    _ => None,
                };
            }
            [byte, after @ ..] => {
                arg.push(*byte);
                rest = after;
            }
        }
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                arg.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                arg.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                arg.push(*byte);
                rest = after;
            }
        }
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], arg: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return None,
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                arg.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] => {
                arg.push(*byte);
                rest = after;
            }
        }
    }
}

/// What C calls a space: more than ends an unquoted argument.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands in `input` fed in pieces of `step` bytes, and the error it ends with, if any.
    fn feed(input: &[u8], step: usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::new();
        let mut commands = Vec::new();
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match decoder.decode(&mut buffer) {
                    Ok(None) => break,
                    Ok(Some(frame)) => commands.push(
                        decoder.spans().iter().map(|span| frame[span.range()].to_vec()).collect(),
                    ),
                    Err(error) => return (commands, Some(error)),
                }
            }
        }
        (commands, None)
    }

    fn whole_and_byte_by_byte(input: &[u8]) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let whole = feed(input, input.len().max(1));
        assert_eq!(whole, feed(input, 1), "{}", input.escape_ascii());
        whole
    }

    fn words(command: &[Vec<u8>]) -> Vec<&str> {
        command.iter().map(|arg| std::str::from_utf8(arg).unwrap()).collect()
    }

    #[test]
    fn commands_are_found_however_they_are_cut() {
        let (commands, error) = whole_and_byte_by_byte(
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\r\n*0\r\n*-1\r\nPING\r\n\
              *3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\nhello\r\nworld\r\n",
        );
        assert_eq!(error, None);
        assert_eq!(words(&commands[0]), ["GET", "k"]);
        assert_eq!(words(&commands[1]), ["PING"]);
        assert_eq!(words(&commands[2]), ["SET", "", "hello\r\nworld"]);
    }

    #[test]
    fn inline_commands_are_split_as_redis_splits_them() {
        let (commands, error) = whole_and_byte_by_byte(
            b"set  k \"a b\\x41\\n\\\"\" \r\nset k 'it\\'s \\n'\nget k\"x y\"\n",
        );
        assert_eq!(error, None);
        assert_eq!(words(&commands[0]), ["set", "k", "a bA\n\""]);
        assert_eq!(words(&commands[1]), ["set", "k", "it's \\n"]);
        assert_eq!(words(&commands[2]), ["get", "kx y"]);
        let (commands, error) =
            whole_and_byte_by_byte(b"get k\0 \0\0\"\n\0\0\n\x0bget a\x0bb \x0c'c'\x0b\n");
        assert_eq!(error, None);
        assert_eq!(commands.len(), 2, "a line that begins with a NUL is blank");
        assert_eq!(words(&commands[0]), ["get", "k"]);
        assert_eq!(words(&commands[1]), ["get", "a\x0bb", "c"]);
    }

    #[test]
    fn malformed_commands_are_refused_in_redis_words() {
        for (input, words) in [
            (&b"*1000000000\r\n"[..], "Protocol error: invalid multibulk length"),
            (b"*x\r\n", "Protocol error: invalid multibulk length"),
            (b"*1\r\n$-5\r\n", "Protocol error: invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length"),
            (b"*1\r\n$x\r\n", "Protocol error: invalid bulk length"),
            (b"*1\r\n*1\r\n", "Protocol error: expected '$', got '*'"),
            (b"*1\r\n$1\r\nabc", "Protocol error: expected CRLF after bulk string"),
            (b"get \"x\n", "Protocol error: unbalanced quotes in request"),
            (b"get \"x\"y\n", "Protocol error: unbalanced quotes in request"),
        ] {
            let mut before = b"*1\r\n$4\r\nPING\r\n".to_vec();
            before.extend_from_slice(input);
            let (commands, error) = whole_and_byte_by_byte(&before);
            assert_eq!(commands.len(), 1, "what came before is answered");
            assert_eq!(error.unwrap().to_string(), words);
        }
        let (_, error) = whole_and_byte_by_byte(&vec![b'a'; LINE_BYTES_MAX + 1]);
        assert_eq!(error, Some(ProtocolError::TooBigInline));
    }

    #[test]
    fn a_header_allocates_nothing() {
        let mut decoder = RequestDecoder::default();
        let mut buffer = BytesMut::from(&b"*1048576\r\n$536870912\r\n"[..]);
        assert_eq!(decoder.decode(&mut buffer), Ok(None));
        assert!(decoder.spans.capacity() <= 64 && buffer.capacity() < 1024);
    }
}
