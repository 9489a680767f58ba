//! What servers send: every type of RESP2 and RESP3, nested, streamed types included.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use super::number::{Header, parse_header, parse_integer};
use super::{Progress, ProtocolError};
use crate::limits::{BULK_BYTES_MAX, FRAME_BYTES_MAX, LINE_BYTES_MAX, NESTING_MAX};

/// What the next byte of the frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A value's first byte and its line; this many bytes of the line hold no carriage return.
    Value { scanned: usize },
    /// The content of a bulk string, error or verbatim string of this length.
    Bulk { len: usize, verbatim: bool },
    /// The header of a streamed string's next chunk.
    Chunk,
    /// The content of such a chunk.
    ChunkBulk { len: usize },
}

/// What ends a bulk string.
const CRLF_BYTES: usize = 2;

/// An aggregate that is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    /// Elements still to come; `None` for a streamed aggregate, which says when it ends.
    left: Option<u64>,
    /// Elements come in pairs, and an odd number of them was seen (streamed maps only).
    odd: Option<bool>,
    /// An attribute is followed by the value that it belongs to.
    attribute: bool,
}

/// Finds the replies in what a server sends, without looking further into them than that takes.
#[derive(Debug)]
pub struct ReplyDecoder {
    place: Place,
    /// Bytes of the current frame that are understood.
    at: usize,
    /// The open aggregates, the innermost last. At most `NESTING_MAX`.
    levels: Vec<Level>,
    /// An attribute has just ended, and the value that it belongs to is due.
    attributed: bool,
}

impl Default for ReplyDecoder {
    fn default() -> Self {
        ReplyDecoder {
            place: Place::Value { scanned: 0 },
            at: 0,
            levels: Vec::new(),
            attributed: false,
        }
    }
}

