//! The rules, each a function from a file's path and text to what is wrong with it.

use super::source::{before_tests, code_of, functions, line_of, words};

/// Longest line, in characters. Tables and addresses, which cannot be wrapped, are excepted.
const LINE_CHARS_MAX: usize = 100;

/// Longest file, in lines.
const FILE_LINES_MAX: usize = 500;

/// Longest function from its name to its closing brace, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// What each top-level module of `src` may use beside itself, from the lowest layer up.
const LAYERS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("mutant", &[]),
    ("net", &["limits"]),
    ("proto", &["limits", "mutant"]),
    ("stats", &["limits", "proto"]),
    ("config", &["limits", "proto"]),
    ("admin", &["config", "limits", "stats"]),
    ("io", &["limits", "mutant", "proto"]),
    ("queue", &["limits"]),
    ("reply_to", &["config", "limits", "proto", "queue", "refresh"]),
    ("room", &["limits"]),
    ("purge", &["limits", "stats"]),
    ("memory", &["limits", "mutant", "queue", "reply_to", "stats"]),
    (
        "upstream",
        &["io", "limits", "memory", "mutant", "net", "proto", "queue", "reply_to", "room", "stats"],
    ),
    ("lease", &["proto", "queue", "reply_to", "stats"]),
    (
        "pool",
        &[
            "config", "lease", "limits", "memory", "mutant", "net", "proto", "queue", "reply_to",
            "stats", "upstream",
        ],
    ),
    ("refresh", &["config", "mutant"]),
    (
        "pubsub",
        &[
            "audience", "io", "limits", "memory", "mutant", "net", "proto", "queue", "refresh",
            "reply_to", "room", "stats", "upstream",
        ],
    ),
    ("registry", &["io", "proto"]),
    ("scripts", &["proto"]),
    ("audience", &["proto"]),
    ("common", &["audience", "scripts"]),
    (
        "backend",
        &["common", "config", "io", "limits", "net", "pool", "proto", "pubsub", "refresh", "stats"],
    ),
    (
        "client",
        &[
            "backend", "config", "io", "lease", "limits", "memory", "mutant", "net", "pool",
            "proto", "pubsub", "queue", "registry", "reply_to", "room", "stats",
        ],
    ),
    (
        "worker",
        &[
            "backend", "client", "config", "limits", "memory", "mutant", "net", "pool", "proto",
            "common", "queue", "refresh", "registry", "reply_to", "stats",
        ],
    ),
    ("discovery", &["config", "limits", "mutant", "net", "proto", "refresh", "stats"]),
    (
        "proxy",
        &[
            "config",
            "discovery",
            "limits",
            "mutant",
            "net",
            "proto",
            "purge",
            "refresh",
            "registry",
            "reply_to",
            "common",
            "stats",
            "worker",
        ],
    ),
    ("embedded", &["limits", "net", "proto"]),
    ("demo", &["admin", "config", "embedded", "limits", "net", "proto", "proxy", "stats"]),
    ("cli", &["admin", "config", "demo", "limits", "net", "proto", "proxy", "stats"]),
];

/// What `src/proto` does without: it waits for nothing, asks no clock, no dice, and shares nothing.
const IMPURE: &[&str] = &[
    "async",
    ".await",
    "tokio",
    "rand",
    "std::sync",
    "std::thread",
    "std::fs",
    "std::env",
    "std::process",
    "std::rc",
    "thread_local!",
    "Rc",
    "Arc",
    "Cell",
    "RefCell",
    "OnceCell",
    "Mutex",
    "RwLock",
    "Instant::now",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
];

/// What has no place on the main branch, put together here so that it is not found here.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimplem", "ented!("),
];

/// Paths of some machine.
const MACHINE: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/t", "mp/")];

/// Lines are short enough to be read side by side. The README's list of commands is generated.
pub(crate) fn width(path: &str, text: &str) -> Vec<String> {
    let mut generated = false;
    let wide = text.lines().enumerate().filter(|(_, line)| {
        generated = (generated || line.starts_with("<!-- commands")) && !line.starts_with("<!-- /");
        let content = line.trim_start().trim_start_matches(['/', '!']).trim_start();
        let cannot_wrap = content.starts_with('|') || content.contains("://");
        line.chars().count() > LINE_CHARS_MAX && !cannot_wrap && !generated
    });
    wide.map(|(at, line)| {
        let chars = line.chars().count();
        format!("{path}:{}: {chars} characters, {LINE_CHARS_MAX} allowed", at + 1)
    })
    .collect()
}

