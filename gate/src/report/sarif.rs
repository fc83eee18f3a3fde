//! SARIF 2.1.0 (OASIS), as GitHub's code scanning reads it: stable rule ids, a fingerprint that
//! survives moved lines, and at most 5,000 results, worst first.

use serde_json::{Value, json};

use base::vocabulary::Sha256;

use super::escape::line;
use super::{Report, Row};
use crate::rules::{Level, RULES};

/// GitHub shows so many results of a run.
const RESULTS_MAX: usize = 5_000;

/// The whole report.
pub fn render(report: &Report) -> String {
    let rules: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "name": name(rule.id),
                "shortDescription": { "text": rule.about },
                "fullDescription": { "text": rule.about },
                "help": { "text": format!("`{}` is a rule of `docs/gate.md`.", rule.id) },
                "defaultConfiguration": { "level": level(rule.level) },
            })
        })
        .collect();
    let results: Vec<Value> = report.findings.iter().take(RESULTS_MAX).map(result).collect();
    let sarif = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lockstep gate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "automationDetails": { "id": "lockstep-gate/" },
            "results": results,
        }],
    });
    format!("{sarif:#}\n")
}

fn result(row: &Row) -> Value {
    let mut text = line(&row.message);
    for detail in &row.detail {
        text.push('\n');
        text.push_str(&line(detail));
    }
    // The message can name versions, which move on; rule, subject and file stay.
    let fingerprint = Sha256::of(format!("{}\0{}\0{}", row.rule, row.subject, row.file));
    let mut result = json!({
        "ruleId": row.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.id == row.rule),
        "level": level(row.level),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&row.file) },
            "region": { "startLine": row.line },
        } }],
        "partialFingerprints": { "lockstepGate/v1": fingerprint.to_string() },
    });
    if let Some(reason) = &row.excepted {
        result["suppressions"] = json!([{ "kind": "external", "justification": line(reason) }]);
    }
    result
}

/// A path as a relative URI (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escaped = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.bytes().map(escaped).collect()
}

/// `ReUpload` of `re-upload`.
fn name(id: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_ascii_uppercase() + rest
    };
    id.split('-').map(word).collect()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Allow => "note",
    }
}
