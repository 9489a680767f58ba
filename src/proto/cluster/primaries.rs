//! The nodes that serve slots, for what concerns all of them.

use super::{Node, Route, Router, Slot};

/// A node that serves slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primary {
    /// It.
    pub node: Node,
    /// The first slot that it serves, which no other primary does: stands for it wherever the order
    /// of commands is that of slots.
    pub slot: Slot,
}

/// All nodes that serve slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Primaries {
    /// In the order of their addresses, which is the same for whoever knows the cluster.
    pub found: Vec<Primary>,
    /// Tells who serves which slots: another one, if any slot has changed hands.
    pub digest: u64,
}

impl Router {
    /// The nodes that serve slots; `None` while no view of the cluster has come in.
    ///
    /// Looks at every slot.
    #[must_use]
    pub fn primaries(&self) -> Option<Primaries> {
        let mut found: Vec<Primary> = Vec::new();
        let mut hash = Fnv::default();
        let mut before = None;
        for slot in Slot::all() {
            let route = self.route(slot);
            if route == Route::Unknown {
                return None;
            }
            if before == Some(route) {
                continue;
            }
            before = Some(route);
            hash.write(&slot.number().to_be_bytes());
            let Route::To(node) = route else { continue };
            hash.write(self.address(node)?.to_string().as_bytes());
            if !found.iter().any(|primary| primary.node == node) {
                found.push(Primary { node, slot });
            }
        }
        found.sort_by_key(|primary| self.address(primary.node));
        Some(Primaries { found, digest: hash.0 })
    }
}

/// FNV-1a, folded: the same in every process.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        // The low bits know least of the high ones.
        self.0 ^= self.0 >> 29;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Address, Topology};
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start of a story")]
    fn router(ranges: &[(u16, u16, u16)]) -> Router {
        let mut router = Router::cluster(9);
        router.adopt(&Topology::of(ranges), std::time::Instant::now());
        router
    }

    #[test]
    fn primaries_are_those_with_slots_in_the_order_of_their_addresses() {
        assert_eq!(Router::cluster(9).primaries(), None);
        let router = router(&[(0, 99, 7002), (100, 199, 7001), (300, 399, 7002)]);
        let primaries = router.primaries().unwrap();
        let told = |primary: &Primary| {
            (router.address(primary.node).unwrap().port(), primary.slot.number())
        };
        let told: Vec<_> = primaries.found.iter().map(told).collect();
        assert_eq!(told, [(7001, 100), (7002, 0)]);
    }

    #[test]
    fn one_server_is_the_only_primary() {
        let single = Router::single(Address::new("h", 1).unwrap(), 9);
        assert_eq!(single.primaries().unwrap().found.len(), 1);
    }

    #[test]
    fn another_owner_of_any_slot_makes_another_digest() {
        let digest = |ranges: &[_]| router(ranges).primaries().unwrap().digest;
        let known = digest(&[(0, 99, 1), (100, 199, 2)]);
        assert_eq!(digest(&[(0, 99, 1), (100, 199, 2)]), known);
        for other in [
            &[(0, 98, 1), (99, 199, 2)][..],
            &[(0, 99, 2), (100, 199, 1)],
            &[(0, 99, 1), (100, 198, 2)],
            &[(0, 99, 1), (100, 199, 3)],
        ] {
            assert_ne!(digest(other), known, "{other:?}");
            assert_ne!(digest(other) & 0x1FF, known & 0x1FF, "of the few bits that a scan keeps");
        }
    }
}
