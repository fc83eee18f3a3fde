//! The report for a terminal: causes first, then what has none, then checks that do not hold, then
//! the verdict; at most [`MOST_LINES`] lines, and a few for each check.

use builder::vocabulary::shown_bytes;

use super::verdict::{number, thousands};
use super::{Check, Report};
use crate::verify::explain::{Evidence, Finding, Root};

const MOST_LINES: usize = 40;
/// Of each check.
const MOST_DETAILS: usize = 12;
const MOST_COLUMNS: usize = 100;

/// The whole report; equal sides have none but the verdict.
pub(crate) fn terminal(report: &Report) -> String {
    let mut lines = Vec::new();
    let explanation = &report.explanation;
    for variation in report.variations.iter().filter(|variation| !variation.bites) {
        lines.push(format!("variation `{}` took no effect", variation.name));
    }
    for root in &explanation.roots {
        lines.extend(cause(root));
    }
    for root in &explanation.derived {
        let paths = number(root.paths, "file", "files");
        lines.push(format!("{:<28} {paths}, only follow from these", root.cause.id()));
    }
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
    let room = MOST_LINES.saturating_sub(lines.len() + 2);
    lines.extend(bounded(unexplained.iter().flat_map(|finding| open(finding)).collect(), room));
    lines.extend(report.failed().flat_map(failed));
    let lines = lines.iter().map(|line| clipped(line) + "\n");
    // A verdict is one line that is never cut.
    lines.chain([shown_bytes(report.verdict().as_bytes()) + "\n"]).collect()
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
    lines.push(format!("  mend  {}", root.mitigation));
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

fn failed(check: &Check) -> Vec<String> {
    let mut lines = vec![format!("{:<28} does not hold", check.name)];
    let detail = check.detail.iter().map(|line| format!("  {}", shown_bytes(line.as_bytes())));
    lines.extend(bounded(detail.collect(), MOST_DETAILS));
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
fn clipped(line: &str) -> String {
    let line = shown_bytes(line.as_bytes());
    match line.char_indices().nth(MOST_COLUMNS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
