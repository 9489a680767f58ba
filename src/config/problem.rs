//! Problems of a configuration, and how they are shown: where, which key, what is wrong and what is
//! allowed, and the line itself with a caret.

use std::fmt;

use super::tree::Origin;

/// Characters of a source line that a snippet shows at most.
const SNIPPET_CHARS_MAX: usize = 120;

/// Everything that is wrong with a configuration. Never empty.
#[derive(Debug)]
pub struct Error {
    sources: Sources,
    problems: Vec<Problem>,
}

impl Error {
    pub(super) fn new(sources: Sources, mut problems: Vec<Problem>) -> Error {
        problems.sort_by_key(|problem| problem.origin);
        Error { sources, problems }
    }

    /// One message a problem, in the order of the file: a line that names file, line, column, key,
    /// what is wrong and what is allowed, followed by the source with a caret. Passwords are
    /// masked.
    pub fn messages(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| self.sources.shown(problem))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.messages().try_for_each(|message| writeln!(f, "{message}"))
    }
}

impl std::error::Error for Error {}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    /// Where it was written.
    pub(super) origin: Origin,
    /// The key, for example `upstreams.main.op_timeout`; empty for the whole.
    pub(super) path: String,
    /// What is wrong, and what is allowed.
    pub(super) message: String,
}

/// The texts that a configuration was read from.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    name: String,
    text: String,
    /// Whether line numbers mean something: a file, not an argument of the command line.
    is_file: bool,
}

impl Sources {
    /// Adds a file and gives its index.
    pub(super) fn add_file(&mut self, name: String, text: String) -> usize {
        self.add(Source { name, text, is_file: true })
    }

    /// Adds an argument of the command line and gives its index.
    pub(super) fn add_argument(&mut self, option: &str, text: &str) -> usize {
        self.add(Source { name: option.to_owned(), text: text.to_owned(), is_file: false })
    }

    /// The line that `origin` starts in, counted from 1; `None` if it stands in no file.
    pub(super) fn line(&self, origin: Origin) -> Option<usize> {
        let source = &self.0[origin.source];
        source.is_file.then(|| Line::around(&source.text, origin).number)
    }

    fn add(&mut self, source: Source) -> usize {
        self.0.push(source);
        self.0.len() - 1
    }

    fn shown(&self, problem: &Problem) -> String {
        let source = &self.0[problem.origin.source];
        let mut shown = source.name.clone();
        let line = Line::around(&source.text, problem.origin);
        if source.is_file && !source.text.is_empty() {
            shown += &format!(":{}:{}", line.number, line.column);
        }
        for part in [&problem.path, &problem.message] {
            if !part.is_empty() {
                shown += &format!(": {part}");
            }
        }
        let mut shown = shown.split('\n').map(without_credentials).collect::<Vec<_>>().join("\n");
        if !source.text.is_empty() {
            shown += &line.snippet(source.is_file);
        }
        shown
    }
}

/// One line of a source, and the part of it that a caret points at.
struct Line<'a> {
    text: &'a str,
    /// Counted from 1.
    number: usize,
    /// In characters, counted from 1.
    column: usize,
    /// Characters pointed at, at least 1.
    width: usize,
}

impl<'a> Line<'a> {
    fn around(text: &'a str, origin: Origin) -> Line<'a> {
        let at = text.floor_char_boundary(origin.start.min(text.len()));
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let marked_end = text.ceil_char_boundary(origin.end.clamp(at, end));
        Line {
            text: text[start..end].trim_end_matches('\r'),
            number: text[..at].matches('\n').count() + 1,
            column: text[start..at].chars().count() + 1,
            width: text[at..marked_end].chars().count().max(1),
        }
    }

    fn snippet(&self, numbered: bool) -> String {
        let number = if numbered { self.number.to_string() } else { String::new() };
        let gutter = " ".repeat(number.len());
        let before = self.column - 1;
        let skipped = before.saturating_sub(SNIPPET_CHARS_MAX / 2);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let line = masked(self.text);
        let text: String =
            line.chars().skip(skipped).take(SNIPPET_CHARS_MAX).map(printable).collect();
        let indent = " ".repeat(before - skipped);
        let carets = "^".repeat(self.width.min(SNIPPET_CHARS_MAX / 2));
        format!("\n{gutter} |\n{number} | {}\n{gutter} | {indent}{carets}", text.trim_end())
    }
}

/// The text with what looks like the user name and password of a URL, or like the value of a key
/// `password`, masked, character by character, so that carets still point where they should. Rather
/// too much is masked than too little.
#[must_use]
pub fn masked(text: &str) -> String {
    text.split('\n').map(masked_line).collect::<Vec<_>>().join("\n")
}

fn masked_line(line: &str) -> String {
    let line = without_credentials(line);
    let Some(at) = secret_at(&line) else { return line };
    let hidden = "*".repeat(line[at..].chars().count());
    format!("{}{hidden}", &line[..at])
}

/// Where the value of a key such as `password` starts, unless it says where the password stands.
/// Misspelt keys count, too.
fn secret_at(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let starts = ["pass", "pwd", "secret", "auth"].iter();
    let at = starts.filter_map(|start| Some(lower.find(start)? + start.len())).min()?;
    let rest = line[at..].trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let value = rest.strip_prefix([':', '='])?.trim_start();
    let refers = ["{env", "{file", "{ env", "{ file"].iter().any(|start| value.starts_with(start));
    (!refers && !value.is_empty()).then_some(line.len() - value.len())
}

fn without_credentials(line: &str) -> String {
    let Some(last) = line.rfind('@') else { return line.to_owned() };
    let start = line[..last].find("://").map_or_else(
        || {
            let first = line.find('@').unwrap_or(last);
            line[..first].rfind([' ', '"', '\'', '=', '[', ',']).map_or(0, |at| at + 1)
        },
        |at| at + 3,
    );
    let hidden = "*".repeat(line[start..last].chars().count());
    format!("{}{hidden}{}", &line[..start], &line[last..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_and_passwords_are_masked_in_place() {
        for (text, expected) in [
            ("server: redis://me:se/cr,et@h:1", "server: redis://***********@h:1"),
            ("server: me:secret@h:1", "server: *********@h:1"),
            ("[\"redis://:a@h:1\", \"redis://:b@h:2\"]", "[\"redis://********************@h:2\"]"),
            ("password: hunter2, op_timeot: 1", "password: *********************"),
            ("\"password\" = \"hunter2\"", "\"password\" = *********"),
            ("passwrd: hunter2", "passwrd: *******"),
            ("upstreams.main.password=x", "upstreams.main.password=*"),
            ("password: {env: REDIS_PASSWORD}", "password: {env: REDIS_PASSWORD}"),
            ("nothing: to hide", "nothing: to hide"),
        ] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn a_caret_far_into_a_long_line_is_still_under_its_word() {
        let text = format!("{}wrong{}", "x".repeat(500), "y".repeat(500));
        let line = Line::around(&text, Origin { source: 0, start: 500, end: 505 });
        let snippet = line.snippet(true);
        let lines: Vec<&str> = snippet.lines().skip(2).collect();
        let caret = lines[1].find('^').unwrap();
        assert_eq!(&lines[0][caret..caret + 5], "wrong");
        assert!(lines[0].len() < 130, "{snippet}");
    }
}
