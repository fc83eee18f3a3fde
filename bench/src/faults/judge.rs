//! Whether a fault was found, and what was said of it.

use std::path::PathBuf;

use serde::Serialize;

use super::case::Case;
use super::sides::{Built, Flavour};
use verifier::compare::{Comparison, Side, compare};
use verifier::explain::{Context, Explanation, explain};

/// What was found out about a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Judged {
    /// Whether the sides with the fault differ.
    pub(super) detected: bool,
    /// Root causes that were named for them, sorted.
    pub(super) named: Vec<String>,
    /// How many paths of them are unexplained.
    pub(super) unexplained: u64,
    /// Whether the sides without the fault differ.
    pub(super) false_alarm: bool,
}

impl Judged {
    /// Whether the cause of the case was named, and no other.
    pub(super) fn right(&self, case: &Case) -> bool {
        let mut expected = case.causes.clone();
        expected.sort();
        self.detected && self.unexplained == 0 && self.named == expected
    }
}

/// Compares the sides of a case, without its fault and with it.
pub(super) fn judge(case: &Case, built: &Built) -> anyhow::Result<Judged> {
    let sound = compared(case, built, Flavour::Sound)?;
    let faulty = compared(case, built, Flavour::Faulty)?;
    let context = Context { canaries: built.canaries.clone(), ..Context::default() };
    let explanation = explain(&faulty, &context, |_| ())?;
    Ok(Judged {
        detected: !faulty.equal(),
        named: named(&explanation),
        unexplained: explanation.unexplained,
        false_alarm: !sound.equal(),
    })
}

fn compared(case: &Case, built: &Built, flavour: Flavour) -> anyhow::Result<Comparison> {
    let [a, b]: [PathBuf; 2] = Side::BOTH.map(|side| built.place(&case.name, flavour, side));
    Ok(compare(&a, &b)?)
}

fn named(explanation: &Explanation) -> Vec<String> {
    let roots = explanation.roots.iter();
    let mut named: Vec<String> = roots.map(|root| root.cause.id().to_owned()).collect();
    named.sort();
    named
}
