//! Rust source as far as the rules must understand it: what is code, what is comment or literal.

/// `text` with comments and the content of literals blanked, line by line as long as before.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let opaque = opaque_len(rest);
        if opaque == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let (blanked, after) = rest.split_at(opaque);
            code.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// The code before the tests at the end of a file.
pub(crate) fn before_tests(code: &str) -> &str {
    let tests = code.match_indices("#[cfg(test)]").find(|(at, marker)| {
        let after = code[at + marker.len()..].trim_start();
        after.starts_with("mod ")
            && after.split_once('{').is_some_and(|(name, _)| !name.contains(';'))
    });
    tests.map_or(code, |(at, _)| &code[..at])
}

/// The names of the modules that a file declares for tests only: `#[cfg(test)] mod name;`.
pub(crate) fn test_modules(code: &str) -> Vec<&str> {
    let after_markers =
        code.match_indices("#[cfg(test)]").map(|(at, marker)| &code[at + marker.len()..]);
    let declared = after_markers.filter_map(|after| {
        let name = after.trim_start().strip_prefix("mod ")?.split([';', '{']).next()?;
        after.trim_start()["mod ".len() + name.len()..].starts_with(';').then_some(name.trim())
    });
    declared.collect()
}

/// Where the word `word` stands in `code`, not as a part of a longer one; in bytes.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let opens = word.starts_with(|c: char| c.is_alphanumeric());
        let closes = word.ends_with(|c: char| c.is_alphanumeric());
        !(opens && joins(before) || closes && joins(after))
    })
}

/// The number of the line that byte `at` is on, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// Functions with a body: (name, first line, number of lines).
pub(crate) fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let found = words(code, "fn").filter_map(|at| {
        let name = code[at + 2..].trim_start();
        let len = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
        let body = at + body_start(&code[at..])?;
        let end = body + matching_brace(&code[body..])?;
        let first = line_of(code, at);
        (len > 0).then(|| (&name[..len], first, line_of(code, end) - first + 1))
    });
    found.collect()
}

/// Where the body of the function at the start of `code` opens; `None` if it has none.
fn body_start(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Bytes of the comment or literal at the start of `rest`; 0 if it is code.
fn opaque_len(rest: &str) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment_len(rest)
    } else if rest.starts_with('"') {
        string_len(rest)
    } else if rest.starts_with('r') {
        raw_string_len(rest)
    } else if rest.starts_with('\'') {
        char_len(rest)
    } else {
        0
    }
}

fn block_comment_len(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn string_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string_len(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !rest[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let content = &rest[2 + hashes..];
    content.find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
}

/// A character literal; a lifetime is code.
fn char_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((escaped, _))) => {
            let after = &rest[escaped + 1..];
            after.find('\'').map_or(0, |at| escaped + 1 + at + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 0,
    }
}