/// Files are short enough to be known. The rows of the command table are data.
pub(crate) fn file_length(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let is_data = path.starts_with("src/proto/command/table/");
    let long = lines > FILE_LINES_MAX && !is_data;
    long.then(|| format!("{path}: {lines} lines, {FILE_LINES_MAX} allowed")).into_iter().collect()
}

/// Functions are short enough to be seen at once.
pub(crate) fn function_length(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let long = functions(&code).into_iter().filter(|(_, _, lines)| *lines > FUNCTION_LINES_MAX);
    long.map(|(name, line, lines)| {
        format!("{path}:{line}: fn {name} has {lines} lines, {FUNCTION_LINES_MAX} allowed")
    })
    .collect()
}

/// A file begins by saying what it is.
pub(crate) fn module_doc(path: &str, text: &str) -> Vec<String> {
    let documented = text.starts_with("//! ");
    (!documented).then(|| format!("{path}:1: no `//!` says what it is")).into_iter().collect()
}

/// Nothing unfinished, no trace of a debugging session.
pub(crate) fn finished(path: &str, text: &str) -> Vec<String> {
    let found = UNFINISHED.iter().flat_map(|mark| {
        words(text, mark).map(move |at| format!("{path}:{}: {mark}", line_of(text, at)))
    });
    found.collect()
}

/// Nothing that is true on one machine only.
pub(crate) fn machine(path: &str, text: &str) -> Vec<String> {
    let found = MACHINE.iter().flat_map(|name| {
        let places = text.match_indices(name);
        places.map(move |(at, _)| format!("{path}:{}: {name}", line_of(text, at)))
    });
    found.collect()
}

/// The protocol is pure. Tests, inline at the end of a file, need not be.
pub(crate) fn purity(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/proto/") {
        return Vec::new();
    }
    let code = code_of(text);
    let code = before_tests(&code);
    let found = IMPURE.iter().flat_map(|name| {
        words(code, name)
            .map(move |at| format!("{path}:{}: {name} in the pure protocol", line_of(code, at)))
    });
    found.collect()
}

/// Modules use lower layers only. `main.rs` and `lib.rs` see everything.
pub(crate) fn layers(path: &str, text: &str) -> Vec<String> {
    let Some(module) = top_level_module(path) else { return Vec::new() };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{path}:1: no layer is known for module `{module}`")];
    };
    let code = code_of(text);
    let code = before_tests(&code);
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    let mut found = Vec::new();
    for (at, used) in used_modules(code, depth) {
        if used != module && !allowed.contains(&used) && used.starts_with(char::is_lowercase) {
            let line = line_of(code, at);
            found.push(format!("{path}:{line}: `{module}` may not use `{used}`"));
        }
    }
    found
}

/// The release binary holds nothing of the simulation, as `cargo tree` shows it line by line:
/// a package and its features.
pub(crate) fn release_tree(tree: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in tree.lines() {
        let mut fields = line.split_whitespace();
        let package = fields.next().unwrap_or_default();
        if package.starts_with("turmoil") || package == "redpoll-sim" {
            found.push(format!("the release binary holds {package}"));
        }
        let mut features = fields.flat_map(|field| field.split(','));
        if package == "tokio" && features.any(|feature| feature == "test-util") {
            found.push("the release binary holds tokio's test-util".to_owned());
        }
    }
    found
}

fn top_level_module(path: &str) -> Option<&str> {
    let within = path.strip_prefix("src/")?;
    let module = within.split('/').next()?.trim_end_matches(".rs");
    (!matches!(module, "lib" | "main" | "bin")).then_some(module)
}

/// The top-level modules that `code` names, and where: after `crate::`, or after so many `super::`
/// that it is the same; also in the braces of a `use`.
fn used_modules(code: &str, depth: usize) -> Vec<(usize, &str)> {
    let climb = "super::".repeat(depth);
    let roots = words(code, "crate::").map(|at| (at, at + "crate::".len()));
    let climbs = words(code, &climb)
        .filter(|at| depth > 0 && !code[..*at].ends_with("super::"))
        .map(|at| (at, at + climb.len()));
    let mut used = Vec::new();
    for (at, after) in roots.chain(climbs.collect::<Vec<_>>()) {
        let path = &code[after..];
        if path.starts_with("super::") || path.starts_with('*') {
            continue;
        }
        match path.strip_prefix('{') {
            Some(group) => used.extend(heads(group).into_iter().map(|name| (at, name))),
            None => used.push((at, head(path))),
        }
    }
    used
}

/// The first names of the paths in the group that `group` is the inside of.
fn heads(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut names) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(head(&group[from..at]));
                from = at + 1;
            }
            _ => {}
        }
        if c == '}' && depth == 0 && from == at + 1 {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn head(path: &str) -> &str {
    let path = path.trim_start();
    &path[..path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len())]
}
