//! A trap for panics. A panic in a spawned task ends that task and nothing else: the simulation
//! would go on and pass. While a [`PanicTrap`] is set, every panic of its thread is caught and
//! counts.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::PanicHookInfo;
use std::rc::Rc;
use std::sync::Once;

thread_local! {
    /// The panics of this thread, while its trap is set.
    static CAUGHT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Installs the hook, once a process; a thread without a trap keeps the hook that was there.
static HOOK: Once = Once::new();

/// Catches the panics of the thread it was set on, until it is dropped.
#[derive(Debug)]
pub struct PanicTrap(PhantomData<Rc<()>>);

impl PanicTrap {
    /// Sets the trap for the current thread.
    ///
    /// # Panics
    /// The thread has one already.
    #[must_use]
    pub fn set() -> Self {
        HOOK.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if !catch(info) {
                    previous(info);
                }
            }));
        });
        let before = CAUGHT.with_borrow_mut(|caught| caught.replace(Vec::new()));
        assert!(before.is_none(), "this thread has a panic trap already");
        PanicTrap(PhantomData)
    }

    /// What was caught so far, the first panic first.
    #[must_use]
    pub fn caught(&self) -> Vec<String> {
        CAUGHT.with_borrow(|caught| caught.clone().unwrap_or_default())
    }

    /// Whether anything was caught.
    #[must_use]
    pub fn has_caught(&self) -> bool {
        CAUGHT.with_borrow(|caught| caught.as_ref().is_some_and(|caught| !caught.is_empty()))
    }
}

impl Drop for PanicTrap {
    fn drop(&mut self) {
        CAUGHT.with_borrow_mut(|caught| *caught = None);
    }
}

/// Notes a panic if the thread has a trap.
fn catch(info: &PanicHookInfo<'_>) -> bool {
    let noted = CAUGHT.try_with(|caught| {
        let Ok(mut caught) = caught.try_borrow_mut() else { return false };
        let Some(caught) = caught.as_mut() else { return false };
        caught.push(describe(info));
        true
    });
    noted.unwrap_or(false)
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        format!("{place}: {message}{}", own_frames(&backtrace.to_string()))
    } else {
        format!("{place}: {message}")
    }
}

/// The places in a backtrace that are in this workspace: the rest is the same every time.
fn own_frames(backtrace: &str) -> String {
    let places = backtrace.lines().filter_map(|line| line.trim().strip_prefix("at ./"));
    places.fold(String::new(), |shown, place| shown + "\n    from " + place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_spawned_task_is_caught_with_its_place() {
        let trap = PanicTrap::set();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let local = tokio::task::LocalSet::new();
        #[expect(clippy::disallowed_methods, reason = "what is tested is a task that panics")]
        local.block_on(&runtime, async {
            drop(tokio::task::spawn_local(async { panic!("no such slot") }));
            tokio::task::yield_now().await;
        });
        assert!(trap.has_caught());
        let [caught] = &trap.caught()[..] else { panic!("{:?}", trap.caught()) };
        assert!(caught.contains("trap.rs") && caught.contains("no such slot"), "{caught}");
    }

    #[test]
    fn a_new_trap_starts_empty() {
        let trap = PanicTrap::set();
        drop(std::panic::catch_unwind(|| panic!("one")));
        assert_eq!(trap.caught().len(), 1);
        drop(trap);
        assert!(!PanicTrap::set().has_caught());
    }
}
