//! A number of its own for every command, written into its arguments, so that what the nodes did
//! can be traced back to who asked for it.

use std::fmt;

/// The number of a command: its client connection, and which of that connection's commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The connection, below 1,000.
    pub client: u16,
    /// Its place in the pipeline, from 0, below 1,000,000.
    pub seq: u32,
}

/// Digits of an id as text. A number too, so that it can be an increment or an index.
const DIGITS: usize = 10;

/// The longest key that carries an id: values are longer.
const KEY_BYTES_MAX: usize = 64;

impl Id {
    /// The id that a command carries in one of its arguments: at the start of an argument, or after
    /// the `#` of a key.
    #[must_use]
    pub fn of_command<A: AsRef<[u8]>>(args: &[A]) -> Option<Id> {
        args.iter().skip(1).find_map(|arg| Id::of_arg(arg.as_ref()))
    }

    fn of_arg(arg: &[u8]) -> Option<Id> {
        let text = match arg.iter().take(KEY_BYTES_MAX).position(|&byte| byte == b'#') {
            Some(mark) => &arg[mark + 1..],
            None => arg,
        };
        let digits = std::str::from_utf8(text.get(..DIGITS)?).ok()?;
        let is_longer = text.get(DIGITS).is_some_and(u8::is_ascii_digit);
        if is_longer || !digits.starts_with('1') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Id { client: digits[1..4].parse().ok()?, seq: digits[4..].parse().ok()? })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1{:03}{:06}", self.client, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_wherever_a_command_carries_it() {
        let id = Id { client: 42, seq: 7 };
        assert_eq!(id.to_string(), "1042000007");
        for args in [
            &["SET", "s:1", "1042000007"][..],
            &["SET", "s:1", "1042000007:filler"],
            &["MGET", "{s:1}", "{s:1}#1042000007"],
            &["GETRANGE", "s:1", "0", "1042000007"],
        ] {
            assert_eq!(Id::of_command(args), Some(id), "{args:?}");
        }
    }

    #[test]
    fn other_numbers_are_no_ids() {
        for args in [
            &["GET", "s:1"][..],
            &["1042000007"],
            &["ECHO", "10420000071"],
            &["ECHO", "2042000007"],
        ] {
            assert_eq!(Id::of_command(args), None, "{args:?}");
        }
    }
}
