//! What the replies to the parts of a command come to. `None`: one is not of the type it should be.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::super::resp::{Protocol, Writer, elements, parse_integer};
use crate::mutant::planted;

/// `OK`, if all say so.
pub(super) fn all_ok(frames: &[&Bytes]) -> Option<Bytes> {
    const OK: &[u8] = b"+OK\r\n";
    frames.iter().all(|frame| *frame == OK).then(|| Bytes::from_static(OK))
}

/// The sum of integers.
pub(super) fn sum(frames: &[&Bytes]) -> Option<Bytes> {
    let mut total = 0_i64;
    for frame in frames {
        let before = if planted("sum-forgets") { 0 } else { total };
        total = before.checked_add(integer(frame)?)?;
    }
    let mut merged = Vec::new();
    Writer::new(&mut merged, Protocol::Resp2).integer(total);
    Some(Bytes::from(merged))
}

/// One array with the elements of all.
pub(super) fn joined(frames: &[&Bytes]) -> Option<Bytes> {
    let mut found = Vec::new();
    for frame in frames {
        found.extend(elements(frame)?);
    }
    let mut merged = Vec::with_capacity(16 + frames.iter().map(|frame| frame.len()).sum::<usize>());
    let mut writer = Writer::new(&mut merged, Protocol::Resp2);
    writer.array(found.len());
    found.into_iter().for_each(|element| writer.raw(element));
    Some(Bytes::from(merged))
}

/// One array with the elements of all, each once, in their own order.
pub(super) fn distinct(frames: &[&Bytes]) -> Option<Bytes> {
    let mut found = BTreeSet::new();
    for frame in frames {
        found.extend(elements(frame)?);
    }
    let mut merged = Vec::new();
    let mut writer = Writer::new(&mut merged, Protocol::Resp2);
    writer.array(found.len());
    found.into_iter().for_each(|element| writer.raw(element));
    Some(Bytes::from(merged))
}

/// Of arrays in which the same names and integers alternate, the names with the sums.
pub(super) fn counted(frames: &[&Bytes]) -> Option<Bytes> {
    let mut totals: Option<Vec<(&[u8], i64)>> = None;
    for frame in frames {
        let all: Vec<_> = elements(frame)?.collect();
        let (pairs, []) = all.as_chunks() else { return None };
        let own = pairs.iter().map(|[name, count]| Some((*name, integer(count)?)));
        let own = own.collect::<Option<Vec<_>>>()?;
        let Some(before) = &mut totals else {
            totals = Some(own);
            continue;
        };
        if !before.iter().map(|(name, _)| name).eq(own.iter().map(|(name, _)| name)) {
            return None;
        }
        for ((_, total), (_, count)) in before.iter_mut().zip(own) {
            *total = total.checked_add(count)?;
        }
    }
    let totals = totals?;
    let mut merged = Vec::new();
    let mut writer = Writer::new(&mut merged, Protocol::Resp2);
    writer.array(2 * totals.len());
    for (name, total) in totals {
        writer.raw(name);
        // What is known of different times may not fit together.
        writer.integer(total.max(0));
    }
    Some(Bytes::from(merged))
}

/// Of arrays of integers, which are as long as each other, the smallest in each place.
pub(super) fn least(frames: &[&Bytes]) -> Option<Bytes> {
    let mut least: Option<Vec<i64>> = None;
    for frame in frames {
        let numbers = elements(frame)?.map(integer).collect::<Option<Vec<_>>>()?;
        let before = least.get_or_insert_with(|| numbers.clone());
        if before.len() != numbers.len() {
            return None;
        }
        before.iter_mut().zip(numbers).for_each(|(least, number)| *least = number.min(*least));
    }
    let least = least?;
    let mut merged = Vec::new();
    let mut writer = Writer::new(&mut merged, Protocol::Resp2);
    writer.array(least.len());
    least.into_iter().for_each(|number| writer.integer(number));
    Some(Bytes::from(merged))
}

/// One text of all, each below the head of the same number, in the protocol that they came in.
pub(super) fn headed(heads: &[String], frames: &[&Bytes]) -> Option<Bytes> {
    let mut merged = String::new();
    let mut protocol = Protocol::Resp2;
    for (head, frame) in heads.iter().zip(frames) {
        let start = memchr::memchr(b'\n', frame)? + 1;
        let content = frame.get(start..)?.strip_suffix(b"\r\n")?;
        let content = match frame.first()? {
            b'$' => content,
            b'=' => {
                protocol = Protocol::Resp3;
                content.get(b"txt:".len()..)?
            }
            _ => return None,
        };
        merged += &format!("## {head}\r\n{}\r\n", String::from_utf8_lossy(content));
    }
    let mut reply = Vec::new();
    Writer::new(&mut reply, protocol).verbatim(&merged);
    Some(Bytes::from(reply))
}

