//! The style as a test: every rule is run over the whole source, and over planted violations.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the source has failed")]

#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A rule for the text of one file.
type Rule = fn(&str, &str) -> Vec<String>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under `folder` with one of these extensions, relative to the root, in order.
fn files(folder: &str, extensions: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !matches!(name.as_str(), "target" | "corpus" | ".git") {
                folders.push(path);
            } else if extensions.iter().any(|extension| has_extension(&path, extension)) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn rust_files() -> Vec<String> {
    ["src", "sim", "tests", "benches", "fuzz"]
        .iter()
        .flat_map(|folder| files(folder, &["rs"]))
        .collect()
}

/// The files below `folder` less those that are compiled for tests only.
fn files_without_tests(folder: &str) -> Vec<String> {
    let mut test_modules = BTreeSet::new();
    for path in files("src", &["rs"]) {
        let code = source::code_of(&read(&path));
        let roots = ["/mod.rs", "/lib.rs", "/main.rs", ".rs"];
        let folder = roots.iter().find_map(|root| path.strip_suffix(root)).unwrap();
        let names = source::test_modules(&code);
        test_modules.extend(names.iter().map(|name| format!("{folder}/{name}")));
    }
    let is_test = |path: &str| {
        test_modules.iter().any(|module| {
            path.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with(['.', '/']))
        })
    };
    files(folder, &["rs"]).into_iter().filter(|path| !is_test(path)).collect()
}

fn assert_rule_holds(rule: Rule, paths: &[String]) {
    let found: Vec<_> = paths.iter().flat_map(|path| rule(path, &read(path))).collect();
    assert!(paths.len() > 1, "the source was not found");
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

fn assert_finds(rule: Rule, path: &str, text: &str, expected: &str) {
    let found = rule(path, text);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "expected {expected} in {path}:\n{text}\nfound {found:?}"
    );
}

fn assert_accepts(rule: Rule, path: &str, text: &str) {
    assert_eq!(rule(path, text), Vec::<String>::new(), "in {path}:\n{text}");
}

#[test]
fn lines_are_at_most_100_characters_wide() {
    let long = "a".repeat(101);
    assert_finds(rules::width, "src/a.rs", &format!("x\n{long}\n"), "src/a.rs:2:");
    assert_accepts(rules::width, "src/a.rs", &"é".repeat(100));
    assert_accepts(rules::width, "a.md", &format!("| {long} |\nhttps://{long}\n"));
    assert_accepts(rules::width, "src/a.rs", &format!("//! | {long} |\n"));
    let generated = format!("<!-- commands -->\n{long}\n<!-- /commands -->\n{long}\n");
    assert_finds(rules::width, "README.md", &generated, "README.md:4:");
    let paths: Vec<_> = rust_files().into_iter().chain(files(".", &["md"])).collect();
    assert_rule_holds(rules::width, &paths);
}

#[test]
fn files_are_at_most_500_lines_long() {
    assert_finds(rules::file_length, "src/a.rs", &"x\n".repeat(501), "src/a.rs: 501 lines");
    assert_accepts(rules::file_length, "src/a.rs", &"x\n".repeat(500));
    assert_accepts(rules::file_length, "src/proto/command/table/a.rs", &"x\n".repeat(501));
    assert_rule_holds(rules::file_length, &rust_files());
}

#[test]
fn functions_are_at_most_70_lines_long() {
    let function = |lines: usize| {
        let body = "    // {{{\n    let s = \"}\";\n".repeat((lines - 2) / 2);
        format!("fn short() {{}}\nfn long(a: [u8; 2])\n{{\n{body}}}\n")
    };
    let expected = "src/a.rs:2: fn long has 73 lines";
    assert_finds(rules::function_length, "src/a.rs", &function(72), expected);
    assert_accepts(rules::function_length, "src/a.rs", &function(68));
    assert_accepts(
        rules::function_length,
        "src/a.rs",
        &format!("trait T {{ fn a(); }}\n{}", "\n".repeat(80)),
    );
    assert_rule_holds(rules::function_length, &rust_files());
}

#[test]
fn every_file_says_what_it_is() {
    assert_finds(rules::module_doc, "src/a.rs", "use std::io;\n//! late\n", "src/a.rs:1:");
    assert_accepts(rules::module_doc, "src/a.rs", "//! A file.\n");
    assert_rule_holds(rules::module_doc, &rust_files());
}

#[test]
fn nothing_is_left_unfinished() {
    for mark in [concat!("// TO", "DO: x"), concat!("// FIX", "ME"), concat!("db", "g!(x);")] {
        assert_finds(rules::finished, "src/a.rs", &format!("fn a() {{}}\n{mark}\n"), "src/a.rs:2:");
    }
    assert_accepts(rules::finished, "src/a.rs", concat!("// TO", "DOS, auto", "db", "g!(x)"));
    let paths: Vec<_> = rust_files().into_iter().chain(files(".", &["md", "toml"])).collect();
    assert_rule_holds(rules::finished, &paths);
}

