//! Compares the first round with another one: what was varied, what differs, and why.

use std::path::Path;

use base::vocabulary::{Outcome, Problem};

use crate::check::{self, Check};
use crate::checks::blame;
use crate::compare::{Comparison, compare};
use crate::explain::{Canaries, Context, Explanation, explain};
use crate::report::Writing;
use crate::rounds::places;
use crate::rounds::probe::{self, Seen};
use crate::rounds::vary::Chosen;
use crate::rounds::{Finished, Round, Workplace};

/// The rounds, and how they differ.
pub(crate) struct Varied<'v> {
    /// What was chosen to be varied.
    pub(crate) chosen: &'v Chosen,
    /// The rounds.
    pub(crate) rounds: &'v [Round],
    /// What each of them saw.
    pub(crate) seen: &'v [Seen],
}

impl Varied<'_> {
    /// What is varied between the first round and another one, and what each of them saw of it.
    pub(crate) fn variations(&self, index: usize) -> Vec<check::Variation> {
        let probed = |index: usize| (&self.rounds[index].place, &self.seen[index]);
        let chosen = self.chosen.iter().map(|(variation, reach)| (*variation, *reach));
        let chosen = chosen.filter(|(it, reach)| places::differs(*it, *reach, index)).collect();
        probe::judge(&chosen, probed(0), probed(index))
    }

    /// Whether everything took effect in every round.
    pub(crate) fn check(&self) -> Check {
        let seen: Vec<&Seen> = self.seen.iter().collect();
        let variations = (1..self.rounds.len()).flat_map(|index| self.variations(index));
        probe::check(&variations.collect::<Vec<_>>(), &seen)
    }

    /// The error that nothing is built.
    pub(crate) fn problem(check: &Check) -> Problem {
        let problem = Problem::new("the rounds are not what they were meant to be");
        let problem = check.detail.iter().fold(problem, |problem, it| problem.fact("probe", it));
        problem.hint("nothing was built; a variation that does not bite proves nothing")
    }
}

/// The first round and another one.
pub(crate) struct Pair<'p> {
    /// How they differ.
    pub(crate) varied: &'p Varied<'p>,
    /// All rounds.
    pub(crate) finished: &'p [Finished],
    /// The other one's.
    pub(crate) index: usize,
}

impl Pair<'_> {
    /// Compares them and explains what differs.
    pub(crate) fn explain(
        &self,
        writing: &mut Writing,
    ) -> anyhow::Result<(Comparison, Explanation)> {
        let Self { varied, finished, index } = *self;
        let (a, b) = (&varied.rounds[0].place, &varied.rounds[index].place);
        let comparison = compare(&finished[0].product, &finished[index].product)?;
        writing.compared(&comparison);
        let own = [0, index].map(|it| varied.seen[it].own());
        let canaries = Canaries(places::canaries(varied.chosen, [a, b], own));
        let context = Context { canaries, kinds: finished[0].kinds()? };
        let explanation = explain(&comparison, &context, |finding| writing.found(finding))?;
        Ok((comparison, explanation))
    }

    /// What the distributions depend on whose wheels differ without explanation.
    pub(crate) fn blame(
        &self,
        workplace: &Workplace<'_>,
        explanation: &Explanation,
        base: &Path,
    ) -> Option<Check> {
        let mut detail = Vec::new();
        for name in blame::suspects(explanation) {
            let base = base.join(format!("blame-{}", self.index)).join(&name);
            // That it is not found out must not hide what was.
            let suspect = (name.as_str(), self.index);
            match blame::find(workplace, self.varied.chosen, suspect, &base) {
                Ok(found) => detail.push(found.line(&name)),
                Err(problem) => {
                    let text = format!("{name}: not found out: {problem}");
                    detail.extend(text.lines().map(str::to_owned));
                }
            }
        }
        let found = (!detail.is_empty()).then_some(Outcome::NotReproducible);
        found.map(|outcome| Check { name: "blame", outcome, detail })
    }
}
