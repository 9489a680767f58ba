//! Walks a tree beside the table of keys and collects every problem, where serde would stop at the
//! first. A reader that gives `None` has said why.

use std::collections::BTreeMap;

use super::keys::{self, Kind};
use super::problem::{Problem, Sources};
use super::tree::{Entry, Node, Origin, Value};

/// Where the reader is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// As the user writes it: `upstreams.main`.
    pub(super) path: String,
    /// As the table of keys writes it: `upstreams.*`.
    pub(super) pattern: String,
    /// Where to point if something is missing here.
    pub(super) origin: Origin,
}

/// A section whose keys are all known, each there once.
#[derive(Debug)]
pub(super) struct Section<'t> {
    pub(super) place: Place,
    entries: BTreeMap<&'t str, &'t Entry>,
}

/// Collects problems.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    sources: &'s Sources,
    pub(super) problems: Vec<Problem>,
}

impl Place {
    /// The whole configuration.
    pub(super) fn root(origin: Origin) -> Place {
        Place { path: String::new(), pattern: String::new(), origin }
    }

    /// The place of a key whose name the table knows.
    pub(super) fn key(&self, name: &str, origin: Origin) -> Place {
        Place { path: join(&self.path, name), pattern: join(&self.pattern, name), origin }
    }

    /// The place of an item of a list or of a name that the user chose.
    pub(super) fn item(&self, name: &str, origin: Origin) -> Place {
        Place { path: join(&self.path, name), pattern: join(&self.pattern, "*"), origin }
    }

    /// What may stand here.
    pub(super) fn kind(&self) -> Kind {
        keys::key(&self.pattern).map_or(Kind::Section, |key| key.kind)
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl<'t> Section<'t> {
    /// The value of a key that is there, with its place.
    pub(super) fn get(&self, name: &str) -> Option<(Place, &'t Node)> {
        let entry = self.entries.get(name)?;
        Some((self.place.key(name, entry.key_origin), &entry.node))
    }
}

impl<'s> Reader<'s> {
    /// A reader that has found no problem yet.
    pub(super) fn new(sources: &'s Sources) -> Self {
        Reader { sources, problems: Vec::new() }
    }

    /// Notes a problem at a place, pointing at `origin`.
    pub(super) fn problem(&mut self, place: &Place, origin: Origin, message: String) {
        self.problems.push(Problem { origin, path: place.path.clone(), message });
    }

    /// Notes that `node` is not what its place allows.
    pub(super) fn wrong(&mut self, place: &Place, node: &Node, what: &str) {
        let message = format!("{what}; allowed: {}", place.kind().allowed());
        self.problem(place, node.origin, message);
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&mut self, section: &Section<'_>, name: &str) {
        let place = section.place.key(name, section.place.origin);
        let message = format!("missing; it has to be {}", place.kind().allowed());
        self.problem(&place, place.origin, message);
    }

    /// The keys of a section. Unknown and repeated ones are problems and left out.
    pub(super) fn section<'t>(&mut self, place: Place, node: &'t Node) -> Option<Section<'t>> {
        let entries = self.entries(&place, node)?;
        let mut known = BTreeMap::new();
        for (name, entry) in entries {
            if keys::names_below(&place.pattern).any(|known| known == name) {
                known.insert(name, entry);
            } else {
                let message = unknown(&place, name);
                self.problem(&place.key(name, entry.key_origin), entry.key_origin, message);
            }
        }
        Some(Section { place, entries: known })
    }

    /// The names of a section whose names are the user's, in their order. Bad and repeated ones are
    /// problems; the bad ones are still read, for what else is wrong there.
    pub(super) fn names<'t>(
        &mut self,
        place: &Place,
        node: &'t Node,
        is_name: impl Fn(&str) -> Result<(), &'static str>,
    ) -> Option<BTreeMap<&'t str, &'t Entry>> {
        let entries = self.entries(place, node)?;
        for (name, entry) in &entries {
            if let Err(allowed) = is_name(name) {
                let message = format!("'{name}' is not a name; allowed: {allowed}");
                self.problem(&place.item(name, entry.key_origin), entry.key_origin, message);
            }
        }
        Some(entries)
    }

    /// The value of a key, or its default; `parse` is told what the key allows.
    pub(super) fn leaf<T>(
        &mut self,
        section: &Section<'_>,
        name: &str,
        parse: impl Fn(&Value, Kind) -> Result<T, String>,
    ) -> Option<T> {
        if let Some((place, node)) = section.get(name) {
            return self.parsed(&place, node, parse);
        }
        let place = section.place.key(name, section.place.origin);
        match keys::key(&place.pattern).and_then(|key| key.default) {
            Some(default) => parse(&Value::Text(default.to_owned()), place.kind()).ok(),
            None => {
                self.missing(section, name);
                None
            }
        }
    }

    /// What a value means.
    pub(super) fn parsed<T>(
        &mut self,
        place: &Place,
        node: &Node,
        parse: impl Fn(&Value, Kind) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = parse(&node.value, place.kind());
        parsed.map_err(|what| self.wrong(place, node, &what)).ok()
    }

    fn entries<'t>(
        &mut self,
        place: &Place,
        node: &'t Node,
    ) -> Option<BTreeMap<&'t str, &'t Entry>> {
        let Value::Map(entries) = &node.value else {
            self.not_a_section(place, node);
            return None;
        };
        let mut seen: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entry in entries {
            if let Some(first) = seen.get(entry.key.as_str()) {
                let line = self.sources.line(first.key_origin);
                let first =
                    line.map_or(String::new(), |line| format!("; the first is on line {line}"));
                let place = place.key(&entry.key, entry.key_origin);
                self.problem(&place, entry.key_origin, format!("the key stands here twice{first}"));
            } else {
                seen.insert(&entry.key, entry);
            }
        }
        Some(seen)
    }

    fn not_a_section(&mut self, place: &Place, node: &Node) {
        let what = format!("{} is not a section", node.value.described());
        if place.path.is_empty() {
            let names = keys::names_below("").collect::<Vec<_>>().join(", ");
            self.problem(place, node.origin, format!("{what}; allowed: the keys {names}"));
        } else {
            self.wrong(place, node, &what);
        }
    }
}

/// Whether a section may have this name.
pub(super) fn is_plain_name(name: &str) -> Result<(), &'static str> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_valid = !name.is_empty() && name.bytes().all(valid);
    if is_valid { Ok(()) } else { Err("letters, digits, - and _") }
}

/// The entry of `names` that `wrong` was most probably meant to be.
pub(super) fn did_you_mean<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowance = (wrong.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= allowance)
        .min()
        .map(|(_, name)| name)
}

fn unknown(place: &Place, name: &str) -> String {
    let allowed: Vec<&str> = keys::names_below(&place.pattern).collect();
    if let Some(meant) = did_you_mean(name, allowed.iter().copied()) {
        return format!("unknown key; did you mean '{meant}'?");
    }
    let home = keys::home_of(name)
        .map_or(String::new(), |home| format!(" (it belongs in {})", home.replace('*', "<name>")));
    format!("unknown key{home}; allowed: {}", allowed.join(", "))
}
