//! `cargo xtask compare A B`: any two trees or files, without building anything.

use builder::vocabulary::{Outcome, Problem};

use super::compare::compare;
use super::explain::{Canaries, Context, explain};
use crate::flags::Compare;
use crate::report::{self, Report, Subject};

impl Compare {
    /// Prints the report; that there are differences is an error with an exit code of its own.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let canaries = match &self.canaries {
            Some(path) => Canaries::read(path)?,
            None => Canaries::default(),
        };
        let comparison = compare(&self.a, &self.b)?;
        let explanation =
            explain(&comparison, &Context { canaries, ..Context::default() }, |_| ())?;
        let report = Report::new(Subject::Pair, &comparison, explanation);
        if self.json {
            print!("{}", report::json(&report));
        } else {
            print!("{}", report::terminal(&report));
        }
        if comparison.equal() {
            return Ok(());
        }
        Err(Problem::new("the sides differ").outcome(Outcome::NotReproducible).into())
    }
}