impl ReplyDecoder {
    /// Takes the next reply off the front of `buffer`, or `None` if it is not complete yet; then
    /// call again once bytes were appended.
    ///
    /// # Errors
    /// The bytes are not RESP. Nothing sensible can follow; do not call again.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, ProtocolError> {
        Ok(self.scan(buffer)?.map(|len| buffer.split_to(len).freeze()))
    }

    /// The length of the frame at the start of `bytes`, or `None` if it is not complete yet; then
    /// call again with the same bytes and more.
    ///
    /// # Errors
    /// As for [`decode`](Self::decode).
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        loop {
            let finished = match self.place {
                Place::Value { scanned } => self.value(bytes, scanned)?,
                Place::Bulk { len, verbatim } => self.bulk(bytes, len, verbatim)?,
                Place::Chunk => self.chunk(bytes)?,
                Place::ChunkBulk { len } => self.chunk_bulk(bytes, len)?,
            };
            match finished {
                Step::Partial => return Ok(None),
                Step::More => {}
                Step::Value => {
                    self.attributed = false;
                    if self.close_levels() {
                        return Ok(Some(std::mem::take(&mut self.at)));
                    }
                }
            }
            if self.at > FRAME_BYTES_MAX {
                return Err(ProtocolError::FrameTooLarge);
            }
        }
    }

    /// Whether a reply has begun and is not complete.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        self.at > 0 || self.place != Place::Value { scanned: 0 }
    }

    /// The length of the reply that has begun, once its end is known.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<usize> {
        match self.place {
            Place::Bulk { len, .. } if self.levels.is_empty() => Some(self.at + len + CRLF_BYTES),
            Place::Value { .. } | Place::Bulk { .. } | Place::Chunk | Place::ChunkBulk { .. } => {
                None
            }
        }
    }

    /// What of the bytes received will not be looked at again.
    pub(super) fn progress(&self) -> Progress {
        let searched = match self.place {
            Place::Value { scanned } => self.at + 1..self.at + 1 + scanned,
            Place::Bulk { len, verbatim: true } => self.at..self.at + len,
            Place::Bulk { .. } | Place::Chunk | Place::ChunkBulk { .. } => 0..0,
        };
        let done = match self.place {
            Place::Bulk { len, verbatim: false } | Place::ChunkBulk { len } => self.at + len,
            Place::Value { .. } | Place::Bulk { .. } | Place::Chunk => self.at,
        };
        Progress { searched, done }
    }

    /// Memory held beside the buffer, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        self.levels.capacity() * size_of::<Level>()
    }

    fn value(&mut self, bytes: &[u8], scanned: usize) -> Result<Step, ProtocolError> {
        let Some(&kind) = bytes.get(self.at) else { return Ok(Step::Partial) };
        match kind {
            // One attribute a value: a chain of them would nest without end.
            b'|' | b'.' if self.attributed => Err(ProtocolError::UnexpectedByte(kind)),
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => self.line(bytes, kind, scanned),
            b'$' | b'!' | b'=' => self.bulk_header(bytes, kind),
            b'*' | b'~' | b'%' | b'|' | b'>' => self.aggregate(bytes, kind),
            b'.' => self.stream_end(bytes),
            other => Err(ProtocolError::UnexpectedByte(other)),
        }
    }

    fn line(&mut self, bytes: &[u8], kind: u8, scanned: usize) -> Result<Step, ProtocolError> {
        let line = &bytes[self.at + 1..];
        let Some(offset) = memchr(b'\r', &line[scanned..]) else {
            if line.len() > LINE_BYTES_MAX {
                return Err(ProtocolError::FrameTooLarge);
            }
            self.place = Place::Value { scanned: line.len() };
            return Ok(Step::Partial);
        };
        let end = scanned + offset;
        if end > LINE_BYTES_MAX {
            return Err(ProtocolError::FrameTooLarge);
        }
        match line.get(end + 1) {
            None => {
                self.place = Place::Value { scanned: end };
                return Ok(Step::Partial);
            }
            Some(b'\n') => {}
            Some(_) => return Err(ProtocolError::MalformedValue),
        }
        if !is_well_formed(kind, &line[..end]) {
            return Err(ProtocolError::MalformedValue);
        }
        self.at += 1 + end + 2;
        self.place = Place::Value { scanned: 0 };
        Ok(Step::Value)
    }

    fn bulk_header(&mut self, bytes: &[u8], kind: u8) -> Result<Step, ProtocolError> {
        let rest = &bytes[self.at + 1..];
        if let Some(step) = self.streamed(rest, kind == b'$') {
            if step == Step::More {
                self.place = Place::Chunk;
            }
            return Ok(step);
        }
        match parse_header(rest) {
            Header::Partial => Ok(Step::Partial),
            Header::Malformed => Err(ProtocolError::InvalidBulkLength),
            Header::Complete(-1, taken) if kind == b'$' => {
                self.at += 1 + taken;
                Ok(Step::Value)
            }
            Header::Complete(len, taken) => {
                let len = bulk_length(len)?;
                self.at += 1 + taken;
                self.place = Place::Bulk { len, verbatim: kind == b'=' };
                Ok(Step::More)
            }
        }
    }

    fn bulk(&mut self, bytes: &[u8], len: usize, verbatim: bool) -> Result<Step, ProtocolError> {
        let Some(content) = self.content(bytes, len)? else { return Ok(Step::Partial) };
        // A verbatim string says its format in three bytes and a colon.
        if verbatim && content.get(3) != Some(&b':') {
            return Err(ProtocolError::MalformedValue);
        }
        self.at += len + 2;
        self.place = Place::Value { scanned: 0 };
        Ok(Step::Value)
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let Some(&first) = bytes.get(self.at) else { return Ok(Step::Partial) };
        if first != b';' {
            return Err(ProtocolError::UnexpectedByte(first));
        }
        match parse_header(&bytes[self.at + 1..]) {
            Header::Partial => Ok(Step::Partial),
            Header::Malformed => Err(ProtocolError::InvalidBulkLength),
            Header::Complete(0, taken) => {
                self.at += 1 + taken;
                self.place = Place::Value { scanned: 0 };
                Ok(Step::Value)
            }
            Header::Complete(len, taken) => {
                self.place = Place::ChunkBulk { len: bulk_length(len)? };
                self.at += 1 + taken;
                Ok(Step::More)
            }
        }
    }

    fn chunk_bulk(&mut self, bytes: &[u8], len: usize) -> Result<Step, ProtocolError> {
        if self.content(bytes, len)?.is_none() {
            return Ok(Step::Partial);
        }
        self.at += len + 2;
        self.place = Place::Chunk;
        Ok(Step::More)
    }

    /// The `len` bytes at the current place if they and their CRLF are there.
    fn content<'a>(&self, bytes: &'a [u8], len: usize) -> Result<Option<&'a [u8]>, ProtocolError> {
        let end = self.at + len;
        if end + 2 > FRAME_BYTES_MAX {
            return Err(ProtocolError::FrameTooLarge);
        }
        match bytes.get(end..end + 2) {
            None => Ok(None),
            Some(b"\r\n") => Ok(Some(&bytes[self.at..end])),
            Some(_) => Err(ProtocolError::ExpectedCrlf),
        }
    }

    fn aggregate(&mut self, bytes: &[u8], kind: u8) -> Result<Step, ProtocolError> {
        let rest = &bytes[self.at + 1..];
        // Out-of-band data comes between replies, never within one.
        if kind == b'>' && !self.levels.is_empty() {
            return Err(ProtocolError::UnexpectedByte(kind));
        }
        if let Some(step) = self.streamed(rest, matches!(kind, b'*' | b'~' | b'%')) {
            if step == Step::More {
                let odd = (kind == b'%').then_some(false);
                self.open(Level { left: None, odd, attribute: false })?;
            }
            return Ok(step);
        }
        let (count, taken) = match parse_header(rest) {
            Header::Partial => return Ok(Step::Partial),
            Header::Malformed => return Err(ProtocolError::InvalidMultibulkLength),
            Header::Complete(count, taken) => (count, taken),
        };
        self.at += 1 + taken;
        if count == -1 && kind == b'*' {
            return Ok(Step::Value);
        }
        let count =
            u64::from(u32::try_from(count).map_err(|_| ProtocolError::InvalidMultibulkLength)?);
        let attribute = kind == b'|';
        let left = if matches!(kind, b'%' | b'|') { count * 2 } else { count };
        match (left, attribute) {
            (0, true) => {
                self.attributed = true;
                Ok(Step::More)
            }
            (0, false) => Ok(Step::Value),
            _ => {
                self.open(Level { left: Some(left), odd: None, attribute })?;
                Ok(Step::More)
            }
        }
    }

    /// Takes `?` and CRLF, which announce a streamed value, if they are there.
    fn streamed(&mut self, rest: &[u8], allowed: bool) -> Option<Step> {
        match rest {
            _ if !allowed => None,
            [b'?'] | [b'?', b'\r'] => Some(Step::Partial),
            [b'?', b'\r', b'\n', ..] => {
                self.at += 4;
                Some(Step::More)
            }
            _ => None,
        }
    }

    fn stream_end(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let ends_here =
            matches!(self.levels.last(), Some(Level { left: None, odd, .. }) if *odd != Some(true));
        if !ends_here {
            return Err(ProtocolError::UnexpectedByte(b'.'));
        }
        match &bytes[self.at + 1..] {
            [] | [b'\r'] => Ok(Step::Partial),
            [b'\r', b'\n', ..] => {
                self.at += 3;
                self.levels.truncate(self.levels.len() - 1);
                Ok(Step::Value)
            }
            _ => Err(ProtocolError::MalformedValue),
        }
    }

    fn open(&mut self, level: Level) -> Result<(), ProtocolError> {
        if self.levels.len() == NESTING_MAX {
            return Err(ProtocolError::NestingTooDeep);
        }
        self.levels.push(level);
        self.attributed = false;
        Ok(())
    }

    /// Counts a finished value in the aggregates around it; true if it was the frame itself.
    fn close_levels(&mut self) -> bool {
        self.place = Place::Value { scanned: 0 };
        while let Some(level) = self.levels.last_mut() {
            if let Some(odd) = &mut level.odd {
                *odd = !*odd;
            }
            let Some(left) = &mut level.left else { return false };
            *left -= 1;
            if *left > 0 {
                return false;
            }
            let attribute = level.attribute;
            self.levels.truncate(self.levels.len() - 1);
            if attribute {
                self.attributed = true;
                return false;
            }
        }
        true
    }
}

