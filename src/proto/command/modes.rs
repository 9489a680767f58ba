//! What a client switches for its connection: `CLIENT REPLY`, `CLIENT NO-EVICT`, `CLIENT NO-TOUCH`.

use super::super::resp::Writer;
use super::Command;

/// Which of its commands a client wants to be answered.
///
/// ```text
///   On --SKIP--> SkipNext --a command--> Skipping --the next--> On
///    '--OFF--> Off --ON, RESET--> On
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replies {
    /// All.
    #[default]
    On,
    /// All but the one that comes next.
    SkipNext,
    /// Not the present one.
    Skipping,
    /// None.
    Off,
}

/// What a client has switched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Which commands are answered.
    pub replies: Replies,
    /// It is not to be closed for what its buffers hold; no more than a note here.
    no_evict: bool,
    /// Its reads are not to count as uses of keys; no more than a note here.
    no_touch: bool,
}

impl Modes {
    /// Takes note that another command begins.
    pub fn begin_command(&mut self) {
        self.replies = match self.replies {
            Replies::SkipNext => Replies::Skipping,
            Replies::Skipping | Replies::On => Replies::On,
            Replies::Off => Replies::Off,
        };
    }

    /// Whether the present command is not answered.
    #[must_use]
    pub fn is_muted(&self) -> bool {
        matches!(self.replies, Replies::Skipping | Replies::Off)
    }

    /// What `RESET` does, whose own reply may be one to skip.
    pub(super) fn reset(&mut self) {
        let is_skipping = self.replies == Replies::Skipping;
        let replies = if is_skipping { Replies::Skipping } else { Replies::On };
        *self = Modes { replies, ..Modes::default() };
    }

    /// The flags that `CLIENT INFO` shows of a client that is subscribed to something, or not.
    pub(super) fn flags(&self, is_subscriber: bool) -> String {
        let flags = [(is_subscriber, 'P'), (self.no_evict, 'e'), (self.no_touch, 'T')];
        let set: String =
            flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
        if set.is_empty() { "N".to_owned() } else { set }
    }

    /// Answers `CLIENT REPLY`; what switches replies off has none itself.
    pub(super) fn reply(&mut self, command: &Command<'_>, writer: &mut Writer<'_>) {
        let is = |word: &[u8]| command.arg(2).eq_ignore_ascii_case(word);
        if is(b"on") {
            self.replies = Replies::On;
            writer.simple("OK");
        } else if is(b"off") {
            self.replies = Replies::Off;
        } else if !is(b"skip") {
            writer.error("ERR syntax error");
        } else if self.replies != Replies::Off {
            self.replies = Replies::SkipNext;
        }
    }

    /// Answers `CLIENT NO-EVICT` and `CLIENT NO-TOUCH`.
    pub(super) fn switch(&mut self, command: &Command<'_>, writer: &mut Writer<'_>) {
        let is = |word: &[u8]| command.arg(2).eq_ignore_ascii_case(word);
        if !is(b"on") && !is(b"off") {
            return writer.error("ERR syntax error");
        }
        let flag = match command.row.own_name() {
            "no-evict" => &mut self.no_evict,
            _ => &mut self.no_touch,
        };
        *flag = is(b"on");
        writer.simple("OK");
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::Client;
    use super::Replies;

    #[test]
    fn what_a_client_switches_is_shown_until_a_reset() {
        let mut client = Client::default();
        let flags = |client: &mut Client| {
            let info = client.ask("client info");
            info.split(' ').find_map(|field| field.strip_prefix("flags=").map(str::to_owned))
        };
        assert_eq!(flags(&mut client).as_deref(), Some("N"));
        assert_eq!(client.ask("client no-touch ON"), "+OK|");
        assert_eq!(client.ask("client no-evict on"), "+OK|");
        assert_eq!(flags(&mut client).as_deref(), Some("eT"));
        assert_eq!(client.ask("client no-evict off"), "+OK|");
        assert_eq!(client.ask("client no-evict x"), "-ERR syntax error|");
        assert_eq!(flags(&mut client).as_deref(), Some("T"));
        client.ask("reset");
        assert_eq!(flags(&mut client).as_deref(), Some("N"));
    }

    #[test]
    fn replies_are_switched_in_silence_and_switched_on_again_aloud() {
        let mut client = Client::default();
        for (line, reply, replies) in [
            ("client reply on", "+OK|", Replies::On),
            ("client reply x", "-ERR syntax error|", Replies::On),
            ("client reply SKIP", "", Replies::SkipNext),
            ("client reply off", "", Replies::Off),
            ("client reply skip", "", Replies::Off),
            ("client reply on", "+OK|", Replies::On),
        ] {
            assert_eq!(client.ask(line), reply, "{line}");
            assert_eq!(client.identity.modes.replies, replies, "{line}");
        }
    }

    #[test]
    fn one_command_is_skipped() {
        let mut modes = super::Modes { replies: Replies::SkipNext, ..super::Modes::default() };
        let muted: Vec<_> = (0..3)
            .map(|_| {
                modes.begin_command();
                modes.is_muted()
            })
            .collect();
        assert_eq!(muted, [true, false, false]);
    }
}
