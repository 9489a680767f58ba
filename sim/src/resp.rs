//! RESP once more, as strictly as the specification reads, and independent of the proxy's codec: a
//! mistake that both had would be seen by nobody.

use std::fmt;

/// Bytes that are not RESP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The length of the frame at the start of `bytes`; `None` if it is not complete.
///
/// # Errors
/// The bytes are not RESP.
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some((line, body)) = line(bytes)? else { return Ok(None) };
    let (kind, text) = (line[0], &line[1..]);
    match kind {
        b'+' | b'-' => Ok(Some(body)),
        b':' | b',' | b'(' | b'#' | b'_' => scalar(kind, text).map(|()| Some(body)),
        b'$' | b'*' if text == b"-1" => Ok(Some(body)),
        b'$' | b'!' | b'=' => bulk(bytes, body, count(text)?),
        b'*' | b'~' | b'>' => items(bytes, body, count(text)?),
        b'%' => items(bytes, body, 2 * count(text)?),
        other => Err(Malformed(format!("no frame begins with '{}'", other.escape_ascii()))),
    }
}

/// The frames inside an array, set, push or map; `None` if `frame` is none of these.
#[must_use]
pub fn elements(frame: &[u8]) -> Option<Vec<&[u8]>> {
    let (line, mut at) = line(frame).ok()??;
    if !matches!(line[0], b'*' | b'~' | b'>' | b'%') {
        return None;
    }
    let mut found = Vec::new();
    while at < frame.len() {
        let len = frame_len(&frame[at..]).ok()??;
        found.push(&frame[at..at + len]);
        at += len;
    }
    Some(found)
}

/// The content of a bulk string.
#[must_use]
pub fn content(frame: &[u8]) -> Option<&[u8]> {
    let (line, at) = line(frame).ok()??;
    (line[0] == b'$' && line != b"$-1").then(|| &frame[at..frame.len() - 2])
}

/// The arguments of a command as clients send it.
#[must_use]
pub fn arguments(frame: &[u8]) -> Option<Vec<Vec<u8>>> {
    elements(frame)?.into_iter().map(|item| content(item).map(<[u8]>::to_vec)).collect()
}

/// The arguments at the start of a command of which the rest is missing; the last may be cut short.
#[must_use]
pub fn leading_arguments(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let Ok(Some((_, mut at))) = line(bytes) else { return found };
    while let Ok(Some((_, body))) = line(&bytes[at..]) {
        let whole = frame_len(&bytes[at..]).ok().flatten();
        let arg = match whole {
            Some(len) => content(&bytes[at..at + len]).unwrap_or_default(),
            None => bytes[at + body..].trim_ascii_end(),
        };
        found.push(arg.to_vec());
        let Some(len) = whole else { break };
        at += len;
    }
    found
}

/// The value of an integer.
#[must_use]
pub fn integer(frame: &[u8]) -> Option<i64> {
    let digits = frame.strip_prefix(b":")?.strip_suffix(b"\r\n")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether the frame is an error.
#[must_use]
pub fn is_error(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(b'-' | b'!'))
}

/// The first word of an error: `MOVED`, `ERR`; empty if the frame is none.
#[must_use]
pub fn error_code(frame: &[u8]) -> &str {
    let text = frame.strip_prefix(b"-").unwrap_or_default();
    let end = text.iter().position(|byte| b" \r".contains(byte)).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).unwrap_or_default()
}

/// A command as clients send it.
#[must_use]
pub fn command<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut frame = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        frame.extend_from_slice(&bulk_string(arg.as_ref()));
    }
    frame
}

/// A bulk string.
#[must_use]
pub fn bulk_string(content: &[u8]) -> Vec<u8> {
    let mut frame = format!("${}\r\n", content.len()).into_bytes();
    frame.extend_from_slice(content);
    frame.extend_from_slice(b"\r\n");
    frame
}

