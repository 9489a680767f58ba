//! Patterns as Redis matches them: `*`, `?`, `[a-c]`, `[^x]`, `\x`.

/// Whether all of `text` matches `pattern`, in any case. Takes time in the product of the lengths.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Behind the last `*`, and the text from which the rest was tried last.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, text));
            continue;
        }
        if let Some((rest, tail)) = step(pattern, text) {
            (pattern, text) = (rest, tail);
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else if let Some((rest, [_, tail @ ..])) = retry {
            (pattern, text) = (rest, tail);
            retry = Some((rest, tail));
        } else {
            return false;
        }
    }
}

/// What is left of both after one byte has matched.
fn step<'p, 't>(pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
    let (&byte, tail) = text.split_first()?;
    let (matched, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', rest @ ..] => class(rest, byte),
        [b'\\', wanted, rest @ ..] | [wanted, rest @ ..] => {
            (wanted.eq_ignore_ascii_case(&byte), rest)
        }
    };
    matched.then_some((rest, tail))
}

/// Whether `byte` is in a class, and what follows the class. One that is not closed ends with the
/// pattern.
fn class(pattern: &[u8], byte: u8) -> (bool, &[u8]) {
    let byte = byte.to_ascii_lowercase();
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    };
    let mut found = false;
    loop {
        rest = match rest {
            [] => return (found != negated, rest),
            [b']', rest @ ..] => return (found != negated, rest),
            [b'\\', one, rest @ ..] => {
                found |= one.eq_ignore_ascii_case(&byte);
                rest
            }
            [one, b'-', other, rest @ ..] => {
                let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
                found |= (one.min(other)..=one.max(other)).contains(&byte);
                rest
            }
            [one, rest @ ..] => {
                found |= one.eq_ignore_ascii_case(&byte);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, matched) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("GET", "get", true),
            ("get", "getx", false),
            ("*get*", "client|getname", true),
            ("h*e*t*", "hexists", true),
            ("?et", "set", true),
            ("?et", "et", false),
            ("[gs]et", "set", true),
            ("[^gs]et", "set", false),
            ("[a-g]et", "GET", true),
            ("[g-a]et", "get", true),
            ("[g", "g", true),
            ("[\\]]et", "]et", true),
            ("\\*et", "get", false),
            ("\\*et", "*et", true),
            ("\\", "\\", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), matched, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_as_quick_as_any() {
        let pattern = [&b"a*".repeat(50_000)[..], b"b"].concat();
        assert!(!matches(&pattern, &b"a".repeat(64)));
    }
}
