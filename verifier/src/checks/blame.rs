//! Finds the distribution that caused an unexplained difference, and the variation that it depends
//! on. It builds only that distribution's wheel again, once with each variation alone, until one
//! variation makes the difference.

use std::path::Path;

use base::vocabulary::Problem;

use crate::compare::compare;
use crate::explain::{Explanation, Finding};
use crate::rounds::Workplace;
use crate::rounds::places;
use crate::rounds::vary::Chosen;

/// What a wheel depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blame {
    /// It differs although nothing is varied but the directory on the host.
    Random,
    /// One variation alone makes it differ.
    Variation(&'static str),
    /// No variation alone does.
    Nothing,
}

/// Distributions whose built wheel differs without explanation, sorted, each once.
pub(crate) fn suspects(explanation: &Explanation) -> Vec<String> {
    let unexplained = |finding: &&Finding| !finding.explained();
    let of_wheels = explanation.findings.iter().filter(unexplained).filter(|finding| {
        let name = finding.path.strip_prefix("wheels/").unwrap_or_default();
        std::path::Path::new(name).extension().is_some_and(|it| it == "whl")
    });
    let names = of_wheels.filter_map(|finding| finding.owners.first());
    let mut names: Vec<String> = names.map(|owner| owner.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Builds the wheel of `name` with the variations of round `other`, until it finds the one to
/// blame. It also rebuilds the build requirements, but does not compare them.
pub(crate) fn find(
    workplace: &Workplace<'_>,
    chosen: &Chosen,
    (name, other): (&str, usize),
    base: &Path,
) -> Result<Blame, Problem> {
    let build = |label: &str, index: usize, chosen: &Chosen| {
        let place = places::place(index, chosen);
        let round = workplace.lay_out(place, &base.join(label))?;
        workplace.build_wheel(&round, name)
    };
    let ordinary = build("ordinary", 0, &Chosen::new())?;
    let again = build("again", other, &Chosen::new())?;
    if !compare(&ordinary, &again)?.equal() {
        return Ok(Blame::Random);
    }
    for (variation, reach) in chosen {
        let alone: Chosen = [(*variation, *reach)].into();
        let varied = build(variation.name(), other, &alone)?;
        if !compare(&ordinary, &varied)?.equal() {
            return Ok(Blame::Variation(variation.name()));
        }
    }
    Ok(Blame::Nothing)
}

impl Blame {
    /// One line for a person.
    pub(crate) fn line(&self, name: &str) -> String {
        match self {
            Self::Random => {
                format!("{name}: its wheel differs although only its place and time do")
            }
            Self::Variation(variation) => format!("{name}: its wheel depends on `{variation}`"),
            Self::Nothing => {
                format!("{name}: no variation alone makes its wheel differ; several together may")
            }
        }
    }
}
