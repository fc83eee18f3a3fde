//! The error of a failed build: the decisive line of its log, the recipe key that helps, and the
//! path of the whole log.

use std::path::Path;

use crate::missing::{Decisive, Missing, System, advice, decisive_of};
use base::packaging::PackageName;
use base::recipe::Provider;
use base::vocabulary::problem::Part;
use base::vocabulary::{Problem, shown_lines};

/// More characters of the line that decides are not shown.
const SHOWN_MAX: usize = 400;

/// Adds to the problem of a build, or of a question to a backend, what its log says. The hint names
/// what to add to the recipe, if the log says that.
pub(super) fn explained(
    problem: Problem,
    name: &PackageName,
    log: &Path,
    provider: Provider,
) -> Problem {
    let decisive = decisive_of(log);
    let line = decisive.as_ref().map_or("", |it| &it.line);
    let mut problem = problem.broken(Part::Build(name.to_string()), line);
    let Some(Decisive { line, missing }) = decisive else {
        return problem;
    };
    let shown: String = shown_lines(&line).chars().take(SHOWN_MAX).collect();
    problem.facts.insert(0, ("because".to_owned(), shown));
    match missing {
        Some(missing) => problem.hint(of(&missing, name, provider)),
        None => problem,
    }
}

fn of(missing: &Missing, name: &PackageName, provider: Provider) -> String {
    let package = System::of(provider).and_then(|it| it.package(missing));
    advice(missing, name.as_ref(), package)
}

/// Of several failures, the end of each log would hide the rest.
pub(super) fn without_log(problem: Problem) -> Problem {
    let facts = problem.facts.iter().filter(|(label, _)| label != "log ends").cloned();
    Problem { facts: facts.collect(), ..problem }
}
