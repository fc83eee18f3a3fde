//! The findings for people and programs, and the verdict that follows from them. It reads nothing:
//! the same report gives the same bytes, without times and without paths of the machine.

mod verdict;
mod json;
mod terminal;
mod html;
mod writing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write as _;

use base::vocabulary::Outcome;
use serde::Serialize;

use crate::check::{Check, Variation};
use crate::compare::{Comparison, Counted};
use crate::explain::{Explanation, Finding};
use crate::rounds::vary::NotVaried;

pub(crate) use html::html_undecided;
use html::{html, html_unfinished};
pub(crate) use json::json;
pub(crate) use terminal::terminal;
pub(crate) use writing::Writing;

/// What the two sides are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// Any two trees or files.
    Pair,
    /// Builds of one recipe.
    Rounds {
        /// The recipe's name.
        recipe: String,
        /// How many builds.
        rounds: usize,
        /// Which two of them were compared, by their letters.
        #[serde(skip_serializing_if = "Option::is_none")]
        sides: Option<[char; 2]>,
    },
}

/// The content of a report.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    subject: Subject,
    counted: Counted,
    explanation: Explanation,
    variations: Vec<Variation>,
    not_varied: Vec<NotVaried>,
    checks: Vec<Check>,
    /// Reasons, by the paths of findings.
    waived: BTreeMap<String, String>,
}

impl Report {
    /// The report of a comparison and its explanation.
    pub(crate) fn new(subject: Subject, comparison: &Comparison, explanation: Explanation) -> Self {
        Self {
            subject,
            counted: comparison.counted,
            explanation,
            variations: Vec::new(),
            not_varied: Vec::new(),
            checks: Vec::new(),
            waived: BTreeMap::new(),
        }
    }

    /// What was varied between the sides, and what was not although it could matter.
    pub(crate) fn varied(self, variations: Vec<Variation>, not_varied: Vec<NotVaried>) -> Self {
        Self { variations, not_varied, ..self }
    }

    /// What else was looked at.
    pub(crate) fn checked(self, checks: Vec<Check>) -> Self {
        Self { checks, ..self }
    }

    /// Differences that are allowed: the reason of each, by the path of its finding. An unexplained
    /// difference cannot be waived, even if it is listed here.
    pub(crate) fn waived(self, waived: BTreeMap<String, String>) -> Self {
        Self { waived, ..self }
    }

    /// The worst of all that was found.
    pub(crate) fn outcome(&self) -> Outcome {
        let all_waived = self.explanation.findings.iter().all(|found| self.is_waived(found));
        let equality = if all_waived { Outcome::Good } else { Outcome::NotReproducible };
        self.checks.iter().map(|check| check.outcome).fold(equality, Outcome::max)
    }

    fn is_waived(&self, finding: &Finding) -> bool {
        finding.explained() && self.waived.contains_key(&finding.path)
    }

    /// The checks that failed.
    fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome != Outcome::Good)
    }
}

/// Prints to standard output. That nobody reads it any more changes no verdict.
///
/// # Errors
/// It cannot be written.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
