//! The report for programs.

use super::Report;

/// The report as JSON, with a line's end.
pub(crate) fn json(report: &Report) -> String {
    let json = serde_json::to_string_pretty(report).expect("a report has only text and numbers");
    json + "\n"
}
