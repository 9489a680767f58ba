//! Words of one command or a few: what each name in the grammar is drawn from.

/// The texts that a name stands for; `None` if it is none of these names.
pub(crate) fn texts_of(name: &str) -> Option<&'static [&'static str]> {
    TEXTS.iter().find(|(own, _)| *own == name).map(|(_, texts)| *texts)
}

const TEXTS: &[(&str, &[&str])] = &[
    ("database", &["0", "0", "0", "0", "1", "-1", "2147483648", "9223372036854775808", "x", ""]),
    ("user", &["default", "default", "default", "other", ""]),
    ("channel", &["news", "two channels", "{t}c", "~"]),
    ("name", &["me", "", "two words", "\u{e9}", "a\nb", "~!"]),
    ("slot", &["0", "16287", "15891", "16383", "16384", "-1", "x", ""]),
    ("zero", &["0"]),
    ("pattern", &["*", "a", "?", "[a-c]*", "[^a]", "[b-a]", "\\a", "", "*o*g", "[", "a*\\", "x"]),
    // Of keys, with and without a tag.
    ("keypattern", &["*", "*", "*s*", "?1", "*[hl]?", "[^{]*", "*1", "x", "", "[", "*\\"]),
    ("type", &["string", "hash", "list", "set", "zset", "stream", "STRING", "nosuch", ""]),
    // Of a scan, so that it is over at once, or that it is not.
    ("many", &["1000", "100", "1", "2", "0", "-1", "x", "", "9223372036854775808"]),
    ("unit", &["m", "km", "ft", "mi", "KM", "x", ""]),
    ("radius", &["0", "1", "200", "1000", "9000", "1e9", "-1", "0.5", "x", "nan", ""]),
    (
        "longitude",
        &[
            "13.361389",
            "15.087269",
            "13.5",
            "2.349014",
            "-122.27652",
            "0",
            "-180",
            "180",
            "181",
            "x",
        ],
    ),
    (
        "latitude",
        &["38.115556", "37.502669", "37.9", "48.864716", "37.80574", "0", "85.05112878", "86", "x"],
    ),
    // Bits of a string of a few bytes: none further on that a server would make room for.
    (
        "bitoffset",
        &[
            "0",
            "1",
            "7",
            "8",
            "13",
            "63",
            "100",
            "#0",
            "#1",
            "#3",
            "4294967296",
            "-1",
            "#-1",
            "x",
            "",
        ],
    ),
    ("bits", &["u1", "u8", "i5", "i8", "u63", "i64", "u64", "u0", "i65", "x8", "u", ""]),
    ("bit", &["0", "1", "1", "2", "-1", "x", ""]),
    ("group", &["g1", "g1", "g1", "g2", "g2", "nosuch", ""]),
    ("consumer", &["c1", "c1", "c2", "c3", ""]),
    // No age, or one that no entry has unless it was said to: none in between.
    ("idle", &["0", "0", "0", "9999999999", "-1", "x", ""]),
    ("pastmillis", &["1", "0", "1000000000000", "-1", "x"]),
    // What standalone servers and cluster nodes have alike.
    (
        "setting",
        &[
            "maxmemory",
            "APPENDONLY",
            "databases",
            "hash-max-*",
            "zset-max-listpack-value",
            "slowlog-*",
            "nosuch",
            "*-max-intset-?ntries",
            "",
            "[",
        ],
    ),
    ("library", &["one", "one", "two", "three", "lib4", "nosuch", ""]),
    ("librarypattern", &["*", "one", "t*", "nosuch", ""]),
];
