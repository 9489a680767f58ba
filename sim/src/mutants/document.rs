//! The table of mutants in the documentation, between two marks, and below it which checkers have
//! seen none of them.

use super::credit::unproven;
use super::hunt::{Hunt, Trace};

/// What comes before the table.
const BEGIN: &str = "<!-- mutants -->\n";

/// What comes after it.
const END: &str = "<!-- /mutants -->";

/// The head of the table.
const HEAD: &str = "| planted bug | promise | what the proxy does then | found by | seeds |\n\
                    | --- | --- | --- | --- | --- |\n";

/// The document, with a table of these hunts in the place of the one that it has; `None` if it has
/// none.
#[must_use]
pub fn written(document: &str, hunts: &[Hunt]) -> Option<String> {
    let (before, _, after) = parts(document)?;
    let rows: String = hunts.iter().map(row).collect();
    let credit = credit(&unproven(hunts));
    Some(format!("{before}{BEGIN}{HEAD}{rows}\n{credit}\n{END}{after}"))
}

/// The name, promise and description of each mutant in the document's table.
#[must_use]
pub fn listed(document: &str) -> Vec<[String; 3]> {
    let Some((_, table, _)) = parts(document) else { return Vec::new() };
    let cells = |line: &str| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        Some([cells.nth(1)?, cells.next()?, cells.next()?])
    };
    table.lines().skip(HEAD.lines().count()).filter_map(cells).collect()
}

fn parts(document: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    Some((before, table, after))
}

fn credit(unproven: &[&str]) -> String {
    if unproven.is_empty() {
        return "Every checker has seen at least one of them.".to_owned();
    }
    let names: Vec<_> = unproven.iter().map(|checker| format!("`{checker}`")).collect();
    format!("Seen by no checker of these: {}.", names.join(", "))
}

fn row(hunt: &Hunt) -> String {
    let mutant = hunt.mutant;
    let (name, promise, what) = (mutant.name, mutant.promise, mutant.what);
    let (by, seeds) = match &hunt.trace {
        Some(Trace { run, by, .. }) => {
            let is_seed = run.starts_with("seed ");
            (by.join(", "), if is_seed { hunt.seeds.to_string() } else { run.clone() })
        }
        None => ("nothing".to_owned(), format!("over {}", hunt.seeds)),
    };
    format!("| `{name}` | P{promise} | {what} | {by} | {seeds} |\n")
}