/// Bytes as a line of text, cut if they are long.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 120;
    let shown = bytes[..bytes.len().min(SHOWN_BYTES_MAX)].escape_ascii();
    match bytes.len().checked_sub(SHOWN_BYTES_MAX) {
        None | Some(0) => shown.to_string(),
        Some(more) => format!("{shown}… and {more} bytes more"),
    }
}

/// A command as a line of text.
#[must_use]
pub fn shown_command(args: &[Vec<u8>]) -> String {
    args.iter().map(|arg| shown(arg)).collect::<Vec<_>>().join(" ")
}

/// A frame's first line without its end, and where the rest begins.
fn line(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\r' || byte == b'\n') else {
        return Ok(None);
    };
    match bytes[end..] {
        [b'\r'] => Ok(None),
        [b'\r', b'\n', ..] if end > 0 => Ok(Some((&bytes[..end], end + 2))),
        _ => Err(Malformed(format!("a line ends badly: {}", shown(&bytes[..end + 1])))),
    }
}

fn count(text: &[u8]) -> Result<usize, Malformed> {
    let is_plain = text == b"0" || (!text.starts_with(b"0") && text.iter().all(u8::is_ascii_digit));
    let number = std::str::from_utf8(text).ok().filter(|_| is_plain).and_then(|t| t.parse().ok());
    number.ok_or_else(|| Malformed(format!("no length: {}", shown(text))))
}

fn bulk(bytes: &[u8], body: usize, len: usize) -> Result<Option<usize>, Malformed> {
    match bytes.get(body + len..body + len + 2) {
        None => Ok(None),
        Some(b"\r\n") => Ok(Some(body + len + 2)),
        Some(end) => Err(Malformed(format!("a bulk string ends with {}", shown(end)))),
    }
}

fn items(bytes: &[u8], body: usize, count: usize) -> Result<Option<usize>, Malformed> {
    let mut at = body;
    for _ in 0..count {
        let Some(len) = frame_len(&bytes[at..])? else { return Ok(None) };
        at += len;
    }
    Ok(Some(at))
}

fn scalar(kind: u8, text: &[u8]) -> Result<(), Malformed> {
    let text = std::str::from_utf8(text).unwrap_or("?");
    let valid = match kind {
        b':' => text.parse::<i64>().is_ok(),
        b',' => text.parse::<f64>().is_ok(),
        b'#' => text == "t" || text == "f",
        b'_' => text.is_empty(),
        _ => !text.is_empty() && text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()),
    };
    if valid { Ok(()) } else { Err(Malformed(format!("no value: {}{text}", char::from(kind)))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: [&str; 14] = [
        "+OK\r\n",
        "-ERR no\r\n",
        ":-12\r\n",
        "$3\r\na\r\n\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        "%1\r\n+a\r\n_\r\n",
        "~0\r\n",
        ">1\r\n#t\r\n",
        ",1.5\r\n",
        "(123456789012345678901234567890\r\n",
        "=5\r\ntxt:a\r\n",
    ];

    #[test]
    fn a_frame_is_complete_with_its_last_byte_and_not_before() {
        for frame in FRAMES.map(str::as_bytes) {
            for end in 0..frame.len() {
                assert_eq!(frame_len(&frame[..end]), Ok(None), "{}", shown(&frame[..end]));
            }
            assert_eq!(frame_len(&[frame, b"+next"].concat()), Ok(Some(frame.len())));
        }
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        for bytes in ["x\r\n", "\r\n", "+a\rb", "+a\n", "$2\r\nabc\r\n", "$01\r\na\r\n", ":1x\r\n"]
        {
            assert!(frame_len(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn commands_and_their_arguments_are_inverse() {
        let args = [b"SET".to_vec(), b"".to_vec(), b"\r\n".to_vec()];
        assert_eq!(arguments(&command(&args)).unwrap(), args);
        assert_eq!(arguments(b"+OK\r\n"), None);
    }

    #[test]
    fn an_error_has_a_code() {
        assert_eq!(error_code(b"-MOVED 1 a:1\r\n"), "MOVED");
        assert_eq!(error_code(b"-OOPS\r\n"), "OOPS");
        assert_eq!(error_code(b"+OK\r\n"), "");
    }
}
