//! A look inside a frame.

use super::number::{Header, parse_header};
use super::{Protocol, ReplyDecoder, Writer};

/// A RESP value as a tree of its own: for tests, topology views and other replies that are read
/// rather than passed on. Depth is bounded by the decoder's `NESTING_MAX`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `+`
    Simple(Vec<u8>),
    /// `-` or `!`
    Error(Vec<u8>),
    /// `:`
    Integer(i64),
    /// `$`, chunks of a streamed string joined
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Null,
    /// `*`
    Array(Vec<Value>),
    /// `#`
    Boolean(bool),
    /// `,`
    Double(f64),
    /// `(`
    BigNumber(Vec<u8>),
    /// `=`: the three-letter format, and the text
    Verbatim([u8; 3], Vec<u8>),
    /// `%`
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`
    Push(Vec<Value>),
    /// `|` and the value it belongs to
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// Reads one whole frame; `None` if `frame` is not exactly one well-formed frame.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Value> {
        if ReplyDecoder::default().scan(frame) != Ok(Some(frame.len())) {
            return None;
        }
        let (value, rest) = read(frame)?;
        rest.is_empty().then_some(value)
    }

    /// Appends the value, in RESP3 where it has no RESP2 form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out, Protocol::Resp3);
        match self {
            Value::Simple(text) => line(out, b'+', text),
            // Only the form that says its length can hold line ends.
            Value::Error(text) if text.iter().any(|byte| matches!(byte, b'\r' | b'\n')) => {
                line(out, b'!', text.len().to_string().as_bytes());
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Value::Error(text) => line(out, b'-', text),
            Value::Integer(value) => writer.integer(*value),
            Value::Bulk(content) => writer.bulk(content),
            Value::Null => writer.null(),
            Value::Boolean(value) => line(out, b'#', if *value { b"t" } else { b"f" }),
            Value::Double(value) => writer.double(*value),
            Value::BigNumber(digits) => line(out, b'(', digits),
            Value::Verbatim(format, text) => {
                out.extend_from_slice(format!("={}\r\n", text.len() + 4).as_bytes());
                out.extend_from_slice(format);
                out.push(b':');
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            Value::Array(items) => aggregate(out, b'*', items),
            Value::Set(items) => aggregate(out, b'~', items),
            Value::Push(items) => aggregate(out, b'>', items),
            Value::Map(pairs) => map(out, b'%', pairs),
            Value::Attribute(pairs, value) => {
                map(out, b'|', pairs);
                value.encode(out);
            }
        }
    }

    /// The content of a simple, bulk or verbatim string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Value::Simple(text) | Value::Bulk(text) | Value::Verbatim(_, text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The same as text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The value of an integer.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(value) = self { Some(*value) } else { None }
    }

    /// The elements of an array, set or push.
    #[must_use]
    pub fn as_items(&self) -> Option<&[Value]> {
        if let Value::Array(items) | Value::Set(items) | Value::Push(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// What belongs to `key` in a map, or in the flat array that is a map in RESP2.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        if let Value::Map(pairs) = self {
            return pairs.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value);
        }
        let pairs = self.as_items()?.chunks_exact(2);
        pairs.into_iter().find(|pair| pair[0].as_text() == Some(key)).map(|pair| &pair[1])
    }
}

/// The frames of the elements of an array, set or push, in order; `None` if `frame` is none of
/// these.
///
/// `frame` must come from a decoder. Streamed aggregates, which no server sends, are not looked
/// into.
#[must_use]
pub fn elements(frame: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let [b'*' | b'~' | b'>', rest @ ..] = frame else { return None };
    let Header::Complete(count, taken) = parse_header(rest) else { return None };
    let mut rest = &rest[taken..];
    Some((0..count).map_while(move |_| {
        let len = ReplyDecoder::default().scan(rest).ok()??;
        let (element, after) = rest.split_at(len);
        rest = after;
        Some(element)
    }))
}

fn line(out: &mut Vec<u8>, kind: u8, content: &[u8]) {
    out.push(kind);
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n");
}

fn aggregate(out: &mut Vec<u8>, kind: u8, items: &[Value]) {
    line(out, kind, items.len().to_string().as_bytes());
    for item in items {
        item.encode(out);
    }
}

fn map(out: &mut Vec<u8>, kind: u8, pairs: &[(Value, Value)]) {
    line(out, kind, pairs.len().to_string().as_bytes());
    for (key, value) in pairs {
        key.encode(out);
        value.encode(out);
    }
}

/// One value of a frame that the decoder accepted, and what follows it.
fn read(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let end = memchr::memchr(b'\r', rest)?;
    let (head, after) = (&rest[..end], rest.get(end + 2..)?);
    let value = match kind {
        b'+' => Value::Simple(head.to_vec()),
        b'-' => Value::Error(head.to_vec()),
        b':' => Value::Integer(super::parse_integer(head.strip_prefix(b"+").unwrap_or(head))?),
        b'_' => Value::Null,
        b'#' => Value::Boolean(head == b"t"),
        b',' => Value::Double(std::str::from_utf8(head).ok()?.parse().ok()?),
        b'(' => Value::BigNumber(head.to_vec()),
        b'$' | b'!' | b'=' => return read_bulk(kind, head, after),
        _ => return read_aggregate(kind, head, after),
    };
    Some((value, after))
}

fn read_bulk<'a>(kind: u8, head: &[u8], after: &'a [u8]) -> Option<(Value, &'a [u8])> {
    if head == b"?" {
        return read_chunks(after);
    }
    let Ok(len) = usize::try_from(super::parse_integer(head)?) else {
        return Some((Value::Null, after));
    };
    let (content, rest) = (after.get(..len)?, after.get(len + 2..)?);
    let value = match kind {
        b'$' => Value::Bulk(content.to_vec()),
        b'!' => Value::Error(content.to_vec()),
        _ => Value::Verbatim(content.get(..3)?.try_into().ok()?, content.get(4..)?.to_vec()),
    };
    Some((value, rest))
}

fn read_chunks(mut rest: &[u8]) -> Option<(Value, &[u8])> {
    let mut content = Vec::new();
    loop {
        let Header::Complete(len, taken) = parse_header(rest.get(1..)?) else { return None };
        let len = usize::try_from(len).ok()?;
        rest = &rest[1 + taken..];
        if len == 0 {
            return Some((Value::Bulk(content), rest));
        }
        content.extend_from_slice(rest.get(..len)?);
        rest = rest.get(len + 2..)?;
    }
}

fn read_aggregate<'a>(kind: u8, head: &[u8], after: &'a [u8]) -> Option<(Value, &'a [u8])> {
    let pairs = matches!(kind, b'%' | b'|');
    let mut rest = after;
    let mut items = Vec::new();
    if head == b"?" {
        while rest.first()? != &b'.' {
            let (item, next) = read(rest)?;
            items.push(item);
            rest = next;
        }
        rest = rest.get(3..)?;
    } else {
        let count = super::parse_integer(head)?;
        if count < 0 {
            return Some((Value::Null, rest));
        }
        for _ in 0..(if pairs { count * 2 } else { count }) {
            let (item, next) = read(rest)?;
            items.push(item);
            rest = next;
        }
    }
    Some(match kind {
        b'*' => (Value::Array(items), rest),
        b'~' => (Value::Set(items), rest),
        b'>' => (Value::Push(items), rest),
        b'%' => (Value::Map(paired(items)), rest),
        b'|' => {
            let (value, rest) = read(rest)?;
            (Value::Attribute(paired(items), Box::new(value)), rest)
        }
        _ => return None,
    })
}

fn paired(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut items = items.into_iter();
    std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_reads_back_as_it_was_written() {
        let tree = Value::Attribute(
            vec![(Value::Simple(b"ttl".to_vec()), Value::Integer(3))],
            Box::new(Value::Array(vec![
                Value::Map(vec![(Value::Bulk(b"k".to_vec()), Value::Null)]),
                Value::Set(vec![Value::Boolean(true), Value::Double(-1.5)]),
                Value::Verbatim(*b"txt", b"hello".to_vec()),
                Value::BigNumber(b"123456789012345678901234567890".to_vec()),
                Value::Error(b"ERR x".to_vec()),
                Value::Error(b"ERR two\r\nlines".to_vec()),
            ])),
        );
        let mut bytes = Vec::new();
        tree.encode(&mut bytes);
        assert_eq!(Value::parse(&bytes), Some(tree));
    }

    #[test]
    fn elements_are_the_frames_of_an_array() {
        let frame = b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n:2\r\n_\r\n";
        let found: Vec<_> = elements(frame).unwrap().collect();
        assert_eq!(found, [&b"$1\r\na\r\n"[..], b"*2\r\n:1\r\n:2\r\n", b"_\r\n"]);
        assert!(elements(b"+OK\r\n").is_none());
    }

    #[test]
    fn a_map_is_looked_up_in_both_protocols() {
        for frame in [&b"%1\r\n+k\r\n:1\r\n"[..], b"*2\r\n$1\r\nk\r\n:1\r\n"] {
            assert_eq!(Value::parse(frame).unwrap().get("k"), Some(&Value::Integer(1)));
        }
    }
}
