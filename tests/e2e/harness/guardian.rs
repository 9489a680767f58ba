//! The last line of defence against leftover servers: a small shell that holds the reading end of a
//! pipe. When this process ends, however it ends, the pipe closes and the shell kills by id what is
//! still on its list.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, Result};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=' '
while read -r sign pid; do
    case $sign in
        +) pids="$pids$pid " ;;
        -) pids="${pids%% $pid *} ${pids#* $pid }" ;;
    esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
"#;

struct Guardian {
    list: Mutex<ChildStdin>,
    _shell: Child,
}

static GUARDIAN: OnceLock<Guardian> = OnceLock::new();

/// Starts the guardian, before the first child.
///
/// # Errors
/// There is no `sh`.
pub(crate) fn start() -> Result<()> {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting sh")?;
    let list = Mutex::new(shell.stdin.take().context("a piped standard input")?);
    GUARDIAN.get_or_init(|| Guardian { list, _shell: shell });
    Ok(())
}

/// Puts a child on the list.
pub(super) fn watch(pid: u32) {
    tell('+', pid);
}

/// Takes a child off the list; to be called before it is reaped, while its id is its own.
pub(super) fn forget(pid: u32) {
    tell('-', pid);
}

fn tell(sign: char, pid: u32) {
    let guardian = GUARDIAN.get().expect("main starts the guardian first");
    let mut list = guardian.list.lock().unwrap_or_else(PoisonError::into_inner);
    // Without a guardian, `Drop` still kills the children.
    writeln!(list, "{sign} {pid}").ok();
}
