//! The report for a terminal: causes first, then unexplained differences, failed checks and the
//! verdict; at most [`MOST_LINES`] lines, and a few for each check.

use base::vocabulary::{Outcome, shown_bytes};

use super::verdict::{number, thousands};
use super::{Check, Report};
use crate::explain::{Evidence, Finding, Root};

const MOST_LINES: usize = 40;
/// The most lines of each check.
const MOST_DETAILS: usize = 12;
const MOST_COLUMNS: usize = 100;
/// The most characters of a check's line: it may have two hashes.
const MOST_CHECK_COLUMNS: usize = 240;
const MOST_ROOTS: usize = 6;

/// The whole report; equal sides have none but the verdict, and what was not varied.
pub(crate) fn terminal(report: &Report) -> String {
    let explanation = &report.explanation;
    let took_none = report.variations.iter().filter(|variation| !variation.bites);
    let mut lines: Vec<String> =
        took_none.map(|it| format!("variation `{}` took no effect", it.name)).collect();
    for root in explanation.roots.iter().take(MOST_ROOTS) {
        lines.extend(cause(root));
    }
    if let Some(left) = explanation.roots.len().checked_sub(MOST_ROOTS).filter(|left| *left > 0) {
        lines.push(format!("and {left} more root causes; `--json` has all"));
    }
    for root in &explanation.derived {
        let paths = number(root.paths, "file", "files");
        lines.push(format!("{:<28} {paths}, only follow from these", root.cause.id()));
    }
    lines.extend(not_waived(report));
    let unexplained: Vec<&Finding> = explanation
        .findings
        .iter()
        .flat_map(Finding::flattened)
        .filter(|finding| finding.unexplained.is_some())
        .collect();
    if !unexplained.is_empty() {
        lines
            .push(format!("UNEXPLAINED {:>29}", number(unexplained.len() as u64, "file", "files")));
    }
    // What has no cause is what a person must look at.
    let room = MOST_LINES.saturating_sub(lines.len() + 2).max(MOST_DETAILS);
    lines.extend(bounded(unexplained.iter().flat_map(|finding| open(finding)).collect(), room));
    let mut lines: Vec<String> = lines.iter().map(|line| clipped(line, MOST_COLUMNS)).collect();
    lines.extend(report.checks.iter().filter(|check| is_shown(check)).flat_map(told));
    if !report.not_varied.is_empty() {
        let names: Vec<String> = report.not_varied.iter().map(ToString::to_string).collect();
        lines.push(format!("not varied: {}", names.join(", ")));
    }
    // A verdict is one line that is never cut.
    lines.push(shown_bytes(report.verdict().as_bytes()));
    lines.join("\n") + "\n"
}

/// If some differences are allowed: the others, which the causes do not show.
fn not_waived(report: &Report) -> Vec<String> {
    let findings = report.explanation.findings.iter();
    let (waived, not): (Vec<&Finding>, Vec<&Finding>) =
        findings.filter(|it| it.explained()).partition(|it| report.is_waived(it));
    if waived.is_empty() || not.is_empty() {
        return Vec::new();
    }
    let count = number(not.len() as u64, "file", "files");
    let lines = not.iter().map(|finding| format!("  {}", finding.path)).collect();
    [vec![format!("{:<28} {count}", "not waived")], bounded(lines, MOST_DETAILS)].concat()
}

fn cause(root: &Root) -> Vec<String> {
    let mut distributions: Vec<_> = root.distributions.iter().collect();
    distributions.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let owners = distributions.iter().take(6).map(|(name, count)| match name.as_str() {
        "" => format!("no distribution {count}"),
        name => format!("{name} {count}"),
    });
    let mut owners: Vec<String> = owners.collect();
    if distributions.len() > owners.len() {
        owners.push(format!("{} more", distributions.len() - owners.len()));
    }
    let files = number(root.paths, "file", "files");
    let mut lines = vec![
        format!("{:<28} {files}: {}", root.cause.id(), owners.join(", ")),
        format!("  in    {}", root.first),
    ];
    lines.extend(root.evidence.iter().flat_map(evidence));
    if root.only_looks > 0 {
        let count = match root.only_looks {
            only if only == root.paths => String::new(),
            only => format!(" in {}", number(only, "file", "files")),
        };
        lines.push(format!(
            "  not proved harmless{count}: a waiver must name the sha256 of both sides"
        ));
    }
    lines.push(format!("  fix   {}", root.mitigation));
    lines
}

fn open(finding: &Finding) -> Vec<String> {
    let Some(unexplained) = &finding.unexplained else { return Vec::new() };
    let mut lines = vec![format!("  {}: {}", finding.path, unexplained.reason)];
    let refused: Vec<&str> = unexplained.refused.iter().map(|cause| cause.id()).collect();
    if !refused.is_empty() {
        lines.push(format!("  refused: {}", refused.join(", ")));
    }
    lines.extend(unexplained.evidence.first().into_iter().flat_map(evidence));
    lines
}

fn is_hint(line: &str) -> bool {
    line.trim_start().starts_with("hint: ")
}

/// A check that failed, or that says what a person could do although it passed.
fn is_shown(check: &Check) -> bool {
    check.outcome != Outcome::Good || check.detail.iter().any(|line| is_hint(line))
}

/// Returns the lines of a check; its hint is always printed in full.
fn told(check: &Check) -> Vec<String> {
    let verdict = if check.outcome == Outcome::Good { "passed" } else { "failed" };
    let mut lines = vec![format!("{:<28} {verdict}", check.name)];
    let shown = |line: &String| format!("  {}", shown_bytes(line.as_bytes()));
    let (hints, detail): (Vec<&String>, Vec<&String>) =
        check.detail.iter().partition(|line| is_hint(line));
    let detail = detail.into_iter().map(|line| clipped(&shown(line), MOST_CHECK_COLUMNS));
    lines.extend(bounded(detail.collect(), MOST_DETAILS));
    lines.extend(hints.into_iter().take(MOST_DETAILS).map(shown));
    lines
}

fn evidence(evidence: &Evidence) -> [String; 2] {
    let [a, b] = [&evidence.a, &evidence.b].map(|bytes| shown_bytes(bytes));
    [format!("  a     {a}"), format!("  b     {b}")]
}

fn bounded(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        let left = lines.len() - most.saturating_sub(1);
        lines.truncate(most.saturating_sub(1));
        lines.push(format!("  and {} lines more; `--json` has all", thousands(left as u64)));
    }
    lines
}

/// Names of distributions and files come from what is compared.
fn clipped(line: &str, most: usize) -> String {
    let line = shown_bytes(line.as_bytes());
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
