//! What one client may believe about its own keys, and so which replies are right.
//!
//! Nobody else touches a client's keys, so without faults there is one right reply. A fault leaves
//! a set of them: an `UNSURE` write may or may not have run, an `UNSENT` one has not, and a node
//! that lost its memory has no keys.

use std::fmt;

use anyhow::{Result, bail, ensure};
use redis::{ServerError, Value};

/// A key, and whether the trial breaks what it needs: only then may a command on it fail.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) fragile: bool,
}

/// One command; keys are numbers of [`Model::texts`], or of [`Model::counters`] for [`Op::Incr`].
#[derive(Debug)]
pub(crate) enum Op {
    Set(usize, String),
    Get(usize),
    Incr(usize),
    Delete(Vec<usize>),
    MultiGet(Vec<usize>),
    MultiSet(Vec<(usize, String)>),
}

/// How often the memory of the fragile keys' node was lost, before a batch was sent and after it
/// was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Losses {
    pub(crate) before: u32,
    pub(crate) after: u32,
}

/// The beliefs of one client.
pub(crate) struct Model {
    pub(crate) texts: Vec<Text>,
    pub(crate) counters: Vec<Counter>,
}

/// What a string key may hold.
pub(crate) struct Text {
    pub(crate) key: Key,
    /// The values it may have; `None` is no key at all. Never empty.
    possible: Vec<Option<String>>,
    /// The losses known when the last write was acknowledged.
    written_after_losses: u32,
}

/// What a counter may hold.
pub(crate) struct Counter {
    pub(crate) key: Key,
    low: i64,
    high: i64,
    written_after_losses: u32,
}

/// What a refused write means, by the first word of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// It has certainly not run.
    NotRun,
    /// It may have run.
    MayHaveRun,
}

impl Model {
    /// Keys that do not exist yet.
    pub(crate) fn new(texts: Vec<Key>, counters: Vec<Key>) -> Model {
        let text = |key| Text { key, possible: vec![None], written_after_losses: 0 };
        let counter = |key| Counter { key, low: 0, high: 0, written_after_losses: 0 };
        Model {
            texts: texts.into_iter().map(text).collect(),
            counters: counters.into_iter().map(counter).collect(),
        }
    }

