//! What was found out, for people and programs. Nothing is decided here, and nothing read: the same
//! report gives the same bytes, without times and without paths of the machine.

mod json;
mod terminal;

use serde::Serialize;

use crate::verify::compare::{Comparison, Counted};
use crate::verify::explain::Explanation;

pub(crate) use json::json;
pub(crate) use terminal::terminal;

/// The version of the JSON; raised whenever a field changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// A thing that was varied between the sides, and what each of them saw of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Variation {
    /// Its name, as `--vary` takes it.
    pub(crate) name: String,
    /// What a probe read in A.
    pub(crate) a: String,
    /// What a probe read in B.
    pub(crate) b: String,
    /// Whether it took effect.
    pub(crate) bites: bool,
}

/// All that a report tells.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    version: u32,
    equal: bool,
    counted: Counted,
    /// How many paths differ.
    differing: u64,
    explanation: Explanation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variations: Vec<Variation>,
}

impl Report {
    /// Of a comparison and its explanation, and what was varied between the sides, if that is
    /// known.
    pub(crate) fn new(
        comparison: &Comparison,
        explanation: Explanation,
        variations: Vec<Variation>,
    ) -> Self {
        Self {
            version: FORMAT_VERSION,
            equal: comparison.equal(),
            counted: comparison.counted,
            differing: explanation.findings.len() as u64,
            explanation,
            variations,
        }
    }

    /// In one line, without knowing what was compared.
    pub(crate) fn verdict(&self) -> String {
        let Self { counted, differing, explanation, .. } = self;
        let entries = counted.entries;
        if self.equal {
            return format!("equal: {}", number(entries, "entry", "entries"));
        }
        format!(
            "{differing} of {} differ: {}, {}",
            number(entries, "entry", "entries"),
            number(explanation.roots.len() as u64, "root cause", "root causes"),
            match explanation.unexplained {
                0 => "0 unexplained".to_owned(),
                count => format!("{} UNEXPLAINED", thousands(count)),
            }
        )
    }
}

fn number(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}
