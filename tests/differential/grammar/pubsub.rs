//! What is said to whoever listens. One name a command, as a reply comes for each; and none that is
//! published to, as messages come when they come.

use super::{Compare, Group, Line, as_to, line};

lines!(PUBSUB, Group::PubSub, {
    "psubscribe" "name",
    "publish" "channel value",
    "pubsub|channels" "[ pattern ]" Unordered,
    "pubsub|help" "",
    "pubsub|numpat" "",
    "pubsub|numsub" "{ name }",
    "pubsub|shardchannels" "[ pattern ]" Unordered,
    "pubsub|shardnumsub" "{ name }",
    "punsubscribe" "name",
    "spublish" "key value",
    "ssubscribe" "name",
    "subscribe" "name",
    "sunsubscribe" "name",
    "unsubscribe" "name",
});