/// What a look at the next bytes gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: more bytes are needed.
    Partial,
    /// Something was understood, and no value ended with it.
    More,
    /// A value ended.
    Value,
}

fn bulk_length(len: i64) -> Result<usize, ProtocolError> {
    match usize::try_from(len) {
        Ok(len) if len <= BULK_BYTES_MAX => Ok(len),
        _ => Err(ProtocolError::InvalidBulkLength),
    }
}

/// Whether `content` is what a line of type `kind` may hold.
fn is_well_formed(kind: u8, content: &[u8]) -> bool {
    match kind {
        b':' => parse_integer(content.strip_prefix(b"+").unwrap_or(content)).is_some(),
        b'#' => matches!(content, b"t" | b"f"),
        b'_' => content.is_empty(),
        b'(' => {
            let digits = content.strip_prefix(b"-").unwrap_or(content);
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        b',' => is_double(content),
        _ => !content.contains(&b'\n'),
    }
}

/// `inf`, `-inf`, `nan`, or decimal digits with an optional fraction and exponent.
fn is_double(content: &[u8]) -> bool {
    let magnitude = content.strip_prefix(b"-").unwrap_or(content);
    matches!(magnitude, b"inf" | b"nan")
        || (magnitude.first().is_some_and(u8::is_ascii_digit)
            && std::str::from_utf8(magnitude).is_ok_and(|text| text.parse::<f64>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well-formed frames, one of every type and of every way to nest.
    const FRAMES: &[&[u8]] = &[
        b"+OK\r\n",
        b"+\r\n",
        b"-ERR no\r\n",
        b":0\r\n",
        b":-9223372036854775808\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"$7\r\na\r\nb\r\nc\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        b"_\r\n",
        b"#t\r\n",
        b"#f\r\n",
        b",1.5e-3\r\n",
        b",-inf\r\n",
        b",nan\r\n",
        b"(-3492890328409238509324850943850943825024385\r\n",
        b"!5\r\nERR x\r\n",
        b"=7\r\ntxt:abc\r\n",
        b"%1\r\n+k\r\n%0\r\n",
        b"~2\r\n:1\r\n:2\r\n",
        b">2\r\n+message\r\n+x\r\n",
        b"|1\r\n+ttl\r\n:3\r\n*1\r\n|0\r\n:1\r\n",
        b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",
        b"*?\r\n:1\r\n*?\r\n.\r\n.\r\n",
        b"%?\r\n+a\r\n:1\r\n.\r\n",
    ];

    #[test]
    fn every_type_is_complete_at_its_last_byte_and_not_before() {
        for frame in FRAMES {
            for cut in 0..frame.len() {
                let mut decoder = ReplyDecoder::default();
                assert_eq!(decoder.scan(&frame[..cut]), Ok(None), "{}", frame.escape_ascii());
                assert_eq!(decoder.scan(frame), Ok(Some(frame.len())), "{}", frame.escape_ascii());
                assert!(!decoder.is_inside_frame());
            }
        }
    }

    #[test]
    fn a_stream_of_frames_is_cut_where_they_end_byte_by_byte() {
        let mut decoder = ReplyDecoder::default();
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for byte in FRAMES.concat() {
            buffer.extend_from_slice(&[byte]);
            found.extend(decoder.decode(&mut buffer).unwrap());
        }
        assert_eq!(found, FRAMES);
    }

    #[test]
    fn malformed_replies_are_refused() {
        use ProtocolError as E;
        for (bytes, error) in [
            (&b"?\r\n"[..], E::UnexpectedByte(b'?')),
            (b"+a\rb", E::MalformedValue),
            (b":1x\r\n", E::MalformedValue),
            (b"#x\r\n", E::MalformedValue),
            (b"_x\r\n", E::MalformedValue),
            (b",1..2\r\n", E::MalformedValue),
            (b"(\r\n", E::MalformedValue),
            (b"=3\r\nabc\r\n", E::MalformedValue),
            (b"$-2\r\n", E::InvalidBulkLength),
            (b"$536870913\r\n", E::InvalidBulkLength),
            (b"!-1\r\n", E::InvalidBulkLength),
            (b"$1\r\nabc", E::ExpectedCrlf),
            (b"*-2\r\n", E::InvalidMultibulkLength),
            (b"*4294967296\r\n", E::InvalidMultibulkLength),
            (b"%-1\r\n", E::InvalidMultibulkLength),
            (b"*1\r\n>1\r\n", E::UnexpectedByte(b'>')),
            (b".\r\n", E::UnexpectedByte(b'.')),
            (b"%?\r\n+a\r\n.\r\n", E::UnexpectedByte(b'.')),
            (b"$?\r\n$1\r\n", E::UnexpectedByte(b'$')),
            (b"|0\r\n|0\r\n:1\r\n", E::UnexpectedByte(b'|')),
            (b"*2\r\n|1\r\n+a\r\n+b\r\n|1\r\n", E::UnexpectedByte(b'|')),
            (b"*?\r\n|0\r\n.\r\n", E::UnexpectedByte(b'.')),
        ] {
            let mut whole = ReplyDecoder::default();
            assert_eq!(whole.scan(bytes), Err(error), "{}", bytes.escape_ascii());
        }
        let deep = b"*1\r\n".repeat(NESTING_MAX + 1);
        assert_eq!(ReplyDecoder::default().scan(&deep), Err(E::NestingTooDeep));
        let long = [&b"+"[..], &vec![b'a'; LINE_BYTES_MAX + 1]].concat();
        assert_eq!(ReplyDecoder::default().scan(&long), Err(E::FrameTooLarge));
    }

    #[test]
    fn a_header_allocates_nothing() {
        let mut decoder = ReplyDecoder::default();
        assert_eq!(decoder.scan(b"*1000000000\r\n$536870912\r\n"), Ok(None));
        assert!(decoder.levels.capacity() <= NESTING_MAX);
    }
}
