//! Who is subscribed hears what is published: in order, once, nothing before the confirmation of
//! its topic or after that of its end, nothing that was published before it asked for that, and
//! once all is mended, everything.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Index, Verdict, Violation};
use crate::history::{History, Listening, Said};
use crate::listening::words;
use crate::resp::{elements, integer, is_error, shown};

pub(super) const PROMISE: &str = "heard";

/// How long a message may be on its way once all is mended.
const TRAVELS_MAX: Duration = Duration::from_millis(500);

pub(super) fn check(history: &History, _: &Index<'_>) -> Verdict {
    history.listenings.iter().try_for_each(|listening| Ear::new(history, listening).listen())
}

/// A listener, as far as it has heard.
struct Ear<'a> {
    history: &'a History,
    listening: &'a Listening,
    /// What it is subscribed to, by the command, and since when.
    held: BTreeMap<(String, String), Duration>,
    /// When it asked for that last.
    asked: BTreeMap<(String, String), Duration>,
    /// The last message heard, by what it was heard for and its channel.
    last: BTreeMap<(String, String), usize>,
    /// What was heard, by what it was heard for.
    heard: BTreeMap<(String, String), Vec<usize>>,
}

impl<'a> Ear<'a> {
    fn new(history: &'a History, listening: &'a Listening) -> Ear<'a> {
        let (held, asked) = (BTreeMap::new(), BTreeMap::new());
        let (last, heard) = (BTreeMap::new(), BTreeMap::new());
        Ear { history, listening, held, asked, last, heard }
    }

    fn listen(mut self) -> Verdict {
        for (at, said) in &self.listening.log {
            match said {
                Said::Asked(words) if words[0].ends_with("UNSUBSCRIBE") => {
                    // What is published from now on need not be heard.
                    let begin = words[0].replace("UNSUBSCRIBE", "SUBSCRIBE").to_lowercase();
                    self.is_complete(|(command, _)| *command == begin, *at)?;
                }
                Said::Asked(words) => self.ask(*at, words),
                Said::Heard(frame) => self.hear(*at, frame)?,
            }
        }
        let (end, _) = self.listening.end.unwrap_or((self.history.took, false));
        self.is_complete(|_| true, end)
    }

    fn ask(&mut self, at: Duration, words: &[String]) {
        let topics = words[1..].iter().map(|name| (words[0].to_lowercase(), name.clone()));
        let fresh: Vec<_> = topics.filter(|topic| !self.held.contains_key(topic)).collect();
        self.asked.extend(fresh.into_iter().map(|topic| (topic, at)));
    }

    fn hear(&mut self, at: Duration, frame: &[u8]) -> Verdict {
        if is_error(frame) {
            let is_well = self.history.rules.heard_from.is_some_and(|from| from <= at);
            let is_over = self.history.own().drained.is_some() || self.history.own().died.is_some();
            return if is_well && !is_over && !self.history.rules.is_narrow {
                Err(broken(at, frame, "it is refused though all is well"))
            } else {
                Ok(())
            };
        }
        if frame[0] == b'%' {
            return Ok(());
        }
        if (frame[0] == b'>') != self.listening.resp3 {
            return Err(broken(at, frame, "that is not its protocol"));
        }
        let said = words(frame).ok_or_else(|| broken(at, frame, "it says nothing"))?;
        let said: Vec<_> = said.iter().map(|word| String::from_utf8_lossy(word)).collect();
        match (&*said[0], &said[1..]) {
            (begun, [name]) if begun.ends_with("subscribe") && !begun.contains("unsub") => {
                self.held.entry((begun.to_owned(), name.to_string())).or_insert(at);
                self.counts(at, frame, begun)
            }
            (ended, [name]) if ended.ends_with("unsubscribe") => {
                let begun = ended.replace("unsubscribe", "subscribe");
                let topic = (begun.clone(), name.to_string());
                self.held.remove(&topic);
                self.heard.remove(&topic);
                self.last.retain(|(heard_for, _), _| *heard_for != format!("{begun} {name}"));
                self.counts(at, frame, &begun)
            }
            (ended, []) if ended.ends_with("unsubscribe") => Ok(()),
            ("message", [channel, number]) => {
                self.hear_message(at, frame, ("subscribe", channel, channel, number))
            }
            ("smessage", [channel, number]) => {
                self.hear_message(at, frame, ("ssubscribe", channel, channel, number))
            }
            ("pmessage", [pattern, channel, number]) => {
                self.hear_message(at, frame, ("psubscribe", pattern, channel, number))
            }
            _ => Err(broken(at, frame, "nobody knows what that is")),
        }
    }

    /// A confirmation says how many topics there are.
    fn counts(&self, at: Duration, frame: &[u8], begun: &str) -> Verdict {
        let is_shard = begun == "ssubscribe";
        let held = self.held.keys().filter(|(by, _)| (by == "ssubscribe") == is_shard).count();
        let said = elements(frame).and_then(|items| integer(items.last()?));
        if said == i64::try_from(held).ok() {
            return Ok(());
        }
        Err(broken(at, frame, &format!("there are {held}")))
    }

    fn hear_message(
        &mut self,
        at: Duration,
        frame: &[u8],
        (by, topic, channel, number): (&str, &str, &str, &str),
    ) -> Verdict {
        let held = (by.to_owned(), topic.to_owned());
        if !self.held.contains_key(&held) {
            return Err(broken(at, frame, "it is not subscribed to that, or not yet, or no more"));
        }
        let number: usize = number.parse().map_err(|_| broken(at, frame, "that is no number"))?;
        let published = self.history.published.get(number);
        if published.is_none_or(|(since, own)| *since > at || own != channel) {
            return Err(broken(at, frame, "nobody has published that"));
        }
        let since = published.map(|(since, _)| *since);
        if since < self.asked.get(&held).copied() {
            return Err(broken(at, frame, "it was published before it asked for that"));
        }
        let before = self.last.insert((format!("{by} {topic}"), channel.to_owned()), number);
        let is_again = before.is_some_and(|before| before >= number);
        if is_again {
            return Err(broken(at, frame, "it has heard that, or a later one, already"));
        }
        let heard = self.heard.entry(held).or_default();
        if let Err(place) = heard.binary_search(&number) {
            heard.insert(place, number);
        }
        Ok(())
    }

    /// Whether all has been heard that had to be until now, of these topics.
    fn is_complete(&self, is_it: impl Fn(&(String, String)) -> bool, until: Duration) -> Verdict {
        let own = self.history.own();
        let until = [Some(until), own.drained, own.died].into_iter().flatten().min();
        let (Some(until), Some(from)) = (until, self.history.rules.heard_from) else {
            return Ok(());
        };
        for (topic, since) in self.held.iter().filter(|(topic, _)| is_it(topic)) {
            let heard = self.heard.get(topic).map_or(&[][..], Vec::as_slice);
            let due = self.history.published.iter().enumerate().filter(|(_, (at, channel))| {
                let is_of =
                    channel == &topic.1 || topic.1 == "news:*" && channel.starts_with("news");
                is_of && *at >= from.max(*since) && *at + TRAVELS_MAX <= until
            });
            for (number, (at, channel)) in due {
                if heard.binary_search(&number).is_err() {
                    let what = format!("{number}, published on {channel}, was never heard");
                    return Err(Violation { promise: PROMISE, at: *at, what });
                }
            }
        }
        Ok(())
    }
}

