//! `cargo xtask compare A B`: any two trees or files, without building anything.

use builder::sys::files::write_atomically;
use builder::vocabulary::problem::render;
use builder::vocabulary::{Outcome, Problem};

use super::compare::compare;
use super::explain::{Canaries, Context, explain};
use crate::flags::Compare;
use crate::report::{self, Report, Subject, Writing};

impl Compare {
    /// Prints the report; that there are differences is an error with an exit code of its own.
    pub(crate) fn run(self) -> anyhow::Result<()> {
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
