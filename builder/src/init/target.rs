//! Chooses the Python and the platform of a project's first build, and the source of that Python.

use super::project::Project;
use crate::lock::resolve::{Resolution, resolve};
use base::packaging::Version;
use base::recipe::Selection;
use base::vocabulary::{Problem, Target};

/// A Debian suite, the versions of Python in it, and the oldest glibc, 2.x, that its wheels may
/// ask for.
struct Suite {
    name: &'static str,
    pythons: &'static [&'static str],
    glibc: u8,
}

/// The default suite comes first.
const SUITES: [Suite; 3] = [
    Suite { name: "forky", pythons: &["3.14", "3.13"], glibc: 39 },
    Suite { name: "trixie", pythons: &["3.13"], glibc: 39 },
    Suite { name: "bookworm", pythons: &["3.11"], glibc: 36 },
];

/// What is built for.
pub(super) struct Chosen {
    pub(super) target: Target,
    /// The suite, unless it is the default.
    pub(super) suite: Option<&'static str>,
    pub(super) because: String,
    pub(super) resolution: Resolution,
}

/// The suite in which what runs is looked up.
pub(super) fn default_suite() -> &'static str {
    SUITES[0].name
}

/// Chooses among the Pythons that a suite has and the lock allows: the one that the project's own
/// files name, else the one with the fewest builds from source, else the newest.
///
/// # Errors
/// The lock allows none of them, or resolves for none.
pub(super) fn choose(project: &Project, selection: &Selection) -> Result<Chosen, Problem> {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    let named = project.pinned_python.iter().chain(&project.hints.pythons).next();
    let mut best: Option<((bool, usize), Chosen)> = None;
    let mut failed = None;
    let requires = project.locked.lock.requires_python.as_ref();
    for (index, suite) in SUITES.iter().enumerate() {
        for python in suite.pythons {
            if !allowed(requires.map(ToString::to_string).as_deref(), python) {
                continue;
            }
            let platform = format!("{machine}-manylinux_2_{}", suite.glibc);
            let target = Target::new(python, &platform)
                .map_err(|error| Problem::usage(error.to_string()).hint(error.hint()))?;
            let locked = &project.locked;
            let resolution = match resolve(&locked.lock, &locked.project, &target, selection) {
                Ok(resolution) => resolution,
                Err(problem) => {
                    failed.get_or_insert(problem);
                    continue;
                }
            };
            let is_named = named.is_some_and(|it| it == python);
            let score = (!is_named, resolution.built().count());
            if best.as_ref().is_none_or(|(other, _)| score < *other) {
                let because = because(named, is_named, requires.map(ToString::to_string));
                let suite = (index > 0).then_some(suite.name);
                best = Some((score, Chosen { target, suite, because, resolution }));
            }
        }
    }
    match (best, failed) {
        (Some((_, chosen)), _) => Ok(chosen),
        (None, Some(problem)) => Err(problem),
        (None, None) => Err(Problem::usage("no Debian suite has a Python that the lock allows")
            .fact("requires-python", requires.map(ToString::to_string).unwrap_or_default())
            .fact(
                "suites",
                SUITES.map(|it| format!("{}: {}", it.name, it.pythons.join(", "))).join("\n"),
            )
            .hint("write the recipe yourself, with `toolchain.providers = [\"host\"]`")),
    }
}

fn because(named: Option<&String>, is_named: bool, requires: Option<String>) -> String {
    let requires = requires.map_or_else(String::new, |it| format!("; requires-python is `{it}`"));
    match named {
        Some(_) if is_named => format!("the project's own files name this Python{requires}"),
        Some(named) => {
            format!("the project's own files name {named}, which no suite here has{requires}")
        }
        None => format!("the newest for which least must be built from source{requires}"),
    }
}

/// Whether a lock allows some patch version of a Python.
fn allowed(requires: Option<&str>, python: &str) -> bool {
    let Some(specifiers) = requires.map(str::parse::<base::packaging::VersionSpecifiers>) else {
        return true;
    };
    let Ok(specifiers) = specifiers else { return false };
    let versions = [python.to_owned(), format!("{python}.99")];
    let contains =
        |text: &String| text.parse::<Version>().is_ok_and(|version| specifiers.contains(&version));
    versions.iter().any(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_allows_some_pythons() {
        for (requires, python, expected) in [
            (Some(">=3.13.2"), "3.13", true),
            (Some("==3.14.*"), "3.14", true),
            (Some(">=3.11, <3.14"), "3.14", false),
            (Some("<=3.13"), "3.13", true),
            (None, "3.14", true),
        ] {
            assert_eq!(allowed(requires, python), expected, "{requires:?} {python}");
        }
    }
}