fn broken(at: Duration, frame: &[u8], what: &str) -> Violation {
    Violation { promise: PROMISE, at, what: format!("{}: {what}", shown(frame)) }
}

#[cfg(test)]
mod tests {
    use super::super::story::{Story, caught};
    use super::*;
    use crate::fault::{ConfigChange, Fault};

    const BEGUN: &str = "*3|$9|subscribe|$6|news:0|:1|";
    const ENDED: &str = "*3|$11|unsubscribe|$6|news:0|:0|";

    /// A listener of a channel on which a message is published every 100 ms, from 0 on; what it
    /// says and hears, with times in ms.
    fn story(log: &[(u64, &str)]) -> Story {
        let ms = Duration::from_millis;
        let mut story = Story::right();
        story.listen(log, (2_000, true));
        story.history.published = (0..5).map(|n| (ms(100 * n), "news:0".to_owned())).collect();
        story.history.rules.heard_from = Some(ms(150));
        story.history.took = ms(2_000);
        story
    }

    fn message(number: u64) -> String {
        format!("*3|$7|message|$6|news:0|$1|{number}|")
    }

    #[test]
    fn all_that_is_published_once_all_is_well_has_to_be_heard_and_in_order() {
        let [two, three, four] = [2, 3, 4].map(message);
        let begin = [(10, "> SUBSCRIBE news:0"), (20, BEGUN)];
        let all = [(210, &*two), (310, &*three), (410, &*four)];
        let with = |rest: &[(u64, &str)]| story(&[&begin, rest].concat());
        with(&all).passes();
        let what = caught(&with(&[(310, &three), (410, &four)]), PROMISE);
        assert!(what.contains("2, published on news:0, was never heard"), "{what}");
        let what = caught(&with(&[(410, &two), (420, &four), (430, &three)]), PROMISE);
        assert!(what.contains("or a later one, already"), "{what}");
        let what = caught(&with(&[(210, &two), (211, &two)]), PROMISE);
        assert!(what.contains("it has heard that"), "{what}");
        let what = caught(&with(&[(150, &two)]), PROMISE);
        assert!(what.contains("nobody has published that"), "{what}");
        let what = caught(&with(&[(160, "-UNSENT no|")]), PROMISE);
        assert!(what.contains("refused though all is well"), "{what}");
    }

