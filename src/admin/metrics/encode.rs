//! Lines of the Prometheus text format.

use std::fmt::Write;
use std::time::Duration;

use crate::stats::{BOUNDS_TEXT, Histogram};

/// Why writing to a text cannot fail.
const NEVER_FAILS: &str = "a string can always be written to";

/// The two lines before the samples of a family.
pub(super) fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(NEVER_FAILS);
}

/// A sample; `labels` are pairs as [`label`] makes them, joined by commas.
pub(super) fn number(text: &mut String, name: &str, labels: &str, value: u64) {
    if labels.is_empty() {
        writeln!(text, "{name} {value}").expect(NEVER_FAILS);
    } else {
        writeln!(text, "{name}{{{labels}}} {value}").expect(NEVER_FAILS);
    }
}

/// A sample in seconds.
pub(super) fn seconds(text: &mut String, name: &str, labels: &str, value: Duration) {
    let value = in_seconds(value);
    if labels.is_empty() {
        writeln!(text, "{name} {value}").expect(NEVER_FAILS);
    } else {
        writeln!(text, "{name}{{{labels}}} {value}").expect(NEVER_FAILS);
    }
}

/// The samples of a histogram that has labels.
pub(super) fn histogram(text: &mut String, name: &str, labels: &str, value: &Histogram) {
    let counts = value.cumulative();
    for (bound, count) in BOUNDS_TEXT.into_iter().chain(["+Inf"]).zip(counts) {
        writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}").expect(NEVER_FAILS);
    }
    writeln!(text, "{name}_sum{{{labels}}} {}", in_seconds(value.sum())).expect(NEVER_FAILS);
    writeln!(text, "{name}_count{{{labels}}} {}", counts[counts.len() - 1]).expect(NEVER_FAILS);
}

/// A label: its name, and its value escaped as the format wants it.
pub(super) fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

/// All digits that count, and no others.
fn in_seconds(value: Duration) -> String {
    let text = format!("{}.{:09}", value.as_secs(), value.subsec_nanos());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_the_digits_that_count() {
        for (ns, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (100_000_000, "0.1"),
            (10_000_000_000, "10"),
            (1_020_000_000, "1.02"),
        ] {
            assert_eq!(in_seconds(Duration::from_nanos(ns)), text);
        }
    }

    #[test]
    fn samples_have_braces_only_around_labels() {
        let mut text = String::new();
        number(&mut text, "a", "", 1);
        number(&mut text, "b", &label("c", "d\\e\"f\ng"), 2);
        seconds(&mut text, "h", "", Duration::from_millis(1500));
        seconds(&mut text, "i", "j=\"k\"", Duration::ZERO);
        assert_eq!(text, "a 1\nb{c=\"d\\\\e\\\"f\\ng\"} 2\nh 1.5\ni{j=\"k\"} 0\n");
    }
}
