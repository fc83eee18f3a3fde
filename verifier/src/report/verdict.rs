//! The verdict, in one sentence.

use base::vocabulary::Outcome;

use super::{Report, Subject};

impl Report {
    /// In one line: whether all is well, and what was looked at.
    pub(crate) fn verdict(&self) -> String {
        let failed: Vec<String> = self.failed().map(|check| format!("`{}`", check.name)).collect();
        let failed = match failed.as_slice() {
            [] => String::new(),
            [one] => format!("{one} failed; "),
            several => format!("{} failed; ", several.join(", ")),
        };
        format!("{}: {failed}{}", self.word(), self.equality())
    }

    fn word(&self) -> &'static str {
        match (self.outcome(), &self.subject) {
            (Outcome::Good, Subject::Rounds { .. }) => "reproducible",
            (Outcome::NotReproducible, Subject::Rounds { .. }) => "not reproducible",
            (Outcome::Good, Subject::Pair) => "equal",
            (Outcome::NotReproducible, Subject::Pair) => "different",
            (Outcome::Policy, _) => "against the policy",
            (Outcome::SnapshotMismatch, _) => "not what was approved",
            (Outcome::GoldenMismatch, _) => "not the golden hash",
            (Outcome::Usage | Outcome::Undecided, _) => "undecided",
        }
    }

    fn equality(&self) -> String {
        let entries = number(self.counted.entries, "entry", "entries");
        let circumstances = self.circumstances();
        let findings = &self.explanation.findings;
        if findings.is_empty() {
            let equal = if self.subject == Subject::Pair { "" } else { " equal" };
            return format!("{entries}{equal}{circumstances}");
        }
        let mut parts =
            vec![number(self.explanation.roots.len() as u64, "root cause", "root causes")];
        parts.push(match self.explanation.unexplained {
            0 => "0 unexplained".to_owned(),
            count => format!("{} UNEXPLAINED", thousands(count)),
        });
        let looks = findings.iter().filter(|it| it.flattened().iter().any(|it| it.only_looks()));
        let looks = looks.count() as u64;
        if looks > 0 {
            parts.push(format!("{} not proved harmless", thousands(looks)));
        }
        let waived = findings.iter().filter(|finding| self.is_waived(finding)).count() as u64;
        if waived > 0 {
            parts.push(format!("{} waived", thousands(waived)));
        }
        let differing = thousands(findings.len() as u64);
        format!("{differing} of {entries} differ{circumstances}, {}", parts.join(", "))
    }

    /// ` in 2 rounds under 14 variations`: those that took effect.
    fn circumstances(&self) -> String {
        let Subject::Rounds { rounds, sides, .. } = self.subject else { return String::new() };
        let biting = self.variations.iter().filter(|variation| variation.bites).count() as u64;
        let which = match sides {
            Some([a, b]) if rounds > 2 => format!(" (here {a} and {b})"),
            _ => String::new(),
        };
        format!(" in {rounds} rounds{which} under {}", number(biting, "variation", "variations"))
    }
}

pub(super) fn number(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}
