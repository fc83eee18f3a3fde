//! `doctor`: what a machine has and lacks.

use anyhow::Result;
use base::vocabulary::Outcome;
use builder::inspect::doctor;

use super::Context;

impl Context<'_> {
    pub(super) fn doctor(&self) -> Result<Outcome> {
        let findings = doctor::examine(&self.host);
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let json = serde_json::to_value(&findings)?;
        self.print(&json, &text.join("\n"));
        Ok(if doctor::is_good(&findings) { Outcome::Good } else { Outcome::Undecided })
    }
}
