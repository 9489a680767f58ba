//! The table of all metrics, as a part of a manual.

use super::families::FAMILIES;
use super::{Family, Of, Samples};

/// A label: its name, its values where they are known, and what each of these says.
struct Label {
    name: &'static str,
    values: Vec<(&'static str, &'static str)>,
}

/// All metrics as Markdown: a table with a row a name, and one with a row a value of a label. Ends
/// with a line end.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| metric | type | labels | what it says |\n|---|---|---|---|\n".to_owned();
    let mut values = "\n| metric | label | what it says |\n|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let Family { name, kind, help, .. } = family;
        let labels = family.labels();
        let names: Vec<_> = labels.iter().map(|label| format!("`{}`", label.name)).collect();
        text += &format!("| `{name}` | {} | {} | {help} |\n", kind.name(), names.join(", "));
        for label in labels {
            for (value, doc) in label.values {
                values += &format!("| `{name}` | `{}=\"{value}\"` | {doc} |\n", label.name);
            }
        }
    }
    text + &values
}

impl Family {
    /// The labels that its samples have, `le` of histograms aside.
    fn labels(&self) -> Vec<Label> {
        let (shared, own) = match &self.samples {
            Samples::Process(_) | Samples::ProcessMicros(_) => (&[][..], vec![]),
            Samples::Build(labels) => (&[][..], names(labels)),
            Samples::Workers(samples) => (&[][..], names(samples[0].0)),
            Samples::EachWorker(of) => (&[][..], of.labels()),
            Samples::Upstreams(samples) => (&["upstream"][..], names(samples[0].0)),
            Samples::Backends(of) => (&["upstream"][..], of.labels()),
            Samples::Connections(of) => (&["upstream"][..], of.labels()),
            Samples::Nodes(of) => (&["upstream", "node"][..], of.labels()),
            Samples::Commands => (&["upstream", "command"][..], vec![]),
        };
        shared.iter().map(|name| Label { name, values: vec![] }).chain(own).collect()
    }
}

impl<T: Default> Of<T> {
    fn labels(&self) -> Vec<Label> {
        let Of::By(name, get) = self else { return vec![] };
        let of_none = T::default();
        let labelled = get(&of_none);
        let values = (0..).map_while(|at| Some((labelled.label(at)?, labelled.doc(at))));
        vec![Label { name, values: values.collect() }]
    }
}

/// The labels in a text such as `a="b",c="d"`.
fn names(labels: &'static str) -> Vec<Label> {
    let names = labels.split(',').filter_map(|label| label.split_once('='));
    names.map(|(name, _)| Label { name, values: vec![] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_row_and_every_value_of_a_label_another() {
        let text = markdown();
        for family in FAMILIES {
            let row = format!("| `{}` | {} | ", family.name, family.kind.name());
            assert_eq!(text.matches(&row).count(), 1, "{row}");
        }
        for row in [
            "| `redpoll_build_info` | gauge | `version`, `revision` | Always 1; ",
            "| `redpoll_node_connections` | gauge | `upstream`, `node` | Connections ",
            "| `redpoll_upstream_redirects_total` | `kind=\"moved\"` | Another node serves ",
        ] {
            assert!(text.contains(row), "{row} in {text}");
        }
    }
}
