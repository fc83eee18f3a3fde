//! `cargo xtask compare A B`: any two trees or files, without building anything.

use builder::vocabulary::{Outcome, Problem};

use super::compare::compare;
use super::explain::{Canaries, Context, explain};
use crate::flags::Compare;
use crate::report::{self, Report, Subject, Writing};

impl Compare {
    /// Prints the report; that there are differences is an error with an exit code of its own.
    pub(crate) fn run(self) -> anyhow::Result<()> {
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
        writing.finish(&report)?;
        if self.json {
            print!("{}", report::json(&report));
        } else {
            print!("{}", report::terminal(&report));
        }
        match report.outcome() {
            Outcome::Good => Ok(()),
            outcome => Err(Problem::new("the sides differ").outcome(outcome).into()),
        }
    }
}
