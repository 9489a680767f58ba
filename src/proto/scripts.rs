//! Scripts that clients were seen to give to servers, so that one which a node has lost can be
//! given to it again. A bounded number of them: those that were not used for longest are forgotten.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha1::{Digest as _, Sha1};

use crate::limits::{SCRIPT_BYTES_MAX, SCRIPTS_BYTES_MAX, SCRIPTS_MAX};

/// The SHA-1 digest of a script, which is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 20]);

/// The scripts that were seen.
#[derive(Debug, Default)]
pub struct Scripts {
    by_body: BTreeMap<Bytes, Digest>,
    by_digest: BTreeMap<Digest, Entry>,
    by_use: BTreeSet<(u64, Digest)>,
    /// Bytes of all of them.
    bytes: usize,
    /// Counts uses.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    body: Bytes,
    /// The use that was its last.
    used: u64,
}

/// Where sessions find scripts, and put them.
pub trait Library {
    /// Takes note of a script.
    fn learn(&self, body: &[u8]);
    /// The script of this digest, if it is known.
    fn find(&self, digest: Digest) -> Option<Bytes>;
    /// Forgets all of them.
    fn clear(&self);
}

impl Digest {
    /// The digest of a script.
    #[must_use]
    pub fn of(body: &[u8]) -> Digest {
        Digest(Sha1::digest(body).into())
    }

    /// What a client writes: 40 hexadecimal digits, in any case. `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Digest> {
        let mut digest = [0; 20];
        if text.len() != 2 * digest.len() {
            return None;
        }
        for (byte, digits) in digest.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Digest(digest))
    }
}

impl Scripts {
    /// Takes note of a script, which was used just now. One that is too long is not kept.
    pub fn learn(&mut self, body: &[u8]) {
        if let Some(digest) = self.by_body.get(body) {
            let digest = *digest;
            self.touch(digest);
        } else if body.len() <= SCRIPT_BYTES_MAX {
            self.insert(body);
        }
    }

    /// The script of this digest, which is used with that.
    pub fn find(&mut self, digest: Digest) -> Option<Bytes> {
        self.touch(digest);
        self.by_digest.get(&digest).map(|entry| entry.body.clone())
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Scripts::default();
    }

    fn insert(&mut self, body: &[u8]) {
        let (digest, body) = (Digest::of(body), Bytes::copy_from_slice(body));
        self.bytes += body.len();
        self.uses += 1;
        self.by_body.insert(body.clone(), digest);
        self.by_digest.insert(digest, Entry { body, used: self.uses });
        self.by_use.insert((self.uses, digest));
        while self.by_digest.len() > SCRIPTS_MAX || self.bytes > SCRIPTS_BYTES_MAX {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            let Some(entry) = self.by_digest.remove(&oldest) else { break };
            self.by_body.remove(&entry.body);
            self.bytes -= entry.body.len();
        }
    }

    fn touch(&mut self, digest: Digest) {
        if let Some(entry) = self.by_digest.get_mut(&digest) {
            self.uses += 1;
            self.by_use.remove(&(entry.used, digest));
            entry.used = self.uses;
            self.by_use.insert((entry.used, digest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_found_by_its_digest_in_any_case() {
        let mut scripts = Scripts::default();
        scripts.learn(b"return 6");
        for text in
            ["432b214c7272676165213cde73c96473ae722648", "432B214C7272676165213CDE73C96473AE722648"]
        {
            let digest = Digest::parse(text.as_bytes()).unwrap();
            assert_eq!(digest, Digest::of(b"return 6"));
            assert_eq!(scripts.find(digest).as_deref(), Some(&b"return 6"[..]));
        }
        scripts.clear();
        assert_eq!(scripts.find(Digest::of(b"return 6")), None);
    }

    #[test]
    fn what_is_no_digest_is_none() {
        for text in [&b""[..], b"x", &[b'0'; 39], &[b'g'; 40], &[b'+'; 40], &[0xFF; 40]] {
            assert_eq!(Digest::parse(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn those_that_were_not_used_for_longest_are_forgotten() {
        let mut scripts = Scripts::default();
        let body = |number: usize| format!("return {number}").into_bytes();
        (0..SCRIPTS_MAX).for_each(|number| scripts.learn(&body(number)));
        assert!(scripts.find(Digest::of(&body(0))).is_some());
        scripts.learn(&body(1));
        scripts.learn(&body(SCRIPTS_MAX));
        let found = |number: usize| scripts.by_digest.contains_key(&Digest::of(&body(number)));
        let kept: Vec<_> = [0, 1, 2, 3, SCRIPTS_MAX].into_iter().map(found).collect();
        assert_eq!(kept, [true, true, false, true, true]);
    }

    #[test]
    fn however_long_scripts_are_the_bytes_of_all_are_bounded() {
        let mut scripts = Scripts::default();
        for number in 0..200_u8 {
            scripts.learn(&vec![number; SCRIPT_BYTES_MAX]);
            let held: usize = scripts.by_digest.values().map(|entry| entry.body.len()).sum();
            assert!(held == scripts.bytes && held <= SCRIPTS_BYTES_MAX);
            assert_eq!(scripts.by_body.len(), scripts.by_use.len());
        }
        assert!(scripts.by_digest.len() >= SCRIPTS_BYTES_MAX / SCRIPT_BYTES_MAX - 1);
        let longest = vec![0; SCRIPT_BYTES_MAX + 1];
        scripts.learn(&longest);
        assert_eq!(scripts.find(Digest::of(&longest)), None);
    }
}