#[test]
fn nothing_is_true_on_one_machine_only() {
    let planted = concat!("// see /ho", "me/me/x\n");
    assert_finds(rules::machine, "src/a.rs", planted, "src/a.rs:1:");
    let paths: Vec<_> = rust_files()
        .into_iter()
        .chain(files(".", &["md", "toml", "yml", "yaml"]))
        .chain(["Makefile".to_owned(), ".ci/run".to_owned()])
        .collect();
    assert_rule_holds(rules::machine, &paths);
}

#[test]
fn the_protocol_is_pure() {
    for (text, line) in [
        ("//! x\nasync fn a() {}\n", 2),
        ("use std::rc::Weak;\n", 1),
        ("struct A(Rc<u8>);\n", 1),
        ("struct A(std::cell::RefCell<u8>);\n", 1),
        ("fn a() { let _ = Instant::now(); }\n", 1),
        ("fn a() { b()\n  .await; }\n", 2),
        ("#[cfg(test)]\nmod tests;\nuse tokio::net;\n", 3),
    ] {
        assert_finds(rules::purity, "src/proto/a.rs", text, &format!("src/proto/a.rs:{line}:"));
        assert_accepts(rules::purity, "src/client.rs", text);
    }
    for text in [
        "//! No `async`, no tokio, no Rc.\nconst A: &str = \"tokio\";\nstruct Marc(u8);\n",
        "fn a(now: Instant) {}\n#[cfg(test)]\nmod tests {\n    use std::rc::Rc;\n}\n",
    ] {
        assert_accepts(rules::purity, "src/proto/a.rs", text);
    }
    assert_rule_holds(rules::purity, &files_without_tests("src/proto"));
}

#[test]
fn modules_use_lower_layers_only() {
    for (path, text, used) in [
        ("src/proto/a/b.rs", "use crate::config::Config;", "config"),
        ("src/proto/a/b.rs", "use super::super::super::net::Net;", "net"),
        ("src/proto/mod.rs", "use super::net::Net;", "net"),
        ("src/stats.rs", "fn a() { crate::client::b() }", "client"),
        ("src/config/mod.rs", "use crate::{limits, proto::{resp, a}, pool::Pool};", "pool"),
        ("src/proxy.rs", "use crate::embedded;", "embedded"),
    ] {
        let module = path.split(['/', '.']).nth(1).unwrap();
        let expected = format!("{path}:1: `{module}` may not use `{used}`");
        assert_finds(rules::layers, path, text, &expected);
    }
    for (path, text) in [
        (
            "src/proto/a/b.rs",
            "use crate::limits::SLOTS; use super::super::config::A; use super::*;",
        ),
        ("src/config/mod.rs", "use crate::{limits, proto::{resp, net}}; use crate::config::A;"),
        ("src/stats.rs", "// crate::client\n#[cfg(test)]\nmod tests { use crate::client; }"),
        ("src/main.rs", "use crate::anything;"),
    ] {
        assert_accepts(rules::layers, path, text);
    }
    assert_finds(rules::layers, "src/novel.rs", "//! x\n", "src/novel.rs:1: no layer");
    assert_rule_holds(rules::layers, &files_without_tests("src"));
}

#[test]
fn the_release_binary_holds_nothing_of_the_simulation() {
    let planted = "redpoll v0.1.0 (/x) default\nturmoil v0.7.2 \ntokio v1.0.0 net,test-util\n";
    assert_eq!(rules::release_tree(planted).len(), 2);
    assert_eq!(rules::release_tree("tokio v1.0.0 net,rt\nredpoll v0.1.0 (/x) \n").len(), 0);
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", "redpoll", "-e", "normal,build", "--prefix", "none", "-f", "{p} {f}"])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    assert!(text.lines().any(|line| line.starts_with("tokio ")), "no tokio in:\n{text}");
    assert_eq!(rules::release_tree(&text), Vec::<String>::new());
}

#[test]
fn comments_and_literals_are_not_code() {
    let text =
        "a(\"// \\\" {\", 'b', '\\'', r#\"\"}\"#, b\"}\") /* /* } */ */; // }\nfn b<'a>() {}";
    let code = source::code_of(text);
    assert_eq!(code.len(), text.len());
    assert_eq!(
        code.split_whitespace().collect::<Vec<_>>().join(" "),
        "a( , , , , b ) ; fn b<'a>() {}"
    );
    assert_eq!(source::test_modules("#[cfg(test)]\nmod a;\n#[cfg(test)]\nmod b { }"), ["a"]);
}
