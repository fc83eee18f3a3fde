//! What was found, as one model that every report is made of: terminal, Markdown, JSON, SARIF and
//! GitHub's annotations. Foreign text is in it as it was found; each renderer escapes it.

mod escape;
pub mod github; // annotations and the step summary
pub mod markdown; // a comment
pub mod sarif; // SARIF 2.1.0
pub mod terminal; // a person at a screen

use serde::Serialize;

use crate::contents::ContentChange;
use crate::locks::LockChange;
use crate::policy::Judged;
use crate::recipes::RecipeChange;
use crate::rules::Level;
use crate::verdict::Verdict;

/// The version of the JSON form; `schemas/gate.schema.json` describes it.
pub const VERSION: u32 = 1;

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    version: u32,
    /// What was compared: a commit, or a file.
    pub(crate) base: String,
    pub(crate) head: String,
    /// The day for ages and exceptions.
    pub(crate) date: String,
    decision: &'static str,
    because: String,
    #[serde(skip)]
    pub(crate) verdict: Verdict,
    /// What was not done, a line each.
    pub(crate) notes: Vec<String>,
    /// What the rules found, worst first.
    pub(crate) findings: Vec<Row>,
    pub(crate) locks: Vec<LockChange>,
    pub(crate) recipes: Vec<RecipeChange>,
    /// How the content of packages changed, if it was looked into.
    pub(crate) contents: Vec<ContentChange>,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) detail: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: usize,
    /// Why an exception allows it.
    pub(crate) excepted: Option<String>,
}

/// What was compared, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) base: String,
    pub(crate) head: String,
    pub(crate) date: String,
}

/// What changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) locks: Vec<LockChange>,
    pub(crate) recipes: Vec<RecipeChange>,
    pub(crate) contents: Vec<ContentChange>,
}

impl Report {
    pub(crate) fn new(
        compared: Compared,
        verdict: Verdict,
        judged: Vec<Judged>,
        changed: Changed,
        notes: Vec<String>,
    ) -> Self {
        let row = |judged: Judged| Row {
            rule: judged.finding.rule.id,
            level: judged.level,
            subject: judged.finding.subject,
            message: judged.finding.message,
            detail: judged.finding.detail,
            file: judged.finding.file,
            line: judged.finding.line,
            excepted: judged.excepted,
        };
        let Compared { base, head, date } = compared;
        Self {
            version: VERSION,
            base,
            head,
            date,
            decision: verdict.decision.id(),
            because: verdict.because.clone(),
            verdict,
            notes,
            findings: judged.into_iter().map(row).collect(),
            locks: changed.locks,
            recipes: changed.recipes,
            contents: changed.contents,
        }
    }

    /// What it comes to.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// As JSON on several lines. No line of it is a command to GitHub's runner, which obeys
    /// `##[command]` anywhere in a line.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("it has no map with other keys");
        text.replace("##[", "\\u0023\\u0023[")
    }

    /// The findings of a level, in order.
    pub(crate) fn of_level(&self, level: Level) -> impl Iterator<Item = &Row> {
        self.findings.iter().filter(move |row| row.level == level)
    }
}
