//! Annotations for GitHub's runner (workflow commands): the ten worst, which is what it shows of a
//! step. What is no plain text in them is escaped as the runner unescapes it.

use super::escape::line;
use super::{Report, Row};
use crate::rules::Level;

/// GitHub shows so many annotations of a step.
const ANNOTATIONS: usize = 10;

/// One command a line, worst first; nothing if nothing warns.
pub fn annotations(report: &Report) -> String {
    let rows = report.findings.iter().filter(|row| row.level > Level::Allow);
    rows.take(ANNOTATIONS).map(annotation).collect()
}

fn annotation(row: &Row) -> String {
    let command = if row.level == Level::Deny { "error" } else { "warning" };
    let (file, title, number) = (property(&row.file), property(row.rule), row.line);
    format!("::{command} file={file},line={number},title={title}::{}\n", data(&row.message))
}

fn data(text: &str) -> String {
    line(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
