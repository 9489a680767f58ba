//! Which seeds: as told on the command line.

use std::ops::Range;

/// Seeds as they are written on the command line: `N` is the first N, `A..B` leaves out B, and
/// `A..` has no end.
///
/// # Errors
/// The text is nothing of that, or no seed is in it.
pub(crate) fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("'{text}' is no number"));
    let seeds = match text.split_once("..") {
        Some((start, "")) => number(start)?..u64::MAX,
        Some((start, end)) => number(start)?..number(end)?,
        None => 0..number(text)?,
    };
    if seeds.is_empty() { Err("there is no seed in it".to_owned()) } else { Ok(seeds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_count_or_a_range() {
        assert_eq!(parse_seeds("7"), Ok(0..7));
        assert_eq!(parse_seeds("3..7"), Ok(3..7));
        assert_eq!(parse_seeds("3.."), Ok(3..u64::MAX));
        for wrong in ["", "x", "..7", "3..x", "3..3", "0"] {
            assert!(parse_seeds(wrong).is_err(), "{wrong}");
        }
    }
}
