//! Prints the output of `verify-repro` besides its progress: reports, the last line, and the
//! message if there is no report.

use base::sys::files::write_atomically;
use base::vocabulary::problem::{outcome_of, render};
use base::vocabulary::{Outcome, Problem};

use super::{Program, VerifyRepro};
use crate::report::{self, Report, Subject};
use crate::rounds::vary::{Here, Reach, Variation};

impl VerifyRepro {
    /// Reports an undecided result in every place where a reader looks for a report.
    pub(super) fn tell_failure(&self, error: &anyhow::Error, program: Program<'_>) {
        let text = render(error);
        eprintln!("{}\n", (program.typed)(&text));
        let rounds = self.rounds as usize;
        let subject = Subject::Rounds { recipe: self.recipe.clone(), rounds, sides: None };
        if let Some(page) = &self.html
            && let Err(error) =
                write_atomically(page, report::html_undecided(&subject, &text).as_bytes())
        {
            // What failed first must be read.
            eprintln!("warning: cannot write `{}`: {error}", page.display());
        }
        if self.json {
            // Its facts have paths of this machine.
            let first = text.lines().next().unwrap_or_default();
            print_json(&[], outcome_of(error), Some(first)).unwrap_or_default();
        }
    }

    pub(super) fn print(
        &self,
        reports: &[Report],
        typed: &dyn Fn(&str) -> String,
    ) -> anyhow::Result<()> {
        let outcome = reports.iter().map(Report::outcome).max().unwrap_or(Outcome::Undecided);
        if self.json {
            return print_json(reports, outcome, None);
        }
        let differing: Vec<&Report> =
            reports.iter().filter(|it| it.outcome() != Outcome::Good).collect();
        // Of equal pairs one is enough.
        let shown = if differing.is_empty() { reports.iter().take(1).collect() } else { differing };
        let text: String = shown.into_iter().map(report::terminal).collect();
        Ok(report::print(&typed(&text))?)
    }

    /// The last line.
    pub(super) fn say(&self, line: &str) -> anyhow::Result<()> {
        // With `--json`, standard output is the report alone.
        if self.json {
            eprintln!("{line}");
            return Ok(());
        }
        Ok(report::print(&format!("{line}\n"))?)
    }
}

fn print_json(reports: &[Report], outcome: Outcome, error: Option<&str>) -> anyhow::Result<()> {
    let read = |report| serde_json::from_str::<serde_json::Value>(&report::json(report));
    let reports = reports.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let code = outcome.code();
    let value = serde_json::json!({ "reports": reports, "exit-code": code, "error": error });
    Ok(report::print(&format!("{value:#}\n"))?)
}

/// The last line of a run whose outcome is an exit code other than 0.
pub(super) fn not_merged(what: &str, outcome: Outcome) -> anyhow::Error {
    Problem::new(format!("{what} (exit code {})", outcome.code())).outcome(outcome).into()
}

/// The table of variations.
pub(super) fn list(here: Here) -> anyhow::Result<()> {
    let mut text = String::new();
    for variation in Variation::ALL {
        let reach = match variation.reach() {
            Reach::Inside => "varied",
            Reach::Pinned => "pinned",
        };
        let state = variation.impossible(here).map(|why| format!("; cannot bite here: {why}"));
        text += &format!(
            "{:<20} {reach}  {}{}\n",
            variation.name(),
            variation.description(),
            state.unwrap_or_default()
        );
    }
    text += "\nvaried: programs in the sandbox see another value. pinned: they do not, whatever \
             the host has;\n`--vary=+NAME` lets them see it, to learn what depends on the pin\n";
    Ok(report::print(&text)?)
}
