//! Tells the program what it was built from, for `--version`: the git revision if it is known, the
//! target and the allocator. Works without git; `REDPOLL_REVISION` overrides what git says. A build
//! that is not a release does not ask git: each commit would rebuild everything.

use std::env::var;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=REDPOLL_REVISION");
    let revision = var("REDPOLL_REVISION").ok().filter(|revision| !revision.is_empty());
    let is_release = var("PROFILE").is_ok_and(|profile| profile == "release");
    let revision = revision.or_else(|| if is_release { git_revision() } else { None });
    let version = var("CARGO_PKG_VERSION").unwrap_or_default();
    let target = var("TARGET").unwrap_or_default();
    let allocator = if var("CARGO_FEATURE_MIMALLOC").is_ok() { "mimalloc" } else { "system" };
    let git = revision.as_ref().map_or(String::new(), |revision| format!("git {revision}, "));
    println!("cargo::rustc-env=REDPOLL_REVISION={}", revision.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=REDPOLL_VERSION={version} ({git}{target}, {allocator} allocator)");
}

/// The revision of the checkout that this package is the root of; not of one it was unpacked in.
fn git_revision() -> Option<String> {
    let package = Path::new(&var("CARGO_MANIFEST_DIR").ok()?).canonicalize().ok()?;
    let checkout = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if package != checkout {
        return None;
    }
    // The log of HEAD grows with every commit and checkout; a path that is not there would make
    // cargo run this script each time.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
