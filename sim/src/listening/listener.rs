//! A client that listens: it subscribes, notes all that it hears, and leaves.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use redpoll::net::Net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::{Listener, Round};
use crate::net::{SimNet, SimStream};
use crate::recorder::Recorder;
use crate::resp::{command, frame_len, is_error};

/// Pause before another attempt to connect.
const RETRY: Duration = Duration::from_millis(10);

/// How long an attempt to connect may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(1);

/// How long a reply may take: longer than any command has.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long one that comes late listens, and one that stays does so then.
const LISTENS_AT_THE_END: Duration = Duration::from_secs(2);

/// How long it listens on when it has unsubscribed: whatever comes then is too much.
const LISTENS_ON: Duration = Duration::from_millis(30);

/// Follows the script of a listener.
pub(crate) struct Follower {
    /// Its number.
    pub(crate) number: usize,
    pub(crate) net: SimNet,
    pub(crate) proxies: Vec<SocketAddr>,
    pub(crate) listener: Listener,
    /// When everything has been well for a while.
    pub(crate) well_from: Duration,
    pub(crate) recorder: Recorder,
}

/// One connection.
struct Talk {
    net: SimNet,
    stream: SimStream,
    buffer: BytesMut,
    recorder: Recorder,
    listening: usize,
}

/// The other side is gone, or does not answer.
struct Gone;

impl Follower {
    /// Follows it to its end, or to that of the proxies.
    pub(crate) async fn run(self) {
        for (number, round) in self.listener.rounds.iter().enumerate() {
            if round.is_late {
                sleep(self.well_from.saturating_sub(self.net.now())).await;
            }
            let Some((proxy, stream)) = self.connect(self.number + number).await else { return };
            let listening = self.recorder.listens(proxy, self.listener.resp3);
            let (net, recorder) = (self.net.clone(), self.recorder.clone());
            let mut talk = Talk { net, stream, buffer: BytesMut::new(), recorder, listening };
            let is_over = talk.hold(&self.listener, round, self.well_from).await.is_ok();
            self.recorder.listened_to_the_end(listening, is_over);
        }
    }

    async fn connect(&self, first: usize) -> Option<(usize, SimStream)> {
        for attempt in first.. {
            let proxy = attempt % self.proxies.len();
            let connecting = timeout(CONNECTS_WITHIN, self.net.connect(self.proxies[proxy]));
            if let Ok(Ok(stream)) = connecting.await {
                return Some((proxy, stream));
            }
            if self.recorder.has_nobody_left() {
                return None;
            }
            sleep(RETRY).await;
        }
        None
    }
}

impl Talk {
    async fn hold(
        &mut self,
        listener: &Listener,
        round: &Round,
        well_from: Duration,
    ) -> Result<(), Gone> {
        if listener.resp3 {
            self.ask(&["HELLO".to_owned(), "3".to_owned()], 1).await?;
        }
        for command in &round.commands {
            self.ask(command, command.len() - 1).await?;
        }
        let to_the_end = well_from.saturating_sub(self.net.now()) + LISTENS_AT_THE_END;
        let is_long = round.is_late || round.listens_ms == 0;
        let listens = Duration::from_millis(round.listens_ms);
        self.listen(if is_long { to_the_end } else { listens }).await?;
        if round.unsubscribes {
            for command in ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"] {
                self.ask(&[command.to_owned()], 1).await?;
            }
            self.listen(LISTENS_ON).await?;
        }
        Ok(())
    }

    /// Sends a command and hears until it is answered, so often or with an error.
    async fn ask(&mut self, words: &[String], answers: usize) -> Result<(), Gone> {
        self.recorder.listener_asks(self.listening, words);
        self.stream.write_all(&command(words)).await.map_err(|_| Gone)?;
        let until = self.net.now() + ANSWERS_WITHIN;
        let name = words[0].to_ascii_lowercase();
        let mut left = answers;
        while left > 0 {
            let Some(frame) = self.hear(until).await? else { return Err(Gone) };
            if is_error(&frame) {
                return Ok(());
            }
            let is_answer = frame[0] == b'%' || is_about(&frame, &name);
            left -= usize::from(is_answer);
        }
        Ok(())
    }

    async fn listen(&mut self, time: Duration) -> Result<(), Gone> {
        let until = self.net.now() + time;
        while self.hear(until).await?.is_some() {}
        Ok(())
    }

    /// The next frame, if it comes in time.
    async fn hear(&mut self, until: Duration) -> Result<Option<Bytes>, Gone> {
        loop {
            if let Some(len) = frame_len(&self.buffer).map_err(|_| Gone)? {
                let frame = self.buffer.split_to(len).freeze();
                self.recorder.heard(self.listening, frame.clone());
                return Ok(Some(frame));
            }
            let left = until.saturating_sub(self.net.now());
            let reading = timeout(left, self.stream.read_buf(&mut self.buffer));
            match reading.await {
                Err(_) => return Ok(None),
                Ok(Ok(1..)) => {}
                Ok(Ok(_) | Err(_)) => return Err(Gone),
            }
        }
    }
}

/// Whether a frame says that something of this name is done.
fn is_about(frame: &[u8], name: &str) -> bool {
    crate::listening::words(frame).is_some_and(|words| words[0] == name.as_bytes())
}
