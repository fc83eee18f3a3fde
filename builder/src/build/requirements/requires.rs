//! The unresolved requirements of a build, each with its origin.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base::packaging::PackageName;

use crate::lock::build_lock::Demands;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution};
use base::packaging::Requirement;
use base::vocabulary::limits::ANSWER_REQUIREMENTS;
use base::vocabulary::{Markers, Problem, shortened};

/// What the build of one distribution asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requires {
    /// PEP 508 texts, each with who asks.
    asked: BTreeMap<String, Asker>,
    names: BTreeSet<PackageName>,
    /// The names that the project's `extra-build-dependencies` add.
    pub(super) extra: BTreeSet<PackageName>,
}

/// Who asks for a build requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// The tree's own `[build-system]`, or PEP 517's fallback.
    BuildSystem,
    /// The recipe.
    Recipe,
    /// The application's project.
    Project,
    /// The backend, when it was asked.
    Backend,
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuildSystem => "its `[build-system] requires`",
            Self::Recipe => "the recipe's `override`",
            Self::Project => "the project's `[tool.uv] extra-build-dependencies`",
            Self::Backend => "its backend's `get_requires_for_build_wheel`",
        })
    }
}

impl Requires {
    /// The static build requirements of a distribution whose own `pyproject.toml` is `own`: those
    /// of `[build-system]` with PEP 517's fallback, the `extra-build-dependencies` of the
    /// application's project, and the recipe's override. Requirements whose marker excludes every
    /// target of the recipe are left out.
    pub(super) fn of(
        distribution: &Distribution,
        own: &Pyproject,
        demands: Demands<'_>,
        resolution: &Resolution,
    ) -> Result<Self, Problem> {
        let recipe = demands.recipe;
        let settings = recipe.build_settings(&distribution.name);
        let extra = demands.extra_requires(distribution, resolution)?;
        let by = |asker: Asker| move |requirement: Requirement| (asker, requirement);
        let own = match &settings.requires {
            Some(instead) => instead.iter().cloned().map(by(Asker::Recipe)).collect::<Vec<_>>(),
            None => own.build_requires().into_iter().map(by(Asker::BuildSystem)).collect(),
        };
        let beside = settings.extra_requires.iter().cloned().map(by(Asker::Recipe));
        let wanted = |requirement: &Requirement| {
            let markers = recipe.targets.iter().map(base::vocabulary::Target::markers);
            markers.into_iter().any(|markers| requirement.evaluate_markers(markers, &[]))
        };
        let mut requires = Self::default();
        for (asker, it) in
            own.into_iter().chain(beside).chain(extra.into_iter().map(by(Asker::Project)))
        {
            if wanted(&it) {
                requires.add(distribution, &it, asker)?;
            }
        }
        Ok(requires)
    }

    /// Adds what the backend has asked for.
    pub(super) fn add_of_backend(
        &mut self,
        distribution: &Distribution,
        answer: &BTreeSet<String>,
    ) -> Result<(), Problem> {
        let name = &distribution.name;
        ANSWER_REQUIREMENTS.check(answer.len()).map_err(|error| {
            Problem::new(format!("the backend of `{name}` asks for too much"))
                .fact("because", error)
        })?;
        let mut markers = Markers::default();
        for text in answer {
            let requirement = markers.requirement(text).map_err(|error| {
                Problem::new(format!("the backend of `{name}` asks for `{}`", shortened(text)))
                    .fact("because", error)
            })?;
            self.add(distribution, &requirement, Asker::Backend)?;
        }
        Ok(())
    }

    /// A direct URL is pinned when it is locked; one of a file may be any file of this machine.
    fn add(
        &mut self,
        distribution: &Distribution,
        requirement: &Requirement,
        asker: Asker,
    ) -> Result<(), Problem> {
        let text = requirement.to_string();
        let url = text.split_once(" @ ").map(|(_, url)| url);
        let open = ["https://", "http://", "git+https://", "git+ssh://"];
        if url.is_some_and(|url| !open.iter().any(|scheme| url.starts_with(scheme))) {
            return Err(Problem::new(format!(
                "the build of `{}` requires `{text}`, a direct URL that is not `https:`",
                distribution.name
            ))
            .hint(format!(
                "`override.{}.build.requires` in the recipe replaces its build requirements",
                distribution.name
            )));
        }
        self.names.insert(requirement.name.clone());
        if asker == Asker::Project {
            self.extra.insert(requirement.name.clone());
        }
        self.asked.entry(text).or_insert(asker);
        Ok(())
    }

    /// The texts.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        self.asked.keys().cloned().collect()
    }

    /// Whether nothing is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The names of what is asked for.
    pub(super) fn names(&self) -> &BTreeSet<PackageName> {
        &self.names
    }

    /// One line each, with who asks, for a message.
    pub(super) fn told(&self) -> String {
        let lines = self.asked.iter().map(|(text, asker)| format!("{text}  ({asker})"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Lock;
    use crate::lock::resolve::resolve;
    use base::recipe::{Recipe, Selection};
    use base::vocabulary::Target;

    const LOCK: &str = "version = 1
        [[package]]
        name = 'app'
        version = '1'
        source = { directory = '.' }
        dependencies = [{ name = 'lxml' }]
        [[package]]
        name = 'lxml'
        version = '6.0.2'
        source = { directory = 'lxml' }";

    /// What `app` asks for, given `[tool.uv.extra-build-dependencies] app`.
    fn asked(extra: &str) -> Result<Vec<String>, Problem> {
        let target = Target::new("3.14", "linux").unwrap();
        let lock = Lock::parse(LOCK).unwrap();
        let selection = Selection::default();
        let found = resolve(&lock, &Pyproject::default(), &target, &selection).unwrap();
        let text = format!(
            "build-system = {{ requires = ['hatchling', 'y; sys_platform == \"win32\"'] }}\n\
             tool.uv.extra-build-dependencies.app = {extra}"
        );
        let project = Pyproject::parse("the project", &text)?;
        let recipe = "source = { path = 'x' }\n\
                      target = { python = '3.14', platforms = ['linux'] }";
        let recipe = Recipe::parse("x", recipe, &|_| unreachable!("nothing lies beside it"))?;
        let app = found.get(&"app".parse().unwrap()).unwrap();
        let demands = Demands { recipe: &recipe, project: &project, lock: &lock };
        let asked = Requires::of(app, &project, demands, &found)?;
        Ok(asked.texts().into_iter().collect())
    }

    #[test]
    fn extra_build_dependencies_keep_their_versions_and_may_match_the_run_time() {
        for (extra, expected) in [
            ("[]", &["hatchling"][..]),
            ("['setuptools>=80,<81']", &["hatchling", "setuptools>=80,<81"]),
            ("['x; python_version < \"3\"']", &["hatchling"]),
            ("[{ requirement = 'lxml' }]", &["hatchling", "lxml"]),
            ("[{ requirement = 'lxml', match-runtime = false }]", &["hatchling", "lxml"]),
            ("[{ requirement = 'lxml', match-runtime = true }]", &["hatchling", "lxml==6.0.2"]),
        ] {
            assert_eq!(asked(extra).unwrap(), expected, "{extra}");
        }
        let absent = asked("[{ requirement = 'absent', match-runtime = true }]").unwrap_err();
        assert!(absent.hint.unwrap().contains("match-runtime"));
        let url = asked("['x @ file:///etc/x-1.tar.gz']").unwrap_err().to_string();
        assert!(url.contains("a direct URL"), "{url}");
        assert!(asked("['x @ https://x.example/x-1.tar.gz']").is_ok());
    }
}
