//! `compare A B`: any two trees or files, without building anything.

use std::path::PathBuf;

use base::sys::files::write_atomically;
use base::vocabulary::problem::render;
use base::vocabulary::{Outcome, Problem};

use crate::compare::compare;
use crate::explain::{Canaries, Context, explain};
use crate::report::{self, Report, Subject, Writing};

/// What `compare` is asked.
#[derive(Debug, Clone)]
pub struct CompareCommand {
    /// A directory or a file.
    pub a: PathBuf,
    /// Another one.
    pub b: PathBuf,
    /// Values that only one side can have: a JSON list of `{"kind": …, "a": …, "b": …}`.
    pub canaries: Option<PathBuf>,
    /// Print all findings as JSON instead of a summary.
    pub json: bool,
    /// Write the report as a page to look at.
    pub html: Option<PathBuf>,
    /// Write each finding as soon as it is known, a line of JSON each.
    pub partial: Option<PathBuf>,
}

impl CompareCommand {
    /// Prints the report; that there are differences is an error with an exit code of its own.
    pub fn run(self) -> anyhow::Result<()> {
        let outcome = self.compared().inspect_err(|error| {
            if let Some(page) = &self.html {
                let page_text = report::html_undecided(&Subject::Pair, &render(error));
                if let Err(error) = write_atomically(page, page_text.as_bytes()) {
                    // What failed first must be read.
                    eprintln!("warning: cannot write `{}`: {error}", page.display());
                }
            }
        })?;
        match outcome {
            Outcome::Good => Ok(()),
            outcome => Err(Problem::new("the sides differ").outcome(outcome).into()),
        }
    }

    fn compared(&self) -> anyhow::Result<Outcome> {
        let canaries = match &self.canaries {
            Some(path) => Canaries::read(path)?,
            None => Canaries::default(),
        };
        let (page, lines) = (self.html.as_deref(), self.partial.as_deref());
        let mut writing = Writing::begin(&Subject::Pair, page, lines)?;
        let comparison = compare(&self.a, &self.b)?;
        writing.compared(&comparison);
        let context = Context { canaries, ..Context::default() };
        let explanation = explain(&comparison, &context, |finding| writing.found(finding))?;
        let report = Report::new(Subject::Pair, &comparison, explanation);
        let text = if self.json { report::json(&report) } else { report::terminal(&report) };
        report::print(&text)?;
        writing.finish(&report)?;
        Ok(report.outcome())
    }
}
