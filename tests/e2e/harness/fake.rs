//! A server that breaks the protocol where a trial asks for it.
//!
//! To `GET k` it replies with `k`, so a reply that went to somebody else is seen. Commands on keys
//! that begin with one of these words are answered in another way:
//!
//! ```text
//! early      an error, as soon as the size of the value is known and before it has arrived
//! garbage    bytes that are not RESP
//! twice      two replies
//! ```

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

use super::local;

/// What is said early.
pub(crate) const EARLY: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

/// A running one; it stops to accept when it is dropped.
pub(crate) struct Fake {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU32>,
}

impl Fake {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn start() -> Result<Fake> {
        let listener = TcpListener::bind(local(0))?;
        let address = listener.local_addr()?;
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let fake = Fake { address, stop: Arc::clone(&stop), accepted: Arc::clone(&accepted) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                accepted.fetch_add(1, Ordering::Relaxed);
                // A connection ends with its error, as one of a server would.
                thread::spawn(move || serve(&stream).ok());
            }
        });
        Ok(fake)
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> u32 {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the one who accepts.
        TcpStream::connect(self.address).ok();
    }
}

fn serve(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    let mut output = stream;
    loop {
        let first = line(&mut input)?;
        let Some(count) = first.strip_prefix(b"*") else {
            let words: Vec<Vec<u8>> =
                first.split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
            output.write_all(&reply(&words))?;
            continue;
        };
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut is_answered = false;
        for _ in 0..number(count)? {
            let length = line(&mut input)?;
            let length = number(length.strip_prefix(b"$").context("a bulk string")?)?;
            if words.len() == 2 && words[1].starts_with(b"early") {
                output.write_all(EARLY.as_bytes())?;
                is_answered = true;
            }
            let mut word = vec![0; length + 2];
            input.read_exact(&mut word)?;
            word.truncate(length);
            words.push(word);
        }
        if !is_answered {
            output.write_all(&reply(&words))?;
        }
    }
}

/// The next line, without its end.
fn line(input: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let line = line.strip_suffix(b"\r\n").context("the connection has ended")?;
    Ok(line.to_vec())
}

fn number(digits: &[u8]) -> Result<usize> {
    Ok(std::str::from_utf8(digits)?.parse()?)
}

fn reply(words: &[Vec<u8>]) -> Vec<u8> {
    match (words[0].as_slice(), words.get(1)) {
        (b"PING", _) => b"+PONG\r\n".to_vec(),
        (b"HELLO", _) => b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec(),
        (b"GET", Some(key)) if key.starts_with(b"garbage") => b"no RESP at all\r\n".to_vec(),
        (b"GET", Some(key)) if key.starts_with(b"twice") => bulk(key).repeat(2),
        (b"GET", Some(key)) => bulk(key),
        _ => b"+OK\r\n".to_vec(),
    }
}

fn bulk(text: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
}
