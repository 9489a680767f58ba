//! The commit that runs: part of every failure, for a seed means nothing at another commit.

use std::process::Command;
use std::sync::LazyLock;

use redpoll_sim::trace::Rolling;

use super::terminal::note;

/// The version of this source.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Hexadecimal digits of a commit's hash that its seeds follow from.
const DIGITS_OF_SEED: usize = 8;

/// The commit of this source, if git knows: 12 digits of its hash, with `-dirty` if something was
/// changed since. It is asked when it is needed, so that no commit makes anything be built again.
static REVISION: LazyLock<Option<String>> = LazyLock::new(|| {
    let output = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"])
        .args(["--exclude=*", "--abbrev=12"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
});

/// The commit, or `unknown`.
pub(crate) fn revision() -> &'static str {
    REVISION.as_deref().unwrap_or("unknown")
}

/// The first of the seeds that follow from the commit; from the version, if git does not know the
/// commit, as where there is no git, or no repository.
pub(crate) fn first_seed() -> u64 {
    REVISION.as_deref().and_then(seed_of).unwrap_or_else(|| {
        note(format_args!(
            "git does not know the commit: these are the seeds of version {VERSION}"
        ));
        seed_of_version(VERSION)
    })
}

/// Each commit has a million seeds that no other has, unless the first digits of both are equal.
fn seed_of(revision: &str) -> Option<u64> {
    u64::from_str_radix(revision.get(..DIGITS_OF_SEED)?, 16).ok().map(|hash| hash * 1_000_000)
}

/// Each version has others, too.
fn seed_of_version(version: &str) -> u64 {
    (Rolling::of(version.as_bytes()) >> 32) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_follow_from_the_commit_and_not_from_what_is_changed_since() {
        assert_eq!(seed_of("0000002a1234"), Some(42_000_000));
        assert_eq!(seed_of("0000002a1234-dirty"), seed_of("0000002a1234"));
        assert_eq!((seed_of("main-dirty"), seed_of("2a")), (None, None));
    }

    #[test]
    fn seeds_of_versions_differ_and_are_far_apart() {
        let (one, other) = (seed_of_version("1.0.0"), seed_of_version("1.0.1"));
        assert!(one.abs_diff(other) >= 1_000_000 && one % 1_000_000 == 0, "{one}, {other}");
        assert_eq!(one, seed_of_version("1.0.0"));
    }
}
