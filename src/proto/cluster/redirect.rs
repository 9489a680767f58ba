//! MOVED and ASK.

use super::{Address, Slot};

/// An error reply that says where a command is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// For good, or for this command only.
    pub kind: RedirectKind,
    /// The slot in question.
    pub slot: Slot,
    /// The host named; `None` means the host that was asked.
    pub host: Option<String>,
    /// The port named.
    pub port: u16,
}

/// How long a redirect holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectKind {
    /// The slot has moved.
    Moved,
    /// The slot is moving, and this key has moved: ask there, with `ASKING`.
    Ask,
}

impl Redirect {
    /// Reads a reply; `None` if it is not a well-formed redirect.
    #[must_use]
    pub fn parse(frame: &[u8]) -> Option<Redirect> {
        let (kind, rest) = match frame {
            [b'-', b'M', b'O', b'V', b'E', b'D', b' ', rest @ ..] => (RedirectKind::Moved, rest),
            [b'-', b'A', b'S', b'K', b' ', rest @ ..] => (RedirectKind::Ask, rest),
            _ => return None,
        };
        let text = std::str::from_utf8(rest).ok()?.trim_end();
        let (slot, endpoint) = text.split_once(' ')?;
        let slot = Slot::new(slot.parse().ok()?)?;
        let (host, port) = endpoint.rsplit_once(':')?;
        let host = (!matches!(host, "" | "?")).then(|| host.to_owned());
        Some(Redirect { kind, slot, host, port: port.parse().ok()? })
    }

    /// Where to go, given where the redirect came from; `None` if that is no address.
    #[must_use]
    pub fn target(&self, asked: &Address) -> Option<Address> {
        Address::new(self.host.as_deref().unwrap_or(asked.host()), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(frame: &str) -> Option<String> {
        let asked = Address::new("10.0.0.9", 7000)?;
        Some(Redirect::parse(frame.as_bytes())?.target(&asked)?.to_string())
    }

    #[test]
    fn redirects_point_to_hosts_names_and_the_host_that_was_asked() {
        for (frame, to) in [
            ("-MOVED 3999 127.0.0.1:6381\r\n", Some("127.0.0.1:6381")),
            ("-ASK 3999 redis-1.svc:6381\r\n", Some("redis-1.svc:6381")),
            ("-MOVED 3999 2001:db8::1:6381\r\n", Some("[2001:db8::1]:6381")),
            ("-MOVED 3999 :6381\r\n", Some("10.0.0.9:6381")),
            ("-MOVED 3999 ?:6381\r\n", Some("10.0.0.9:6381")),
            ("-MOVED 16384 127.0.0.1:6381\r\n", None),
            ("-MOVED 3999 127.0.0.1:0\r\n", None),
            ("-MOVED 3999\r\n", None),
            ("-MOVED x y:z\r\n", None),
            ("-MOVEDX 1 a:1\r\n", None),
            ("-ERR no\r\n", None),
        ] {
            assert_eq!(target(frame).as_deref(), to, "{frame}");
        }
    }
}
