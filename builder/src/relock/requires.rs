//! What a build asks for, before anything is resolved.

use std::collections::BTreeSet;

use uv_normalize::PackageName;
use uv_pep508::Requirement;

use crate::pyproject::Pyproject;
use crate::recipe::Recipe;
use crate::resolve::{Distribution, Resolution};
use crate::vocabulary::Problem;

/// The static build requirements of a distribution whose own `pyproject.toml` is `own`: those of
/// `[build-system]` with PEP 517's fallback, the `extra-build-dependencies` of the application's
/// project, and the recipe's override. Requirements whose marker excludes the target
/// on every platform of the recipe are left out.
pub(super) fn static_requires(
    distribution: &Distribution,
    own: &Pyproject,
    project: &Pyproject,
    recipe: &Recipe,
    resolution: &Resolution,
) -> Result<BTreeSet<String>, Problem> {
    let mut requires = recipe.build_settings(&distribution.name).asked(own.build_requires());
    for extra in project.uv.extra_build_dependencies.get(&distribution.name).into_iter().flatten() {
        requires.push(if extra.match_runtime {
            matching_runtime(&extra.requirement, distribution, resolution)?
        } else {
            extra.requirement.clone()
        });
    }
    let wanted = |requirement: &Requirement| {
        let markers = recipe.targets.iter().map(crate::vocabulary::Target::markers);
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

fn matching_runtime(
    requirement: &Requirement,
    distribution: &Distribution,
    resolution: &Resolution,
) -> Result<Requirement, Problem> {
    let name: &PackageName = &requirement.name;
    let version = resolution.get(name).and_then(|found| found.version.as_ref());
    let version = version.ok_or_else(|| {
        Problem::usage(format!(
            "`extra-build-dependencies` of `{}` wants `{name}` to match the run time, which has no \
             such distribution",
            distribution.name
        ))
        .hint("add it to the project's dependencies, or remove `match-runtime`")
    })?;
    Ok(format!("{name}=={version}").parse().expect("a name and a version make a requirement"))
}
