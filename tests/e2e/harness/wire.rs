//! A client that sees bytes: it sends what it is given and reads one reply at a time, unchanged.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::PATIENCE;

/// One connection.
pub(crate) struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    /// Connects; reads and writes on it fail after [`PATIENCE`].
    ///
    /// # Errors
    /// Nobody accepts there.
    pub(crate) fn connect(address: SocketAddr) -> Result<Wire> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Wire { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// The other side is gone.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("writing")
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// The other side is gone.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.stream.get_ref().shutdown(Shutdown::Write).context("half-closing")
    }

    /// Sends one command and reads its reply.
    ///
    /// # Errors
    /// The connection ended, or the reply did not come in time.
    pub(crate) fn call(&mut self, words: &[&str]) -> Result<Vec<u8>> {
        self.send(&command(words))?;
        self.reply().with_context(|| format!("the reply to {words:?}"))
    }

    /// Like [`Wire::call`], with the reply as text.
    ///
    /// # Errors
    /// As [`Wire::call`].
    pub(crate) fn say(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        Ok(String::from_utf8_lossy(&self.call(&words)?).into_owned())
    }

    /// The bytes of the next reply.
    ///
    /// # Errors
    /// The connection ended, the bytes are not RESP, or they did not come in time.
    pub(crate) fn reply(&mut self) -> Result<Vec<u8>> {
        let mut reply = Vec::new();
        let mut missing = 1_u64;
        while missing > 0 {
            missing -= 1;
            let start = reply.len();
            self.stream.read_until(b'\n', &mut reply)?;
            let line = &reply[start..];
            ensure!(line.ends_with(b"\r\n"), "cut off after {:?}", line.escape_ascii().to_string());
            let kind = line[0];
            let rest = std::str::from_utf8(&line[1..line.len() - 2]).unwrap_or_default();
            let count = || rest.parse::<i64>().with_context(|| format!("a length: {rest:?}"));
            match kind {
                b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => {}
                b'$' | b'=' | b'!' => {
                    // -1 is RESP2's null.
                    if let Ok(length) = u64::try_from(count()?) {
                        self.stream.by_ref().take(length + 2).read_to_end(&mut reply)?;
                        ensure!(reply.ends_with(b"\r\n"), "a bulk without its end");
                    }
                }
                b'*' | b'~' | b'>' => missing += u64::try_from(count()?).unwrap_or(0),
                b'%' => missing += 2 * u64::try_from(count()?).unwrap_or(0),
                b'|' => missing += 1 + 2 * u64::try_from(count()?).unwrap_or(0),
                other => anyhow::bail!("a reply of type {:?}", char::from(other)),
            }
        }
        Ok(reply)
    }

    /// The bytes of the next reply; `None` if none begins to arrive for so long.
    ///
    /// # Errors
    /// As [`Wire::reply`].
    pub(crate) fn reply_within(&mut self, limit: Duration) -> Result<Option<Vec<u8>>> {
        self.stream.get_ref().set_read_timeout(Some(limit))?;
        let begun = self.stream.fill_buf().map(|bytes| !bytes.is_empty());
        self.stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        match begun {
            Ok(_) => self.reply().map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error).context("waiting for a reply"),
        }
    }

    /// Everything until the other side closes; a reset counts as a close.
    ///
    /// # Errors
    /// It did not close in time.
    pub(crate) fn read_to_close(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(bytes),
            Err(error) => Err(error).context("waiting for the other side to close"),
        }
    }
}

/// One command in RESP.
pub(crate) fn command<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words.iter().map(AsRef::as_ref) {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
