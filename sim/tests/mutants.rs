//! The mutants that are known, those in the proxy's code, and those in the documentation are the
//! same.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the source has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use redpoll_sim::mutants::{MUTANTS, listed};

/// The promises that there are.
const PROMISES: u8 = 9;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All the proxy's code.
fn code(folder: &Path) -> String {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { code(&path) } else { own_code(&path) }).collect()
}

fn own_code(path: &Path) -> String {
    if path.ends_with("src/mutant.rs") { String::new() } else { fs::read_to_string(path).unwrap() }
}

#[test]
fn each_mutant_is_planted_somewhere_and_nothing_else_is() {
    let code = code(&root().join("src"));
    let sites = code.split("planted(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let in_code: BTreeSet<&str> = sites.collect();
    let known: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.name).collect();
    assert_eq!(known.len(), MUTANTS.len(), "two mutants have the same name");
    assert_eq!(in_code, known);
    assert_eq!(code.matches("planted(").count(), code.matches("planted(\"").count());
}

#[test]
fn every_promise_has_mutants() {
    let promises: BTreeSet<u8> = MUTANTS.iter().map(|mutant| mutant.promise).collect();
    assert_eq!(promises, (1..=PROMISES).collect());
}

#[test]
fn the_mutants_documented_are_those_that_are_known() {
    let document = fs::read_to_string(root().join("docs/simulation.md")).unwrap();
    let known = MUTANTS.iter().map(|mutant| {
        [mutant.name.to_owned(), format!("P{}", mutant.promise), mutant.what.to_owned()]
    });
    let known: Vec<_> = known.collect();
    assert_eq!(listed(&document), known, "`make mutants` writes the table");
}
