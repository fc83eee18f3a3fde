//! What a build asks for, before anything is resolved.

use std::collections::BTreeSet;

use uv_pep508::Requirement;

use crate::lock::build_lock::Demands;
use crate::lock::pyproject::Pyproject;
use crate::lock::resolve::{Distribution, Resolution};
use base::vocabulary::Problem;

/// The static build requirements of a distribution whose own `pyproject.toml` is `own`: those of
/// `[build-system]` with PEP 517's fallback, the `extra-build-dependencies` of the application's
/// project, and the recipe's override. Requirements whose marker excludes the target
/// on every platform of the recipe are left out.
pub(super) fn static_requires(
    distribution: &Distribution,
    own: &Pyproject,
    demands: Demands<'_>,
    resolution: &Resolution,
) -> Result<BTreeSet<String>, Problem> {
    let recipe = demands.recipe;
    let mut requires = recipe.build_settings(&distribution.name).asked(own.build_requires());
    requires.extend(demands.extra_requires(distribution, resolution)?);
    let wanted = |requirement: &Requirement| {
        let markers = recipe.targets.iter().map(base::vocabulary::Target::markers);
        markers.into_iter().any(|markers| requirement.evaluate_markers(markers, &[]))
    };
    requires.into_iter().filter(wanted).map(|it| checked(distribution, &it)).collect()
}

/// What the backend has asked for.
pub(super) fn of_backend(
    distribution: &Distribution,
    answer: &[String],
) -> Result<BTreeSet<String>, Problem> {
    let parse = |text: &String| {
        let requirement: Requirement = text.parse().map_err(|error| {
            let name = &distribution.name;
            Problem::new(format!("the backend of `{name}` asks for `{text}`")).cause(error)
        })?;
        checked(distribution, &requirement)
    };
    answer.iter().map(parse).collect()
}

/// A URL in a build requirement would be an unpinned download, and may name a file of the host.
fn checked(distribution: &Distribution, requirement: &Requirement) -> Result<String, Problem> {
    match &requirement.version_or_url {
        Some(uv_pep508::VersionOrUrl::Url(_)) => Err(Problem::new(format!(
            "the build of `{}` requires `{requirement}`, a direct URL",
            distribution.name
        ))
        .hint("patch its `[build-system]`; only build requirements of an index can be locked")),
        _ => Ok(requirement.to_string()),
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
        let asked = static_requires(app, &project, demands, &found)?;
        Ok(asked.into_iter().collect())
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
        let url = asked("['x @ https://x.example/x-1.tar.gz']").unwrap_err().to_string();
        assert!(url.contains("a direct URL"), "{url}");
    }
}
