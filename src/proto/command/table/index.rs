//! From a name to its row: a hash table made at compile time.

use super::{
    Row, bitmap, blocking, cluster, connection, generic, geo, hash, hyperloglog, list, proxy,
    pubsub, refused, scripting, server, set, sorted_set, stream, string, transactions,
};

/// The rows, a slice a group.
pub(super) static GROUPS: [&[Row]; 19] = [
    bitmap::ROWS,
    blocking::ROWS,
    cluster::ROWS,
    connection::ROWS,
    generic::ROWS,
    geo::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    list::ROWS,
    proxy::ROWS,
    pubsub::ROWS,
    refused::ROWS,
    scripting::ROWS,
    server::ROWS,
    set::ROWS,
    sorted_set::ROWS,
    stream::ROWS,
    string::ROWS,
    transactions::ROWS,
];

/// Places in the table. Three of four and more are empty, so a search ends where it begins.
const PLACES: usize = 1024;

/// Open addressing, the next place after a collision.
static INDEX: [Option<&'static Row>; PLACES] = TABLE.0;

/// Which of all rows the row in the same place of [`INDEX`] is. Apart, because few ask.
static NUMBERS: [u16; PLACES] = TABLE.1;

const TABLE: ([Option<&'static Row>; PLACES], [u16; PLACES]) = {
    let mut index: [Option<&'static Row>; PLACES] = [None; PLACES];
    let mut numbers = [0; PLACES];
    let mut group = 0;
    let mut count = 0;
    while group < GROUPS.len() {
        let mut row = 0;
        while row < GROUPS[group].len() {
            let mut place = place(GROUPS[group][row].name.as_bytes());
            while index[place].is_some() {
                place = (place + 1) % PLACES;
            }
            index[place] = Some(&GROUPS[group][row]);
            numbers[place] = count;
            row += 1;
            count += 1;
        }
        group += 1;
    }
    assert!(count as usize * 4 <= PLACES, "double PLACES");
    (index, numbers)
};

/// The row of the command of this name, in any case.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Row> {
    Some(search(name)?.1)
}

/// Which of [`rows`](super::rows) it is, or whose subcommand; `None` if it is not of the table.
#[must_use]
pub fn number(row: &Row) -> Option<usize> {
    let container = row.name.split_once('|').map_or(row.name, |(container, _)| container);
    Some(usize::from(NUMBERS[search(container.as_bytes())?.0]))
}

/// The row of a full name: of a command, or of a subcommand as `client|id`.
#[must_use]
pub fn find_full(name: &[u8]) -> Option<&'static Row> {
    match memchr::memchr(b'|', name) {
        None => find(name),
        Some(bar) => find(&name[..bar])?.subcommand(&name[bar + 1..]),
    }
}

/// The place of the row of this name, and the row.
fn search(name: &[u8]) -> Option<(usize, &'static Row)> {
    let mut place = place(name);
    while let Some(row) = INDEX[place] {
        if row.name.as_bytes().eq_ignore_ascii_case(name) {
            return Some((place, row));
        }
        place = (place + 1) % PLACES;
    }
    None
}

/// Multiply-shift over the length and the first and last bytes, which overlap in short names; bytes
/// in the middle of long ones do not count. The bit that tells the cases apart is set everywhere.
const fn place(name: &[u8]) -> usize {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let len = name.len();
    let (head, tail) = match len {
        0 => (0, 0),
        1..4 => ((name[0] as u64) << 8 | name[len / 2] as u64, name[len - 1] as u64),
        4..8 => (word(name, 0, 4), word(name, len - 4, 4)),
        _ => (word(name, 0, 8), word(name, len - 8, 8)),
    };
    let mixed = (head | CASE).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ ((tail | CASE).wrapping_add(len as u64)).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

/// `len` bytes from `at` on as a number.
const fn word(bytes: &[u8], at: usize, len: usize) -> u64 {
    let mut word = 0;
    let mut index = 0;
    while index < len {
        word = word << 8 | bytes[at + index] as u64;
        index += 1;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    fn alternating(name: &str) -> String {
        let cased = |(index, letter): (usize, char)| {
            if index % 2 == 0 { letter.to_ascii_uppercase() } else { letter }
        };
        name.chars().enumerate().map(cased).collect()
    }

    #[test]
    fn every_row_is_found_by_its_name_in_any_case() {
        for row in rows() {
            for name in [row.name.to_owned(), row.name.to_uppercase(), alternating(row.name)] {
                assert_eq!(find(name.as_bytes()), Some(row), "{name}");
            }
        }
    }

    #[test]
    fn rows_are_numbered_in_their_order() {
        for (at, row) in rows().enumerate() {
            assert_eq!(number(row), Some(at), "{}", row.name);
            assert!(row.subcommands.iter().all(|sub| number(sub) == Some(at)), "{}", row.name);
        }
    }

    #[test]
    fn what_is_no_name_is_not_found() {
        let names = ["", " ", "g", "ge", "gett", "get ", "get\0", "g\u{7f}t", "client|id", "|"];
        for name in names {
            assert_eq!(find(name.as_bytes()), None, "{name:?}");
        }
        for row in rows() {
            let name = row.name;
            for near in [format!("{name}x"), format!("x{name}"), format!("{}~", &name[1..])] {
                let found = find(near.as_bytes()).map(|row| row.name);
                assert!(found.is_none_or(|found| found == near), "{near}");
            }
        }
        assert_eq!(find(&[b'a'; 100_000]), None);
    }

    #[test]
    fn a_search_is_short() {
        let longest = INDEX.split(Option::is_none).map(<[_]>::len).max();
        assert!(longest <= Some(8), "{longest:?}");
    }
}