    #[test]
    fn what_is_heard_again_or_was_published_before_is_seen() {
        let [two, three] = [2, 3].map(message);
        let log =
            [(10, "> SUBSCRIBE news:0"), (20, BEGUN), (210, &two), (310, &three), (330, &two)];
        let mut again = story(&log);
        again.history.rules.heard_from = None;
        assert!(caught(&again, PROMISE).contains("already"));
        let fault = (Duration::from_millis(300), Fault::Reload(ConfigChange::CommandStats(true)));
        again.history.faults.push(fault);
        assert!(caught(&again, PROMISE).contains("already"), "a new configuration is no excuse");
        for (asked, is_early) in [(200, false), (201, true)] {
            let mut late = story(&[(asked, log[0].1), (205, BEGUN), (210, &two)]);
            late.history.rules.heard_from = None;
            let judged = check(&late.history, &Index::default());
            assert_eq!(judged.is_err(), is_early, "{asked}: {judged:?}");
        }
    }

    #[test]
    fn nothing_is_heard_before_a_subscription_or_after_it() {
        let [two, three] = [2, 3].map(message);
        let asked = (10, "> SUBSCRIBE news:0");
        let what = caught(&story(&[asked, (210, &two), (220, BEGUN)]), PROMISE);
        assert!(what.contains("not subscribed to that"), "{what}");
        let ended = [(250, "> UNSUBSCRIBE"), (260, ENDED)];
        story(&[&[asked, (20, BEGUN), (210, &two)], &ended[..]].concat()).passes();
        let late = [&[asked, (20, BEGUN), (210, &two)], &ended[..], &[(310, &*three)]].concat();
        assert!(caught(&story(&late), PROMISE).contains("or no more"));
        let what = caught(&story(&[asked, (20, &BEGUN.replace(":1", ":2"))]), PROMISE);
        assert!(what.contains("there are 1"), "{what}");
        let what = caught(&story(&[asked, (20, &BEGUN.replace('*', ">"))]), PROMISE);
        assert!(what.contains("not its protocol"), "{what}");
    }
}
