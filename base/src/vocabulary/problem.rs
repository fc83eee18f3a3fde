//! Errors that a person acts on: the failed action and its object, the facts side by side, and one
//! hint. The hint is data next to the error, not part of its text, so that a renderer can place it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Outcome, shown_lines};

/// A failed action, as the command line prints it:
///
/// ```text
/// error: cannot fetch `lxml-6.0.2.tar.gz` from `https://files.example/lxml-6.0.2.tar.gz`
///   expected  sha256:4e10…be91 (uv.lock)
///   received  sha256:77c0…12aa (3679479 bytes)
///
/// hint: the file changed upstream; …
/// ```
///
/// Lower case, no full stop, literals in backticks. What went wrong below it is its `cause`.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What could not be done, and to what.
    pub what: String,
    /// Labelled values, aligned below it; a value may have several lines.
    pub facts: Vec<(String, String)>,
    /// One way out.
    pub hint: Option<String>,
    /// The exit code's meaning.
    pub outcome: Outcome,
    /// The error that made it fail, if there was one.
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
    /// Whether a full disk was already reported as the cause.
    pub full_disk: bool,
    /// The parts of the application that failed, for code that acts on them.
    pub broken: Vec<Broken>,
}

/// A part of an application that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub part: Part,
    /// The part of the output that gives the reason; foreign text.
    pub printed: String,
}

/// A part of an application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The build of a distribution, or the question what it needs; by its normalised name.
    Build(String),
    /// The import of a module.
    Module(String),
    /// A console script.
    Script {
        /// Its name.
        name: String,
        /// The distribution that ships it.
        distribution: String,
    },
    /// Another check, by what it shows.
    Check(String),
}

impl Problem {
    /// A failure of which nothing else is known yet; [`Outcome::Undecided`].
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            facts: Vec::new(),
            hint: None,
            outcome: Outcome::Undecided,
            cause: None,
            full_disk: false,
            broken: Vec::new(),
        }
    }

    /// A request that makes no sense: [`Outcome::Usage`].
    pub fn usage(what: impl Into<String>) -> Self {
        Self { outcome: Outcome::Usage, ..Self::new(what) }
    }

    /// Adds a labelled value.
    #[must_use]
    pub fn fact(mut self, label: impl Into<String>, value: impl fmt::Display) -> Self {
        self.facts.push((label.into(), value.to_string()));
        self
    }

    /// Sets the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets what made it fail; takes any error, anyhow's included.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Names a part that failed, with what was printed.
    #[must_use]
    pub fn broken(mut self, part: Part, printed: impl Into<String>) -> Self {
        self.broken.push(Broken { part, printed: printed.into() });
        self
    }

    /// Several failures of one kind as one, in this order; one alone speaks for itself. `what` says
    /// how many there are.
    pub fn of_several(
        what: impl FnOnce(usize) -> String,
        failures: Vec<(String, Self)>,
    ) -> Option<Self> {
        let count = failures.len();
        let mut failures = failures.into_iter();
        let first = failures.next()?;
        if count == 1 {
            return Some(first.1);
        }
        let all: Vec<_> = std::iter::once(first).chain(failures).collect();
        let mut problem = Self::new(what(count)).outcome(all[0].1.outcome);
        // One way out for all of them stands below; else each has its own.
        if all.iter().all(|(_, it)| it.hint == all[0].1.hint) {
            problem.hint.clone_from(&all[0].1.hint);
        }
        for (label, failure) in all {
            let mut text = failure.to_string();
            if let Some(cause) = &failure.cause {
                text = format!("{text}\n  caused by: {cause}");
            }
            if failure.hint != problem.hint
                && let Some(hint) = &failure.hint
            {
                text = format!("{text}\n  hint: {hint}");
            }
            problem.outcome = problem.outcome.max(failure.outcome);
            problem.full_disk |= failure.full_disk;
            problem.broken.extend(failure.broken);
            problem = problem.fact(label, text);
        }
        Some(problem)
    }

    /// Sets the exit code's meaning.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }
}

/// The widest label of a fact that shares a line with its value; the value of a longer label is on
/// the next line.
const LABEL_WIDTH_MAX: usize = 24;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let width = |label: &str| label.chars().count();
        let short = self.facts.iter().map(|(label, _)| width(label));
        let short = short.filter(|width| *width <= LABEL_WIDTH_MAX);
        let column = short.max().unwrap_or(0);
        for (label, value) in &self.facts {
            let mut lines = value.lines();
            // A name of a file must not push the values of the others off the screen.
            if width(label) > LABEL_WIDTH_MAX {
                write!(f, "\n  {label}")?;
                for line in lines {
                    write!(f, "\n    {line}")?;
                }
                continue;
            }
            let width = column;
            write!(f, "\n  {label:width$}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                write!(f, "\n  {:width$}  {line}", "")?;
            }
        }
        Ok(())
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Renders an error with its causes and the first hint on the way down, for standard error. What of
/// it a terminal would obey is escaped: names of files and what programs print is in it.
pub fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error}");
    for cause in error.chain().skip(1) {
        let cause = cause.to_string().replace('\n', "\n  ");
        text.push_str(&format!("\n  caused by: {cause}"));
    }
    let mut problems = error.chain().filter_map(|cause| cause.downcast_ref::<Problem>());
    if let Some(hint) = problems.find_map(|problem| problem.hint.as_ref()) {
        text.push_str(&format!("\n\nhint: {hint}"));
    }
    shown_lines(&text)
}

/// The outcome that an error stands for: that of the outermost [`Problem`] that has decided one.
pub fn outcome_of(error: &anyhow::Error) -> Outcome {
    let problems = error.chain().filter_map(|cause| cause.downcast_ref::<Problem>());
    problems
        .map(|problem| problem.outcome)
        .find(|outcome| *outcome != Outcome::Undecided)
        .unwrap_or(Outcome::Undecided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_aligned_and_the_hint_comes_last() {
        let problem = Problem::new("cannot fetch `a.whl`")
            .fact("expected", "sha256:1")
            .fact("got", "sha256:2\n(3 bytes)")
            .hint("lock again")
            .cause(std::io::Error::other("disk on fire\u{1b}[2J"));
        let error = anyhow::Error::new(problem);
        assert_eq!(
            render(&error),
            "error: cannot fetch `a.whl`\n  expected  sha256:1\n  got       sha256:2\n            \
             (3 bytes)\n  caused by: disk on fire\\u{1b}[2J\n\nhint: lock again"
        );
        assert_eq!(outcome_of(&error), Outcome::Undecided);
    }

    #[test]
    fn a_long_label_stands_above_its_value_and_moves_no_other() {
        let name = "a".repeat(100);
        let problem = Problem::new("two files differ")
            .fact("expected", "1")
            .fact(&name, "sha256:1\nsha256:2")
            .fact("got", "2");
        let expected = format!(
            "two files differ\n  expected  1\n  {name}\n    sha256:1\n    sha256:2\n  got       2"
        );
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn the_outermost_decided_outcome_wins() {
        let inner = anyhow::Error::new(Problem::usage("no such extra")).context("in the recipe");
        let error = anyhow::Error::new(Problem::new("cannot resolve").cause(inner));
        assert_eq!(outcome_of(&error), Outcome::Usage);
    }
}
