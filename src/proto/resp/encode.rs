//! What the proxy says itself, in the protocol of whom it says it to.

use super::Protocol;

/// Appends RESP values to a buffer. Types that RESP2 lacks are written as Redis writes them there:
/// a map as a flat array, a null as a null bulk, a double or verbatim string as a bulk.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Writer<'a> {
    /// Writes to the end of `out`.
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Writer { out, protocol }
    }

    /// The protocol written.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// A simple string. Line ends in `text` become spaces.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error, its code first: `ERR no such key`. Line ends in `text` become spaces.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.line(b'-', text.as_ref());
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.out.push(b':');
        self.number(value);
    }

    /// A bulk string.
    pub fn bulk(&mut self, content: &[u8]) {
        self.header(b'$', content.len());
        self.out.extend_from_slice(content);
        self.out.extend_from_slice(b"\r\n");
    }

    /// The absence of a value.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The absence of an array.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The start of an array; `len` values follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The start of a push, which is an array in RESP2; `len` values follow.
    pub fn push(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(b'>', len),
        }
    }

    /// The start of a map; `pairs` keys, each followed by its value, follow.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', pairs * 2),
            Protocol::Resp3 => self.header(b'%', pairs),
        }
    }

    /// The start of a set; `len` values follow.
    pub fn set(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(b'~', len),
        }
    }

    /// A double, shortest form that reads back as the same number; `inf`, `-inf`, `nan`.
    pub fn double(&mut self, value: f64) {
        let text = if value.is_infinite() {
            if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
        } else if value.is_nan() {
            "nan".to_owned()
        } else {
            format!("{value}")
        };
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => self.line(b',', text.as_bytes()),
        }
    }

    /// Text to be shown to a person as it is.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.header(b'=', text.len() + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A value that is encoded already.
    pub fn raw(&mut self, frame: &[u8]) {
        self.out.extend_from_slice(frame);
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.out.push(kind);
        self.out.extend(text.iter().map(|byte| match byte {
            b'\r' | b'\n' => b' ',
            other => *other,
        }));
        self.out.extend_from_slice(b"\r\n");
    }

    fn header(&mut self, kind: u8, len: usize) {
        self.out.push(kind);
        self.number(i64::try_from(len).unwrap_or(i64::MAX));
    }

    fn number(&mut self, value: i64) {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.out.push(b'-');
        }
        self.out.extend_from_slice(&digits[at..]);
        self.out.extend_from_slice(b"\r\n");
    }
}