/// One that is not null, if there is one: which one, the replies themselves decide, so that it is
/// not always that of the same node.
pub(super) fn any(frames: &[&Bytes]) -> Option<Bytes> {
    let is_there = |frame: &&&Bytes| !matches!(&frame[..], b"$-1\r\n" | b"*-1\r\n" | b"_\r\n");
    let there: Vec<_> = frames.iter().filter(is_there).collect();
    let chance = frames
        .iter()
        .flat_map(|frame| frame.iter())
        .fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let place = chance.checked_rem(u32::try_from(there.len()).ok()?).unwrap_or(0);
    let found = there.get(place as usize).map(|frame| (**frame).clone());
    found.or_else(|| frames.first().map(|frame| (*frame).clone()))
}

fn integer(frame: &(impl AsRef<[u8]> + ?Sized)) -> Option<i64> {
    parse_integer(frame.as_ref().strip_prefix(b":")?.strip_suffix(b"\r\n")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(merge: fn(&[&Bytes]) -> Option<Bytes>, frames: &[&str]) -> Option<String> {
        let frames: Vec<_> = frames.iter().map(|frame| frame.replace('|', "\r\n")).collect();
        let frames: Vec<_> = frames.into_iter().map(Bytes::from).collect();
        let merged = merge(&frames.iter().collect::<Vec<_>>())?;
        Some(String::from_utf8(merged.to_vec()).unwrap().replace("\r\n", "|"))
    }

    #[test]
    fn arrays_are_joined() {
        let all = merged(joined, &["*1|$1|a|", "*0|", "*2|*1|:1|$1|c|"]);
        assert_eq!(all.as_deref(), Some("*3|$1|a|*1|:1|$1|c|"));
        assert_eq!(merged(joined, &["*1|$1|a|", "+what|"]), None);
    }

    #[test]
    fn what_several_have_is_there_once() {
        let all = merged(distinct, &["*2|$1|b|$1|a|", "*0|", "*2|$1|c|$1|b|"]);
        assert_eq!(all.as_deref(), Some("*3|$1|a|$1|b|$1|c|"));
        assert_eq!(merged(distinct, &["*1|$1|a|", ":1|"]), None);
    }

    #[test]
    fn numbers_beside_the_same_names_are_added() {
        let all = merged(counted, &["*4|$1|b|:2|$1|a|:0|", "*4|$1|b|:1|$1|a|:3|"]);
        assert_eq!(all.as_deref(), Some("*4|$1|b|:3|$1|a|:3|"));
        assert_eq!(merged(counted, &["*0|", "*0|"]).as_deref(), Some("*0|"));
        for odd in ["*2|$1|a|:1|", "*4|$1|a|:1|$1|b|:1|", "*1|$1|b|", "*4|$1|b|:1|$1|a|$1|x|"] {
            assert_eq!(merged(counted, &["*4|$1|b|:2|$1|a|:0|", odd]), None, "{odd}");
        }
    }

    #[test]
    fn what_all_have_is_what_the_least_has() {
        let all = merged(least, &["*3|:1|:1|:0|", "*3|:1|:0|:1|"]);
        assert_eq!(all.as_deref(), Some("*3|:1|:0|:0|"));
        for odd in [["*1|:1|", "*2|:1|:1|"], ["*1|:1|", ":1|"], ["*1|:1|", "*1|+a|"]] {
            assert_eq!(merged(least, &odd), None);
        }
    }

    #[test]
    fn one_of_those_that_are_there_is_given_and_null_only_if_none_is() {
        for frames in [["$-1|", "$1|a|"], ["$1|a|", "_|"]] {
            assert_eq!(merged(any, &frames).as_deref(), Some("$1|a|"));
        }
        assert_eq!(merged(any, &["$-1|", "$-1|"]).as_deref(), Some("$-1|"));
        let given: Vec<_> = (0..20)
            .filter_map(|key| merged(any, &[&format!("$2|a{key}|"), "$2|bb|"]))
            .map(|frame| frame.contains("bb"))
            .collect();
        assert!(given.contains(&true) && given.contains(&false), "{given:?}");
    }

    #[test]
    fn texts_stand_below_their_heads_in_the_protocol_of_the_nodes() {
        let merge: fn(&[&Bytes]) -> Option<Bytes> =
            |frames| headed(&["h:1".to_owned(), "h:2".to_owned()], frames);
        let text = "## h:1|a:1||## h:2|b:2||";
        let bytes = text.replace('|', "\r\n").len();
        assert_eq!(merged(merge, &["$5|a:1||", "$5|b:2||"]), Some(format!("${bytes}|{text}|")));
        let verbatim = merged(merge, &["=9|txt:a:1||", "=9|txt:b:2||"]);
        assert_eq!(verbatim, Some(format!("={}|txt:{text}|", bytes + 4)));
        assert_eq!(merged(merge, &[":1|", "$1|a|"]), None);
    }

    #[test]
    fn integers_are_added_and_never_wrap() {
        assert_eq!(merged(sum, &[":2|", ":3|"]).as_deref(), Some(":5|"));
        assert_eq!(merged(sum, &[&format!(":{}|", i64::MAX), ":1|"]), None);
        assert_eq!(merged(sum, &[":1|", "$1|a|"]), None);
    }
}
