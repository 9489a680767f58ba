//! The list of behaviours: tests of both networks, and a table of the documentation.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Between these, the documentation holds the table.
const MARKS: [&str; 2] = ["<!-- behaviours -->", "<!-- /behaviours -->"];

/// What the two networks do differently: what, on sockets, in the simulation.
const DIFFERENCES: &[[&str; 3]] = &[
    [
        "a reset drawn as a fault",
        "comes from a peer or the way, and travels",
        "strikes both ends at once, and what had arrived cannot be read any more",
    ],
    [
        "the reset of a closed stream",
        "is in order with what was sent",
        "may overtake what is still under way, which is lost as on a real network that loses it",
    ],
    [
        "what is lost in a cut",
        "is sent again, and arrives when the cut is repaired in time",
        "is lost: the stream is dead, and keepalive finds that; a stall loses nothing",
    ],
    [
        "a waiting writer whose peer has closed",
        "is woken when the news arrive",
        "is woken when the longest journey is over",
    ],
    [
        "a connect beyond the backlog",
        "asks again after 1 s, 2 s, 4 s and so on",
        "goes on as soon as there is room",
    ],
    [
        "an unknown name",
        "is an error of the resolver's, of no kind of its own",
        "is an error of the kind `NotFound`",
    ],
    [
        "an empty read of an empty stream",
        "waits for bytes, and gives none of them",
        "gives nothing at once",
    ],
    ["`TCP_NODELAY`", "is set", "has nothing to switch off: each write leaves at once"],
    ["keepalive", "asks whole seconds apart", "finds each dead stream 1 s after it can be mended"],
    ["addresses", "are of IPv4 or IPv6", "are of IPv4; only names that are literal are of both"],
];

/// A heading, and the behaviours below it.
pub(crate) type Group = (&'static str, &'static [&'static str]);

macro_rules! behaviours {
    ($($heading:literal $group:ident { $($name:ident,)+ })+) => {
        const BEHAVIOURS: &[$crate::table::Group] =
            &[$(($heading, &[$(stringify!($name)),+])),+];

        mod on_sockets {
            $($(
                #[test]
                fn $name() {
                    $crate::lab::on_sockets($crate::$group::$name);
                }
            )+)+
        }

        mod simulated {
            $($(
                #[test]
                fn $name() {
                    $crate::lab::simulated($crate::$group::$name);
                }
            )+)+
        }

        #[test]
        fn the_documentation_lists_them_all() {
            $crate::table::check(BEHAVIOURS);
        }
    };
}

pub(crate) use behaviours;

/// Fails unless the documentation holds the table.
pub(crate) fn check(groups: &[Group]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/network.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(MARKS[0]).expect("a mark where the table begins");
    let (listed, _) = rest.split_once(MARKS[1]).expect("a mark where it ends");
    let table = table(groups);
    assert_eq!(listed, table, "between the marks in docs/network.md belongs:\n{table}");
}

fn table(groups: &[Group]) -> String {
    let mut text = String::new();
    for (heading, names) in groups {
        write!(text, "\n\n**{heading}**\n").unwrap();
        for name in *names {
            write!(text, "\n- {}", name.replace('_', " ")).unwrap();
        }
    }
    text.push_str("\n\n| where they differ | on sockets | simulated |\n|---|---|---|\n");
    for [what, real, simulated] in DIFFERENCES {
        writeln!(text, "| {what} | {real} | {simulated} |").unwrap();
    }
    text.push('\n');
    text
}
