//! The notation of the grammar, and the strategy that a line of it stands for.
//!
//! | notation | stands for |
//! |---|---|
//! | `WORD` | itself, in either case |
//! | `name` | a word of that name, see `words` |
//! | `( a \| b )` | one of them |
//! | `[ a ]` | it, or nothing |
//! | `{ a \| b }` | up to three of them, in any order, the same one twice perhaps |
//! | `( a )+` | one to three of it |

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::grammar::Group;
use crate::words::{Word, named};

type Words = BoxedStrategy<Vec<Word>>;

/// The strategy for what follows a command's name.
///
/// # Panics
/// The notation is wrong.
pub(crate) fn parse(syntax: &str, group: Group) -> Words {
    let mut tokens = syntax.split_whitespace().peekable();
    let mut parser = Parser { tokens: &mut tokens, group };
    let words = parser.alternatives("");
    assert!(tokens.next().is_none(), "more than one line: {syntax}");
    words
}

struct Parser<'a, 't> {
    tokens: &'t mut std::iter::Peekable<std::str::SplitWhitespace<'a>>,
    group: Group,
}

impl<'a> Parser<'a, '_> {
    /// One of what the bars separate, up to the closing token.
    fn alternatives(&mut self, close: &str) -> Words {
        let mut choices = vec![self.sequence()];
        while self.tokens.next_if_eq(&"|").is_some() {
            choices.push(self.sequence());
        }
        if !close.is_empty() {
            let closed = self.tokens.next().unwrap_or_default();
            assert!(closed.starts_with(close), "{close} expected, found {closed}");
            if closed.ends_with('+') {
                return joined(vec(Union::new(choices), 1..=3).boxed());
            }
        }
        Union::new(choices).boxed()
    }

    fn sequence(&mut self) -> Words {
        let mut parts = Vec::new();
        while let Some(token) = self.tokens.next_if(|token| !is_end(token)) {
            parts.push(self.part(token));
        }
        joined(parts.boxed())
    }

    fn part(&mut self, token: &'a str) -> Words {
        match token {
            "(" => self.alternatives(")"),
            "[" => prop_oneof![Just(Vec::new()), self.alternatives("]")].boxed(),
            "{" => joined(vec(self.alternatives("}"), 0..=3).boxed()),
            literal if literal.starts_with(|c: char| c.is_ascii_uppercase()) => {
                either_case(literal)
            }
            name => named(name, self.group).unwrap_or_else(|| panic!("`{name}` is no word")),
        }
    }
}

fn is_end(token: &str) -> bool {
    token == "|" || token.starts_with([')', ']', '}'])
}

fn joined(parts: BoxedStrategy<Vec<Vec<Word>>>) -> Words {
    parts.prop_map(|parts| parts.concat()).boxed()
}

fn either_case(literal: &str) -> Words {
    let (upper, lower) = (literal.as_bytes().to_vec(), literal.to_ascii_lowercase().into_bytes());
    prop_oneof![4 => Just(vec![upper]), 1 => Just(vec![lower])].boxed()
}
