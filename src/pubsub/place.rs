//! Where lines lead.

use rand::RngExt;
use rand::rngs::StdRng;

use crate::proto::cluster::{Address, Node, Router};

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// That of channels and patterns, which leads to any primary.
    Common,
    /// That of the shard channels of a node.
    Of(Node),
}

/// Where a line leads: that of channels to some primary, another one than that which was of no use
/// last, if there is one.
pub(super) fn pick(
    router: &Router,
    place: Place,
    avoided: Option<Node>,
    rng: &mut StdRng,
) -> Option<(Node, Address)> {
    let node = match place {
        Place::Of(node) => node,
        Place::Common => {
            let mut nodes: Vec<_> =
                router.primaries()?.found.into_iter().map(|primary| primary.node).collect();
            if nodes.len() > 1 {
                nodes.retain(|node| Some(*node) != avoided);
            }
            if nodes.is_empty() {
                return None;
            }
            nodes[rng.random_range(..nodes.len())]
        }
    };
    Some((node, router.address(node)?.clone()))
}
