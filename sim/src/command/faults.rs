//! `redpoll-sim faults`: what can go wrong, and how often it is drawn.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;

use clap::Args;
use redpoll_sim::plan::{Family, Plan};

use super::exit_code;
use super::seeds::parse_seeds;
use super::terminal::{note, say, say_all};

#[derive(Debug, Args)]
pub(crate) struct Faults {
    /// Count in the plans of these seeds.
    #[arg(long, value_name = "N|A..B", value_parser = parse_seeds, default_value = "1000")]
    seeds: Range<u64>,
}

/// How often something of a family was drawn.
#[derive(Debug, Default)]
struct Drawn {
    plans: u64,
    faults: u64,
    /// By what they do, without the node or slot that they do it to.
    kinds: BTreeMap<String, u64>,
}

impl Faults {
    pub(crate) fn execute(&self) -> anyhow::Result<ExitCode> {
        let drawn = count(self.seeds.clone());
        let plans = self.seeds.end - self.seeds.start;
        say(format_args!("{:<11} {:>6} {:>8}  of {plans} plans", "family", "plans", "faults"))?;
        for family in Family::ALL {
            let nothing = Drawn::default();
            let Drawn { plans, faults, kinds } = drawn.get(&family).unwrap_or(&nothing);
            let (name, what) = (family.name(), family.description());
            say(format_args!("{name:<11} {plans:>6} {faults:>8}  {what}"))?;
            say_all(kinds.iter().map(|(kind, count)| format!("{:18} {count:>7}  - {kind}", "")))?;
        }
        let missing: Vec<_> = Family::ALL.iter().filter(|it| !drawn.contains_key(it)).collect();
        if !missing.is_empty() {
            note(format_args!("never drawn: {missing:?}"));
        }
        Ok(exit_code(missing.is_empty()))
    }
}

fn count(seeds: Range<u64>) -> BTreeMap<Family, Drawn> {
    let mut drawn: BTreeMap<Family, Drawn> = BTreeMap::new();
    for seed in seeds {
        let (plan, families) = Plan::draw_with_families(seed);
        for (family, timed) in families.iter().zip(&plan.faults) {
            let of_family = drawn.entry(*family).or_default();
            of_family.faults += 1;
            *of_family.kinds.entry(timed.fault.kind()).or_default() += 1;
        }
        for family in Family::ALL.into_iter().filter(|family| families.contains(family)) {
            drawn.entry(family).or_default().plans += 1;
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_drawn_and_every_fault_is_counted_once() {
        let drawn = count(0..200);
        assert_eq!(drawn.len(), Family::ALL.len());
        let faults: u64 = drawn.values().map(|drawn| drawn.faults).sum();
        let planned: usize = (0..200).map(|seed| Plan::draw(seed).faults.len()).sum();
        assert_eq!(faults, planned as u64);
        for (family, drawn) in &drawn {
            assert!(drawn.plans <= 200 && drawn.plans <= drawn.faults, "{family:?}");
            assert_eq!(drawn.faults, drawn.kinds.values().sum::<u64>(), "{family:?}");
        }
        assert!(drawn[&Family::Ailment].kinds.contains_key("Sicken Garbage"));
        assert!(drawn[&Family::Slow].kinds.contains_key("SetSpeed"));
    }
}
