//! The report as JSON, for programs.

use std::collections::BTreeMap;

use base::vocabulary::Outcome;
use serde::Serialize;

use super::{Report, Subject};
use crate::check::{Check, Variation, outcome_id};
use crate::compare::Counted;
use crate::explain::Explanation;
use crate::rounds::vary::NotVaried;

/// The version of the JSON; raised whenever a field changes its meaning.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The verdict.
#[derive(Serialize)]
pub(super) struct Finished {
    #[serde(serialize_with = "outcome_id")]
    outcome: Outcome,
    verdict: String,
}

impl Finished {
    pub(super) fn of(report: &Report) -> Self {
        Self { outcome: report.outcome(), verdict: report.verdict() }
    }
}

/// A report as it is written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Wire<'r> {
    version: u32,
    #[serde(flatten)]
    finished: Finished,
    subject: &'r Subject,
    equal: bool,
    counted: Counted,
    /// How many paths differ.
    differing: u64,
    explanation: &'r Explanation,
    variations: &'r [Variation],
    not_varied: &'r [NotVaried],
    checks: &'r [Check],
    waived: &'r BTreeMap<String, String>,
}

/// The report as JSON, with a line's end.
pub(crate) fn json(report: &Report) -> String {
    let wire = Wire {
        version: FORMAT_VERSION,
        finished: Finished::of(report),
        subject: &report.subject,
        equal: report.explanation.findings.is_empty(),
        counted: report.counted,
        differing: report.explanation.findings.len() as u64,
        explanation: &report.explanation,
        variations: &report.variations,
        not_varied: &report.not_varied,
        checks: &report.checks,
        waived: &report.waived,
    };
    let json = serde_json::to_string_pretty(&wire).expect("a report has only text and numbers");
    json + "\n"
}
