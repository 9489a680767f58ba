//! Transactions. What `EXEC` gives is compared as the commands in it are one by one.

use super::{Group, Line, line};

lines!(TRANSACTIONS, Group::Transaction, {
    "discard" "",
    "exec" "",
    "multi" "",
    "unwatch" "",
});
