//! Scripts and functions.
//!
//! A script that `EVAL` was given is known to that node alone, so `EVALSHA` asks for others: those
//! that `SCRIPT LOAD` is given.

use super::{Compare, Group, Line, as_to, line};

lines!(SCRIPTING, Group::Scripting, {
    "eval" "script { value }",
    "eval_ro" "script { value }",
    "evalsha" "loaded { value }",
    "evalsha_ro" "loaded { value }",
    "fcall" "called { value }",
    "fcall_ro" "called { value }",
    "function|delete" "library",
    "function|dump" "" Shape,
    "function|flush" "[ ( SYNC | ASYNC | wrong ) ]",
    "function|help" "",
    "function|kill" "",
    "function|list" "{ LIBRARYNAME librarypattern | WITHCODE }" Unordered,
    "function|load" "[ REPLACE ] librarycode",
    "function|restore" "librarydump [ ( FLUSH | APPEND | REPLACE | wrong ) ]",
    "function|stats" "",
    "script|exists" "( digest )+",
    "script|flush" "[ ( SYNC | ASYNC | wrong ) ]",
    "script|help" "",
    "script|kill" "",
    "script|load" "loadable",
    "script|show" "digest",
});
