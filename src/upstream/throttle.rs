//! How often one node may be connected to.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use crate::mutant::planted;
use crate::proto::cluster::Address;

/// So many attempts a second, and as many at once: the generic cell rate algorithm.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// From one attempt to the next, at an even pace; `None`: there is no limit.
    pace: Option<Duration>,
    /// When the attempts so far would have been made at an even pace.
    even: Option<Instant>,
}

/// Those of all nodes that a worker connects to for one upstream, as long as somebody needs them.
#[derive(Clone, Debug)]
pub(crate) struct Throttles {
    rate_per_s: Option<NonZeroU32>,
    by_address: Rc<RefCell<ByAddress>>,
}

type ByAddress = BTreeMap<Address, Weak<RefCell<Throttle>>>;

impl Throttles {
    /// So many attempts a second for each node.
    pub(crate) fn new(rate_per_s: Option<NonZeroU32>) -> Throttles {
        Throttles { rate_per_s, by_address: Rc::default() }
    }

    /// That of a node, which all connections to it share.
    pub(crate) fn of(&self, address: &Address) -> Rc<RefCell<Throttle>> {
        let mut all = self.by_address.borrow_mut();
        if let Some(known) = all.get(address).and_then(Weak::upgrade) {
            return known;
        }
        all.retain(|_, throttle| throttle.strong_count() > 0);
        let throttle = Rc::new(RefCell::new(Throttle::new(self.rate_per_s)));
        all.insert(address.clone(), Rc::downgrade(&throttle));
        throttle
    }
}

/// Over how long attempts are evened out.
const BURST: Duration = Duration::from_secs(1);

impl Throttle {
    pub(crate) fn new(rate_per_s: Option<NonZeroU32>) -> Throttle {
        let pace = rate_per_s.map(|rate| BURST / rate.get());
        Throttle { pace, even: None }
    }

    /// Notes an attempt that is made now.
    ///
    /// # Errors
    /// It may not be made before the time given.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(pace) = self.pace else { return Ok(()) };
        let next = self.even.map_or(now, |even| even.max(now)) + pace;
        if next > now + BURST && !planted("connection-rate-ignored") {
            return Err(next - BURST);
        }
        self.even = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn as_many_as_in_a_second_may_come_at_once_and_then_one_at_a_time() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut throttle = Throttle::new(NonZeroU32::new(10));
        assert!((0..10).all(|_| throttle.take(start).is_ok()));
        assert_eq!(throttle.take(start), Err(at(100)));
        assert_eq!(throttle.take(at(99)), Err(at(100)));
        assert_eq!(throttle.take(at(100)), Ok(()));
        assert_eq!(throttle.take(at(100)), Err(at(200)));
        assert!((0..10).all(|_| throttle.take(at(5_000)).is_ok()));
        assert!(throttle.take(at(5_000)).is_err());
        assert!((0..1_000).all(|_| Throttle::new(None).take(start).is_ok()));
    }

    #[test]
    fn all_who_connect_to_a_node_share_its_throttle_as_long_as_one_of_them_is_there() {
        let throttles = Throttles::new(NonZeroU32::new(1));
        let [here, there] = [1, 2].map(|port| Address::new("h", port).unwrap());
        let first = throttles.of(&here);
        assert!(Rc::ptr_eq(&first, &throttles.of(&here)));
        assert!(!Rc::ptr_eq(&first, &throttles.of(&there)));
        drop(first);
        let _another = throttles.of(&there);
        assert_eq!(throttles.by_address.borrow().len(), 1);
    }
}