    /// The command as it is sent.
    pub(crate) fn command(&self, op: &Op) -> redis::Cmd {
        let text = |key: &usize| self.texts[*key].key.name.as_str();
        match op {
            Op::Set(key, value) => redis::cmd("SET").arg(text(key)).arg(value).to_owned(),
            Op::Get(key) => redis::cmd("GET").arg(text(key)).to_owned(),
            Op::Incr(key) => redis::cmd("INCR").arg(&self.counters[*key].key.name).to_owned(),
            Op::Delete(keys) => {
                redis::cmd("DEL").arg(keys.iter().map(text).collect::<Vec<_>>()).to_owned()
            }
            Op::MultiGet(keys) => {
                redis::cmd("MGET").arg(keys.iter().map(text).collect::<Vec<_>>()).to_owned()
            }
            Op::MultiSet(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| (text(key), value));
                redis::cmd("MSET").arg(pairs.collect::<Vec<_>>()).to_owned()
            }
        }
    }

    /// Checks the replies to a batch and learns from them. Returns how many commands were refused.
    ///
    /// # Errors
    /// A reply is wrong; the message says which and what would have been right.
    pub(crate) fn check(&mut self, ops: &[Op], replies: &[Value], losses: Losses) -> Result<u64> {
        ensure!(ops.len() == replies.len(), "{} replies to {} commands", replies.len(), ops.len());
        let mut refused = 0;
        for (op, reply) in ops.iter().zip(replies) {
            if let Value::ServerError(error) = reply {
                let refusal = self.refusal(op, error)?;
                self.learn_refusal(op, refusal);
                refused += 1;
            } else {
                self.check_served(op, reply, losses)?;
            }
        }
        Ok(refused)
    }

    fn refusal(&self, op: &Op, error: &ServerError) -> Result<Refusal> {
        let keys = self.keys(op);
        if !keys.iter().any(|key| key.fragile) {
            bail!("{} was refused: {error}", self.show(op));
        }
        match error.code() {
            // Of a command in parts, some may have run.
            "UNSENT" | "CLUSTERDOWN" if keys.len() == 1 => Ok(Refusal::NotRun),
            "UNSENT" | "UNSURE" | "CLUSTERDOWN" => Ok(Refusal::MayHaveRun),
            _ => bail!("{} was refused with the wrong code: {error}", self.show(op)),
        }
    }

    fn learn_refusal(&mut self, op: &Op, refusal: Refusal) {
        if refusal == Refusal::NotRun {
            return;
        }
        match op {
            Op::Set(key, value) => self.texts[*key].may_be(Some(value)),
            Op::Delete(keys) => keys.iter().for_each(|&key| self.texts[key].may_be(None)),
            Op::MultiSet(pairs) => {
                pairs.iter().for_each(|(key, value)| self.texts[*key].may_be(Some(value)));
            }
            Op::Incr(key) => self.counters[*key].high += 1,
            Op::Get(_) | Op::MultiGet(_) => {}
        }
    }

    fn check_served(&mut self, op: &Op, reply: &Value, losses: Losses) -> Result<()> {
        match op {
            Op::Set(key, value) => {
                ensure!(*reply == Value::Okay, "{} gave {}", self.show(op), Short(reply));
                self.texts[*key].is(Some(value), losses.before);
            }
            Op::MultiSet(pairs) => {
                ensure!(*reply == Value::Okay, "{} gave {}", self.show(op), Short(reply));
                for (key, value) in pairs {
                    self.texts[*key].is(Some(value), losses.before);
                }
            }
            Op::Get(key) => {
                ensure!(
                    self.is_right(*key, reply, losses),
                    "{} gave {}, not {}",
                    self.show(op),
                    Short(reply),
                    Short(&self.texts[*key].possible)
                );
            }
            Op::MultiGet(keys) => {
                let Value::Array(values) = reply else {
                    bail!("{} gave {}", self.show(op), Short(reply));
                };
                ensure!(values.len() == keys.len(), "{} gave {}", self.show(op), Short(reply));
                for (key, value) in keys.iter().zip(values) {
                    ensure!(
                        self.is_right(*key, value, losses),
                        "{}: {} should be {}, but is {}",
                        self.show(op),
                        self.texts[*key].key.name,
                        Short(&self.texts[*key].possible),
                        Short(value)
                    );
                }
            }
            Op::Delete(keys) => self.check_delete(op, keys, reply, losses)?,
            Op::Incr(key) => self.check_incr(op, *key, reply, losses)?,
        }
        Ok(())
    }

    fn is_right(&self, key: usize, value: &Value, losses: Losses) -> bool {
        let text = &self.texts[key];
        let found = if let Value::BulkString(bytes) = value {
            Some(String::from_utf8_lossy(bytes))
        } else if *value == Value::Nil {
            None
        } else {
            return false;
        };
        let found = found.as_deref();
        text.possible.iter().any(|value| value.as_deref() == found)
            || (found.is_none() && text.may_be_lost(losses))
    }

    fn check_delete(
        &mut self,
        op: &Op,
        keys: &[usize],
        reply: &Value,
        losses: Losses,
    ) -> Result<()> {
        let texts = keys.iter().map(|&key| &self.texts[key]);
        let least = texts.clone().filter(|text| text.must_exist(losses)).count();
        let most = texts.filter(|text| text.possible.iter().any(Option::is_some)).count();
        let Value::Int(deleted) = *reply else { bail!("{} gave {}", self.show(op), Short(reply)) };
        let deleted = usize::try_from(deleted)?;
        ensure!(
            (least..=most).contains(&deleted),
            "{} deleted {deleted} keys, not {least} to {most}",
            self.show(op)
        );
        for &key in keys {
            self.texts[key].is(None, losses.before);
        }
        Ok(())
    }

    fn check_incr(&mut self, op: &Op, key: usize, reply: &Value, losses: Losses) -> Result<()> {
        let counter = &self.counters[key];
        let lost = counter.key.fragile && counter.written_after_losses < losses.after;
        let low = if lost { 1 } else { counter.low + 1 };
        let high = counter.high + 1;
        let Value::Int(value) = *reply else { bail!("{} gave {}", self.show(op), Short(reply)) };
        ensure!(
            (low..=high).contains(&value),
            "{} gave {value}, not {low} to {high}",
            self.show(op)
        );
        let counter = &mut self.counters[key];
        (counter.low, counter.high) = (value, value);
        counter.written_after_losses = losses.before;
        Ok(())
    }

    fn keys(&self, op: &Op) -> Vec<&Key> {
        match op {
            Op::Set(key, _) | Op::Get(key) => vec![&self.texts[*key].key],
            Op::Incr(key) => vec![&self.counters[*key].key],
            Op::Delete(keys) | Op::MultiGet(keys) => {
                keys.iter().map(|&key| &self.texts[key].key).collect()
            }
            Op::MultiSet(pairs) => pairs.iter().map(|(key, _)| &self.texts[*key].key).collect(),
        }
    }

    fn show(&self, op: &Op) -> String {
        let command = self.command(op).get_packed_command();
        Short(&String::from_utf8_lossy(&command)).to_string()
    }
}

impl Text {
    fn is(&mut self, value: Option<&str>, losses: u32) {
        self.possible = vec![value.map(str::to_owned)];
        self.written_after_losses = losses;
    }

    fn may_be(&mut self, value: Option<&str>) {
        self.possible.push(value.map(str::to_owned));
    }

    fn may_be_lost(&self, losses: Losses) -> bool {
        self.key.fragile && self.written_after_losses < losses.after
    }

    fn must_exist(&self, losses: Losses) -> bool {
        self.possible.iter().all(Option::is_some) && !self.may_be_lost(losses)
    }
}

/// The beginning of something, for a message.
struct Short<'a, T>(&'a T);

impl<T: fmt::Debug> fmt::Display for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.0);
        let end = text.floor_char_boundary(160);
        write!(f, "{}{}", &text[..end], if end < text.len() { "…" } else { "" })
    }
}
